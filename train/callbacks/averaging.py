"""Averages of the weights along a training: Polyak's, exponential, and of epochs (SWA)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ...optim import AveragedModel, get_ema_multi_avg_fn, update_bn
from ...optim.saving import copied
from ..evaluation import run
from ..numbers_given import is_whole
from ..position import remembers
from ..random_state import generators, random_state, set_random_state
from .base import Callback

if TYPE_CHECKING:
    from ..trainer import Trainer


class PolyakAverage(Callback):
    """The mean of the weights over all updates, which the model has at the end of the training.

    A constant rate lets the weights wander around a minimum; their mean is nearer to it than any of them (Polyak and
    Juditsky, "Acceleration of stochastic approximation by averaging", 1992). If the trainer goes on, it does so with
    the weights that it had. An early stopping that restores its best weights goes first.

    Batch normalisations get the statistics that belong to the mean, by one more pass over the training data at the end.

    Args:
        start: how many epochs pass before the mean begins.

    Raises:
        ValueError: for a negative start.

    >>> import numpy as np
    >>> from pullback import data, nn, optim, train
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(64, 1))
    >>> loader = data.DataLoader(data.TensorDataset(x, 3 * x + rng.normal(size=(64, 1))), batch_size=2)
    >>> model = nn.Linear(1, 1, rng=rng)
    >>> average = train.PolyakAverage(start=2)
    >>> optimizer = optim.SGD(model.parameters(), lr=0.1)
    >>> history = train.fit(
    ...     model, nn.MSELoss(), optimizer, loader, epochs=20, callbacks=[average], progress=False
    ... )
    >>> average.count, bool(abs(model.weight.item() - 3) < 0.3)
    (576, True)
    """

    every = "batch"
    validates = False

    def __init__(self, start: int = 0) -> None:
        if not is_whole(start, 0):
            raise ValueError(f"start is a whole number of epochs from 0 on, not {start!r}")
        self.start = start
        self._kept = _Kept()
        self._loaded: Mapping[str, Any] | None = None

    @property
    def count(self) -> int:
        """How many weights the average is of."""
        return 0 if self._kept.averaged is None else self._kept.averaged.n_averaged

    @property
    def model(self) -> Any:
        """A copy of the model that has the average.

        Raises:
            RuntimeError: before the first weights were averaged.
        """
        if not self.count:
            raise RuntimeError(f"no weights have been averaged yet; it begins after {self.start} epochs")
        return self._kept.averaged.module

    def on_train_begin(self, trainer: Trainer) -> None:
        """Make the copy that the average is kept in, or go on with it."""
        if self._kept.source is not trainer.model:
            self._kept.averaged = AveragedModel(trainer.model, multi_avg_fn=self._rule())
            self._kept.source = trainer.model
        if self._loaded is not None:
            self._kept.averaged.load_state_dict(self._loaded)
            self._loaded = None
        self._show(trainer)

    def on_batch_end(self, trainer: Trainer) -> None:
        """Take the weights into the average after an update."""
        if self.every == "batch" and trainer.updated:
            self._update(trainer)

    def on_epoch_end(self, trainer: Trainer) -> None:
        """Take the weights into the average after an epoch."""
        if self.every == "epoch":
            self._update(trainer)

    def on_train_end(self, trainer: Trainer) -> None:
        """Let the model have the average."""
        if not self.count:
            return
        if not self.validates:
            with _undisturbed(trainer.loader, self._kept.averaged):
                update_bn(trainer.loader, _Called(self._kept.averaged))
        if trainer.final is None:
            trainer.final = copied(self.model.state_dict())

    def _rule(self) -> Any:
        """How the average is kept; the mean for None."""
        return None

    def _update(self, trainer: Trainer) -> None:
        if trainer.epoch > self.start:
            self._kept.averaged.update_parameters(trainer.model)
            self._show(trainer)

    def _show(self, trainer: Trainer) -> None:
        if self.validates and self.count:
            trainer.evaluated = self.model

    def state_dict(self) -> dict[str, Any]:
        """The average and how many weights it is of."""
        if self._loaded is not None:
            return {"average": dict(self._loaded)}
        averaged = self._kept.averaged
        return {"average": None if averaged is None else copied(averaged.state_dict())}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what `state_dict()` gave, when the training begins."""
        self._loaded = state_dict["average"]
        if self._loaded is None:
            self._kept = _Kept()


class SWA(PolyakAverage):
    """The mean of the weights at the ends of epochs, which the model has at the end of the training.

    Stochastic weight averaging: after a training as usual, go on for some epochs with a high constant or cyclic rate
    (`optim.swa_utils.SWALR`), and take the mean over those (Izmailov et al., "Averaging weights leads to wider optima
    and better generalization", 2018, https://arxiv.org/abs/1803.05407). In all else it is as `PolyakAverage`.

    Args:
        start: how many epochs pass before the mean begins.

    Raises:
        ValueError: for a negative start.

    >>> from pullback import train
    >>> average = train.SWA(start=75)  # train.fit(..., epochs=100, callbacks=[average])
    """

    every = "epoch"


class EMA(PolyakAverage):
    """The exponential average of the weights, decay·average + (1 − decay)·weights after each update.

    The model has it at the end of the training, and validations measure it, so that early stopping and the best
    checkpoint follow its score. It looks back over about 1/(1 − decay) updates. Buffers, such as the statistics of
    batch normalisations, are those of the model in training.

    Args:
        decay: the share of the average that is kept at each update, in [0, 1).
        start: how many epochs pass before the average begins.

    Raises:
        ValueError: for options out of range.

    >>> from pullback import train
    >>> average = train.EMA(0.99)  # train.fit(..., callbacks=[average])
    """

    validates = True

    def __init__(self, decay: float = 0.999, start: int = 0) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"decay is a share from 0 to below 1, not {decay!r}")
        super().__init__(start)
        self.decay = float(decay)

    def _rule(self) -> Any:
        return get_ema_multi_avg_fn(self.decay)


class _Kept:
    """The averaged model and whose it is; without a `__dict__`, as its copied generators belong to no training."""

    __slots__ = ("averaged", "source")

    def __init__(self) -> None:
        self.averaged: Any = None
        self.source: Any = None


class _Called:
    """A model that takes inputs as the trainer gives them."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.modules = model.modules
        self.train = model.train

    def __call__(self, input: Any) -> Any:
        return run(self.model, input)


@contextmanager
def _undisturbed(loader: Any, model: Any) -> Iterator[None]:
    """Go through a loader and leave it, and all random state, as they were."""
    found = generators({"loader": loader, "model": model})
    before = random_state(found)
    place = loader.state_dict() if remembers(loader) else None
    try:
        yield
    finally:
        if place is not None:
            loader.load_state_dict(place)
        set_random_state(found, before)
