"""Flips."""

from __future__ import annotations

import numpy as np

from .transform import Array, Transform, require_probability


class _Flip(Transform):
    axis: int

    def __init__(self, p: float = 0.5, *, rng: np.random.Generator | None = None) -> None:
        super().__init__(rng=rng)
        self.p = require_probability(p)

    def apply(
        self, images: Array, labels: Array | None, rng: np.random.Generator
    ) -> tuple[Array, Array | None]:
        chosen = rng.random(len(images)) < self.p
        result = images.copy()
        result[chosen] = np.flip(images[chosen], self.axis)
        return result, labels


class RandomHorizontalFlip(_Flip):
    """Mirror each image left to right with a probability.

    Args:
        p: the probability.
        rng: a NumPy generator; the program's one if not given.

    Raises:
        ValueError: for a probability out of range.

    >>> import numpy as np
    >>> from pullback.data import augment
    >>> augment.RandomHorizontalFlip(p=1)(np.array([[[[1, 2, 3]]]]))
    array([[[[3, 2, 1]]]])
    """

    axis = 3


class RandomVerticalFlip(_Flip):
    """Mirror each image top to bottom with a probability; arguments as `RandomHorizontalFlip`'s."""

    axis = 2
