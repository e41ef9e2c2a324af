"""Running functions that may be wrong in any way: with a limit of time, in silence, and with every error caught."""

from __future__ import annotations

import contextlib
import ctypes
import io
import random
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .belongings import Belongings

PATIENCE = 20  # times that a function which does not stop is told to


class AnswerError(Exception):
    """What a learner's function did instead of returning: an error, or no end."""


class _OutOfTime(BaseException):
    """Raised inside a function whose time is over."""


class Caller:
    """Calls functions with a limit for each call and one for all of them together."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.left = 12 * seconds
        self.stopped = False
        self.belongings = Belongings()

    def __call__(self, function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """What the function returns.

        Raises:
            AnswerError: with the error in words, that the time is over, or what the function has exchanged.
        """
        if self.stopped:
            raise AnswerError("was not run, because an earlier call took too long")
        limit, began = min(self.seconds, max(self.left, 0.01)), time.monotonic()
        found: dict[str, Any] = {}

        def work() -> None:
            try:
                with np.errstate(all="ignore"):
                    found["value"] = function(*arguments, **named)
            except BaseException as error:
                found["error"] = error

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        thread.join(limit)
        exchanged = self.belongings.mended()
        self.left -= time.monotonic() - began
        if thread.is_alive():
            self.stopped = True
            _stop(thread)
            raise AnswerError(
                f"did not end within {self.seconds:g} seconds; look for a loop that never stops"
            )
        if exchanged:
            raise AnswerError(f"puts something else in the place of {exchanged}, which others use")
        error = found.get("error")
        if error is not None:
            raise AnswerError(f"raises {_in_words(error)}")
        return found["value"]


def _stop(thread: threading.Thread) -> None:
    """Raise inside another thread, again if it catches that; what computes in C or sleeps goes on until it returns."""
    for _ in range(PATIENCE):
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(thread.ident or 0), ctypes.py_object(_OutOfTime)
        )
        thread.join(0.05)
        if not thread.is_alive():
            return


def _in_words(error: BaseException) -> str:
    text = " ".join(str(error).split())
    line = ""
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename != __file__ and not _installed(
            trace.tb_frame.f_code.co_filename
        ):
            line = f" (line {trace.tb_lineno} of {trace.tb_frame.f_code.co_name})"
        trace = trace.tb_next
    return f"{type(error).__name__}{': ' if text else ''}{text[:300]}{line}"


def _installed(path: str) -> bool:
    return "site-packages" in path or path.startswith(sys.base_prefix)


class _Nowhere(io.TextIOBase):
    """Takes everything that is written and keeps none of it."""

    def write(self, text: str) -> int:
        return len(text)


@contextlib.contextmanager
def apart(seed: int) -> Iterator[None]:
    """Without output and questions to the user, with the global generators seeded, and left as they were."""
    numpy_state, python_state, stdin = np.random.get_state(), random.getstate(), sys.stdin  # noqa: NPY002 - which others may use
    np.random.seed(seed)  # noqa: NPY002 - which others may use
    random.seed(seed)
    sys.stdin = io.StringIO()
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(_Nowhere()):
            warnings.simplefilter("ignore")
            with contextlib.redirect_stderr(_Nowhere()):
                yield
    finally:
        sys.stdin = stdin
        np.random.set_state(numpy_state)  # noqa: NPY002 - which others may use
        random.setstate(python_state)
