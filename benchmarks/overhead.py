"""What an operation costs beyond its arithmetic: time and tape memory, beside PyTorch, HIPS autograd and micrograd.

    python benchmarks/overhead.py

Each library runs in a child process of its own (`python -P`, outside the checkout, one thread), and all are measured
in turn, round after round, so that they share whatever else the machine is doing. A library that is not installed
is a dash. See README.md beside this file.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any, NamedTuple

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # `python -P` leaves it out
from children import Child, peak, resident, serve
from steps.scalars import micrograd_tanh

LIBRARIES = {
    "pullback": "pullback",
    "torch": "PyTorch",
    "autograd": "HIPS autograd",
    "micrograd": "micrograd",
}


PLAIN = {"PULLBACK_FAST": "0"}  # Numba takes more memory than the work whose memory is weighed


class Sizes(NamedTuple):
    """How much is computed."""

    links: int = 50  # of a chain; three operations each
    repeats: int = 20  # of a chain in one round
    rounds: int = 15
    tape: int = 20_000  # links whose tape is weighed
    layers: int = 64
    width: int = 256


TINY = Sizes(links=2, repeats=1, rounds=2, tape=50, layers=2, width=4)

ROWS = {
    "array": "size-10 arrays, µs per operation",
    "scalar": "0-d scalars, µs per operation",
    "tape": "tape of size-10 arrays, bytes per operation",
    "deep": "peak memory of a deep network's step, MB",
}


# the work, as each library writes it: (values, then a function of them that gives the end of the chain)


def chain(x: Any, w: Any, b: Any, tanh: Callable[[Any], Any], links: int) -> Any:
    """x ← tanh(x·w + b), over and over."""
    for _ in range(links):
        x = tanh(x * w + b)
    return x


def steps_of(library: str, links: int, arrays: bool) -> Callable[[], Any]:
    """One forward and backward through a chain, as a function."""
    import numpy as np

    first, slope, offset = (np.full(10, v, np.float32) if arrays else v for v in (0.3, 0.9, 0.1))
    if library == "pullback":
        import pullback as pb

        x, w, b = pb.tensor(first), pb.tensor(slope, True), pb.tensor(offset, True)

        def step() -> None:
            y = chain(x, w, b, pb.tanh, links)
            (y.sum() if arrays else y).backward()
            w.grad = b.grad = None

    elif library == "torch":
        import torch

        x, w, b = (torch.tensor(v) for v in (first, slope, offset))
        w.requires_grad_()
        b.requires_grad_()

        def step() -> None:
            y = chain(x, w, b, torch.tanh, links)
            (y.sum() if arrays else y).backward()
            w.grad = b.grad = None

    elif library == "autograd":
        import autograd
        import autograd.numpy as anp

        def value(w: Any, b: Any) -> Any:
            y = chain(first, w, b, anp.tanh, links)
            return anp.sum(y) if arrays else y

        gradient = autograd.grad(value, (0, 1))

        def step() -> None:
            gradient(slope, offset)

    else:
        from micrograd.engine import Value

        def step() -> None:
            w, b = Value(slope), Value(offset)
            chain(Value(first), w, b, micrograd_tanh, links).backward()

    return step


def microseconds(library: str, sizes: Sizes, arrays: bool) -> float:
    """The time of an operation, forward and backward: the best of some repeats."""
    step = steps_of(library, sizes.links, arrays)
    step()
    best = math.inf
    for _ in range(sizes.repeats):
        start = time.perf_counter()
        step()
        best = min(best, time.perf_counter() - start)
    return 1e6 * best / (3 * sizes.links + arrays)


def tape_bytes(library: str, sizes: Sizes) -> float:
    """What the process grows by while a long chain is alive, per operation."""
    import numpy as np

    first, slope, offset = (np.full(10, v, np.float32) for v in (0.3, 0.9, 0.1))
    before, grown = resident(), [0]

    def weighed(x: Any) -> Any:
        grown[0] = resident() - before
        return x

    if library == "pullback":
        import pullback as pb

        x, w, b = pb.tensor(first), pb.tensor(slope, True), pb.tensor(offset, True)
        y = weighed(chain(x, w, b, pb.tanh, sizes.tape))
    elif library == "torch":
        import torch

        x, w, b = (torch.tensor(v) for v in (first, slope, offset))
        y = weighed(chain(x, w.requires_grad_(), b.requires_grad_(), torch.tanh, sizes.tape))
    else:
        import autograd
        import autograd.numpy as anp

        y = autograd.grad(lambda w: anp.sum(weighed(chain(first, w, offset, anp.tanh, sizes.tape))))(slope)
    del y
    return grown[0] / (3 * sizes.tape)


def deep_megabytes(library: str, sizes: Sizes) -> float:
    """How far the process's peak in three steps of a deep tanh network lies above what its weights need."""
    import numpy as np

    rng = np.random.default_rng(0)
    width = sizes.width

    def drawn() -> Any:
        return (rng.normal(size=(width, width)) / width**0.5).astype(np.float32)

    if library == "pullback":
        import pullback as pb

        x, ws = pb.tensor(drawn()), [pb.tensor(drawn(), True) for _ in range(sizes.layers)]
        tanh, quiet = pb.tanh, pb.no_grad
    else:
        import torch

        x, ws = (
            torch.tensor(drawn()),
            [torch.tensor(drawn(), requires_grad=True) for _ in range(sizes.layers)],
        )
        tanh, quiet = torch.tanh, torch.no_grad
    before = resident()
    for _ in range(3):
        y = x
        for w in ws:
            y = tanh(y @ w)
        (y * y).mean().backward()
        with quiet():
            for w in ws:
                w -= 0.01 * w.grad
                w.grad = None
    return max(peak() - before, 0) / 1e6


