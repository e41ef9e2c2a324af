"""Tasks on joblib's backends, with their results as they come."""

from __future__ import annotations

import importlib.util
import os
import shutil
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

    Raises:
        ImportError: where processes could be started and not be ended.
    """
    from joblib import Parallel, effective_n_jobs
    from joblib.parallel import LokyBackend, get_active_backend

    backend, _ = get_active_backend()
    count = effective_n_jobs(workers)
    if count > 1 and isinstance(backend, LokyBackend):
        _require_a_way_to_end_processes()
    if count == 1 or backend.supports_return_generator:
        parallel = Parallel(workers, return_as="generator_unordered", batch_size=1, pre_dispatch="n_jobs")
        yield from parallel(tasks)
        return
    waiting = iter(tasks)
    with Parallel(workers, batch_size=1) as parallel:
        while some := list(islice(waiting, count)):
            yield from parallel(some)


def _require_a_way_to_end_processes() -> None:
    """Refuse joblib's own processes where it cannot end them: after Ctrl-C or an error the program would never end."""
    if importlib.util.find_spec("psutil") or shutil.which("pgrep") or os.name == "nt":
        return
    raise ImportError(
        "worker processes need psutil or the program pgrep to be ended after Ctrl-C or an error, and neither is here: "
        "pip install psutil (the extra 'search' brings it); "
        'or work in threads, with joblib.parallel_config("threading")'
    )
