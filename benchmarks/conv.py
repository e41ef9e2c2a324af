"""What convolution costs beside PyTorch on the CPU, forward and backward, with its default layout and channels last.

    python benchmarks/conv.py
    python benchmarks/conv.py --threads 2

Each library runs in a child process of its own (`children.py`), and both are measured in turn, round after round. See
README.md beside this file.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any, NamedTuple

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # `python -P` leaves it out
from children import Child, serve

LIBRARIES = ("pullback", "torch")
COLUMNS = {"pullback": "pullback", "torch": "PyTorch", "torch last": "PyTorch, channels last"}
KINDS = ("forward", "backward")


class Case(NamedTuple):
    """Images and a layer."""

    input: tuple[int, int, int]  # how many, of how many channels, how high and wide
    filters: int
    kernel: int
    stride: int = 1
    groups: int = 1


CASES = {
    "3×3 3→32, 64×32×32": Case((64, 3, 32), 32, 3),
    "3×3 32→32, 64×32×32": Case((64, 32, 32), 32, 3),
    "3×3 32→64, 64×16×16": Case((64, 32, 16), 64, 3),
    "3×3 64→64, 32×56×56": Case((32, 64, 56), 64, 3),
    "3×3 64→64, 1×56×56": Case((1, 64, 56), 64, 3),
    "1×1 64→256, 32×56×56": Case((32, 64, 56), 256, 1),
    "3×3/2 64→128, 32×56×56": Case((32, 64, 56), 128, 3, 2),
    "depthwise 3×3 64, 32×56×56": Case((32, 64, 56), 64, 3, 1, 64),
    "depthwise 5×5 64, 32×56×56": Case((32, 64, 56), 64, 5, 1, 64),
    "7×7/2 3→64, 32×224×224": Case((32, 3, 224), 64, 7, 2),
    "7×7/2 3→64, 1×224×224": Case((1, 3, 224), 64, 7, 2),
    "3×3 512→512, 16×7×7": Case((16, 512, 7), 512, 3),
}


class Sizes(NamedTuple):
    """How much is computed."""

    repeats: int = 3
    rounds: int = 5
    images: int | None = None  # how many of a batch, if not all


TINY = Sizes(repeats=1, rounds=1, images=1)


def step_of(library: str, case: Case, sizes: Sizes, last: bool = False) -> Callable[[], list[float]]:
    """One forward and backward, as a function that returns both times in milliseconds."""
    import numpy as np

    rng = np.random.default_rng(0)
    count, channels, side = case.input
    images = rng.normal(size=(sizes.images or count, channels, side, side)).astype("float32")
    if library == "pullback":
        import pullback as lib

        x = lib.asarray(images).requires_grad_()
    else:
        import torch as lib

        x = lib.from_numpy(images)
        x = (x.contiguous(memory_format=lib.channels_last) if last else x).requires_grad_()
    layer: Any = lib.nn.Conv2d(
        channels, case.filters, case.kernel, case.stride, case.kernel // 2, groups=case.groups
    )
    if last:
        layer = layer.to(memory_format=lib.channels_last)
    gradient = layer(x).detach() * 0 + 1
    # the processor's time of one thread is blind to what else the machine does; of several it is their sum
    clock = time.process_time if os.environ.get("OMP_NUM_THREADS") == "1" else time.perf_counter

    def step() -> list[float]:
        start = clock()
        result = layer(x)
        middle = clock()
        result.backward(gradient)
        end = clock()
        for leaf in (x, *layer.parameters()):
            leaf.grad = None
        return [1e3 * (middle - start), 1e3 * (end - middle)]

    return step


def measure(library: str, row: str, sizes: Sizes) -> list[float]:
    """Forward and backward of a case, the best of some repeats each; "last " before its name for that layout."""
    name = row.removeprefix("last ")
    step = step_of(library, CASES[name], sizes, last=name != row)
    step()
    times = [step() for _ in range(sizes.repeats)]
    return [min(time[kind] for time in times) for kind in range(len(KINDS))]


Figures = dict[str, dict[str, list[float]]]  # by case, by column: forward and backward


def run(libraries: list[str], names: list[str], sizes: Sizes, threads: int, options: list[str]) -> Figures:
    """The medians over the rounds."""
    figures: Figures = {}
    with tempfile.TemporaryDirectory() as folder:
        children = {library: Child(__file__, library, options, folder, threads) for library in libraries}
        columns = [column for column in COLUMNS if column.split()[0] in children]
        columns = [column for column in columns if children[column.split()[0]].there]
        for name in names:
            found: dict[str, list[list[float]]] = {column: [] for column in columns}
            for _ in range(sizes.rounds):
                for column in columns:
                    library, _, layout = column.partition(" ")
                    found[column].append(children[library].ask_all(f"{layout} {name}".strip()))
            figures[name] = {
                column: [statistics.median(kind) for kind in zip(*times, strict=True)]
                for column, times in found.items()
            }
        for child in children.values():
            child.close()
    return figures


def table(figures: Figures) -> str:
    """Markdown: milliseconds, and in parentheses how many times PyTorch's default they are."""
    lines = [
        "| ms | " + " | ".join(f"{title}, {kind}" for title in COLUMNS.values() for kind in KINDS) + " |"
    ]
    lines.append("| --- |" + " ---: |" * (len(COLUMNS) * len(KINDS)))
    for name, times in figures.items():
        cells = []
        for column in COLUMNS:
            for kind in range(len(KINDS)):
                if column not in times:
                    cells.append("–")
                    continue
                cell = f"{times[column][kind]:.2f}"
                if column != "torch" and "torch" in times:
                    cell += f" ({times[column][kind] / times['torch'][kind]:.2f}×)"
                cells.append(cell)
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=LIBRARIES, default=list(LIBRARIES), help="one library")
    parser.add_argument("--layers", default="", help="only those whose line has this word in it")
    parser.add_argument("--threads", type=int, default=1, help="of each library")
    parser.add_argument("--tiny", action="store_true", help="next to no work, to see that it runs")
    parser.add_argument("--serve", choices=LIBRARIES, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    sizes = TINY if chosen.tiny else Sizes()
    if chosen.serve:
        serve(chosen.serve, lambda row: measure(chosen.serve, row, sizes))
        return
    names = [name for name in CASES if chosen.layers in name]
    print(table(run(chosen.only, names, sizes, chosen.threads, ["--tiny"] * chosen.tiny)))


if __name__ == "__main__":
    main()
