"""Metrics of numbers and of probabilities: squared errors, explained variance, perplexity."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .base import Array, Metric, array
from .classes import rows


class MeanSquaredError(Metric):
    """The mean of (output − target)² over all elements of all samples.

    >>> import pullback as pb
    >>> metric = pb.train.MeanSquaredError()
    >>> metric.update(pb.tensor([1.0, 2.0]), pb.tensor([1.0, 4.0]))
    >>> metric.update(pb.tensor([0.0]), pb.tensor([1.0]))
    >>> round(metric.compute(), 4)
    1.6667
    """

    def start(self) -> dict[str, Any]:
        """See `Metric`."""
        return {"squares": 0.0, "count": 0}

    def update(self, output: Any, target: Any) -> None:
        """Take a batch of numbers and targets of the same shape."""
        found, wanted = same_shape("MeanSquaredError", output, target)
        self.sums["squares"] += float(np.sum((found - wanted) ** 2))
        self.sums["count"] += found.size

    def compute(self) -> float:
        """The mean; nan for no samples."""
        return float(self.sums["squares"] / self.sums["count"]) if self.sums["count"] else math.nan


class R2(Metric):
    """The coefficient of determination, 1 − Σ(target − output)² / Σ(target − mean of targets)².

    1 is perfect, 0 is as good as always answering the mean of the targets, and worse is below 0. Of several numbers per
    sample it is computed for each, and their mean is taken. Where all targets are equal it is 1 if all outputs are
    right, and else 0, as scikit-learn has it.

    >>> import pullback as pb
    >>> metric = pb.train.R2()
    >>> metric.update(pb.tensor([1.0, 2.0]), pb.tensor([1.0, 2.0]))
    >>> metric.update(pb.tensor([4.0]), pb.tensor([3.0]))
    >>> metric.compute()
    0.5
    """

    def start(self) -> dict[str, Any]:
        """See `Metric`."""
        return {"residual": np.zeros(0), "count": 0, "mean": np.zeros(0), "spread": np.zeros(0)}

    def update(self, output: Any, target: Any) -> None:
        """Take a batch of numbers and targets of the same shape, (N,) or (N, ...)."""
        found, wanted = same_shape("R2", output, target)
        count = len(found)
        if count == 0:
            return
        found, wanted = found.reshape(count, -1), wanted.reshape(count, -1)
        before = self.sums
        if before["count"] == 0:
            before = {name: np.zeros(wanted.shape[1]) for name in ("residual", "mean", "spread")} | {
                "count": 0
            }
        if before["mean"].shape != wanted.shape[1:]:
            raise ValueError(
                f"R2 got {before['mean'].size} numbers per sample before, and {wanted.shape[1]} now"
            )
        # Means and spreads of parts are put together as Chan, Golub and LeVeque (1979) do, which loses no digits.
        mean, total = wanted.mean(axis=0), before["count"] + count
        shift = mean - before["mean"]
        self.sums = {
            "residual": before["residual"] + ((wanted - found) ** 2).sum(axis=0),
            "count": total,
            "mean": before["mean"] + shift * (count / total),
            "spread": before["spread"]
            + ((wanted - mean) ** 2).sum(axis=0)
            + shift**2 * (before["count"] * count / total),
        }

    def compute(self) -> float:
        """The coefficient; nan for less than two samples."""
        if self.sums["count"] < 2:
            return math.nan
        residual, spread = self.sums["residual"], self.sums["spread"]
        with np.errstate(all="ignore"):
            scores = np.where(spread != 0, 1 - residual / spread, np.where(residual == 0, 1.0, 0.0))
        return float(scores.mean())


class Perplexity(Metric):
    """exp of the mean negative log-probability of the right class: among how many the model is as if undecided.

    Args:
        ignore_index: targets with this value, such as padding, do not count.

    >>> import pullback as pb
    >>> metric = pb.train.Perplexity()
    >>> metric.update(pb.zeros((3, 8)), pb.tensor([0, 5, 7]))
    >>> round(metric.compute(), 4)
    8.0
    """

    def __init__(self, ignore_index: int = -100) -> None:
        self.ignore_index = ignore_index
        super().__init__()

    def start(self) -> dict[str, Any]:
        """See `Metric`."""
        return {"lost": 0.0, "count": 0}

    def update(self, output: Any, target: Any) -> None:
        """Take a batch of logits (N, C, ...) and classes (N, ...)."""
        logits, classes = rows("Perplexity", output, target, self.ignore_index)
        logits = logits.astype(np.float64)
        top = logits.max(axis=1, initial=-np.inf, keepdims=True)
        own = np.take_along_axis(logits, classes[:, None], axis=1)
        with np.errstate(all="ignore"):
            surprise = np.log(np.exp(logits - top).sum(axis=1, keepdims=True)) - (own - top)
        self.sums["lost"] += float(surprise.sum())
        self.sums["count"] += len(classes)

    def compute(self) -> float:
        """A number from 1 on; nan for no samples."""
        if not self.sums["count"]:
            return math.nan
        with np.errstate(over="ignore"):
            return float(np.exp(self.sums["lost"] / self.sums["count"]))


def same_shape(what: str, output: Any, target: Any) -> tuple[Array, Array]:
    """Both as float64 arrays, or ValueError if their shapes differ."""
    found, wanted = array(output), array(target)
    if found.shape != wanted.shape or found.ndim == 0:
        raise ValueError(
            f"{what} takes outputs and targets of one shape, (N,) or (N, ...), not {found.shape} and {wanted.shape}"
        )
    return found.astype(np.float64), wanted.astype(np.float64)
