"""Rows split among threads.

A compiled kernel is an ordinary function that runs without the interpreter's lock and does the rows from `start` to
`stop`; a handful of threads that take such pieces is all that is needed. Numba's own layers were measured, too:
starting a piece takes some 30 µs there, and they do not go together: `workqueue` must not be entered by two
threads, `omp` fights with the threads of BLAS, and neither survives a fork.

A thread that has done a piece looks for the next one for a moment before it sleeps (`sharing.py`), since a training
step calls one kernel after the other. One caller at a time has the threads; whoever comes meanwhile does the same
pieces alone, so that results do not depend on it.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from queue import SimpleQueue
from typing import Any

import numpy as np

from ..settings import config

AWAKE = 6e-4  # seconds for which a thread looks for more work; between two kernels of a step lies less
OPEN, LEFT, JOB, CODE, CALLS, WORDS = 0, 8, 16, 17, 24, 32
"""Places in a box, a cache line for each that changes: pieces that nobody has taken, pieces that are not done, where
the job is, what does one of its pieces, and how often Python has called those who wait; and how long a box is."""


class _Piece:
    """Some rows of a function of Python, and what became of them."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.function = function
        self.arguments = arguments
        self.given = False  # to a thread
        self.done = threading.Lock()
        self.done.acquire()
        self.result: Any = None
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.result = self.function(*self.arguments)
        except BaseException as error:
            self.error = error
        finally:
            self.done.release()


def _wait(pieces: list[_Piece]) -> None:
    """Wait for what threads were given, after an interrupt, too: it writes to the caller's arrays."""
    try:
        for piece in pieces:
            if piece.given:
                with piece.done:
                    pass
    except BaseException:
        _wait(pieces)
        raise


class _Pool:
    """Threads, and the box in which they look for pieces of compiled kernels."""

    def __init__(self) -> None:
        self.owner: dict[int, object] = {}  # at 0, what the caller whose pieces these are is known by
        self.box = np.zeros(WORDS, np.int64)
        self.patience = 0
        self.closed = False
        self.refused = False  # a thread, by the system
        self.queues: list[SimpleQueue[_Piece | None]] = []
        self.asleep: list[bool] = []
        self.threads: list[threading.Thread] = []

    def wake(self, count: int) -> None:
        """Have so many threads look into the box."""
        if len(self.threads) < count:
            count = self._start(count)
        for number in range(count):
            if self.asleep[number]:
                self.asleep[number] = False
                self.queues[number].put(None)

    def give(self, pieces: list[_Piece]) -> None:
        """Have each piece done by a thread, as far as there are any."""
        count = self._start(len(pieces))
        self.box[CALLS] += 1  # back from compiled code
        for number, piece in enumerate(pieces[:count]):
            self.asleep[number] = False
            piece.given = True
            self.queues[number].put(piece)

    def _start(self, count: int) -> int:
        """Start threads until there are so many; how many of them there are."""
        while len(self.threads) < count and not self.refused:
            number, queue = len(self.threads), SimpleQueue[_Piece | None]()
            thread = threading.Thread(
                target=self._work, args=(number, queue), name="pullback kernel", daemon=True
            )
            try:
                thread.start()
            except RuntimeError:  # there are as many as may be, or the program ends
                self.refused = True
                break
            # an interrupt may come in between: only a thread that has started is counted
            self.queues[number:] = [queue]
            self.asleep[number:] = [True]
            self.threads.append(thread)
        return min(count, len(self.threads))

    def _work(self, number: int, queue: SimpleQueue[_Piece | None]) -> None:
        while not self.closed:
            piece = queue.get()
            if piece is not None:
                piece.run()
                piece = None  # its arrays are the caller's to free
            elif not self.closed:
                self._serve()
            self.asleep[number] = True

    def _serve(self) -> None:
        from .sharing import serve

        serve(self.box, self.box[CALLS], self.patience)

    def measure(self) -> None:
        """How many looks a thread takes in the time for which it is to stay awake."""
        from .sharing import serve

        empty, looks = np.zeros(WORDS, np.int64), 1 << 10
        serve(empty, 0, 1)
        times = []
        for _ in range(3):
            start = time.perf_counter()
            serve(empty, 0, looks)
            times.append(time.perf_counter() - start)
        self.patience = int(looks * AWAKE / min(times))

    def close(self) -> None:
        """End the threads, which must not be in compiled code when that goes."""
        end = time.monotonic() + 1
        while self.owner.setdefault(0, self) is not self and time.monotonic() < end:
            time.sleep(1e-3)  # and nobody has them any more
        self.closed = True
        self.box[CALLS] += 1
        for queue in self.queues:
            queue.put(None)
        for thread in self.threads:
            thread.join(timeout=1)


_pool = _Pool()


def split(function: Callable[..., Any], rows: int, smallest: int, *arguments: Any) -> list[Any]:
    """Call `function(*arguments, start, stop)` for pieces that cover all rows, and wait for all of them.

    Args:
        function: compiled, and free of the interpreter's lock; or a function of Python that frees it.
        rows: how many there are; none makes no call.
        smallest: how many rows are worth a thread.
        arguments: what comes before `start` and `stop`.

    Returns:
        What the calls returned, in the order of the rows.
    """
    if not rows:
        return []
    count = max(1, min(config.threads, rows // max(smallest, 1)))
    pool = _pool
    shared = getattr(function, "shared", None)
    if shared is None:
        return _split_in_python(pool, function, rows, count, arguments)
    if count == 1:
        return shared(pool.box, *arguments, rows, 1)  # type: ignore[no-any-return]  # a list
    mine = object()
    try:
        # no lock: an interrupt that comes when it has just been taken would leave it so
        if pool.owner.setdefault(0, mine) is not mine:
            return shared(np.zeros(WORDS, np.int64), *arguments, rows, count)  # type: ignore[no-any-return]  # the same
        if not pool.patience:
            pool.measure()
        pool.wake(count - 1)
        return shared(pool.box, *arguments, rows, count)  # type: ignore[no-any-return]  # the same
    finally:
        if 0 in pool.owner and pool.owner[0] is mine:
            del pool.owner[0]


def _split_in_python(
    pool: _Pool, function: Callable[..., Any], rows: int, count: int, arguments: tuple[Any, ...]
) -> list[Any]:
    bounds = pairwise([rows * i // count for i in range(count + 1)])
    mine = object()
    try:
        if count == 1 or pool.closed or pool.owner.setdefault(0, mine) is not mine:
            return [function(*arguments, start, stop) for start, stop in bounds]
        pieces = [_Piece(function, *arguments, start, stop) for start, stop in bounds]
        try:
            pool.give(pieces[1:])
            for piece in pieces:
                if not piece.given:
                    piece.run()
        finally:
            _wait(pieces)
    finally:
        if 0 in pool.owner and pool.owner[0] is mine:
            del pool.owner[0]
    for piece in pieces:
        if piece.error is not None:
            raise piece.error
    return [piece.result for piece in pieces]


def _begin_anew() -> None:
    """A forked process has none of the threads."""
    global _pool
    _pool = _Pool()


atexit.register(lambda: _pool.close())
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
