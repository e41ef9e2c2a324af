"""Metric: a score of a whole data set, gathered from its batches."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...autograd import Tensor
from ...optim.saving import copied

Array = np.ndarray[Any, Any]


class Metric:
    """A score of a whole data set, gathered from its batches, of whatever sizes they are.

    Derive from it and write `start`, `update` and `compute`. `fit` and `evaluate` copy a metric before they use it, so
    one object serves for training and validation.

    >>> import pullback as pb
    >>> from pullback import train
    >>> class Worst(train.Metric):
    ...     def start(self):
    ...         return {"worst": 0.0}
    ...     def update(self, output, target):
    ...         self.sums["worst"] = max(self.sums["worst"], float(abs(output - target).max()))
    ...     def compute(self):
    ...         return self.sums["worst"]
    >>> metric = Worst()
    >>> metric.update(pb.tensor([1.0, 2.0]), pb.tensor([1.5, 2.0]))
    >>> metric.update(pb.tensor([3.0]), pb.tensor([3.0]))
    >>> metric.compute()
    0.5
    """

    def __init__(self) -> None:
        self.reset()

    def start(self) -> dict[str, Any]:
        """What is known before the first batch: numbers and arrays by name."""
        raise NotImplementedError(
            f"{type(self).__name__} has no start: return the dict of what it gathers there"
        )

    def update(self, output: Any, target: Any) -> None:
        """Take a batch into `self.sums`."""
        raise NotImplementedError(f"{type(self).__name__} has no update: take a batch into self.sums there")

    def compute(self) -> Any:
        """The score of all batches so far: a number, or an array of several."""
        raise NotImplementedError(f"{type(self).__name__} has no compute: return the score there")

    def reset(self) -> None:
        """Forget all batches."""
        self.sums: dict[str, Any] = self.start()

    def __call__(self, output: Any, target: Any) -> Any:
        """The score of one batch alone; what was gathered is left as it is."""
        alone = copy.copy(self)
        alone.reset()
        alone.update(output, target)
        return alone.compute()

    def state_dict(self) -> dict[str, Any]:
        """What was gathered."""
        return dict(copied(self.sums))

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        self.sums = dict(copied(state_dict))


def array(value: Any) -> Array:
    """The numbers of a Tensor or of what NumPy takes."""
    return value.detach().numpy() if isinstance(value, Tensor) else np.asarray(value)
