"""Two images and their labels made one: mixup and CutMix."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autograd import get_default_dtype
from .erasing import rectangles
from .transform import Array, Transform, below, require_floating


class _Mixing(Transform):
    """Each image with a partner from a random order of the batch; labels become class probabilities."""

    def __init__(
        self,
        *,
        alpha: float = 1.0,
        num_classes: int | None = None,
        rng: np.random.Generator | None = None,
    ) -> None:
        super().__init__(rng=rng)
        if not 0 < alpha < np.inf:
            raise ValueError(f"alpha is a positive number, not {alpha!r}")
        if num_classes is not None and (isinstance(num_classes, bool) or num_classes < 1):
            raise ValueError(f"num_classes is a whole number from 1 on, not {num_classes!r}")
        self.alpha = float(alpha)
        self.num_classes = num_classes

    def _soft(self, images: Array, labels: Array | None) -> Array:
        """The labels as class probabilities."""
        name = type(self).__name__
        if labels is None:
            raise ValueError(f"{name} mixes labels as it mixes images: call it with images and labels")
        dtype = images.dtype if images.dtype.kind == "f" else get_default_dtype()
        if labels.ndim == 2:
            if self.num_classes is not None and labels.shape[1] != self.num_classes:
                raise ValueError(
                    f"{name} is of {self.num_classes} classes, and the labels of {labels.shape[1]}"
                )
            return labels.astype(dtype)
        if labels.dtype.kind not in "iu" or self.num_classes is None:
            raise ValueError(
                f"{name} needs num_classes to make class probabilities of class numbers, or labels that are such; "
                f"these are {labels.dtype}{list(labels.shape)}"
            )
        outside = labels[(labels < 0) | (labels >= self.num_classes)]
        if outside.size:
            raise ValueError(f"there is no class {outside[0]} among {self.num_classes}")
        return np.eye(self.num_classes, dtype=dtype)[labels]


class MixUp(_Mixing):
    """Each image is mixed with another of the batch, λ·image + (1 − λ)·other, and so are their labels.

    λ is drawn from the beta distribution B(alpha, alpha) for each image (Zhang et al., "mixup: beyond empirical risk
    minimization", 2018). `cross_entropy` takes the labels, as class probabilities: it is then
    λ·loss(image's class) + (1 − λ)·loss(other's class).

    Args:
        alpha: small ones leave most images almost alone, 1 makes all λ equally likely.
        num_classes: for labels that are class numbers.
        rng: a NumPy generator; the program's one if not given.

    Raises:
        ValueError: for options out of range; when called, without labels or for labels that do not fit.
        TypeError: when called, for images of whole numbers.

    >>> import numpy as np
    >>> from pullback.data import augment
    >>> mix = augment.MixUp(num_classes=2, rng=np.random.default_rng(1))
    >>> images, labels = mix(np.array([0.0, 1.0]).reshape(2, 1, 1, 1), np.array([0, 1]))
    >>> np.allclose(images.ravel(), labels[:, 1])  # as much of the image as of its label
    True
    """

    def apply(
        self, images: Array, labels: Array | None, rng: np.random.Generator
    ) -> tuple[Array, Array | None]:
        """The mixed images and their class probabilities."""
        soft = self._soft(images, labels)
        require_floating(images, "MixUp")
        share = rng.beta(self.alpha, self.alpha, len(images)).astype(images.dtype)
        partner = rng.permutation(len(images))
        return _mixed(images, partner, share[:, None, None, None]), _mixed(soft, partner, share[:, None])


class CutMix(_Mixing):
    """A rectangle of each image is replaced by that of another of the batch; labels are mixed by area.

    With λ from the beta distribution B(alpha, alpha), the rectangle has √(1 − λ) of the height and of the width, and
    any pixel as its middle; of its part within the image, the share of the area is the weight of the other's label,
    exactly (Yun et al., "CutMix: regularization strategy to train strong classifiers ...", ICCV 2019).

    Args:
        alpha: of the beta distribution.
        num_classes: for labels that are class numbers.
        rng: a NumPy generator; the program's one if not given.

    Raises:
        ValueError: for options out of range; when called, without labels or for labels that do not fit.
    """

    def apply(
        self, images: Array, labels: Array | None, rng: np.random.Generator
    ) -> tuple[Array, Array | None]:
        """The images with their patches, and their class probabilities."""
        soft = self._soft(images, labels)
        count, _, high, wide = images.shape
        half = np.sqrt(1 - rng.beta(self.alpha, self.alpha, count)) / 2
        u = rng.random((count, 2))
        partner = rng.permutation(count)
        middles = below(u[:, 0], high), below(u[:, 1], wide)
        tops, lefts, bottoms, rights = (
            np.clip(np.trunc(middle + sign * half * size), 0, size)
            for sign in (-1, 1)
            for middle, size in zip(middles, (high, wide), strict=True)
        )
        there = rectangles(tops, lefts, bottoms, rights, high, wide)
        share = (1 - there.mean((1, 2, 3))).astype(soft.dtype)
        return np.where(there, images[partner], images), _mixed(soft, partner, share[:, None])


def _mixed(values: Array, partner: Array, share: Any) -> Array:
    """share·values + (1 − share)·theirs, in a form that leaves equal ones exactly as they are."""
    theirs = values[partner]
    mixed: Array = theirs + share * (values - theirs)
    return mixed
