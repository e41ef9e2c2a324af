"""Progress: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Sized
from typing import TYPE_CHECKING, Any, TextIO

from ..saying import say
from .base import Callback

if TYPE_CHECKING:
    from ..trainer import Trainer

PATIENCE = 30.0
"""After how many seconds without a word a line within an epoch is written, where there is no bar."""


class Progress(Callback):
    """Shows how far the training is: a bar that moves with the batches of an epoch, and a line for each epoch.

    Where there is no terminal, no bar is drawn; an epoch that takes long says every half minute how far it is. Where
    nobody listens any more, such as at a closed pipe, the training goes on in silence.

    Args:
        stream: where to; standard error if not given. Bars are drawn only if it is a terminal.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream
        self._bar: Any = None
        self._spoke = 0.0

    def on_train_begin(self, trainer: Trainer) -> None:
        """Say where a training goes on."""
        self._spoke = time.monotonic()
        if trainer.epoch:
            self._say(f"going on {trainer.where()}")

    def on_batch_end(self, trainer: Trainer) -> None:
        """Move the bar, or say a word if it is time to."""
        stream = self._stream()
        if _is_terminal(stream):
            if self._bar is None:
                from tqdm import tqdm  # type: ignore[import-untyped]  # no types; and it takes its time to import

                self._bar = tqdm(
                    desc=title(trainer),
                    total=length(trainer.loader),
                    initial=trainer.batch - 1,
                    leave=False,
                    file=stream,
                    dynamic_ncols=True,
                )
            self._bar.set_postfix_str(f"loss {trainer.running_loss:.4f}", refresh=False)
            self._bar.update()
        elif time.monotonic() - self._spoke >= PATIENCE:
            total = length(trainer.loader)
            of = "" if total is None else f"/{total}"
            self._say(f"{title(trainer)}: batch {trainer.batch}{of}, loss {trainer.running_loss:.4f}")

    def on_epoch_end(self, trainer: Trainer) -> None:
        """Write the line of the epoch."""
        self._close()
        self._say(f"{title(trainer)}: {trainer.history[-1]}")

    def on_train_end(self, trainer: Trainer) -> None:
        """Take the bar away, and say why the training ended early."""
        self._close()
        if trainer.stop_reason is not None:
            self._say(f"stopped in epoch {trainer.epoch}: {trainer.stop_reason}")

    def on_error(self, trainer: Trainer, error: BaseException) -> None:
        """Take the bar away."""
        self._close()

    def _stream(self) -> TextIO | None:
        return sys.stderr if self.stream is None else self.stream  # a program may have no standard error

    def _say(self, line: str) -> None:
        say(line, self.stream)
        self._spoke = time.monotonic()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and not stream.closed and stream.isatty()


def title(trainer: Trainer) -> str:
    """Such as "epoch  3/10"."""
    return f"epoch {trainer.epoch:>{len(str(trainer.epochs))}}/{trainer.epochs}"


def length(loader: Any) -> int | None:
    """The number of batches, if the loader knows it."""
    if not isinstance(loader, Sized):
        return None
    try:
        return len(loader)
    except TypeError:  # a loader over a stream may have a __len__ that cannot answer
        return None
