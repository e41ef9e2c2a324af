"""Workers that are threads of this program: nothing is copied, and NumPy, Pillow and files let them run at once."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

from ..fetch import Fetcher


class ThreadCrew:
    """Threads that make batches."""

    def __init__(self, fetch: Fetcher, count: int) -> None:
        self._fetch = fetch
        self._own: set[int] = set()
        self._executor = ThreadPoolExecutor(
            count, "pullback-loader", lambda: self._own.add(threading.get_ident())
        )
        self._jobs: deque[Future[Any]] = deque()

    def submit(self, seed: int, number: int, indices: Any) -> None:
        """Let a thread make a batch, with gradients on or off as they are here."""
        self._jobs.append(self._executor.submit(copy_context().run, self._fetch, seed, number, indices))

    def result(self) -> Any:
        """The oldest batch; an error comes with the worker's own traceback."""
        return self._jobs.popleft().result()

    def close(self) -> None:
        """Begin no further job, and wait for those that are being done."""
        # The garbage collector may run in one of the threads, which cannot wait for itself.
        inside = threading.get_ident() in self._own
        self._executor.shutdown(wait=not inside, cancel_futures=True)
