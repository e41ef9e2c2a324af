"""Tasks on joblib's backends, with their results as they come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any


def as_they_come(tasks: Iterable[Any], workers: int | None) -> Iterator[Any]:
    """Run tasks, and give each result once it is there, in any order; a task is drawn when a worker is free for it.

    A backend that cannot give results one by one, such as multiprocessing's or Ray's, gets as many tasks at once as it
    has workers.

    Args:
        tasks: made by `joblib.delayed`.
        workers: how many at the same time; what `joblib.parallel_config` says if None.
    """
    from joblib import Parallel, effective_n_jobs
    from joblib.parallel import get_active_backend

    backend, _ = get_active_backend()
    count = effective_n_jobs(workers)
    if count == 1 or backend.supports_return_generator:
        parallel = Parallel(workers, return_as="generator_unordered", batch_size=1, pre_dispatch="n_jobs")
        yield from parallel(tasks)
        return
    waiting = iter(tasks)
    with Parallel(workers, batch_size=1) as parallel:
        while some := list(islice(waiting, count)):
            yield from parallel(some)
