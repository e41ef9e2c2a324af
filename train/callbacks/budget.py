"""A budget of time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..numbers_given import is_positive
from .base import Callback

if TYPE_CHECKING:
    from ..trainer import Trainer


class TimeBudget(Callback):
    """Stops the training after the batch at which a number of seconds is spent.

    The time is counted from the beginning of `fit`, anew when a training goes on from a checkpoint.

    Args:
        seconds: how long the training may take.

    Raises:
        ValueError: for a number that is not positive.
    """

    def __init__(self, seconds: float) -> None:
        if not is_positive(seconds):
            raise ValueError(f"a time budget is a positive number of seconds, not {seconds!r}")
        self.seconds = seconds
        self._end = 0.0

    def on_train_begin(self, trainer: Trainer) -> None:
        """Start the clock."""
        self._end = time.monotonic() + self.seconds

    def on_batch_end(self, trainer: Trainer) -> None:
        """Look at the clock."""
        self._check(trainer)

    def on_epoch_end(self, trainer: Trainer) -> None:
        """Look at the clock, for the validation may have taken long."""
        self._check(trainer)

    def _check(self, trainer: Trainer) -> None:
        if time.monotonic() >= self._end:
            trainer.stop(f"the time budget of {self.seconds:g} s is spent")
