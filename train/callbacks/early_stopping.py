"""Early stopping."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...optim.saving import copied
from ..numbers_given import is_whole
from .base import Callback
from .monitor import Monitor

if TYPE_CHECKING:
    from ..trainer import Trainer


class EarlyStopping(Callback):
    """Stops when a score has not become better for some epochs, and gives the model its best weights.

    The model has the best weights after every end of the training, also where it was not this that ended it. If the
    trainer goes on, it does so with the weights that it had.

    Args:
        monitor: the score to follow, such as "validation accuracy"; if not given, "validation loss" where there is a
            validation, else "loss".
        patience: after how many epochs in a row that were no better than the best one the training stops.
        min_delta: by how much a score must be better to count.
        mode: "min" where a smaller score is better, "max" where a larger one is; for a loss it may be left out.
        restore: give the model the best weights at the end.

    Raises:
        ValueError: for options out of range, and for a score that nobody computes.

    >>> from pullback import train
    >>> stopping = train.EarlyStopping("validation accuracy", patience=5, mode="max")
    """

    def __init__(
        self,
        monitor: str | None = None,
        patience: int = 5,
        min_delta: float = 0.0,
        mode: str | None = None,
        *,
        restore: bool = True,
    ) -> None:
        if not is_whole(patience, 1):
            raise ValueError(f"patience is a whole number of epochs from 1 on, not {patience!r}")
        self.monitor = Monitor(monitor, mode, min_delta)
        self.patience = patience
        self.restore = restore
        self.waited = 0
        self.best_weights: Any = None

    @property
    def best(self) -> float | None:
        """The best score so far."""
        return self.monitor.best

    @property
    def best_epoch(self) -> int:
        """The number of the best epoch so far; 0 if there is none."""
        return self.monitor.best_epoch

    def on_train_begin(self, trainer: Trainer) -> None:
        """A training that had been stopped by this is still to be stopped."""
        self._stop_if_done(trainer)

    def on_epoch_end(self, trainer: Trainer) -> None:
        """Look at the score."""
        if self.monitor.better(trainer.history[-1]):
            self.waited = 0
            if self.restore:
                self.best_weights = copied(trainer.evaluated.state_dict())
        else:
            self.waited += 1
        self._stop_if_done(trainer)

    def on_train_end(self, trainer: Trainer) -> None:
        """Let the model have the best weights."""
        if self.best_weights is not None:
            trainer.final = self.best_weights

    def _stop_if_done(self, trainer: Trainer) -> None:
        if self.waited >= self.patience:
            name = self.monitor.name or "the loss"
            trainer.stop(f"{name} has not become better than {self.best} since epoch {self.best_epoch}")

    def state_dict(self) -> dict[str, Any]:
        """The best score and weights, and how long it waits for better ones."""
        return {**self.monitor.state_dict(), "waited": self.waited, "weights": self.best_weights}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what `state_dict()` gave."""
        self.monitor.load_state_dict(state_dict)
        self.waited = state_dict["waited"]
        self.best_weights = state_dict["weights"]