def applies(library: str, row: str) -> bool:
    """Whether a library can do the work of a row."""
    return {
        "array": library != "micrograd",
        "scalar": True,
        "tape": library != "micrograd" and os.path.exists("/proc/self/statm"),
        "deep": library in ("pullback", "torch") and os.path.exists("/proc/self/statm"),
    }[row]


def measure(library: str, row: str, sizes: Sizes) -> float:
    """One measurement."""
    if row in ("array", "scalar"):
        return microseconds(library, sizes, row == "array")
    return tape_bytes(library, sizes) if row == "tape" else deep_megabytes(library, sizes)


def run(libraries: list[str], sizes: Sizes, options: list[str]) -> dict[str, dict[str, float]]:
    """The figures by row and library: medians of times over the rounds, memory from a process each."""
    figures: dict[str, dict[str, float]] = {row: {} for row in ROWS}
    with tempfile.TemporaryDirectory() as folder:
        for row in ("tape", "deep"):
            for library in libraries:
                child = Child(__file__, library, options, folder, environment=PLAIN)
                if child.there and applies(library, row):
                    figures[row][library] = child.ask(row)
                child.close()
        children = {
            library: Child(__file__, library, options, folder, environment=PLAIN) for library in libraries
        }
        for row in ("array", "scalar"):
            found: dict[str, list[float]] = {}
            for _ in range(sizes.rounds):
                for library, child in children.items():
                    if child.there and applies(library, row):
                        found.setdefault(library, []).append(child.ask(row))
            figures[row] = {library: statistics.median(values) for library, values in found.items()}
        for child in children.values():
            child.close()
    return figures


def table(figures: dict[str, dict[str, float]]) -> str:
    """Markdown: each figure, and how many times PyTorch's it is."""
    lines = ["| | " + " | ".join(LIBRARIES.values()) + " |", "| --- |" + " ---: |" * len(LIBRARIES)]
    for row, title in ROWS.items():
        cells = []
        base = figures[row].get("torch")
        for library in LIBRARIES:
            value = figures[row].get(library)
            ratio = f" ({value / base:.2f}×)" if value is not None and base else ""
            cells.append("–" if value is None else f"{value:.{0 if value >= 100 else 2}f}{ratio}")
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--only", nargs="+", choices=LIBRARIES, default=list(LIBRARIES), help="some libraries"
    )
    parser.add_argument("--tiny", action="store_true", help="next to no work, to see that it runs")
    parser.add_argument("--serve", choices=LIBRARIES, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    sizes = TINY if chosen.tiny else Sizes()
    if chosen.serve:
        serve(chosen.serve, lambda row: measure(chosen.serve, row, sizes))
    else:
        print(table(run(chosen.only, sizes, ["--tiny"] * chosen.tiny)))


if __name__ == "__main__":
    main()
