"""Progress: a bar on a terminal, plain lines elsewhere, or nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sized
from typing import Any, TextIO


class Progress:
    """Shows how far the training is: one bar per epoch that moves with the batches, and one line per epoch.

    Args:
        epochs: how many there will be.
        show: False for silence.
        stream: where to; standard error if not given. Bars are drawn only if it is a terminal.
    """

    def __init__(self, epochs: int, show: bool = True, stream: TextIO | None = None) -> None:
        self.epochs = epochs
        self.show = show
        self.stream = sys.stderr if stream is None else stream

    def batches(self, loader: Iterable[Any], epoch: int) -> Iterator[Any]:
        """The batches of one epoch, with a bar that moves as they are used."""
        if not (self.show and self.stream.isatty()):
            return iter(loader)
        from tqdm import tqdm  # type: ignore[import-untyped]  # it ships no types, and takes its time to import

        total = len(loader) if isinstance(loader, Sized) else None
        bar = tqdm(loader, self._title(epoch), total, leave=False, file=self.stream, dynamic_ncols=True)
        return iter(bar)

    def epoch(self, epoch: int, report: str) -> None:
        """Write the line of an epoch that is done."""
        if self.show:
            print(f"{self._title(epoch)}: {report}", file=self.stream, flush=True)

    def _title(self, epoch: int) -> str:
        return f"epoch {epoch:>{len(str(self.epochs))}}/{self.epochs}"
