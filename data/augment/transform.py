"""Transform: a random change of a batch of images; what all of them share, and the checks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...autograd import Tensor, asarray, default_generator
from ...autograd.extend import check_generator
from ..description import Described

Array = np.ndarray[Any, Any]
_ROUNDING = 1e-3  # by which interpolation in half precision may leave [0, 1]


class Transform(Described):
    """A change of a batch of images, with or without chance.

    Derive from it and write `apply(images, labels, rng)`, which gets arrays, draws from `rng` alone, changes nothing
    in place, and returns the new images and the labels. To be independent of the size of the batch, let one draw
    have the samples as its first axis.

    Args:
        rng: a NumPy generator; the program's one if not given.

    Raises:
        TypeError: for a generator that is none.

    >>> import numpy as np
    >>> from pullback.data import augment
    >>> class Shade(augment.Transform):
    ...     def apply(self, images, labels, rng):
    ...         factors = rng.random((len(images), 1, 1, 1), dtype=np.float32)
    ...         return images * factors, labels
    >>> Shade(rng=np.random.default_rng(0))(np.ones((2, 1, 1, 1), np.float32)).ravel().round(2)
    array([0.85, 0.64], dtype=float32)
    """

    def __init__(self, *, rng: np.random.Generator | None = None) -> None:
        self.rng = check_generator(rng)

    @property
    def has_generator(self) -> bool:
        """Whether it, or a transform within, has a generator of its own."""
        return self.rng is not None

    def __call__(self, images: Any, labels: Any = None) -> Any:
        """Change a batch.

        Args:
            images: shape (N, C, H, W), an array or a Tensor.
            labels: class numbers (N,) or class probabilities (N, classes), if any.

        Returns:
            The new images; or with labels the pair (images, labels).

        Raises:
            TypeError: for images that are no numbers, and a Tensor that is part of a graph.
            ValueError: for other shapes, and labels that do not fit to the images.
        """
        array = batch_of_images(images, type(self).__name__)
        known = None if labels is None else _labels(labels, len(array))
        changed, targets = self._run(array, known, self._stream())
        result = asarray(changed) if isinstance(images, Tensor) else changed
        if labels is None:
            return result
        if targets is known:
            return result, labels
        return result, asarray(targets) if isinstance(labels, Tensor) else targets

    def apply(
        self, images: Array, labels: Array | None, rng: np.random.Generator
    ) -> tuple[Array, Array | None]:
        """The changed images, and the labels."""
        raise NotImplementedError(
            f"{type(self).__name__} has no apply(images, labels, rng): write one that returns images and labels"
        )

    def _stream(self) -> Any:
        """Where its randomness comes from: a generator, or None; a list of them for a composition."""
        return self.rng

    def _seeded(self, rng: np.random.Generator) -> Any:
        """The same within a composition that has a generator; one's own goes first."""
        return self.rng if self.rng is not None else rng

    def _run(self, images: Array, labels: Array | None, stream: Any) -> tuple[Array, Array | None]:
        return self.apply(images, labels, default_generator() if stream is None else stream)


def batch_of_images(images: Any, name: str) -> Array:
    """Images as an array (N, C, H, W); refused in words if they are none."""
    if isinstance(images, Tensor) and images.requires_grad:
        raise TypeError(f"{name} takes data, and these images are part of a graph; give images.detach()")
    array: Array = images.numpy() if isinstance(images, Tensor) else np.asarray(images)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} takes images of real numbers, not of {array.dtype}")
    if array.ndim != 4 or 0 in array.shape[1:]:
        hint = {2: "images[None, None]", 3: "images[:, None] for grey images, images[None] for a single one"}
        raise ValueError(
            f"{name} takes a batch of images (N, C, H, W), not shape {array.shape}"
            + (f"; give {hint[array.ndim]}" if array.ndim in hint else "")
        )
    return array


