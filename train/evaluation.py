"""Measuring a model: the mean loss and the metrics over a data set."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ..autograd import no_grad
from .history import Scores

Metrics = Mapping[str, Callable[[Any, Any], Any]]


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
        metrics: by name, functions of (output, target) that give the mean over the batch, and `Metric`s.

    Raises:
        TypeError: for metrics that are no dict, and for one that is neither.
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
    """Running means of the loss and of metrics that are means, each batch counted by its size; the other metrics."""

    def __init__(self, metrics: Metrics | None) -> None:
        self.functions: dict[str, Callable[[Any, Any], float]] = {}
        self.gathered: dict[str, Any] = {}
        if metrics is not None and not isinstance(metrics, Mapping):
            raise TypeError(
                f"metrics is a dict of them by name, such as {{'accuracy': train.accuracy}}, not a "
                f"{type(metrics).__name__}"
            )
        for name, metric in (metrics or {}).items():
            if isinstance(metric, type) or not callable(metric):
                raise TypeError(
                    f"the metric {name!r} is a function of (output, target), or an object such as train.F1(), and not "
                    f"{metric!r}"
                )
            if hasattr(metric, "update") and hasattr(metric, "compute"):
                self.gathered[name] = copy.deepcopy(metric)
                self.gathered[name].reset()
            else:
                self.functions[name] = metric
        self.samples = 0
        self.totals: dict[str, float] = {}

    def add(self, output: Any, target: Any, loss: float) -> None:
        """Take a batch."""
        size = samples_in(target)
        self.samples += size
        values = {"loss": loss}
        if self.functions or self.gathered:
            detached = output.detach() if hasattr(output, "detach") else output
            for name, metric in self.functions.items():
                with _named(name):
                    values[name] = float(metric(detached, target))
            for name, metric in self.gathered.items():
                with _named(name):
                    metric.update(detached, target)
        for name, value in values.items():
            self.totals[name] = self.totals.get(name, 0.0) + size * value

    def state_dict(self) -> dict[str, Any]:
        """The sums so far."""
        gathered = {name: metric.state_dict() for name, metric in self.gathered.items()}
        return {"samples": self.samples, "totals": dict(self.totals), "gathered": gathered}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from the sums that `state_dict` gave.

        Raises:
            ValueError: if they are of other metrics.
        """
        names = {"loss", *self.functions, *self.gathered}
        before = {"loss", *state_dict["totals"], *state_dict["gathered"]}
        if state_dict["samples"] and before != names:
            raise ValueError(
                f"the epoch was begun with the scores {sorted(before)}, and cannot go on with {sorted(names)}"
            )
        for name, metric in self.gathered.items():
            if name in state_dict["gathered"]:
                metric.load_state_dict(state_dict["gathered"][name])
        self.samples = state_dict["samples"]
        self.totals = dict(state_dict["totals"])

    def scores(self) -> Scores:
        """The means over all samples.

        Raises:
            ValueError: if there were none.
        """
        if not self.samples:
            raise ValueError(
                "the loader gave no batches, so there is nothing to learn from or to measure; if it is an iterator, it "
                "gives them only once: give a list or a DataLoader"
            )
        means = {name: total / self.samples for name, total in self.totals.items()}
        loss = means.pop("loss")
        return Scores(loss, means | {name: metric.compute() for name, metric in self.gathered.items()})


@contextmanager
def _named(metric: str) -> Iterator[None]:
    """Let an error say in which metric it was raised."""
    try:
        yield
    except Exception as error:
        error.add_note(f"this was raised by the metric {metric!r}")
        raise


def run(model: Any, input: Any) -> Any:
    """The model's output: a tuple is its positional arguments, a dict its arguments by name, all else the only one."""
    if isinstance(input, tuple):
        return model(*input)
    if isinstance(input, Mapping):
        return model(**input)
    return model(input)


def samples_in(target: Any) -> int:
    """The size of a batch, told from its targets; of several targets, from the first.

    Raises:
        TypeError: for a target without a length.
    """
    while isinstance(target, (tuple, Mapping)) and target:
        target = next(iter(target.values() if isinstance(target, Mapping) else target))
    if not hasattr(target, "__len__") or getattr(target, "shape", None) == ():
        what = "a single number" if hasattr(target, "shape") else f"of type {type(target).__name__}"
        raise TypeError(
            f"the target of a batch tells how many samples it has, so it has one entry for each, and this one is {what}"
        )
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
