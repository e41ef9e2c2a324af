"""What the benchmarks share: processes that measure one library each, and how much memory a process has."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any


class Child:
    """A process that measures one library: a benchmark, started with `--serve`; with one thread by default."""

    def __init__(
        self,
        script: str,
        library: str,
        options: list[str],
        folder: str,
        threads: int = 1,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        variables = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        settings = os.environ | dict.fromkeys(variables, str(threads)) | environment
        self.process = subprocess.Popen(
            [sys.executable, "-P", os.path.abspath(script), "--serve", library, *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder, env=settings,
        )  # fmt: skip
        self.there = self._line() == "ready"

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def ask(self, row: str) -> float:
        """The figure of a row."""
        return float(self._answer(row))

    def ask_all(self, row: str) -> list[float]:
        """The figures of a row that has several."""
        return [float(figure) for figure in self._answer(row)]

    def _answer(self, row: str) -> Any:
        assert self.process.stdin is not None
        self.process.stdin.write(row + "\n")
        self.process.stdin.flush()
        answer = self._line()
        if not answer:
            raise RuntimeError(f"the process that measures {row!r} has ended; its error stands above")
        return json.loads(answer)

    def close(self) -> None:
        """End the process."""
        self.process.communicate()


def serve(library: str, measure: Callable[[str], float | list[float]]) -> None:
    """The child's side: for each row that is asked for on a line, answer with its figure, or its figures."""
    if importlib.util.find_spec(library) is None:
        print("missing", flush=True)
        return
    __import__(library)
    if library == "torch":
        import torch

        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(measure(line.strip())), flush=True)


def load(module: str, small: Callable[[], Any]) -> None:
    """Take a small step, so that what a library loads for it counts as the library's own memory.

    pullback takes its compiled kernels for it, which such a step does not need otherwise.
    """
    if module != "pullback":
        small()
        return
    from pullback.autograd.extend import every_size

    with every_size():
        small()


def resident() -> int:
    """The memory of this process, in bytes."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def peak() -> int:
    """The most memory that this process has had, in bytes."""
    import resource

    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
