"""Learning curves that grow in a notebook while a model is trained."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ...viz import learning_curves
from .base import Callback

if TYPE_CHECKING:
    from ..trainer import Trainer


class LiveCurves(Callback):
    """Shows `viz.learning_curves` in the output of a notebook's cell, drawn anew as epochs are done.

    Args:
        every: the curves are drawn at most once in so many seconds, and at the end.
        theme: "light" or "dark".

    Raises:
        ImportError: when the training begins, without matplotlib or outside of IPython.
    """

    def __init__(self, every: float = 1.0, *, theme: str = "light") -> None:
        self.every = every
        self.theme = theme
        self._notebook: Any = None
        self._handle: Any = None
        self._drawn = 0.0

    def on_train_begin(self, trainer: Trainer) -> None:
        """See that there is something to draw on."""
        try:
            from IPython import display
        except ImportError as error:
            raise ImportError(
                "live curves are shown in notebooks, which bring IPython; elsewhere write the history into a file: "
                "train.HistoryFile"
            ) from error
        self._notebook = display
        if len(trainer.history):
            self._draw(trainer)

    def on_epoch_end(self, trainer: Trainer) -> None:
        """Draw if it is time to."""
        if self._handle is None or time.monotonic() - self._drawn >= self.every:
            self._draw(trainer)

    def on_train_end(self, trainer: Trainer) -> None:
        """Draw the last epochs."""
        if len(trainer.history):
            self._draw(trainer)
        self._handle = None

    def _draw(self, trainer: Trainer) -> None:
        plot = learning_curves(trainer.history, theme=self.theme)
        if self._handle is None:
            self._handle = self._notebook.display(plot, display_id=True)
        else:
            self._handle.update(plot)
        self._drawn = time.monotonic()
