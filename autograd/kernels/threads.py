"""Rows split among threads.

A compiled kernel is an ordinary function that runs without the interpreter's lock and does the rows from `start` to
`stop`; a handful of threads that wait for such pieces is all that is needed. Numba's own layers were measured, too:
starting a piece takes as long there (some 30 µs), and they do not go together: `workqueue` must not be entered by two
threads, `omp` fights with the threads of BLAS, and neither survives a fork.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from itertools import pairwise
from queue import SimpleQueue
from typing import Any, NamedTuple

from ..settings import config


class _Piece(NamedTuple):
    """Some rows of a kernel, and where to report that they are done."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    done: SimpleQueue[tuple[Any, BaseException | None]]

    def run(self) -> None:
        try:
            self.done.put((self.function(*self.arguments), None))
        except BaseException as error:
            self.done.put((None, error))


_waiting: SimpleQueue[_Piece] = SimpleQueue()
_workers = 0
_growing = threading.Lock()


def split(function: Callable[..., Any], rows: int, smallest: int, *arguments: Any) -> list[Any]:
    """Call `function(*arguments, start, stop)` for pieces that cover all rows, and wait for all of them.

    Args:
        function: compiled, and free of the interpreter's lock.
        rows: how many there are; none makes no call.
        smallest: how many rows are worth a thread.
        arguments: what comes before `start` and `stop`.

    Returns:
        What the calls returned, in the order of the rows.
    """
    count = max(1, min(config.threads, rows // max(smallest, 1)))
    if count == 1:
        return [function(*arguments, 0, rows)] if rows else []
    _start_workers(count - 1)
    bounds = [rows * i // count for i in range(count + 1)]
    pieces = [_Piece(function, (*arguments, start, stop), SimpleQueue()) for start, stop in pairwise(bounds)]
    for piece in pieces[1:]:
        _waiting.put(piece)
    pieces[0].run()
    reports = [piece.done.get() for piece in pieces]  # all of them, for they write to the caller's arrays
    for _, error in reports:
        if error is not None:
            raise error
    return [result for result, _ in reports]


def _start_workers(count: int) -> None:
    global _workers
    with _growing:
        while _workers < count:
            threading.Thread(target=_work, args=(_waiting,), name="pullback kernel", daemon=True).start()
            _workers += 1


def _work(waiting: SimpleQueue[_Piece]) -> None:
    while True:
        waiting.get().run()


def _begin_anew() -> None:
    """A forked process has none of the threads."""
    global _waiting, _workers, _growing
    _waiting, _workers, _growing = SimpleQueue(), 0, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
