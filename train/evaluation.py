"""Measuring a model: the mean loss and the metrics over a data set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ..autograd import no_grad
from .history import Scores

Metrics = Mapping[str, Callable[[Any, Any], float]]


def evaluate(
    model: Any,
    loss: Callable[[Any, Any], Any],
    loader: Iterable[Any],
    *,
    metrics: Metrics | None = None,
) -> Scores:
    """The mean loss and metrics of a model over a data set, in evaluation mode and without gradients.

    Args:
        model: a module; afterwards each of its modules is in the mode in which it was. It is called as in `fit`.
        loss: a function of (output, target) that gives a scalar, the mean over the batch.
        loader: yields batches (input, target).
        metrics: functions of (output, target) by name, each giving the mean over the batch.

    Raises:
        ValueError: for a loader without batches, and batches that are no pairs.

    >>> import numpy as np, pullback as pb
    >>> from pullback import data, nn, train
    >>> loader = data.DataLoader(data.TensorDataset(np.eye(4), np.arange(4)), batch_size=3)
    >>> metrics = {"accuracy": train.accuracy}
    >>> print(train.evaluate(nn.Identity(), nn.CrossEntropyLoss(), loader, metrics=metrics))
    loss 0.7437, accuracy 1.0000
    """
    means = Means(metrics)
    with mode(model, False), no_grad():
        for input, target in map(pair, loader):
            output = run(model, input)
            means.add(output, target, loss(output, target).item())
    return means.scores()


class Means:
    """Running means of the loss and the metrics, each batch counted by its size."""

    def __init__(self, metrics: Metrics | None) -> None:
        self.metrics = dict(metrics or {})
        self.samples = 0
        self.totals: dict[str, float] = {}

    def add(self, output: Any, target: Any, loss: float) -> None:
        """Take a batch into the means."""
        size = samples_in(target)
        self.samples += size
        values = {"loss": loss}
        if self.metrics:
            detached = output.detach() if hasattr(output, "detach") else output
            values |= {name: float(metric(detached, target)) for name, metric in self.metrics.items()}
        for name, value in values.items():
            self.totals[name] = self.totals.get(name, 0.0) + size * value

    def state_dict(self) -> dict[str, Any]:
        """The sums so far."""
        return {"samples": self.samples, "totals": dict(self.totals)}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from the sums that `state_dict` gave.

        Raises:
            ValueError: if they are of other metrics.
        """
        names = {"loss", *self.metrics}
        if state_dict["totals"] and state_dict["totals"].keys() != names:
            raise ValueError(
                f"the epoch was begun with the scores {sorted(state_dict['totals'])}, and cannot go on with "
                f"{sorted(names)}"
            )
        self.samples = state_dict["samples"]
        self.totals = dict(state_dict["totals"])

    def scores(self) -> Scores:
        """The means over all samples.

        Raises:
            ValueError: if there were none.
        """
        if not self.samples:
            raise ValueError("the loader gave no batches, so there is nothing to learn from or to measure")
        means = {name: total / self.samples for name, total in self.totals.items()}
        return Scores(means.pop("loss"), means)


def run(model: Any, input: Any) -> Any:
    """The model's output: a tuple is its positional arguments, a dict its arguments by name, all else the only one."""
    if isinstance(input, tuple):
        return model(*input)
    if isinstance(input, Mapping):
        return model(**input)
    return model(input)


def samples_in(target: Any) -> int:
    """The size of a batch, told from its targets; of several targets, from the first."""
    while isinstance(target, (tuple, Mapping)) and target:
        target = next(iter(target.values() if isinstance(target, Mapping) else target))
    return len(target)


def pair(batch: Any) -> tuple[Any, Any]:
    """The batch as a pair (input, target), or ValueError."""
    if not isinstance(batch, (tuple, list)) or len(batch) != 2:
        what = f"{len(batch)} parts" if isinstance(batch, (tuple, list)) else f"a {type(batch).__name__}"
        raise ValueError(f"a batch is a pair (input, target), and the loader gave {what}")
    return batch[0], batch[1]


@contextmanager
def mode(model: Any, training: bool) -> Iterator[None]:
    """Training or evaluation mode for a while; each module gets its own mode back."""
    before = [(module, module.training) for module in model.modules()]
    model.train(training)
    try:
        yield
    finally:
        for module, was in before:
            module.training = was
