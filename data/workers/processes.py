"""Workers that are processes of their own: for samples that take long in Python itself.

They are started by `forkserver`, or `spawn` where there is none, and never by copying this process with its threads.
Jobs and batches go through a pipe per worker, and nothing lies in shared memory that could be left behind. A worker
whose pipe is closed ends, also if this process was killed.
"""

from __future__ import annotations

import multiprocessing
import pickle
import signal
import time
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import Any, NamedTuple

from ...autograd import get_default_dtype
from ..fetch import Fetcher
from .worker import Failure, receive, work

GRACE = 3.0  # seconds for a worker to finish its sample when it is sent home


class _Worker(NamedTuple):
    process: Any
    pipe: Connection


class ProcessCrew:
    """Processes that make batches, each the jobs that come round to it."""

    def __init__(self, fetch: Fetcher, count: int) -> None:
        content = _pickled(fetch)
        methods = multiprocessing.get_all_start_methods()
        context: Any = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
        self._workers: list[_Worker] = []
        self._submitted: list[int] = []
        self._turn = 0
        try:
            for number in range(count):
                pipe, theirs = context.Pipe()
                process = context.Process(
                    target=work,
                    args=(theirs, content, get_default_dtype().name),
                    name=f"pullback-loader-{number}",
                    daemon=True,
                )
                try:
                    process.start()
                except (EOFError, OSError) as error:
                    pipe.close()
                    raise RuntimeError(
                        f"worker processes could not be started ({error!r}); {_GUARD}"
                    ) from error
                finally:
                    theirs.close()
                self._workers.append(_Worker(process, pipe))
        except BaseException:
            self.close()
            raise

    def submit(self, seed: int, number: int, indices: Any) -> None:
        """Send a job to the worker whose turn it is."""
        worker = self._workers[(self._turn + len(self._submitted)) % len(self._workers)]
        self._submitted.append(number)
        with suppress(OSError):  # if it is gone, `result` says so, after what it made before
            worker.pipe.send((seed, number, indices))

    def result(self) -> Any:
        """The oldest batch, or the error that it ended in."""
        worker, number = self._workers[self._turn % len(self._workers)], self._submitted.pop(0)
        self._turn += 1
        wait([worker.pipe, worker.process.sentinel])
        try:
            answer = receive(worker.pipe) if worker.pipe.poll() else None
        except (EOFError, OSError):
            answer = None
        if answer is None:
            raise RuntimeError(_obituary(worker.process, number, first=self._turn <= len(self._workers)))
        if isinstance(answer.content, Failure):
            raise answer.content.error(f"{worker.process.name} (process {worker.process.pid})")
        return answer.content

    def close(self) -> None:
        """Close the pipes, at which a worker ends when its sample is finished; and end those that take too long."""
        for worker in self._workers:
            worker.pipe.close()
        for end in (None, "terminate", "kill"):
            deadline = time.monotonic() + GRACE
            for worker in self._workers:
                if end is not None:
                    getattr(worker.process, end)()
            for worker in self._workers:
                worker.process.join(max(deadline - time.monotonic(), 0))
            self._workers = [worker for worker in self._workers if worker.process.exitcode is None]


_GUARD = (
    'a script that uses worker processes is a file, and does so below `if __name__ == "__main__":`, because they '
    "import it; workers='thread' needs no such thing"
)


def _pickled(fetch: Fetcher) -> bytes:
    try:
        return pickle.dumps(fetch)
    except Exception as error:
        parts = {"the data set": fetch.dataset, "collate_fn": fetch.collate_fn}
        culprit = next((name for name, part in parts.items() if not _can_be_pickled(part)), "the data set")
        raise TypeError(
            f"{culprit} cannot be sent to worker processes: {error}. What it is made of has to be defined at the top "
            "level of a module (no lambda, no function or class inside another, no open file), and tensors "
            "without a graph; or use workers='thread'"
        ) from error


def _can_be_pickled(part: Any) -> bool:
    try:
        pickle.dumps(part)
    except Exception:
        return False
    return True


def _obituary(process: Any, number: int, first: bool) -> str:
    """What is known about a worker that is gone."""
    process.join(GRACE)
    code = process.exitcode
    what = f"{process.name} (process {process.pid}), which was to make batch {number},"
    if code is not None and code < 0:
        return (
            f"{what} was killed by {signal.Signals(-code).name}; the system does that when memory runs out: "
            "use fewer workers, smaller batches, or workers='thread'"
        )
    return f"{what} ended by itself with exit code {code}" + (f"; {_GUARD}" if first else "")
