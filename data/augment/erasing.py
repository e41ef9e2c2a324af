"""Parts of images that are taken away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .crops import first_window
from .transform import Array, Transform, below, filling, pair, require_floating, require_probability, span

_ATTEMPTS = 10


class RandomErasing(Transform):
    """A random rectangle of each image is filled with a probability (Zhong et al., "Random erasing ...", AAAI 2020).

    The rectangle's share of the area and the logarithm of its height/width are uniform. If ten attempts give none that
    is smaller than the image, it stays as it is.

    Args:
        p: the probability.
        scale: the least and the largest share of the area.
        ratio: the least and the largest height/width.
        value: what the rectangle is filled with: a number, one for each channel, or "random" for normal noise.
        rng: a NumPy generator; the program's one if not given.

    Raises:
        ValueError: for options out of range.
        TypeError: when called, for noise in images of whole numbers.

    >>> import numpy as np
    >>> from pullback.data import augment
    >>> erase = augment.RandomErasing(p=1, scale=(0.25, 0.25), ratio=(1, 1), rng=np.random.default_rng(0))
    >>> int((erase(np.ones((1, 1, 8, 8))) == 0).sum())
    16
    """

    def __init__(
        self,
        p: float = 0.5,
        scale: Sequence[float] = (0.02, 0.33),
        ratio: Sequence[float] = (0.3, 3.3),
        value: Any = 0,
        *,
        rng: np.random.Generator | None = None,
    ) -> None:
        super().__init__(rng=rng)
        self.p = require_probability(p)
        self.scale = span(scale, "scale", 0, 1)
        self.ratio = span(ratio, "ratio", 1e-6, 1e6)
        if isinstance(value, str) and value != "random":
            raise ValueError(f"value is a number, one for each channel, or 'random', not {value!r}")
        self.value = value

    def apply(
        self, images: Array, labels: Array | None, rng: np.random.Generator
    ) -> tuple[Array, Array | None]:
        """Each image, or what is left of it."""
        count, _, high, wide = images.shape
        noisy = isinstance(self.value, str)
        if noisy:
            require_floating(images, "RandomErasing with noise")
        parameters = 2 * _ATTEMPTS + 3
        # one draw for all, so that an image does not depend on how many come with it
        u = rng.random((count, parameters + (2 * images[0:1].size if noisy and count else 0)))
        upright = [1 / self.ratio[1], 1 / self.ratio[0]]
        heights, widths = first_window(u[:, : 2 * _ATTEMPTS], self.scale, upright, high, wide, smaller=True)
        chosen = (u[:, 2 * _ATTEMPTS] < self.p) & ~np.isnan(heights)
        heights, widths = np.where(chosen, heights, 0), np.where(chosen, widths, 0)
        tops = below(u[:, parameters - 2], high - heights + 1)
        lefts = below(u[:, parameters - 1], wide - widths + 1)
        there = rectangles(tops, lefts, tops + heights, lefts + widths, high, wide)
        fill = _normal(u[:, parameters:], images) if noisy else filling(self.value, images)
        return np.where(there, fill, images), labels


class Cutout(Transform):
    """A square of each image is filled (DeVries and Taylor, "Improved regularization ... with cutout", 2017).

    Its middle is any pixel, so that part of it may lie outside of the image.

    Args:
        size: of the square, a number or (height, width).
        fill: what it is filled with, a number or one for each channel.
        p: the probability.
        rng: a NumPy generator; the program's one if not given.

    Raises:
        ValueError: for options out of range.
    """

    def __init__(
        self,
        size: int | Sequence[int],
        fill: Any = 0,
        p: float = 1.0,
        *,
        rng: np.random.Generator | None = None,
    ) -> None:
        super().__init__(rng=rng)
        self.size = pair(size)
        self.fill = fill
        self.p = require_probability(p)

    def apply(
        self, images: Array, labels: Array | None, rng: np.random.Generator
    ) -> tuple[Array, Array | None]:
        """Each image with its hole."""
        high, wide = images.shape[2:]
        u = rng.random((len(images), 3))
        tops = below(u[:, 0], high) - self.size[0] // 2
        lefts = below(u[:, 1], wide) - self.size[1] // 2
        there = rectangles(tops, lefts, tops + self.size[0], lefts + self.size[1], high, wide)
        there &= (u[:, 2] < self.p)[:, None, None, None]
        return np.where(there, filling(self.fill, images), images), labels


def rectangles(tops: Array, lefts: Array, bottoms: Array, rights: Array, high: int, wide: int) -> Array:
    """Where the pixels of a rectangle of each image lie, as booleans (N, 1, high, wide)."""
    rows, columns = np.arange(high), np.arange(wide)
    down = (rows >= tops[:, None]) & (rows < bottoms[:, None])
    across = (columns >= lefts[:, None]) & (columns < rights[:, None])
    inside: Array = (down[:, :, None] & across[:, None, :])[:, None]
    return inside


def _normal(u: Array, images: Array) -> Array:
    """Normal numbers of uniform ones, by Box and Muller."""
    radius, angle = u[:, ::2], u[:, 1::2]
    normal: Array = np.sqrt(-2 * np.log1p(-radius)) * np.cos(2 * np.pi * angle)
    return normal.reshape(images.shape).astype(images.dtype)
