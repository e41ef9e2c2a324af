"""Whole training steps by pullback and its peers, side by side: time, memory, and the time of the import.

    python -m benchmarks

Each library runs in a process of its own, started with `python -P` outside the checkout, and all are measured in turn,
round after round. Before that, all must have computed the same losses in their first steps. A library that is not
installed, or that has no text for a workload, is a dash. See README.md in the folder above.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

HERE = Path(__file__).resolve()
sys.path[:0] = [str(HERE.parent), str(HERE.parent.parent)]  # `python -P` leaves them out
from children import Child, load, peak, resident, serve  # noqa: E402 - found by the line above
from work import TITLES, work  # noqa: E402 - the same


class Library(NamedTuple):
    """A column of the table."""

    title: str
    module: str  # what is imported
    environment: dict[str, str] = {}  # noqa: RUF012 - never changed


LIBRARIES = {
    "pullback": Library("pullback, NumPy only", "pullback", {"PULLBACK_FAST": "0"}),
    "fast": Library("pullback with `fast`", "pullback", {"PULLBACK_FAST": "1"}),
    "torch": Library("PyTorch", "torch"),
    "compiled": Library("PyTorch, compiled", "torch", {"TORCH_LOGS": "-all"}),  # of breaks in the graph
    "jax": Library("JAX, jitted", "jax"),
    "autograd": Library("HIPS autograd", "autograd"),
    "mygrad": Library("MyGrad", "mygrad"),
    "micrograd": Library("micrograd", "micrograd"),
}
BASE = "torch"  # what ratios are to
FIRST = 3  # steps whose losses must be the same everywhere


class Sizes(NamedTuple):
    """How much is measured."""

    rounds: int = 7
    seconds: float = 0.3  # of steps in one round, of which the median counts
    tiny: bool = False
    pause: float = 0.2  # seconds before each turn, in which the threads of the one before fall asleep


def step_of(library: str, name: str, tiny: bool) -> Callable[[], float] | None:
    """A training step; None if the library has no text for the workload."""
    given = work(name, tiny)
    if library in ("pullback", "fast", "torch", "compiled"):
        from both import step

        lib: Any = __import__(LIBRARIES[library].module)
        if library == "fast" and not lib.config.fast:
            return None
        if library == "compiled":
            able = shutil.which("c++") and name not in ("W1", "W10")
            return lib.compile(step(lib, name, given)) if able else None
        return step(lib, name, given)
    if library == "micrograd":
        from scalars import micrograd_step

        return micrograd_step(given) if name == "W1" else None
    from functional import step as functional_step

    return functional_step(library, name, given)


class Measuring:
    """The child's side: answers "losses W3", "time W3" and "memory W3"; nothing, or nan, where it has no text."""

    def __init__(self, library: str, sizes: Sizes) -> None:
        self.measured, self.sizes = library, sizes
        self.steps: dict[str, Callable[[], float] | None] = {}

    def __call__(self, row: str) -> float | list[float]:
        """The first losses, or one figure."""
        kind, _, name = row.partition(" ")
        if kind == "memory":
            return self._megabytes(name)
        if name not in self.steps:
            self.steps[name] = step_of(self.measured, name, self.sizes.tiny)
        step = self.steps[name]
        if step is None:
            return [] if kind == "losses" else math.nan
        if kind == "losses":
            return [step() for _ in range(FIRST)]
        times: list[float] = []
        while not times or (sum(times) < self.sizes.seconds and len(times) < 100):
            start = time.perf_counter()
            step()
            times.append(time.perf_counter() - start)
        return 1e3 * statistics.median(times)

    def _megabytes(self, name: str) -> float:
        """How far the peak of three steps lies above the process that has loaded the library and run a tiny step."""
        small = step_of(self.measured, name, True)
        if small is None:
            return math.nan
        load(LIBRARIES[self.measured].module, small)
        before = resident()
        step = step_of(self.measured, name, self.sizes.tiny)
        assert step is not None
        for _ in range(3):
            step()
        return max(peak() - before, 0) / 1e6


def import_seconds(library: str, folder: str) -> float:
    """How long a new process takes to import a library."""
    code = f"import time; t = time.perf_counter(); import {LIBRARIES[library].module}; print(time.perf_counter() - t)"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=folder, capture_output=True, text=True, check=True
    )
    return float(done.stdout)


Figures = dict[str, dict[str, dict[str, float]]]  # by workload, by kind, by library


