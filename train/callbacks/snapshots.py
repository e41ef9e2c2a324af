"""Copies of the model along a training."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...optim.saving import copied
from ..numbers_given import is_whole
from .base import Callback

if TYPE_CHECKING:
    from ..trainer import Trainer


class Snapshots(Callback):
    """Keeps the weights of the model after every so many epochs, for an ensemble of them.

    `snapshot_ensemble` puts it together with the cyclic learning rate that it is meant for.

    Args:
        every: how many epochs lie between two snapshots.
        keep: how many of the last ones are kept; all if not given.

    Raises:
        ValueError: for numbers below 1.

    >>> from pullback import train
    >>> snapshots = train.Snapshots(every=10)
    """

    def __init__(self, every: int, keep: int | None = None) -> None:
        for name, value in (("every", every), ("keep", keep)):
            if value is not None and not is_whole(value, 1):
                raise ValueError(f"{name} is a whole number from 1 on, not {value!r}")
        self.every = every
        self.keep = keep
        self.weights: list[dict[str, Any]] = []
        """The state of the model at each snapshot, oldest first."""
        self._model: Any = None

    def on_train_begin(self, trainer: Trainer) -> None:
        """Remember whose snapshots they are."""
        self._model = trainer.model

    def on_epoch_end(self, trainer: Trainer) -> None:
        """Take a snapshot if it is time to."""
        if trainer.epoch % self.every == 0:
            self.weights.append(copied(trainer.model.state_dict()))
            if self.keep is not None:
                del self.weights[: -self.keep]

    def models(self) -> list[Any]:
        """A copy of the model with the weights of each snapshot.

        Raises:
            RuntimeError: before the first snapshot.
        """
        if not self.weights:
            raise RuntimeError(
                f"there are no snapshots yet; the first one is taken after {self.every} epochs"
            )
        models = [copy.deepcopy(self._model) for _ in self.weights]
        for model, weights in zip(models, self.weights, strict=True):
            model.load_state_dict(weights)
        return models

    def state_dict(self) -> dict[str, Any]:
        """The snapshots."""
        return {"snapshots": copied(self.weights)}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what `state_dict()` gave."""
        self.weights = copied(state_dict["snapshots"])
