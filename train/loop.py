"""The training loop: epochs of forward, backward and update, with an evaluation after each."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ..autograd import no_grad
from .progress import Progress

Metrics = Mapping[str, Callable[[Any, Any], float]]


@dataclass(frozen=True)
class Scores:
    """A mean loss and mean metrics over the samples of a data set."""

    loss: float
    metrics: dict[str, float]

    def __str__(self) -> str:
        return ", ".join(f"{name} {value:.4f}" for name, value in {"loss": self.loss, **self.metrics}.items())


@dataclass(frozen=True)
class Epoch:
    """What one epoch gave: scores on the training batches as they came, on validation, and its duration."""

    number: int
    loss: float
    metrics: dict[str, float]
    validation: Scores | None
    seconds: float

    def __str__(self) -> str:
        text = str(Scores(self.loss, self.metrics))
        if self.validation is not None:
            text += f", validation {self.validation}"
        return f"{text} ({self.seconds:.2f} s)"


@dataclass(frozen=True)
class History:
    """The epochs of one training, in order; indexing, length and iteration are those of the list."""

    epochs: list[Epoch] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.epochs)

    def __getitem__(self, index: int) -> Epoch:
        return self.epochs[index]

    def __iter__(self) -> Iterator[Epoch]:
        return iter(self.epochs)


def fit(
    model: Any,
    loss: Callable[[Any, Any], Any],
    optimizer: Any,
    loader: Iterable[Any],
    *,
    epochs: int,
    validation: Iterable[Any] | None = None,
    metrics: Metrics | None = None,
    progress: bool = True,
) -> History:
    """Train a model, and return what each epoch gave.

    The model is in training mode while it is trained and in evaluation mode while it is validated; afterwards
    each of its modules is in the mode in which it was.

    Args:
        model: a module.
        loss: a function of (output, target) that gives a scalar, the mean over the batch.
        optimizer: what updates the model's parameters.
        loader: yields batches (input, target), anew in every epoch.
        epochs: how often to go through the loader.
        validation: a loader for the evaluation after each epoch.
        metrics: functions of (output, target) by name, each giving the mean over the batch.
        progress: show a bar on a terminal, and plain lines elsewhere.

    Raises:
        FloatingPointError: for a loss that is infinite or nan, naming epoch and batch, before the update.
        ValueError: for a negative number of epochs, a loader without batches, and batches that are no pairs.

    >>> import numpy as np, pullback as pb
    >>> from pullback import data, nn, optim, train
    >>> x = np.linspace(-1, 1, 32).reshape(32, 1)
    >>> loader = data.DataLoader(data.TensorDataset(x, (x[:, 0] > 0).astype(int)), batch_size=8)
    >>> model = nn.Linear(1, 2, rng=np.random.default_rng(0))
    >>> optimizer = optim.SGD(model.parameters(), lr=1.0)
    >>> history = train.fit(model, nn.CrossEntropyLoss(), optimizer, loader, epochs=5, progress=False)
    >>> history[-1].loss < history[0].loss
    True
    """
    if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 0:
        raise ValueError(f"epochs is a whole number from 0 on, not {epochs!r}")
    bars = Progress(epochs, progress)
    history = History()
    with _mode(model, True):
        for number in range(1, epochs + 1):
            start = time.perf_counter()
            means = _Means()
            for count, (input, target) in enumerate(_pairs(bars.batches(loader, number)), 1):
                optimizer.zero_grad()
                output = model(input)
                value = loss(output, target)
                _require_finite(value.item(), number, count)
                value.backward()
                optimizer.step()
                means.add(output, target, value, metrics)
            scores = means.scores()
            checked = None if validation is None else evaluate(model, loss, validation, metrics=metrics)
            seconds = time.perf_counter() - start
            history.epochs.append(Epoch(number, scores.loss, scores.metrics, checked, seconds))
            bars.epoch(number, str(history[-1]))
    return history


def evaluate(
    model: Any,
    loss: Callable[[Any, Any], Any],
    loader: Iterable[Any],
    *,
    metrics: Metrics | None = None,
) -> Scores:
    """The mean loss and metrics of a model over a data set, in evaluation mode and without gradients.

    Args:
        model: a module; afterwards each of its modules is in the mode in which it was.
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
    means = _Means()
    with _mode(model, False), no_grad():
        for input, target in _pairs(loader):
            output = model(input)
            means.add(output, target, loss(output, target), metrics)
    return means.scores()


class _Means:
    """Running means of the loss and the metrics, each batch counted by its size."""

    def __init__(self) -> None:
        self.samples = 0
        self.totals: dict[str, float] = {}

    def add(self, output: Any, target: Any, loss: Any, metrics: Metrics | None) -> None:
        size = len(target)
        self.samples += size
        values = {"loss": loss.item()}
        if metrics:
            detached = output.detach()
            values |= {name: float(metric(detached, target)) for name, metric in metrics.items()}
        for name, value in values.items():
            self.totals[name] = self.totals.get(name, 0.0) + size * value

    def scores(self) -> Scores:
        if not self.samples:
            raise ValueError("the loader gave no batches, so there is nothing to learn from or to measure")
        means = {name: total / self.samples for name, total in self.totals.items()}
        return Scores(means.pop("loss"), means)


def _pairs(batches: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    for batch in batches:
        if not isinstance(batch, (tuple, list)) or len(batch) != 2:
            what = f"{len(batch)} parts" if isinstance(batch, (tuple, list)) else f"a {type(batch).__name__}"
            raise ValueError(f"a batch is a pair (input, target), and the loader gave {what}")
        yield batch[0], batch[1]


def _require_finite(loss: float, epoch: int, batch: int) -> None:
    if not math.isfinite(loss):
        raise FloatingPointError(
            f"the loss is {loss} in epoch {epoch}, batch {batch}, and the parameters were not updated with "
            "it; a smaller learning rate often helps, and inputs may hold values that are not finite"
        )


@contextmanager
def _mode(model: Any, training: bool) -> Iterator[None]:
    """Training or evaluation mode for a while; each module gets its own mode back."""
    before = [(module, module.training) for module in model.modules()]
    model.train(training)
    try:
        yield
    finally:
        for module, mode in before:
            module.training = mode