def run(libraries: list[str], names: list[str], sizes: Sizes, threads: int, options: list[str]) -> Figures:
    """The figures: medians over the rounds, memory from a process each."""
    figures: Figures = {name: {"time": {}, "memory": {}} for name in names}
    with tempfile.TemporaryDirectory() as folder:

        def child(library: str) -> Child:
            environment = LIBRARIES[library].environment
            return Child(str(HERE), library, options, folder, threads, environment)

        children = {library: child(library) for library in libraries}
        there = [library for library in libraries if children[library].there]
        for name in [name for name in names if name != "W11"]:
            losses = {library: children[library].ask_all(f"losses {name}") for library in there}
            able = [library for library in there if losses[library]]
            check_losses(name, {library: losses[library] for library in able})
            times: dict[str, list[float]] = {library: [] for library in able}
            for _ in range(sizes.rounds):
                for library in able:
                    time.sleep(sizes.pause)
                    times[library].append(children[library].ask(f"time {name}"))
            figures[name]["time"] = {library: statistics.median(values) for library, values in times.items()}
        for one in children.values():
            one.close()
        for name in names if os.path.exists("/proc/self/statm") else []:
            for library in figures[name]["time"]:
                one = child(library)
                figures[name]["memory"][library] = one.ask(f"memory {name}")
                one.close()
        if "W11" in names:
            loads: dict[str, list[float]] = {library: [] for library in there}
            for _ in range(sizes.rounds):
                for library in there:
                    loads[library].append(1e3 * import_seconds(library, folder))
            figures["W11"]["time"] = {library: statistics.median(values) for library, values in loads.items()}
    return figures


def check_losses(name: str, losses: dict[str, list[float]]) -> None:
    """Raise unless all have computed the same in their first steps."""
    first = next(iter(losses.values()), [])
    for library, found in losses.items():
        if not np.allclose(found, first, rtol=2e-3, atol=2e-3):
            raise RuntimeError(
                f"{name}: {library} computes {found} and the others {first}; nothing is compared"
            )


def table(figures: Figures, libraries: list[str], kind: str) -> str:
    """Markdown: each figure, and how many times PyTorch's it is."""
    shown = [library for library in libraries if any(library in row[kind] for row in figures.values())]
    lines = [
        "| | " + " | ".join(LIBRARIES[library].title for library in shown) + " |",
        "| --- |" + " ---: |" * len(shown),
    ]
    titles = TITLES | {"W11": "import"}
    for name, row in figures.items():
        if not row[kind]:
            continue
        base = row[kind].get(BASE)
        cells = []
        for library in shown:
            value = row[kind].get(library)
            ratio = f" (**{value / base:.2f}**)" if value is not None and base else ""
            cells.append("–" if value is None else f"{value:.{0 if value >= 100 else 2}f}{ratio}")
        lines.append(f"| {name}: {titles[name]} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def machine(threads: int) -> str:
    """What the figures were measured on, in a line."""
    return (
        f"{platform.machine()}, {os.cpu_count()} cores, {threads} threads, Python {platform.python_version()}, "
        f"NumPy {np.__version__}"
    )


def main(arguments: list[str] | None = None) -> None:
    """Measure, print the tables, and save the figures."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="whole training steps by pullback and its peers, side by side",
    )
    names = [*TITLES, "W11"]
    parser.add_argument("--workloads", nargs="+", choices=names, default=names, metavar="W", help="W1 to W11")
    parser.add_argument(
        "--only", nargs="+", choices=LIBRARIES, default=list(LIBRARIES), help="some libraries"
    )
    parser.add_argument("--rounds", type=int, default=Sizes().rounds, help="how often each is measured")
    parser.add_argument(
        "--threads", type=int, default=os.cpu_count() or 1, help="as many as there are processors"
    )
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the figures as JSON")
    parser.add_argument("--tiny", action="store_true", help="next to no work, to see that it runs")
    parser.add_argument("--serve", choices=LIBRARIES, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    sizes = Sizes(1, 0.0, True, 0.0) if chosen.tiny else Sizes(chosen.rounds)
    if chosen.serve:
        serve(LIBRARIES[chosen.serve].module, Measuring(chosen.serve, sizes))
        return
    figures = run(chosen.only, chosen.workloads, sizes, chosen.threads, ["--tiny"] * chosen.tiny)
    print(f"{machine(chosen.threads)}\n\nTime in ms; in bold how many times PyTorch's:\n")
    print(table(figures, chosen.only, "time"))
    if any(row["memory"] for row in figures.values()):
        print("\nMemory in MB that three steps need above what the library itself takes:\n")
        print(table(figures, chosen.only, "memory"))
    if chosen.save:
        chosen.save.write_text(json.dumps({"machine": machine(chosen.threads), "figures": figures}, indent=1))


if __name__ == "__main__":
    main()
