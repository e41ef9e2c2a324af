"""How long pictures of large graphs take: ResNet-50, a GPT, and 10,000 operations without modules.

    python benchmarks/pictures.py

Each row is a computation that has been recorded, with its backward pass. *Draw* captures the graph and collapses it,
*SVG* arranges and writes the picture, *whole* draws every node. See README.md beside this file.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

COLUMNS = ("nodes", "shown", "draw, s", "SVG, s", "whole, s")


class Row(NamedTuple):
    """A recorded computation; `tiny` is one that only shows that it runs."""

    title: str
    record: Callable[[bool], Any]


def resnet(tiny: bool) -> Any:
    """The forward and backward pass of ResNet-50, or of some layers."""
    import pullback as pb

    layers = (layer for _ in range(24) for layer in (pb.nn.Linear(2, 2), pb.nn.ReLU()))
    model = pb.nn.Sequential(*layers) if tiny else pb.nn.models.resnet50()
    x = pb.randn(2, 2) if tiny else pb.randn(2, 3, 64, 64)
    with pb.viz.record() as recording:
        model(x).sum().backward()
    return recording


def gpt(tiny: bool) -> Any:
    """The passes of a GPT of 12 blocks, or of 2."""
    import numpy as np

    import pullback as pb

    model = pb.nn.models.GPT(20, block_size=8, n_layer=2 if tiny else 12, n_head=2, n_embd=16)
    with pb.viz.record() as recording:
        (model(pb.tensor(np.arange(8).reshape(1, 8))) ** 2).mean().backward()
    return recording


def tangle(tiny: bool) -> Any:
    """Additions and products of values that were computed shortly before, in no order."""
    import pullback as pb

    rng = random.Random(0)
    with pb.viz.record() as recording:
        values = [pb.tensor([0.5, 0.25], requires_grad=True) for _ in range(5)]
        for _ in range(80 if tiny else 10_000):
            one, other = (values[-rng.randint(1, min(50, len(values)))] for _ in range(2))
            values.append(
                rng.choice([pb.add, pb.multiply])(pb.tanh(one), other) if len(values) % 2 else pb.sin(one)
            )
        values[-1].sum().backward()
    return recording


def chain(tiny: bool) -> Any:
    """Sines, one of the other."""
    import pullback as pb

    with pb.viz.record() as recording:
        x = pb.tensor([0.5, 0.25], requires_grad=True)
        for _ in range(80 if tiny else 10_000):
            x = pb.sin(x)
        x.sum().backward()
    return recording


ROWS = [
    Row("ResNet-50", resnet),
    Row("GPT, 12 blocks", gpt),
    Row("10,000 operations, tangled", tangle),
    Row("10,000 operations in a chain", chain),
]


def figures(row: Row, rounds: int, tiny: bool) -> tuple[float, ...]:
    """What stands in the columns."""
    import pullback as pb

    recording = row.record(tiny)
    found: list[tuple[float, float, float]] = []
    for _ in range(rounds):
        start = time.perf_counter()
        drawing = pb.viz.draw(recording)
        drawn = time.perf_counter()
        drawing.svg()
        written = time.perf_counter()
        pb.viz.draw(recording, max_nodes=None).svg()
        found.append((drawn - start, written - drawn, time.perf_counter() - written))
    counts = len(drawing.whole.nodes), len(drawing.graph.nodes)
    return (*counts, *(statistics.median(column) for column in zip(*found, strict=True)))


def table(rows: list[tuple[str, tuple[float, ...]]]) -> str:
    """Markdown."""
    lines = ["| | " + " | ".join(COLUMNS) + " |", "| --- |" + " ---: |" * len(COLUMNS)]
    for title, (nodes, shown, *seconds) in rows:
        cells = [f"{nodes:,.0f}", f"{shown:.0f}", *(f"{second:.2f}" for second in seconds)]
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tiny", action="store_true", help="next to no work, to see that it runs")
    tiny = parser.parse_args(arguments).tiny
    print(table([(row.title, figures(row, 1 if tiny else 5, tiny)) for row in ROWS]))


if __name__ == "__main__":
    main()
