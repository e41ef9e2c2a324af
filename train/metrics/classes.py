"""Metrics of the scores of classes: how often the right one is the first, or among the first."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..numbers_given import is_whole
from .base import Array, Metric, array


def accuracy(output: Any, target: Any) -> float:
    """The share of samples whose largest score is that of their class.

    Args:
        output: scores or logits of shape (N, C) or (N, C, d1, ...), a Tensor or an array.
        target: the classes, integers of the same shape without the axis C; or class probabilities of the same shape,
            as mixup gives, of which the most probable class counts, and the first among equal ones.

    Returns:
        A number from 0 to 1; nan for no samples.

    Raises:
        ValueError: for shapes that do not fit.

    >>> import pullback as pb
    >>> pb.train.accuracy(pb.tensor([[2.0, 1.0], [0.0, 3.0]]), pb.tensor([0, 0]))
    0.5
    """
    scores, classes = scores_and_classes("accuracy", output, _most_probable(output, target))
    if classes.size == 0:
        return float("nan")
    return float(np.mean(np.argmax(scores, axis=1) == classes))


class TopK(Metric):
    """The share of samples whose class has one of the k largest scores; among equal scores the first counts more.

    Args:
        k: how many.
        ignore_index: targets with this value, such as padding, do not count.

    Raises:
        ValueError: for a k below 1; in `update`, for shapes that do not fit and for classes without a score.

    >>> import pullback as pb
    >>> top = pb.train.TopK(2)
    >>> top.update(pb.tensor([[3.0, 2.0, 1.0], [3.0, 2.0, 1.0]]), pb.tensor([1, 2]))
    >>> top.compute()
    0.5
    """

    def __init__(self, k: int, ignore_index: int | None = None) -> None:
        if not is_whole(k, 1):
            raise ValueError(f"k is a whole number from 1 on, not {k!r}")
        self.k = k
        self.ignore_index = ignore_index
        super().__init__()

    def start(self) -> dict[str, Any]:
        """See `Metric`."""
        return {"right": 0, "count": 0}

    def update(self, output: Any, target: Any) -> None:
        """Take a batch of scores (N, C, ...) and classes (N, ...), or class probabilities (N, C, ...)."""
        scores, classes = rows("TopK", output, _most_probable(output, target), self.ignore_index)
        own = np.take_along_axis(scores, classes[:, None], axis=1)
        earlier = np.arange(scores.shape[1]) < classes[:, None]
        ahead = ~((scores < own) | ((scores == own) & ~earlier))  # a nan is ahead of everything
        self.sums["right"] += int(np.sum(ahead.sum(axis=1) < self.k))
        self.sums["count"] += len(classes)

    def compute(self) -> float:
        """A number from 0 to 1; nan for no samples."""
        return float(self.sums["right"] / self.sums["count"]) if self.sums["count"] else float("nan")


def _most_probable(output: Any, target: Any) -> Any:
    """The most probable classes, if the targets are class probabilities; else the targets."""
    shares = array(target)
    if shares.dtype.kind != "f" or shares.ndim < 2 or shares.shape[1] < 2 or shares.shape != np.shape(output):
        return target
    probable = bool((shares >= 0).all()) and np.allclose(shares.sum(axis=1), 1, atol=1e-2)
    return shares.argmax(axis=1) if probable else target


def scores_and_classes(what: str, output: Any, target: Any) -> tuple[Array, Array]:
    """Scores (N, C, ...) and classes (N, ...) as arrays, or ValueError."""
    scores, classes = array(output), array(target)
    if scores.ndim < 2 or scores.shape[:1] + scores.shape[2:] != classes.shape:
        raise ValueError(
            f"{what} takes scores of shape (N, C) and classes of shape (N,), not "
            f"{scores.shape} and {classes.shape}"
        )
    return scores, classes


def rows(what: str, output: Any, target: Any, ignore_index: int | None) -> tuple[Array, Array]:
    """Scores as rows (M, C) and classes (M,), without those that are ignored."""
    scores, classes = scores_and_classes(what, output, target)
    flat, wanted = (
        np.moveaxis(scores, 1, -1).reshape(-1, scores.shape[1]),
        integers(what, classes).reshape(-1),
    )
    if ignore_index is not None:
        kept = wanted != ignore_index
        flat, wanted = flat[kept], wanted[kept]
    if wanted.size and not (wanted.min() >= 0 and wanted.max() < scores.shape[1]):
        odd = wanted.min() if wanted.min() < 0 else wanted.max()
        raise ValueError(f"{what} got {scores.shape[1]} scores per sample, and a sample of class {odd}")
    return flat, wanted


def integers(what: str, classes: Array) -> Array:
    """The classes, or ValueError if they are no whole numbers."""
    if classes.dtype.kind not in "iub":
        raise ValueError(f"{what} takes classes that are integers, and not {classes.dtype}")
    return classes.astype(np.int64)
