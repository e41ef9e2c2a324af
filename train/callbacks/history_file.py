"""The history of a training as a file that is always up to date."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from .base import Callback

if TYPE_CHECKING:
    from ..trainer import Trainer


class HistoryFile(Callback):
    """Writes the history into a file after each epoch, see `History.save`; it is never there by half.

    Args:
        path: of a file that ends with .json or .csv.

    Raises:
        ValueError: for another ending.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        if self.path.suffix not in (".json", ".csv"):
            raise ValueError(f"a history is written as .json or .csv, and not as {self.path.name!r}")

    def on_epoch_end(self, trainer: Trainer) -> None:
        """Write."""
        trainer.history.save(self.path)

    def on_train_end(self, trainer: Trainer) -> None:
        """Write why the training has ended."""
        trainer.history.save(self.path)
