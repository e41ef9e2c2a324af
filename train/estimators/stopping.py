"""When an estimator stops: after epochs without progress, and with the best parameters if there was a validation."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ..callbacks import Callback

if TYPE_CHECKING:
    from ..trainer import Trainer


class Patience(Callback):
    """Stops after `epochs` epochs in a row that did not lower the loss by `tol`.

    Args:
        epochs: how many.
        tol: what counts as progress.
        restore: go back to the state of the model in which the loss was least.
    """

    def __init__(self, epochs: int, tol: float, restore: bool) -> None:
        self.epochs = epochs
        self.tol = tol
        self.restore = restore
        self.best = math.inf
        self._waited = 0
        self._state: dict[str, Any] = {}

    def on_epoch_end(self, trainer: Trainer) -> None:
        """Look at the loss."""
        loss = trainer.history[-1].score()
        self._waited = 0 if loss < self.best - self.tol else self._waited + 1
        if loss < self.best:
            self.best = loss
            if self.restore:
                self._state = {
                    name: value.copy() if hasattr(value, "copy") else value
                    for name, value in trainer.model.state_dict().items()
                }
        if self._waited > self.epochs:
            trainer.stop(f"no progress of {self.tol:g} in {self.epochs} epochs")

    def on_train_end(self, trainer: Trainer) -> None:
        """Go back to the best state."""
        if self._state:
            trainer.model.load_state_dict(self._state)
