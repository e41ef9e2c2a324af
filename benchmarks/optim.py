"""What a step of an optimiser costs, beside PyTorch's loop over parameters, its foreach and its fused versions.

    python benchmarks/optim.py

Each library runs in a child process of its own (`python -P`, outside the checkout, one thread), and all are measured
in turn, round after round, so that they share whatever else the machine is doing. See README.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any, NamedTuple

sys.path.append(os.path.dirname(os.path.abspath(__file__)))  # which python -P leaves out

from children import Child, serve

COLUMNS = {
    "pullback": "pullback",
    "torch loop": "PyTorch, its default (a loop)",
    "torch foreach": "PyTorch, foreach",
    "torch fused": "PyTorch, fused",
}
FLAGS = {"loop": {"foreach": False}, "foreach": {"foreach": True}, "fused": {"fused": True}}


class Case(NamedTuple):
    """A rule, and the parameters that it steps."""

    title: str
    rule: str
    options: dict[str, Any]
    count: int
    shape: tuple[int, ...]


ROWS = [
    Case("Adam, 50 parameters, 5 M floats in all", "Adam", {}, 50, (250, 400)),
    Case("AdamW, the same", "AdamW", {}, 50, (250, 400)),
    Case("SGD with momentum, the same", "SGD", {"lr": 0.01, "momentum": 0.9}, 50, (250, 400)),
    Case("Adam, 1,000 parameters of 16 floats", "Adam", {}, 1000, (4, 4)),
    Case("SGD with momentum, the same", "SGD", {"lr": 0.01, "momentum": 0.9}, 1000, (4, 4)),
]


def step_of(column: str, case: Case, tiny: bool) -> Callable[[], Any]:
    """A step with gradients that are there, as a function."""
    import numpy as np

    rng = np.random.default_rng(0)
    count, shape = (3, (2, 2)) if tiny else (case.count, case.shape)
    values, gradients = rng.normal(size=(2, count, *shape)).astype(np.float32)
    if column == "pullback":
        import pullback as pb

        params: list[Any] = [pb.tensor(value, requires_grad=True) for value in values]
        for p, g in zip(params, gradients, strict=True):
            p.grad = pb.tensor(g)
        return getattr(pb.optim, case.rule)(params, **case.options).step  # type: ignore[no-any-return]  # found by name
    import torch

    params = [torch.tensor(value, requires_grad=True) for value in values]
    for p, g in zip(params, gradients, strict=True):
        p.grad = torch.tensor(g)
    optimizer = getattr(torch.optim, case.rule)(params, **case.options, **FLAGS[column.split()[1]])
    return optimizer.step  # type: ignore[no-any-return]  # found by name


def milliseconds(column: str, row: int, steps: dict[tuple[str, int], Callable[[], Any]], tiny: bool) -> float:
    """The best of some steps."""
    step = steps.get((column, row))
    if step is None:
        step = steps[column, row] = step_of(column, ROWS[row], tiny)
        step()
        step()
    best = float("inf")
    for _ in range(1 if tiny else 5):
        start = time.perf_counter()
        step()
        best = min(best, time.perf_counter() - start)
    return 1e3 * best


def run(libraries: list[str], rounds: int, options: list[str]) -> list[dict[str, float]]:
    """For each row the medians over the rounds, by column."""
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        children = {library: Child(__file__, library, options, folder) for library in libraries}
        for row in range(len(ROWS)):
            found: dict[str, list[float]] = {}
            for _ in range(rounds):
                for column in COLUMNS:
                    child = children.get(column.split()[0])
                    if child is not None and child.there:
                        found.setdefault(column, []).append(child.ask(json.dumps([column, row])))
            figures.append({column: statistics.median(values) for column, values in found.items()})
        for child in children.values():
            child.close()
    return figures


def table(figures: list[dict[str, float]]) -> str:
    """Markdown: milliseconds, and how many times as long pullback takes."""
    lines = ["| ms | " + " | ".join(COLUMNS.values()) + " |", "| --- |" + " ---: |" * len(COLUMNS)]
    for case, found in zip(ROWS, figures, strict=True):
        cells = []
        for column in COLUMNS:
            value, ours = found.get(column), found.get("pullback")
            ratio = f" ({ours / value:.2f}×)" if value and ours and column != "pullback" else ""
            cells.append("–" if value is None else f"{value:.2f}{ratio}")
        lines.append(f"| {case.title} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Measure, and print the table."""
    libraries = ["pullback", "torch"]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=libraries, default=libraries, help="some libraries")
    parser.add_argument("--tiny", action="store_true", help="next to no work, to see that it runs")
    parser.add_argument("--serve", choices=libraries, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.serve:
        steps: dict[tuple[str, int], Callable[[], Any]] = {}
        serve(chosen.serve, lambda line: milliseconds(*json.loads(line), steps, chosen.tiny))
    else:
        print(table(run(chosen.only, 2 if chosen.tiny else 15, ["--tiny"] * chosen.tiny)))


if __name__ == "__main__":
    main()
