"""Rows: the samples of an estimator as a data set, dense or sparse, with or without a weight for each."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from ...autograd import Tensor, asarray
from ...data import Dataset

Array = np.ndarray[Any, Any]


class Rows(Dataset):
    """Rows of a table with their targets, or with pairs of target and weight; sparse rows become dense in batches.

    Args:
        x: an array, or a sparse array whose rows can be indexed.
        y: an array with as many rows.
        weights: one for each row, or None.
    """

    def __init__(self, x: Any, y: Array, weights: Array | None = None) -> None:
        self.x = x
        self.y = y
        self.weights = weights

    def __len__(self) -> int:
        return len(self.y)

    def batch(self, indices: Array) -> tuple[Tensor, Any]:
        """The rows with these indices, and their targets or pairs of targets and weights."""
        x, y = dense(self.x[indices]), asarray(self.y[indices])
        return (x, y) if self.weights is None else (x, (y, asarray(self.weights[indices])))

    def part(self, indices: Array) -> Rows:
        """The rows with these indices, as rows of their own."""
        return Rows(self.x[indices], self.y[indices], None if self.weights is None else self.weights[indices])


def dense(x: Any) -> Tensor:
    """Rows as a tensor."""
    return asarray(x if isinstance(x, np.ndarray) else x.toarray())


def weighted(loss: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """A loss of (output, (target, weights)): the mean of the losses of the samples, each times its weight.

    Args:
        loss: has an attribute `reduction`, as the losses of `nn` have; a copy of it is asked for single losses.

    Raises:
        TypeError: for a loss without `reduction`, of which nobody can ask for single losses.
    """
    if not hasattr(loss, "reduction"):
        raise TypeError(
            "weights of samples and classes multiply the loss of each sample, and this loss gives their mean alone; "
            "use a loss of nn, or give yours an attribute `reduction` that it heeds when it is 'none'"
        )
    single: Any = copy.deepcopy(loss)
    single.reduction = "none"

    def mean(output: Any, pair: Any) -> Any:
        target, weights = pair
        losses = single(output, target)
        if losses.ndim > 1:
            losses = losses.reshape(len(target), -1).mean(axis=1)
        return (losses * weights).mean()

    return mean
