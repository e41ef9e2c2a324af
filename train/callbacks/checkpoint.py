"""Checkpoint: the whole state of a training in files, to go on after a stop, a crash or a kill."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..checkpoint_file import (
    BEST,
    CheckpointError,
    checkpoint_name,
    checkpoints_in,
    load_checkpoint,
    remove_unfinished,
    write_checkpoint,
)
from ..numbers_given import is_whole
from .base import Callback
from .monitor import Monitor

if TYPE_CHECKING:
    from ..trainer import Trainer

UNITS = ("epochs", "batches", "seconds")


class Checkpoint(Callback):
    """Writes the state of a training into a folder, so that it can go on exactly where it was.

    A file holds everything: weights, buffers, optimiser, schedules and other callbacks, history, random state and the
    position in the order of the data. It appears whole or not at all, and is checked by a checksum when it is read, so
    a process may be killed at any moment; what goes on from the newest file gives bit by bit the weights that an
    undisturbed training gives. A last one is written when the training ends or is stopped, by Ctrl-C too.

    Args:
        folder: made if it is not there. One training has one folder.
        every: how often: after so many of `unit`.
        unit: "epochs", "batches" or "seconds"; a file is always written between two updates.
        keep: how many of the newest files are kept.
        best: also keep the state after the best epoch as `best.safetensors`: the score that says which it is, such as
            "validation loss".
        mode: "min" or "max", see `EarlyStopping`.

    Raises:
        ValueError: for options out of range.

    >>> import numpy as np, tempfile
    >>> from pullback import data, nn, optim, train
    >>> folder = tempfile.mkdtemp()
    >>> def training(epochs, resume=False):
    ...     rng = np.random.default_rng(0)
    ...     model = nn.Linear(1, 1, rng=rng)
    ...     x = np.linspace(-1, 1, 32).reshape(32, 1)
    ...     loader = data.DataLoader(data.TensorDataset(x, 3 * x), 8, shuffle=True, rng=rng)
    ...     return model, train.fit(
    ...         model, nn.MSELoss(), optim.Adam(model.parameters(), lr=0.1), loader, epochs=epochs,
    ...         checkpoint=folder, resume=resume, progress=False)
    >>> _ = training(epochs=3)
    >>> model, history = training(epochs=5, resume=True)
    >>> [epoch.number for epoch in history]
    [1, 2, 3, 4, 5]
    """

    last = True

    def __init__(
        self,
        folder: str | os.PathLike[str],
        every: float = 1,
        unit: str = "epochs",
        *,
        keep: int = 2,
        best: str | None = None,
        mode: str | None = None,
    ) -> None:
        if unit not in UNITS:
            raise ValueError(f"unit is 'epochs', 'batches' or 'seconds', not {unit!r}")
        if isinstance(every, bool) or not every > 0 or (unit != "seconds" and every != int(every)):
            raise ValueError(f"checkpoints are written every so many {unit}, and not every {every!r}")
        if not is_whole(keep, 1):
            raise ValueError(f"keep is a number of files from 1 on, not {keep!r}")
        if best is None and mode is not None:
            raise ValueError("mode says which score is the best; give best, the name of the score, too")
        self.folder = Path(folder)
        self.every = every
        self.unit = unit
        self.keep = keep
        self.monitor = None if best is None else Monitor(best, mode)
        self.newest: Path | None = None
        """The file that was written last, or that the training goes on from."""
        self._batches = 0  # since the last file
        self._written = 0.0  # when
        self._dirty = True  # whether there is something that no file has

    def resume(self, trainer: Trainer, path: str | os.PathLike[str] | None = None) -> bool:
        """Let a trainer go on from the newest checkpoint of the folder, or from another file.

        Returns:
            Whether there was one; else the training begins at its beginning.

        Raises:
            CheckpointError: for a file that is damaged, when the message names the one before it, and for one of
                another model.
            ValueError: for one of another optimiser or list of callbacks.
        """
        files = checkpoints_in(self.folder)
        if path is None and not files:
            return False
        self.newest = files[-1] if path is None else Path(path)
        state = load_checkpoint(self.newest)
        try:
            trainer.load_state_dict(state)
        except RuntimeError as error:
            raise CheckpointError(f"{self.newest} is of a training of another model: {error}") from error
        return True

    def on_train_begin(self, trainer: Trainer) -> None:
        """Make the folder, see that it holds no other training, and that the state can be written into it."""
        if self.newest is None and checkpoints_in(self.folder):
            raise CheckpointError(
                f"{self.folder} holds checkpoints of a training; go on with it by resume=True, or give another folder"
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        remove_unfinished(self.folder)
        if self.newest is None:  # what cannot be written is better found now than after an epoch
            trial = self.folder / checkpoint_name(0)
            write_checkpoint(trial, trainer.state_dict())
            trial.unlink()
        self._written = time.monotonic()
        self._dirty = self.newest is None

    def on_batch_end(self, trainer: Trainer) -> None:
        """Write if it is time to."""
        self._batches += 1
        self._dirty = True
        if trainer.whole and (
            (self.unit == "batches" and self._batches >= self.every)
            or (self.unit == "seconds" and time.monotonic() - self._written >= self.every)
        ):
            self._write(trainer)

    def on_epoch_end(self, trainer: Trainer) -> None:
        """Write if it is time to, or if the epoch was the best."""
        self._dirty = True
        if self.monitor is not None and self.monitor.better(trainer.history[-1]):
            write_checkpoint(self.folder / BEST, trainer.state_dict())
        if self.unit == "epochs" and trainer.epoch % self.every == 0:
            self._write(trainer)

    def on_train_end(self, trainer: Trainer) -> None:
        """Write what is not yet written."""
        if self._dirty:
            self._write(trainer)

    def _write(self, trainer: Trainer) -> None:
        path = self.folder / checkpoint_name(trainer.updates)
        write_checkpoint(path, trainer.state_dict())
        self.newest = path
        self._batches, self._written, self._dirty = 0, time.monotonic(), False
        files = checkpoints_in(self.folder)
        here = files.index(path) + 1
        # Later ones are of a future that has been given up, by going on from an older file.
        for other in files[: max(here - self.keep, 0)] + files[here:]:
            other.unlink(missing_ok=True)

    def state_dict(self) -> dict[str, Any]:
        """What the best epoch was."""
        return {} if self.monitor is None else self.monitor.state_dict()

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what `state_dict()` gave."""
        if self.monitor is not None:
            self.monitor.load_state_dict(state_dict)
