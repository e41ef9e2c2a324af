"""Rotation, and affine maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...autograd import Tensor, asarray
from .resample import read, require_interpolation, require_padding
from .transform import Array, Transform, batch_of_images, between, several


def rotate(
    images: Any,
    angle: Any,
    *,
    interpolation: str = "nearest",
    fill: Any = 0,
    padding_mode: str = "constant",
) -> Any:
    """Images turned counter-clockwise about their middle, in the size that they have.

    Square images turned by multiples of 90° are exactly their `np.rot90`.

    Args:
        images: shape (N, C, H, W), an array or a Tensor.
        angle: in degrees, a number or one for each image.
        interpolation: "nearest" or "bilinear".
        fill: the value beyond the border, a number or one for each channel.
        padding_mode: "constant" (the fill), "edge" or "reflect".

    Raises:
        ValueError: for options out of range, and another number of angles.
        TypeError: for images of whole numbers, except by "nearest".

    >>> import numpy as np
    >>> from pullback.data import augment
    >>> augment.rotate(np.array([[[[1, 2], [3, 4]]]]), 90)
    array([[[[2, 4],
             [1, 3]]]])
    """
    array = batch_of_images(images, "rotate")
    require_interpolation(interpolation)
    require_padding(padding_mode)
    angles = np.asarray(angle, np.float64)
    if angles.shape not in ((), (len(array),)) or not np.isfinite(angles).all():
        raise ValueError(f"{len(array)} images have one angle, or {len(array)}, not {angle!r}")
    linear = _turn(np.broadcast_to(angles, len(array)))
    turned = _moved(array, linear, 0.0, 0.0, None, interpolation, padding_mode, fill)
    return asarray(turned) if isinstance(images, Tensor) else turned


class RandomAffine(Transform):
    """Each image turned, moved, scaled and sheared at random, about its middle and in the size that it has.

    Args:
        degrees: the angles of rotation: (least, largest), or d for (−d, d); counter-clockwise.
        translate: the largest shifts to the sides and up and down, as shares (a, b) of width and height; whole pixels.
        scale: the least and the largest factor.
        shear: the angles in degrees: (least, largest) or d for (−d, d) along the rows; (least, largest, least, largest)
            along rows and columns.
        interpolation: "nearest" or "bilinear".
        fill: the value beyond the border, a number or one for each channel.
        center: (x, y) of the point that stays, where the first pixel's centre is (0, 0); the middle if not given.
        padding_mode: "constant" (the fill), "edge" or "reflect".
        rng: a NumPy generator; the program's one if not given.

    Raises:
        ValueError: for options out of range.
        TypeError: for images of whole numbers, except by "nearest".
    """

    def __init__(
        self,
        degrees: float | Sequence[float],
        translate: Sequence[float] | None = None,
        scale: Sequence[float] | None = None,
        shear: float | Sequence[float] | None = None,
        *,
        interpolation: str = "nearest",
        fill: Any = 0,
        center: Sequence[float] | None = None,
        padding_mode: str = "constant",
        rng: np.random.Generator | None = None,
    ) -> None:
        super().__init__(rng=rng)
        self.degrees = _angles(degrees, "degrees", (2,))
        self.translate = (0.0, 0.0) if translate is None else tuple(map(float, several(translate)))
        if len(self.translate) != 2 or not all(0 <= share <= 1 for share in self.translate):
            raise ValueError(f"translate is a pair of shares from 0 to 1, not {translate!r}")
        self.scale = (1.0, 1.0) if scale is None else tuple(map(float, several(scale)))
        if len(self.scale) != 2 or not 0 < self.scale[0] <= self.scale[1] < np.inf:
            raise ValueError(f"scale is a pair (least, largest) of positive factors, not {scale!r}")
        sheared = (0.0, 0.0) if shear is None else _angles(shear, "shear", (2, 4))
        self.shear = sheared if len(sheared) == 4 else (*sheared, 0.0, 0.0)
        if max(map(abs, self.shear)) >= 90:
            raise ValueError(f"angles of shear lie between −90 and 90 degrees, not {shear!r}")
        if center is not None and len(several(center)) != 2:
            raise ValueError(f"center is a point (x, y), not {center!r}")
        self.interpolation = require_interpolation(interpolation)
        self.fill = fill
        self.center = center
        self.padding_mode = require_padding(padding_mode)

    def apply(
        self, images: Array, labels: Array | None, rng: np.random.Generator
    ) -> tuple[Array, Array | None]:
        """Each image, moved."""
        u = rng.random((len(images), 6))
        turn = _turn(between(u[:, 0], self.degrees))
        slant, slope = (
            np.tan(np.radians(between(u[:, 4 + i], self.shear[2 * i : 2 * i + 2]))) for i in (0, 1)
        )
        one = np.ones_like(slant)
        sheared = _matrices(one, slant, slope, 1 + slant * slope)  # along the rows first, then the columns
        linear = turn @ sheared * between(u[:, 3], self.scale)[:, None, None]
        right, down = (
            np.rint(between(u[:, 1 + i], (-share, share)) * images.shape[3 - i])
            for i, share in enumerate(self.translate)
        )
        moved = _moved(
            images, linear, right, down, self.center, self.interpolation, self.padding_mode, self.fill
        )
        return moved, labels


class RandomRotation(RandomAffine):
    """Each image turned by a random angle, in the size that it has.

    Args:
        degrees: (least, largest), or d for (−d, d); counter-clockwise.
        interpolation: "nearest" or "bilinear".
        center: (x, y) of the point that stays; the middle if not given.
        fill: the value beyond the border, a number or one for each channel.
        padding_mode: "constant" (the fill), "edge" or "reflect".
        rng: a NumPy generator; the program's one if not given.

    Raises:
        ValueError: for options out of range.
        TypeError: for images of whole numbers, except by "nearest".
    """

    def __init__(
        self,
        degrees: float | Sequence[float],
        *,
        interpolation: str = "nearest",
        center: Sequence[float] | None = None,
        fill: Any = 0,
        padding_mode: str = "constant",
        rng: np.random.Generator | None = None,
    ) -> None:
        super().__init__(
            degrees,
            interpolation=interpolation,
            center=center,
            fill=fill,
            padding_mode=padding_mode,
            rng=rng,
        )


def _moved(
    images: Array,
    linear: Array,
    right: Any,
    down: Any,
    center: Sequence[float] | None,
    interpolation: str,
    padding_mode: str,
    fill: Any,
) -> Array:
    """Each image under p ↦ linear·(p − center) + center + (right, down): read where each pixel comes from."""
    high, wide = images.shape[2:]
    middle = ((wide - 1) / 2, (high - 1) / 2) if center is None else tuple(map(float, center))
    a, b, c, d = (linear[:, i, j, None, None] for i in (0, 1) for j in (0, 1))
    x = np.arange(wide) - middle[0] - np.reshape(right, (-1, 1, 1))
    y = np.arange(high)[:, None] - middle[1] - np.reshape(down, (-1, 1, 1))
    area = a * d - b * c
    from_x, from_y = (d * x - b * y) / area + middle[0], (a * y - c * x) / area + middle[1]
    return read(images, from_y, from_x, interpolation, padding_mode, fill)


def _turn(degrees: Array) -> Array:
    """The matrices of rotations, in coordinates whose y goes down; exact for right angles."""
    radians = np.radians(np.mod(degrees, 360))
    right_angle = np.mod(degrees, 90) == 0
    cos, sin = (np.where(right_angle, np.rint(f(radians)), f(radians)) for f in (np.cos, np.sin))
    return _matrices(cos, sin, -sin, cos)


def _matrices(a: Array, b: Array, c: Array, d: Array) -> Array:
    return np.stack([np.stack([a, b], -1), np.stack([c, d], -1)], -2)


def _angles(value: Any, name: str, lengths: tuple[int, ...]) -> tuple[float, ...]:
    if isinstance(value, (int, float, np.integer, np.floating)):
        if not 0 <= value < np.inf:
            raise ValueError(f"{name} as a single number is from 0 on, not {value!r}; give (least, largest)")
        return -float(value), float(value)
    angles = tuple(map(float, several(value)))
    ordered = all(low <= high for low, high in zip(angles[::2], angles[1::2], strict=False))
    if len(angles) not in lengths or not ordered or not np.isfinite(angles).all():
        raise ValueError(f"{name} is a number or (least, largest), not {value!r}")
    return angles
