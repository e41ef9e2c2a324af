"""Trainer: the loop of epochs and batches, and where it calls its callbacks."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from itertools import islice
from typing import Any

import numpy as np

from ..autograd.extend import drawing_from
from .callbacks.base import Callback
from .evaluation import Means, Metrics, evaluate, mode, pairs, run, samples_in
from .history import Epoch, History

Batch = tuple[Any, Any]


class Trainer:
    """The loop: epochs of batches, each with forward, loss, backward and update, and a validation after each epoch.

    Everything else (progress, schedules, clipping, early stopping, checkpoints, ...) are callbacks, see
    `train.Callback`; `train.fit` is the short way to the usual ones.

    Args:
        model: a module. An input that is a tuple becomes its positional arguments, a dict its arguments by name.
        loss: a function of (output, target) that gives a scalar, the mean over the batch.
        optimizer: what updates the model's parameters.
        metrics: metrics by name, see `fit`.
        accumulate: how many batches make one update; its gradient is that of the mean over all their samples,
            also where they are not of equal size, and at the end of an epoch the rest makes one.
        callbacks: called in this order.
        rng: the generator that random functions without one of their own, such as dropout, draw from while training;
            the program's if not given.

    Raises:
        TypeError: for a callback or a generator that is none.
        ValueError: for less than one batch per update.

    Attributes:
        epoch: the number of the present epoch, or of the last one, from 1 on.
        batch: the number of the present batch in its epoch, from 1 on.
        updates: how often the optimiser has stepped in all.
        updated: whether the last batch has ended with an update.
        input, target, output: of the present batch.
        loss_value: the loss of the present batch, a number.
        history: the epochs so far.
        stop_reason: what was given to `stop`, or None.
        evaluated: the model that validations measure; the trained one unless a callback puts another here.

    >>> import numpy as np
    >>> from pullback import data, nn, optim, train
    >>> x = np.linspace(-1, 1, 32).reshape(32, 1)
    >>> loader = data.DataLoader(data.TensorDataset(x, 3 * x), batch_size=8)
    >>> model = nn.Linear(1, 1, rng=np.random.default_rng(0))
    >>> trainer = train.Trainer(model, nn.MSELoss(), optim.SGD(model.parameters(), lr=0.3))
    >>> history = trainer.fit(loader, epochs=2)
    >>> history = trainer.fit(loader, epochs=10)  # goes on: ten in all
    >>> len(history), trainer.updates, history[-1].loss < 1e-3
    (10, 40, True)
    """

    def __init__(
        self,
        model: Any,
        loss: Callable[[Any, Any], Any],
        optimizer: Any,
        *,
        metrics: Metrics | None = None,
        accumulate: int = 1,
        callbacks: Sequence[Callback] = (),
        rng: np.random.Generator | None = None,
    ) -> None:
        if isinstance(accumulate, bool) or not isinstance(accumulate, int) or accumulate < 1:
            raise ValueError(f"accumulate is a whole number of batches from 1 on, not {accumulate!r}")
        for callback in callbacks:
            if not isinstance(callback, Callback):
                what = callback.__name__ if isinstance(callback, type) else type(callback).__name__
                raise TypeError(f"a callback is an object of a class derived from Callback, not {what}")
        if rng is not None and not isinstance(rng, np.random.Generator):
            raise TypeError(
                f"rng is a numpy.random.Generator, not {type(rng).__name__}; use np.random.default_rng(seed)"
            )
        self.model = model
        self.evaluated = model
        self.loss = loss
        self.optimizer = optimizer
        self.metrics = metrics
        self.accumulate = accumulate
        self.callbacks = list(callbacks)
        self.rng = rng
        self.loader: Iterable[Any] = ()
        self.validation: Iterable[Any] | None = None
        self.epochs = 0
        self.epoch = 0
        self.batch = 0
        self.updates = 0
        self.updated = False
        self.input: Any = None
        self.target: Any = None
        self.output: Any = None
        self.loss_value = math.nan
        self.history = History()
        self.stop_reason: str | None = None
        self._means: Means | None = None  # of the present epoch; None between two
        self._seconds = 0.0  # that the present epoch has taken

    def stop(self, reason: str) -> None:
        """End the training after the present update, or the present epoch's end; the first reason given stays."""
        if self.stop_reason is None:
            self.stop_reason = reason

    def fit(self, loader: Iterable[Any], *, epochs: int, validation: Iterable[Any] | None = None) -> History:
        """Train until so many epochs have been done in all, or until somebody calls `stop`.

        The model is in training mode while it is trained and in evaluation mode while it is validated; afterwards
        each of its modules is in the mode in which it was.

        Args:
            loader: yields batches (input, target), anew in every epoch.
            epochs: how many there are to be in all, with those that were done before.
            validation: a loader for the evaluation after each epoch.

        Raises:
            FloatingPointError: for a loss that is infinite or nan, naming epoch and batch, before the update.
            ValueError: for a negative number of epochs, a loader without batches, and batches that are no pairs.
        """
        if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 0:
            raise ValueError(f"epochs is a whole number from 0 on, not {epochs!r}")
        self.loader, self.validation, self.epochs = loader, validation, epochs
        self.stop_reason = self.history.stopped = None
        try:
            with mode(self.model, True), nullcontext() if self.rng is None else drawing_from(self.rng):
                self._call("on_train_begin")
                while self.epoch < epochs and self.stop_reason is None:
                    self._run_epoch()
                self.history.stopped = self.stop_reason
                self._call("on_train_end")
        except BaseException as error:
            for callback in self.callbacks:
                callback.on_error(self, error)
            raise
        finally:
            self.input = self.target = self.output = None
        return self.history

    @property
    def running_loss(self) -> float:
        """The mean loss over the present epoch so far."""
        return math.nan if self._means is None or not self._means.samples else self._means.scores().loss

    def _run_epoch(self) -> None:
        start = time.perf_counter()
        self.epoch += 1
        self.batch, self._seconds = 0, 0.0
        self._means = Means(self.metrics)
        self._call("on_epoch_begin")
        batches = pairs(self.loader)
        while group := list(islice(batches, self.accumulate)):
            self._update(group, self._means)
            if self.stop_reason is not None:
                return
        scores = self._means.scores()
        checked = None
        if self.validation is not None:
            checked = evaluate(self.evaluated, self.loss, self.validation, metrics=self.metrics)
        self._seconds += time.perf_counter() - start
        self.history.epochs.append(Epoch(self.epoch, scores.loss, scores.metrics, checked, self._seconds))
        self._means = None
        self._call("on_epoch_end")

    def _update(self, group: list[Batch], means: Means) -> None:
        """Forward and backward of the batches that make one update, and the update."""
        sizes = [samples_in(target) for _, target in group]
        self.optimizer.zero_grad()
        for place, ((self.input, self.target), size) in enumerate(zip(group, sizes, strict=True), 1):
            self.batch += 1
            self.updated = False
            self._call("on_batch_begin")
            self.output = run(self.model, self.input)
            value = self.loss(self.output, self.target)
            self.loss_value = value.item()
            self._require_finite()
            (value if len(group) == 1 else value * (size / sum(sizes))).backward()
            means.add(self.output, self.target, self.loss_value)
            if place == len(group):
                self._call("on_gradients")
                self.optimizer.step()
                self.updates += 1
                self.updated = True
            self._call("on_batch_end")

    def _require_finite(self) -> None:
        if not math.isfinite(self.loss_value):
            raise FloatingPointError(
                f"the loss is {self.loss_value} in epoch {self.epoch}, batch {self.batch}, and the parameters were "
                "not updated with it; a smaller learning rate often helps, and inputs may hold values that are not "
                "finite"
            )

    def _call(self, hook: str) -> None:
        for callback in self.callbacks:
            getattr(callback, hook)(self)