def _labels(labels: Any, count: int) -> Array:
    array: Array = labels.detach().numpy() if isinstance(labels, Tensor) else np.asarray(labels)
    if array.ndim not in (1, 2) or len(array) != count:
        raise ValueError(
            f"labels of {count} images are class numbers ({count},) or class probabilities ({count}, classes), not of "
            f"shape {array.shape}; what moves with the images, such as masks, is no label"
        )
    return array


def require_shared_chance(transform: Any) -> None:
    """Refuse a transform that does not draw what its `DataLoader` decides."""
    if isinstance(transform, Transform) and transform.has_generator:
        raise ValueError(
            f"this {type(transform).__name__} has a generator of its own, which would not be the same for any "
            "number of workers; leave its rng out, and give one to the DataLoader"
        )


def require_floating(images: Array, name: str) -> None:
    """Refuse whole numbers where values are mixed."""
    if images.dtype.kind != "f":
        raise TypeError(
            f"{name} mixes values, which {images.dtype} cannot hold; give floating images, such as "
            "images.astype('float32') / 255"
        )


def require_unit(images: Array, name: str) -> None:
    """Refuse values outside of [0, 1] where colours are changed."""
    require_floating(images, name)
    if images.size and not (images.min() >= -_ROUNDING and images.max() <= 1 + _ROUNDING):
        raise ValueError(
            f"{name} takes values in [0, 1], and these go from {images.min():g} to {images.max():g}; divide by 255, "
            "and normalise afterwards"
        )


def require_probability(p: float) -> float:
    """A number from 0 to 1."""
    if not 0 <= p <= 1:
        raise ValueError(f"p is a probability from 0 to 1, not {p!r}")
    return float(p)


def several(value: Any) -> tuple[Any, ...]:
    """The entries of a flat sequence; a single number is one of its own."""
    return tuple(value) if np.ndim(value) == 1 else (value,)


def pair(size: Any, name: str = "size") -> tuple[int, int]:
    """(height, width), of a whole number or two."""
    both = several(size) * (2 if np.ndim(size) == 0 else 1)
    whole = all(isinstance(one, (int, np.integer)) and not isinstance(one, bool) and one >= 1 for one in both)
    if len(both) != 2 or not whole:
        raise ValueError(f"{name} is a whole number from 1 on, or (height, width), not {size!r}")
    return int(both[0]), int(both[1])


def span(value: Any, name: str, low: float, high: float) -> tuple[float, float]:
    """(least, largest) within bounds."""
    both = several(value)
    if len(both) != 2 or not low <= both[0] <= both[1] <= high:
        raise ValueError(f"{name} is a pair (least, largest) within [{low:g}, {high:g}], not {value!r}")
    return float(both[0]), float(both[1])


def filling(fill: Any, images: Array) -> Array:
    """A fill value for each channel, of shape (C, 1, 1) and the images' dtype."""
    values = np.asarray(fill)
    if values.shape not in ((), (1,), images.shape[1:2]):
        raise ValueError(
            f"the fill is one number, or one for each of {images.shape[1]} channels, not {fill!r}"
        )
    low, high = _limits(images.dtype)
    if (
        images.dtype.kind != "f"
        and not ((values >= low) & (values <= high) & (values == np.round(values))).all()
    ):
        raise ValueError(f"images of {images.dtype} cannot be filled with {fill!r}")
    return np.broadcast_to(values.astype(images.dtype), images.shape[1:2])[:, None, None]


def _limits(dtype: np.dtype[Any]) -> tuple[float, float]:
    if dtype.kind == "f":
        return -np.inf, np.inf
    return (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)


def between(u: Array, limits: Sequence[float]) -> Array:
    """Uniform numbers in [0, 1), stretched to an interval."""
    return limits[0] + u * (limits[1] - limits[0])


def below(u: Array, count: Any) -> Array:
    """Uniform numbers in [0, 1) as whole numbers from 0 to count − 1."""
    whole: Array = np.floor(u * count).astype(np.int64)
    return whole
