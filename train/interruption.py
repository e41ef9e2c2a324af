"""Ctrl-C and SIGTERM: a training stops after its present update, with everything in order."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from .callbacks.checkpoint import Checkpoint

if TYPE_CHECKING:
    from .trainer import Trainer

_DEFAULTS: dict[signal.Signals, Any] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
}


class Interruption:
    """While it is entered, the first SIGINT or SIGTERM calls `stop`; a second one ends the program as ever.

    Handlers that somebody else has set are left alone, and so are signals outside of the main thread.
    """

    def __init__(self, stop: Callable[[str], None]) -> None:
        self.stop = stop
        self.caught: signal.Signals | None = None
        self._process = os.getpid()
        self._set: list[signal.Signals] = []

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            for number, default in _DEFAULTS.items():
                if signal.getsignal(number) is default:
                    signal.signal(number, self._handle)
                    self._set.append(number)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number in self._set:
            signal.signal(number, _DEFAULTS[number])
        self._set.clear()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        which = signal.Signals(number)
        if self.caught is not None or os.getpid() != self._process:  # a worker process has inherited this
            signal.signal(which, _DEFAULTS[which])
            os.kill(os.getpid(), which)
            return
        self.caught = which
        self.stop("Ctrl-C" if which is signal.SIGINT else which.name)
        # print() is not for signal handlers: it may be in the middle of another one.
        with suppress(OSError):  # nobody listens any more
            os.write(2, b"\nstopping after this batch; once more to stop at once\n")

    def raise_if_interrupted(self, trainer: Trainer) -> None:
        """Tell the program that it was to stop, now that everything is in order.

        Raises:
            KeyboardInterrupt: after Ctrl-C.
            SystemExit: after SIGTERM, with the status that a shell would give.
        """
        if self.caught is signal.SIGINT:
            files = [str(one.newest) for one in trainer.callbacks if isinstance(one, Checkpoint)]
            saved = f", and saved as {', '.join(files)}; resume=True goes on from there" if files else ""
            raise KeyboardInterrupt(f"the training was stopped by Ctrl-C {trainer.where()}{saved}")
        if self.caught is signal.SIGTERM:
            raise SystemExit(128 + signal.SIGTERM)
