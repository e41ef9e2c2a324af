"""Trainer: the loop of epochs and batches, and where it calls its callbacks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np

from ..autograd import Tensor
from ..autograd.extend import check_generator, drawing_from
from ..optim.saving import copied
from ..optim.vector import VectorOptimizer
from .callbacks.base import Callback
from .evaluation import Means, Metrics, evaluate, mode, pair, run, samples_in
from .guard import Guard
from .history import Epoch, History
from .interruption import Interruption
from .numbers_given import is_whole
from .position import places, put
from .random_state import Source, generators, random_state, set_random_state
from .running_epoch import RunningEpoch
from .state import named, restore, training_state

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
        callbacks: called in this order; checkpoints last.
        nonfinite: what to do about a loss or a gradient that is infinite or nan: "raise" an error that says where it
            came from; or "skip" the update, with a warning that says it.
        rng: the generator that random functions without one of their own, such as dropout, draw from while training;
            the program's if not given.

    Raises:
        TypeError: for a callback or a generator that is none, and an optimiser that wants a closure.
        ValueError: for less than one batch per update.

    Attributes:
        epoch: the number of the present epoch, or of the last one, from 1 on.
        batch: the number of the present batch in its epoch, from 1 on.
        updates: how often the optimiser has stepped in all.
        updated: whether the last batch has ended with an update.
        whole: whether the training is between two updates, so that its state can be taken.
        input, target, output: of the present batch.
        loss_value: the loss of the present batch, a number.
        history: the epochs so far.
        stop_reason: what was given to `stop`, or None.
        evaluated: the model that validations measure; the trained one unless a callback puts another here.
        generators: the random generators that its parts draw from, by name; none before the first `fit`.
        final: the weights that the model is to have after the training, such as its best ones; a callback may put them
            here when the training ends. If it goes on, it does so with the weights that it had.

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
        nonfinite: str = "raise",
        rng: np.random.Generator | None = None,
    ) -> None:
        if not is_whole(accumulate, 1):
            raise ValueError(f"accumulate is a whole number of batches from 1 on, not {accumulate!r}")
        for callback in callbacks:
            if not isinstance(callback, Callback):
                what = callback.__name__ if isinstance(callback, type) else type(callback).__name__
                raise TypeError(f"a callback is an object of a class derived from Callback, not {what}")
        if isinstance(optimizer, VectorOptimizer):
            raise TypeError(
                f"{type(optimizer).__name__} computes the loss itself, more than once in a step, so this loop, which "
                "gives it gradients, is not for it; write the loop, with optimizer.step(closure)"
            )
        self._guard = Guard(nonfinite)
        self.model = model
        self.evaluated = model
        self.loss = loss
        self.optimizer = optimizer
        self.metrics = metrics
        self.accumulate = accumulate
        self.callbacks = sorted(callbacks, key=lambda callback: callback.last)
        self.rng = check_generator(rng)
        self.loader: Iterable[Any] = ()
        self.validation: Iterable[Any] | None = None
        self.epochs = 0
        self.epoch = 0
        self.batch = 0
        self.updates = 0
        self.updated = False
        self.whole = True
        self.input: Any = None
        self.target: Any = None
        self.output: Any = None
        self.loss_value = math.nan
        self.history = History()
        self.stop_reason: str | None = None
        self.final: Mapping[str, Any] | None = None
        self._aside: dict[str, Any] | None = (
            None  # the weights of the training, while the model has final ones
        )
        self._interruption = Interruption(self.stop)
        self._present: RunningEpoch | None = None  # None between two epochs, and when nobody trains
        self.generators: dict[str, Source] = {}
        self._left: Mapping[str, Any] | None = None  # the epoch in whose middle the training was left
        self._go_to: Mapping[str, Any] | None = None  # the position that the next fit begins at

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
            FloatingPointError: for a loss or a gradient that is infinite or nan, before the update.
            ValueError: for a negative number of epochs, a loader without batches, and batches that are no pairs.
        """
        if not is_whole(epochs, 0):
            raise ValueError(f"epochs is a whole number from 0 on, not {epochs!r}")
        self.loader, self.validation, self.epochs = loader, validation, epochs
        self.stop_reason = self.history.stopped = self.final = None
        if self._aside is not None:
            self.take_weights(self._aside)
        self._interruption = Interruption(self.stop)
        own = nullcontext() if self.rng is None else drawing_from(self.rng)
        try:
            with mode(self.model, True), own, self._interruption:
                self._find_generators()
                self._call("on_train_begin")
                self._take_position()
                while self.stop_reason is None and self.epoch - (self._left is not None) < epochs:
                    self._run_epoch()
                self.history.stopped = self.stop_reason
                self._call("on_train_end")
        except BaseException as error:
            self._leave(forget=True)
            for callback in self.callbacks:
                callback.on_error(self, error)
            raise
        self._leave()
        if self.final is not None:
            self._aside = copied(self.model.state_dict())
            self.model.load_state_dict(self.final)
        self._interruption.raise_if_interrupted(self)
        return self.history

    def _run_epoch(self) -> None:
        """A new epoch, or the rest of the one that was left in its middle; until its end or a stop."""
        if self._left is None:
            self.epoch += 1
            self.batch = 0
            self.whole = False
            self._call("on_epoch_begin")
        present = RunningEpoch(self.metrics, self.loader, self.generators, self._left)
        self._present, self._left, self.whole = present, None, True
        while self.stop_reason is None:
            try:
                group = present.data.take(self.accumulate)
            except Exception:
                if self._interruption.caught is None:
                    raise
                return  # worker processes get Ctrl-C, too, and may have died of it
            if not group:
                self._finish(present)
                return
            self._update([pair(batch) for batch in group], present.means)

    def _finish(self, present: RunningEpoch) -> None:
        if self.batch and not present.means.samples:
            raise FloatingPointError(
                f"every update of epoch {self.epoch} was skipped, so nothing was learned in it"
            )
        scores = present.means.scores()
        checked = None
        if self.validation is not None:
            try:
                checked = evaluate(self.evaluated, self.loss, self.validation, metrics=self.metrics)
            except Exception:
                if self._interruption.caught is None:
                    raise
                return  # as above; the epoch is gone on with at its end
        self.history.epochs.append(Epoch(self.epoch, scores.loss, scores.metrics, checked, present.seconds))
        self._present = None
        self._call("on_epoch_end")

    def _update(self, group: list[Batch], means: Means) -> None:
        """Forward and backward of the batches that make one update, and the update."""
        sizes = [samples_in(target) for _, target in group]
        first = self.batch
        self.whole = False
        self.optimizer.zero_grad()
        self._guard.before_update(self)
        for (self.input, self.target), size in zip(group, sizes, strict=True):
            self.batch += 1
            self.updated = False
            last = self.batch == first + len(group)
            self._call("on_batch_begin")
            self._guard.before_batch(self)
            self.output = run(self.model, self.input)
            value = self.loss(self.output, self.target)
            self.loss_value = _number(value)
            good = self._guard.loss_is_good(self)
            if good:
                (value if len(group) == 1 else value * (size / sum(sizes))).backward()
                good = not last or self._guard.gradients_are_good(self)
            if not good:
                self.batch = first + len(group)  # the update is left out
            else:
                means.add(self.output, self.target, self.loss_value)
                if last:
                    self._call("on_gradients")
                    self.optimizer.step()
                    self.updates += 1
                    self.updated = True
            self.whole = last or not good
            self._call("on_batch_end")
            if not good:
                return

    def _call(self, hook: str) -> None:
        for callback in self.callbacks:
            getattr(callback, hook)(self)

    # where it stands

    @property
    def running_loss(self) -> float:
        """The mean loss over the present epoch so far; nan before its first batch."""
        means = None if self._present is None else self._present.means
        return math.nan if means is None or not means.samples else means.totals["loss"] / means.samples

    def where(self) -> str:
        """How far the training is, in words."""
        ahead = self._go_to is not None and self._go_to["epoch"] is not None
        inside = ahead or self._present is not None or self._left is not None
        return f"in epoch {self.epoch}, after batch {self.batch}" if inside else f"after epoch {self.epoch}"

    def _leave(self, forget: bool = False) -> None:
        """Let go of the data; the present epoch is gone on with later, or, after an error, begun again."""
        self.input = self.target = self.output = None
        if forget and (self._present is not None or not self.whole):
            self.epoch -= 1
        self.whole = True
        if self._present is not None:
            self._left = None if forget else self._present.state_dict()
            self._present.data.close()
            self._present = None

    # its state

    def state_dict(self) -> dict[str, Any]:
        """All that the training needs to go on as if it had never been stopped, also in the middle of an epoch.

        The weights, the optimiser, the callbacks with a state (such as schedules and early stopping), the history, the
        random state, and the position in the data. `optim.flatten_state` makes a dict of tensors of it; `Checkpoint`
        writes it into files.

        Raises:
            RuntimeError: within an update or before an epoch's first one, see `whole`.
        """
        if not self.whole:
            raise RuntimeError(
                "the state of a training is whole between two updates: take it in on_batch_end where trainer.whole is "
                "true, in on_epoch_end or in on_train_end"
            )
        return training_state(self)

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what `state_dict()` gave; the next `fit`, with the same data, goes on from there.

        Raises:
            ValueError, RuntimeError: for a state of another model, optimiser or list of callbacks; nothing is changed
                then. What the state says of data and generators is compared when `fit` begins.
        """
        restore(self, state_dict)

    def weights(self) -> Mapping[str, Any]:
        """The state of the model in training, also where it holds final weights now."""
        return self._aside if self._aside is not None else self.model.state_dict()

    def take_weights(self, weights: Mapping[str, Any]) -> None:
        """Load weights to train on with."""
        self.model.load_state_dict(weights)
        self._aside = None

    def position(self) -> dict[str, Any] | None:
        """The random state, where the loaders are, and the present epoch if the training is in its middle."""
        if self._go_to is not None or not self.generators:
            return None if self._go_to is None else dict(self._go_to)
        return {
            "random": random_state(self.generators),
            "loaders": places({"loader": self.loader, "validation": self.validation}),
            "epoch": self._left if self._present is None else self._present.state_dict(),
        }

    def go_to(self, position: Mapping[str, Any] | None) -> None:
        """Let the next `fit` begin at a position."""
        self._go_to = position
        self._left = None

    def _find_generators(self) -> None:
        names = ("rng", "model", "loss", "optimizer", "loader", "validation", "metrics")
        parts = {name: getattr(self, name) for name in names}
        self.generators = generators(parts | {"callbacks": named(self.callbacks)})

    def _take_position(self) -> None:
        if self._go_to is None:
            return
        put({"loader": self.loader, "validation": self.validation}, self._go_to["loaders"])
        set_random_state(self.generators, self._go_to["random"])
        self._left, self._go_to = self._go_to["epoch"], None


def _number(loss: Any) -> float:
    """The value of a loss, or an error that says what it should be."""
    if not isinstance(loss, Tensor):
        raise TypeError(
            f"a loss is a tensor of one number, the mean over the batch, and this one gave {type(loss).__name__}"
        )
    if loss.size != 1:
        raise ValueError(
            f"a loss is one number, the mean over the batch, and this one gave a tensor of shape {loss.shape}; "
            "take its mean"
        )
    return float(loss.item())
