"""How time and memory of a training step grow: with batch, depth, width, length, operations, parameters and more.

    python benchmarks/growth.py --picture growth.png

Each case is measured at sizes that double, in a process of its own with one thread; the exponent is the slope of the
logarithms over the upper sizes, where the work outweighs what is constant. pullback is measured without compiled
kernels, whose compiler alone takes more memory than most of these steps. See README.md beside this file.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # `python -P` leaves it out
from children import Child, peak, resident, serve

Step = Callable[[], Any]
LIBRARIES = {"pullback": "pullback", "torch": "PyTorch"}


class Case(NamedTuple):
    """What grows, and how the work grows with it."""

    title: str
    make: Callable[[Any, int], Step]  # (library, size) -> a step: forward, backward and update
    sizes: list[int]
    time: float  # the exponent that the work has
    memory: float


def doubled(first: int, last: int) -> list[int]:
    """Sizes from the first to the last, each twice the one before."""
    return [first << power for power in range(round(math.log2(last / first)) + 1)]


def _normal(lib: Any, *shape: int) -> Any:
    return lib.asarray(np.random.default_rng(0).normal(size=shape).astype(np.float32))


def _trained(lib: Any, model: Any, x: Any, classes: int) -> Step:
    y = lib.asarray(np.arange(len(x)) % classes)
    optimizer = lib.optim.Adam(model.parameters(), lr=1e-3)

    def step() -> None:
        optimizer.zero_grad()
        lib.nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()

    return step


def _batch(lib: Any, size: int) -> Step:
    nn = lib.nn
    model = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10))
    return _trained(lib, model, _normal(lib, size, 784), 10)


def _depth(lib: Any, size: int) -> Step:
    layers = [part for _ in range(size) for part in (lib.nn.Linear(64, 64), lib.nn.Tanh())]
    return _trained(lib, lib.nn.Sequential(*layers), _normal(lib, 32, 64), 64)


def _width(lib: Any, size: int) -> Step:
    nn = lib.nn
    model = nn.Sequential(
        nn.Linear(size, size), nn.ReLU(), nn.Linear(size, size), nn.ReLU(), nn.Linear(size, 10)
    )
    return _trained(lib, model, _normal(lib, 64, size), 10)


def _differentiated(f: Callable[[], Any], *leaves: Any) -> Step:
    def step() -> None:
        for leaf in leaves:
            leaf.grad = None
        f().backward()

    return step


def _recurrent(lib: Any, size: int) -> Step:
    layer, x = lib.nn.LSTM(32, 64), _normal(lib, size, 8, 32)
    return _differentiated(lambda: layer(x)[0].sum(), *layer.parameters())


def _attention(lib: Any, size: int) -> Step:
    q, k, v = (_normal(lib, 1, 2, size, 32).requires_grad_() for _ in range(3))
    return _differentiated(lambda: lib.nn.functional.scaled_dot_product_attention(q, k, v).sum(), q, k, v)


def _chain(lib: Any, size: int) -> Step:
    x = _normal(lib, 10).requires_grad_()

    def chain() -> Any:
        y = x
        for _ in range(size):
            y = lib.tanh(y)
        return y.sum()

    return _differentiated(chain, x)


def _fan_out(lib: Any, size: int) -> Step:
    x = _normal(lib, 10).requires_grad_()
    return _differentiated(lambda: lib.stack([x * number for number in range(size)]).sum(), x)


def _writes(lib: Any, size: int) -> Step:
    x = _normal(lib, 10).requires_grad_()

    def written() -> Any:
        rows = lib.zeros((size, 10))
        for row in range(size):
            rows[row] = x * row
        return rows.sum()

    return _differentiated(written, x)


def _parameters(lib: Any, size: int) -> Step:
    parameters = [_normal(lib, 16).requires_grad_() for _ in range(size)]
    optimizer = lib.optim.Adam(parameters, lr=1e-3)
    for parameter in parameters:
        parameter.grad = _normal(lib, 16)
    return lambda: optimizer.step()


def _table(lib: Any, size: int) -> Step:
    table = lib.nn.Embedding(size, 64)
    rows = lib.asarray(np.arange(256) % size)
    return _differentiated(lambda: table(rows).sum(), table.weight)


CASES = {
    "batch": Case("batch, of a network 784-256-128-10", _batch, doubled(64, 8192), 1, 1),
    "depth": Case("depth, in layers of 64", _depth, doubled(8, 1024), 1, 1),
    "width": Case("width, of a network of three layers", _width, doubled(128, 2048), 2, 2),
    "recurrent": Case("length, of an LSTM's sequence", _recurrent, doubled(16, 2048), 1, 1),
    "attention": Case("length, of attention", _attention, doubled(128, 4096), 2, 1),
    "chain": Case("operations in a chain", _chain, doubled(512, 65536), 1, 1),
    "fan-out": Case("uses of one value", _fan_out, doubled(256, 32768), 1, 1),
    "writes": Case("writes into one array", _writes, doubled(64, 8192), 1, 1),
    "parameters": Case("parameters of an optimiser", _parameters, doubled(64, 8192), 1, 1),
    "table": Case("rows of an embedding; 256 are used", _table, doubled(1024, 65536), 0, 1),
}


class Measuring:
    """The child's side: answers "chain 512" with seconds, and bytes above what there was before the first step."""

    def __init__(self, library: str, tiny: bool) -> None:
        self.measured, self.tiny = library, tiny
        self.before: int | None = None

    def __call__(self, row: str) -> list[float]:
        """The best time of some steps, and how far the peak has risen; ask for sizes in ascending order."""
        name, size = row.split()
        lib = __import__(self.measured)
        if self.before is None:
            CASES[name].make(lib, CASES[name].sizes[0] // 2)()
            self.before = resident()
        step = CASES[name].make(lib, int(size))
        step()
        times: list[float] = []
        while len(times) < (1 if self.tiny else 3) or (
            not self.tiny and sum(times) < 0.2 and len(times) < 50
        ):
            start = time.process_time()
            step()
            times.append(time.process_time() - start)
        return [min(times), max(peak() - self.before, 0)]


def exponent(sizes: list[int], figures: list[float]) -> float:
    """The slope of the logarithms over the upper half of the sizes; nan where a figure is zero."""
    upper = slice(-max(2, len(sizes) // 2), None)
    if min(figures[upper]) <= 0:
        return math.nan
    logarithms = [[math.log(value) for value in values[upper]] for values in (sizes, figures)]
    return statistics.linear_regression(*logarithms).slope


Figures = dict[str, dict[str, list[list[float]]]]  # by case and library: seconds and bytes at each size


def run(names: list[str], libraries: list[str], most: int | None) -> Figures:
    """Measure; at the first sizes only if `most` says so."""
    figures: Figures = {name: {} for name in names}
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            for library in libraries:
                options = ["--tiny"] * (most is not None)
                child = Child(__file__, library, options, folder, environment={"PULLBACK_FAST": "0"})
                if child.there:
                    rows = [child.ask_all(f"{name} {size}") for size in CASES[name].sizes[:most]]
                    figures[name][library] = [list(column) for column in zip(*rows, strict=True)]
                child.close()
    return figures


def table(figures: Figures) -> str:
    """Markdown: what grows, how the work does, and the exponents of each library."""
    libraries = [library for library in LIBRARIES if any(library in case for case in figures.values())]
    kinds = [f"{LIBRARIES[library]}: {kind}" for library in libraries for kind in ("time", "memory")]
    lines = [
        "| what grows | from, to | time, expected | memory, expected | " + " | ".join(kinds) + " |",
        "| --- | ---: |" + " ---: |" * (2 + len(kinds)),
    ]
    for name, found in figures.items():
        case = CASES[name]
        cells = [case.title, f"{case.sizes[0]:,} – {case.sizes[-1]:,}", f"{case.time:g}", f"{case.memory:g}"]
        for library in libraries:
            for kind in range(2):
                values = found[library][kind]
                slope = exponent(case.sizes[: len(values)], values)
                cells.append("–" if math.isnan(slope) else f"{slope:.2f}")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def draw(figures: Figures, path: Path) -> None:
    """A panel for each case, seconds above and memory below; dotted is the expected slope from the largest size."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    columns = math.ceil(len(figures) / 2)
    canvas, panels = pyplot.subplots(
        4, columns, figsize=(3 * columns, 9), squeeze=False, layout="constrained"
    )
    for at, (name, found) in enumerate(figures.items()):
        case = CASES[name]
        for kind, (unit, scale, expected) in enumerate((("ms", 1e3, case.time), ("MB", 1e-6, case.memory))):
            axes = panels[2 * (at // columns) + kind][at % columns]
            for library, values in found.items():
                sizes = np.array(case.sizes[: len(values[kind])])
                heights = scale * np.array(values[kind])
                shown = heights > 0
                (line,) = axes.loglog(sizes[shown], heights[shown], "o-", ms=3, label=LIBRARIES[library])
                if shown.any():
                    guide = heights[-1] * (sizes / sizes[-1]) ** expected
                    axes.loglog(sizes, guide, ":", color=line.get_color(), lw=1)
            axes.set_ylabel(unit)
            axes.set_xlabel(case.title if kind else "", fontsize=9)
            ends = case.sizes[:: max(1, len(case.sizes) // 3)]
            axes.set_xticks(ends, [f"{size:,}" for size in ends])
            axes.minorticks_off()
            axes.grid(alpha=0.2)
    panels[0][0].legend(frameon=False, fontsize=8)
    for unused in range(len(figures), 2 * columns):
        for kind in range(2):
            panels[2 * (unused // columns) + kind][unused % columns].set_axis_off()
    canvas.savefig(path, dpi=80)


def main(arguments: list[str] | None = None) -> None:
    """Measure, print the exponents, save figures and picture."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES), metavar="CASE")
    parser.add_argument(
        "--only", nargs="+", choices=LIBRARIES, default=list(LIBRARIES), help="some libraries"
    )
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the figures as JSON")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw them (needs matplotlib)")
    parser.add_argument("--tiny", action="store_true", help="the two smallest sizes, to see that it runs")
    parser.add_argument("--serve", choices=LIBRARIES, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.serve:
        gc.disable()  # it looks through all live nodes now and then
        serve(chosen.serve, Measuring(chosen.serve, chosen.tiny))
        return
    figures = run(chosen.cases, chosen.only, 2 if chosen.tiny else None)
    print(table(figures))
    if chosen.save:
        chosen.save.write_text(json.dumps(figures, indent=1))
    if chosen.picture:
        draw(figures, chosen.picture)


if __name__ == "__main__":
    main()
