"""Crops, at random, resized or in the middle; and images in another size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from .resample import require_interpolation, require_padding, stretch
from .transform import Array, Transform, below, between, filling, pair, several, span

_ATTEMPTS = 10


class RandomCrop(Transform):
    """A window at a random place of each image, which may be padded before: small shifts, for images that fill it.

    Args:
        size: of the window, a number or (height, width).
        padding: how many pixels are put around first: a number, (left and right, top and bottom), or (left, top,
            right, bottom).
        pad_if_needed: pad images that are smaller than the window, evenly.
        fill: the value of the padding, a number or one for each channel.
        padding_mode: "constant" (the fill), "edge" (the border again), "reflect" (mirrored at the border pixel) or
            "symmetric" (mirrored at the border).
        rng: a NumPy generator; the program's one if not given.

    Raises:
        ValueError: for options out of range, and a window that is larger than the image.

    >>> import numpy as np
    >>> from pullback.data import augment
    >>> crop = augment.RandomCrop(2, rng=np.random.default_rng(2))
    >>> crop(np.arange(16).reshape(1, 1, 4, 4))
    array([[[[0, 1],
             [4, 5]]]])
    """

    def __init__(
        self,
        size: int | Sequence[int],
        padding: int | Sequence[int] | None = None,
        *,
        pad_if_needed: bool = False,
        fill: Any = 0,
        padding_mode: str = "constant",
        rng: np.random.Generator | None = None,
    ) -> None:
        super().__init__(rng=rng)
        self.size = pair(size)
        self.padding = _margins(padding)
        self.pad_if_needed = pad_if_needed
        self.fill = fill
        self.padding_mode = require_padding(padding_mode, "symmetric")

    def apply(
        self, images: Array, labels: Array | None, rng: np.random.Generator
    ) -> tuple[Array, Array | None]:
        """A window of each image."""
        left, top, right, bottom = self.padding
        high, wide = images.shape[2] + top + bottom, images.shape[3] + left + right
        if self.pad_if_needed:
            more_rows, more_columns = max(0, self.size[0] - high), max(0, self.size[1] - wide)
            top, bottom = top + more_rows, bottom + more_rows
            left, right = left + more_columns, right + more_columns
        padded = self._padded(images, ((0, 0), (0, 0), (top, bottom), (left, right)))
        free = room(padded, self.size)
        u = rng.random((len(images), 2))
        return _windows(padded, below(u[:, 0], free[0] + 1), below(u[:, 1], free[1] + 1), self.size), labels

    def _padded(self, images: Array, margins: Any) -> Array:
        if self.padding_mode != "constant":
            return np.pad(images, margins, mode=self.padding_mode)  # type: ignore[no-any-return, call-overload]  # any of its modes
        shape = [size + sum(margin) for size, margin in zip(images.shape, margins, strict=True)]
        result = np.empty(shape, images.dtype)
        result[...] = filling(self.fill, images)
        inner = tuple(
            slice(before, before + size) for (before, _), size in zip(margins, images.shape, strict=True)
        )
        result[inner] = images
        return result


class RandomResizedCrop(Transform):
    """A window of random size, shape and place of each image, brought to one size.

    The window's share of the area and the logarithm of its width/height are uniform (Szegedy et al., "Going deeper
    with convolutions", 2015, section 6). If ten attempts give no window within the image, the largest one in the middle
    whose shape is allowed is taken.

    Args:
        size: what each window is brought to, a number or (height, width).
        scale: the least and the largest share of the area.
        ratio: the least and the largest width/height.
        interpolation: "bilinear" or "nearest".
        antialias: average over all that a smaller pixel covers.
        rng: a NumPy generator; the program's one if not given.

    Raises:
        ValueError: for options out of range.
        TypeError: for images of whole numbers, except by "nearest".
    """

    def __init__(
        self,
        size: int | Sequence[int],
        scale: Sequence[float] = (0.08, 1.0),
        ratio: Sequence[float] = (3 / 4, 4 / 3),
        *,
        interpolation: str = "bilinear",
        antialias: bool = True,
        rng: np.random.Generator | None = None,
    ) -> None:
        super().__init__(rng=rng)
        self.size = pair(size)
        self.scale = span(scale, "scale", 0, 1)
        self.ratio = span(ratio, "ratio", 1e-6, 1e6)
        self.interpolation = require_interpolation(interpolation)
        self.antialias = antialias

    def apply(
        self, images: Array, labels: Array | None, rng: np.random.Generator
    ) -> tuple[Array, Array | None]:
        """A window of each image, in one size."""
        high, wide = images.shape[2:]
        u = rng.random((len(images), 2 * _ATTEMPTS + 2))
        heights, widths = first_window(u[:, :-2], self.scale, self.ratio, high, wide)
        found = ~np.isnan(heights)
        shape = min(max(wide / high, self.ratio[0]), self.ratio[1])
        tallest, widest = (
            min(side, max(1, round(ideal))) for side, ideal in ((high, wide / shape), (wide, high * shape))
        )
        heights = np.where(found, heights, tallest).astype(np.int64)
        widths = np.where(found, widths, widest).astype(np.int64)
        tops = np.where(found, below(u[:, -2], high - heights + 1), (high - heights) // 2)
        lefts = np.where(found, below(u[:, -1], wide - widths + 1), (wide - widths) // 2)
        return stretch(
            images, tops, lefts, heights, widths, self.size, self.interpolation, self.antialias
        ), labels


def first_window(
    u: Array, scale: Sequence[float], ratio: Sequence[float], high: int, wide: int, *, smaller: bool = False
) -> tuple[Array, Array]:
    """Heights and widths of the first random window that fits, of attempts (N, 2·attempts); nan if none does."""
    areas = between(u[:, ::2], scale) * high * wide
    shapes = np.exp(between(u[:, 1::2], [math.log(one) for one in ratio]))
    heights, widths = np.rint(np.sqrt(areas / shapes)), np.rint(np.sqrt(areas * shapes))
    most = (high - 1, wide - 1) if smaller else (high, wide)
    fits = (heights >= 1) & (heights <= most[0]) & (widths >= 1) & (widths <= most[1])
    first = fits.argmax(1)[:, None]
    found = np.take_along_axis(fits, first, 1)[:, 0]
    return _first(heights, first, found), _first(widths, first, found)


def _first(sides: Array, first: Array, found: Array) -> Array:
    return np.where(found, np.take_along_axis(sides, first, 1)[:, 0], np.nan)


class CenterCrop(Transform):
    """The window in the middle.

    Args:
        size: of the window, a number or (height, width).

    Raises:
        ValueError: for a window that is larger than the image.
    """

    def __init__(self, size: int | Sequence[int]) -> None:
        super().__init__()
        self.size = pair(size)

    def apply(
        self, images: Array, labels: Array | None, rng: np.random.Generator
    ) -> tuple[Array, Array | None]:
        """The middle of each image."""
        free = room(images, self.size)
        return window(images, round(free[0] / 2), round(free[1] / 2), self.size), labels


class Resize(Transform):
    """Images in another size.

    Args:
        size: (height, width); or a number for the shorter side, and the longer one in proportion.
        interpolation: "bilinear" or "nearest".
        antialias: average over all that a smaller pixel covers.

    Raises:
        ValueError: for options out of range.
        TypeError: for images of whole numbers, except by "nearest".
    """

    def __init__(
        self, size: int | Sequence[int], *, interpolation: str = "bilinear", antialias: bool = True
    ) -> None:
        super().__init__()
        pair(size)
        self.size = size
        self.interpolation = require_interpolation(interpolation)
        self.antialias = antialias

    def apply(
        self, images: Array, labels: Array | None, rng: np.random.Generator
    ) -> tuple[Array, Array | None]:
        """Each image in the new size."""
        high, wide = images.shape[2:]
        if isinstance(self.size, (int, np.integer)):
            short = min(high, wide)
            size = high * int(self.size) // short, wide * int(self.size) // short
        else:
            size = pair(self.size)
        none, all_rows, all_columns = (np.full(len(images), value) for value in (0, high, wide))
        return stretch(
            images, none, none, all_rows, all_columns, size, self.interpolation, self.antialias
        ), labels


def _margins(padding: Any) -> tuple[int, int, int, int]:
    if padding is None:
        return 0, 0, 0, 0
    sides = several(padding)
    whole = all(isinstance(one, (int, np.integer)) and one >= 0 for one in sides)
    if len(sides) not in (1, 2, 4) or not whole:
        raise ValueError(
            f"padding is a whole number from 0 on, (left and right, top and bottom) or (left, top, right, bottom), not "
            f"{padding!r}"
        )
    left, top, right, bottom = map(int, sides * (4 // len(sides)))
    return left, top, right, bottom


def room(images: Array, size: tuple[int, int]) -> tuple[int, int]:
    """By how much the images are larger than a window."""
    down, across = images.shape[2] - size[0], images.shape[3] - size[1]
    if down < 0 or across < 0:
        raise ValueError(
            f"a window of {size[0]}×{size[1]} does not fit into images of {images.shape[2]}×{images.shape[3]}; "
            "pad or resize them, or make it smaller"
        )
    return down, across


def window(images: Array, top: int, left: int, size: tuple[int, int]) -> Array:
    """The same window of all images."""
    return images[:, :, top : top + size[0], left : left + size[1]].copy()


def _windows(images: Array, tops: Array, lefts: Array, size: tuple[int, int]) -> Array:
    """A window of each image, at places of its own."""
    everywhere = sliding_window_view(images, size, axis=(2, 3))
    windows: Array = everywhere[np.arange(len(images)), :, tops, lefts]
    return windows
