"""Metrics that are made of how often which class was taken for which."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..numbers_given import is_whole
from .base import Array, Metric, array
from .classes import integers, scores_and_classes

AVERAGES = ("binary", "macro", "micro", "weighted", None)


class ConfusionMatrix(Metric):
    """How often a class (row) was taken for which (column).

    Args:
        classes: how many there are; if not given, as many as were seen.
        normalize: "true" divides each row by its sum, "pred" each column, "all" everything; None counts.
        threshold: where the output is one number per sample, from where on it means class 1: 0 for a logit, 0.5 for a
            probability.
        ignore_index: targets with this value, such as padding, do not count.

    The output of a batch are scores of shape (N, C, ...), of which the largest is the prediction; or predictions,
    integers of the target's shape; or, with a threshold, one number per sample, of shape (N,) or (N, 1).

    Raises:
        ValueError: for options out of range; in `update`, for shapes, dtypes and classes that do not fit.

    >>> import pullback as pb
    >>> matrix = pb.train.ConfusionMatrix()
    >>> matrix.update(pb.tensor([0, 1, 1]), pb.tensor([0, 1, 0]))
    >>> matrix.update(pb.tensor([1]), pb.tensor([1]))
    >>> matrix.compute().tolist()
    [[1, 1], [0, 2]]
    """

    def __init__(
        self,
        classes: int | None = None,
        normalize: str | None = None,
        *,
        threshold: float | None = None,
        ignore_index: int | None = None,
    ) -> None:
        if normalize not in ("true", "pred", "all", None):
            raise ValueError(f"normalize is 'true', 'pred', 'all' or None, not {normalize!r}")
        if classes is not None and not is_whole(classes, 1):
            raise ValueError(f"classes is how many there are, a whole number from 1 on, and not {classes!r}")
        self.classes = classes
        self.normalize = normalize
        self.threshold = threshold
        self.ignore_index = ignore_index
        super().__init__()

    def start(self) -> dict[str, Any]:
        """See `Metric`."""
        size = self.classes or 0
        return {"counts": np.zeros((size, size), np.int64)}

    def update(self, output: Any, target: Any) -> None:
        """Take a batch."""
        predicted, classes, width = self._pairs(output, target)
        size = max(int(max(predicted.max(initial=-1), classes.max(initial=-1))) + 1, width)
        lowest = int(min(predicted.min(initial=0), classes.min(initial=0)))
        if lowest < 0:
            raise ValueError(f"classes are counted from 0, and there is a {lowest}")
        counts: Array = self.sums["counts"]
        if size > len(counts):
            if self.classes is not None:
                raise ValueError(
                    f"there are {self.classes} classes, from 0 on, and a sample or a score of class {size - 1}"
                )
            counts = np.pad(counts, (0, size - len(counts)))
        size = len(counts)
        self.sums["counts"] = counts + np.bincount(size * classes + predicted, minlength=size * size).reshape(
            size, size
        )

    def compute(self) -> Any:
        """The matrix: integers, or shares if it is normalised, where a sum of 0 gives 0."""
        counts: Array = self.sums["counts"]
        if self.normalize is None:
            return counts.copy()
        axis = {"true": 1, "pred": 0, "all": None}[self.normalize]
        return divided(counts, counts.sum(axis=axis, keepdims=True), 0.0)

    def _pairs(self, output: Any, target: Any) -> tuple[Array, Array, int]:
        """Predicted and true classes, in a row, and how many there are if the output tells."""
        found, classes = array(output), array(target)
        width = 0
        name = type(self).__name__
        if self.threshold is not None:
            if found.size != classes.size or found.squeeze().shape != classes.squeeze().shape:
                raise ValueError(
                    f"with a threshold, {name} takes one number for each target, not shapes {found.shape} and "
                    f"{classes.shape}"
                )
            predicted, width = (found >= self.threshold).astype(np.int64), 2
            if classes.dtype.kind == "f" and np.isin(classes, (0, 1)).all():  # as binary losses want them
                classes = classes.astype(np.int64)
        elif found.shape == classes.shape and found.dtype.kind in "iub":
            predicted = found.astype(np.int64)
        elif found.shape == classes.shape:
            raise ValueError(
                f"{name} got one number for each sample: say from where on it means class 1, threshold=0 for logits, "
                "threshold=0.5 for probabilities"
            )
        else:
            scores, classes = scores_and_classes(name, found, classes)
            predicted, width = np.argmax(scores, axis=1), scores.shape[1]
        flat, wanted = predicted.reshape(-1), integers(name, classes).reshape(-1)
        if self.ignore_index is not None:
            kept = wanted != self.ignore_index
            flat, wanted = flat[kept], wanted[kept]
        return flat, wanted, width


class ClassRate(ConfusionMatrix):
    """What precision, recall and F1 share: a quotient for each class, and its averages; see `Precision`."""

    def __init__(
        self,
        average: str | None = "macro",
        classes: int | None = None,
        *,
        zero_division: float = 0.0,
        threshold: float | None = None,
        ignore_index: int | None = None,
    ) -> None:
        if average not in AVERAGES:
            raise ValueError(f"average is one of {AVERAGES}, not {average!r}")
        self.average = average
        self.zero_division = float(zero_division)
        super().__init__(classes, threshold=threshold, ignore_index=ignore_index)

    def quotient(self, right: Array, predicted: Array, true: Array) -> tuple[Array, Array]:
        """Numerator and denominator, of the numbers of hits, of predictions and of samples of each class."""
        raise NotImplementedError

    def compute(self) -> Any:
        """A number, or an array of one for each class; nan for no samples."""
        counts: Array = self.sums["counts"]
        if counts.sum() == 0:
            return np.full(len(counts), np.nan) if self.average is None else float("nan")
        sums = np.diag(counts), counts.sum(axis=0), counts.sum(axis=1)
        if self.average == "micro":
            totals = [np.array([part.sum()]) for part in sums]
            return float(divided(*self.quotient(*totals), self.zero_division)[0])
        rates = divided(*self.quotient(*sums), self.zero_division)
        if self.average is None:
            return rates
        if self.average == "binary":
            if len(rates) > 2:
                raise ValueError(
                    f"average='binary' is for two classes, and there are {len(rates)}; choose 'macro', 'micro', "
                    "'weighted' or None"
                )
            return float(rates[1]) if len(rates) == 2 else self.zero_division
        weights = sums[2] if self.average == "weighted" else np.ones(len(rates))
        if self.average == "macro" and self.classes is None:
            weights = weights * ((sums[1] + sums[2]) > 0)
        weights = weights * ~np.isnan(rates)
        return float(np.nansum(rates * weights) / weights.sum()) if weights.sum() else float("nan")


class Precision(ClassRate):
    """Of the samples that were taken for a class, the share that is of it.

    Args:
        average: "macro": the mean over the classes; "weighted": weighted by how frequent they are; "micro": of the sums
            over all classes; "binary": of class 1 alone; None: one number for each class.
        classes: how many there are; if not given, "macro" is over those that were seen or predicted.
        zero_division: what a quotient is whose denominator is 0; nan leaves it out of averages.
        threshold, ignore_index: see `ConfusionMatrix`, also for what `update` takes.

    Raises:
        ValueError: for options out of range; in `update`, for shapes, dtypes and classes that do not fit.

    >>> import pullback as pb
    >>> pb.train.Precision(average=None)(pb.tensor([0, 1, 1, 0]), pb.tensor([0, 1, 0, 0])).tolist()
    [1.0, 0.5]
    """

    def quotient(self, right: Array, predicted: Array, true: Array) -> tuple[Array, Array]:
        """Hits through predictions."""
        return right, predicted


class Recall(ClassRate):
    """Of the samples of a class, the share that was taken for it; the options are those of `Precision`.

    >>> import pullback as pb
    >>> pb.train.Recall(average=None)(pb.tensor([0, 1, 1, 0]), pb.tensor([0, 1, 0, 0])).round(3).tolist()
    [0.667, 1.0]
    """

    def quotient(self, right: Array, predicted: Array, true: Array) -> tuple[Array, Array]:
        """Hits through samples."""
        return right, true


class F1(ClassRate):
    """The harmonic mean of precision and recall, 2·hits / (predictions + samples), with the options of `Precision`.

    >>> import pullback as pb
    >>> round(pb.train.F1("binary")(pb.tensor([0, 1, 1, 0]), pb.tensor([0, 1, 0, 0])), 4)
    0.6667
    """

    def quotient(self, right: Array, predicted: Array, true: Array) -> tuple[Array, Array]:
        """Twice the hits through predictions and samples."""
        return 2 * right, predicted + true


def divided(numerator: Array, denominator: Array, otherwise: float) -> Array:
    """The quotient, and another number where the denominator is 0."""
    result = np.full(np.broadcast_shapes(numerator.shape, denominator.shape), otherwise, np.float64)
    np.divide(numerator, denominator, out=result, where=denominator != 0)
    return result
