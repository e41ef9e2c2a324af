"""Transforms of transforms: one after the other, with a probability, or one of several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...autograd import Tensor, default_generator
from .transform import Array, Transform, require_probability


class _Function(Transform):
    """A plain function of images, as a step."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        super().__init__()
        self.function = function

    def __repr__(self) -> str:
        return repr(self.function)

    def apply(
        self, images: Array, labels: Array | None, rng: np.random.Generator
    ) -> tuple[Array, Array | None]:
        result = self.function(images)
        return result.detach().numpy() if isinstance(result, Tensor) else np.asarray(result), labels


class _Several(Transform):
    """A transform with others inside. A generator of its own gives each of them one, so that they draw apart."""

    def __init__(self, transforms: Sequence[Any], rng: np.random.Generator | None) -> None:
        super().__init__(rng=rng)
        self.transforms = [_step(transform) for transform in transforms]
        self._streams = None if rng is None else self._spawned(rng)

    def _spawned(self, rng: np.random.Generator) -> list[Any]:
        own, *others = rng.spawn(1 + len(self.transforms))
        return [own, *(step._seeded(other) for step, other in zip(self.transforms, others, strict=True))]

    @property
    def has_generator(self) -> bool:
        """Whether it, or a transform within, has a generator of its own."""
        return self.rng is not None or any(step.has_generator for step in self.transforms)

    def _stream(self) -> Any:
        return self._streams

    def _seeded(self, rng: np.random.Generator) -> Any:
        return self._streams if self._streams is not None else self._spawned(rng)

    def _run(self, images: Array, labels: Array | None, stream: Any) -> tuple[Array, Array | None]:
        if stream is None:
            stream = [default_generator(), *(step._stream() for step in self.transforms)]
        return self._through(images, labels, stream[0], stream[1:])

    def _through(
        self, images: Array, labels: Array | None, rng: np.random.Generator, streams: list[Any]
    ) -> tuple[Array, Array | None]:
        raise NotImplementedError


class Compose(_Several):
    """Transforms one after the other.

    Args:
        transforms: in order; a plain function of images, such as the `transform` of a fitted preprocessing, may be
            among them.
        rng: gives each of them that has none a generator of its own (`rng.spawn`), so that none depends on what the
            others draw.

    Raises:
        TypeError: for a step that cannot be called.

    >>> import numpy as np
    >>> from pullback.data import augment
    >>> transform = augment.Compose([augment.RandomHorizontalFlip(p=1), lambda images: 2 * images])
    >>> transform(np.array([[[[1.0, 2.0]]]]))
    array([[[[4., 2.]]]])
    """

    def __init__(self, transforms: Sequence[Any], *, rng: np.random.Generator | None = None) -> None:
        super().__init__(transforms, rng)

    def _through(
        self, images: Array, labels: Array | None, rng: np.random.Generator, streams: list[Any]
    ) -> tuple[Array, Array | None]:
        for step, stream in zip(self.transforms, streams, strict=True):
            images, labels = step._run(images, labels, stream)
        return (images, labels) if self.transforms else (images.copy(), labels)


class RandomApply(_Several):
    """Transforms one after the other, for each image with a probability p; the others stay as they are.

    Args:
        transforms: which keep the shapes of images and labels.
        p: the probability.
        rng: see `Compose`.

    Raises:
        ValueError: for a probability out of range; and when called, for transforms that change a shape or dtype.
    """

    def __init__(
        self, transforms: Sequence[Any], p: float = 0.5, *, rng: np.random.Generator | None = None
    ) -> None:
        self.p = require_probability(p)
        super().__init__([Compose(transforms)], rng)

    def _through(
        self, images: Array, labels: Array | None, rng: np.random.Generator, streams: list[Any]
    ) -> tuple[Array, Array | None]:
        chosen = rng.random(len(images)) < self.p
        changed = _of_some(self.transforms[0], images, labels, np.flatnonzero(chosen), streams[0])
        rest = np.flatnonzero(~chosen)
        return _together(
            [changed, (rest, images[rest], None if labels is None else labels[rest], False)],
            labels,
            "RandomApply",
        )


class RandomChoice(_Several):
    """One of several transforms, chosen for each image by itself.

    Args:
        transforms: which give images and labels of the same shapes.
        p: the weight of each; equal if not given.
        rng: see `Compose`.

    Raises:
        ValueError: for no transforms and weights that do not fit; and when called, for transforms that give different
            shapes or dtypes.
    """

    def __init__(
        self,
        transforms: Sequence[Any],
        p: Sequence[float] | None = None,
        *,
        rng: np.random.Generator | None = None,
    ) -> None:
        if len(transforms) == 0:
            raise ValueError("RandomChoice needs at least one transform to choose")
        weights = np.ones(len(transforms)) if p is None else np.asarray(p, np.float64)
        if weights.shape != (len(transforms),) or not (weights >= 0).all() or not 0 < weights.sum() < np.inf:
            raise ValueError(
                f"p has one weight from 0 on for each of {len(transforms)} transforms, not {p!r}"
            )
        self.p = weights / weights.sum()
        super().__init__(transforms, rng)

    def _through(
        self, images: Array, labels: Array | None, rng: np.random.Generator, streams: list[Any]
    ) -> tuple[Array, Array | None]:
        last = np.flatnonzero(self.p)[-1]  # rounding of the sum must not choose what has no weight
        chosen = np.minimum(np.searchsorted(np.cumsum(self.p), rng.random(len(images)), side="right"), last)
        parts = [
            _of_some(step, images, labels, np.flatnonzero(chosen == number), stream)
            for number, (step, stream) in enumerate(zip(self.transforms, streams, strict=True))
            if (chosen == number).any() or (number == 0 and not len(images))
        ]
        return _together(parts, labels, "RandomChoice")


_Part = tuple[Array, Array, Array | None, bool]


def _step(transform: Any) -> Transform:
    if isinstance(transform, Transform):
        return transform
    if isinstance(transform, type) or not callable(transform):
        what = transform.__name__ if isinstance(transform, type) else type(transform).__name__
        raise TypeError(f"a step is a transform, such as RandomHorizontalFlip(), or a function, not {what}")
    return _Function(transform)


def _of_some(step: Transform, images: Array, labels: Array | None, places: Array, stream: Any) -> _Part:
    """The places of some images, what becomes of them and of their labels, and whether the labels are new."""
    theirs = None if labels is None else labels[places]
    changed, targets = step._run(images[places], theirs, stream)
    return places, changed, targets, targets is not theirs


def _together(parts: list[_Part], labels: Array | None, name: str) -> tuple[Array, Array | None]:
    parts = [part for part in parts if len(part[0])] or parts[:1]
    images = _joined([(places, changed) for places, changed, _, _ in parts], f"{name}'s images")
    if labels is None or not any(new for *_, new in parts):
        return images, labels
    return images, _joined([(places, targets) for places, _, targets, _ in parts], f"{name}'s labels")


def _joined(parts: list[tuple[Array, Any]], what: str) -> Array:
    kinds = {(values.shape[1:], values.dtype) for _, values in parts}
    if len(kinds) > 1:
        found = " and ".join(sorted(f"{dtype}{list(shape)}" for shape, dtype in kinds))
        raise ValueError(
            f"{what} would be of different kinds, {found}, which make no batch; use transforms that give the same "
            "shape and dtype, and change shapes before or after"
        )
    result = np.empty((sum(len(places) for places, _ in parts), *parts[0][1].shape[1:]), parts[0][1].dtype)
    for places, values in parts:
        result[places] = values
    return result
