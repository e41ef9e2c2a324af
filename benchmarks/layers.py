"""What a layer's forward and backward cost beside PyTorch on the CPU: time and peak memory on realistic shapes.

    python benchmarks/layers.py

Each library runs in a child process of its own with one thread (`children.py`), and both are measured in turn, round
after round. Both have the same names, so a line in `CASES` is a layer for both. See README.md beside this file.
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
from children import Child, load, peak, resident, serve

LIBRARIES = {"pullback": "pullback", "torch": "PyTorch"}


class Case(NamedTuple):
    """A layer, or a loss, and what it is called with."""

    make: Callable[[Any], Any]  # from the library's `nn`
    inputs: tuple[Any, ...]  # a shape for normal numbers that want a gradient, Classes for integers


class Classes(NamedTuple):
    """Integers from 0 up to a number of classes."""

    shape: tuple[int, ...]
    number: int


def layer(make: Callable[[Any], Any], *inputs: Any) -> Case:
    """A line of the table."""
    return Case(make, inputs)


def activated(make: Callable[..., Any], name: str, kind: str, *inputs: Any) -> Case:
    """A line for a layer and the activation behind it: one layer for us, two for PyTorch."""

    def both(nn: Any) -> Any:
        if nn.__name__.startswith("torch"):
            return nn.Sequential(make(nn), getattr(nn, kind)())
        return make(nn, activation=name)

    return layer(both, *inputs)


CASES = {
    "linear 784→256, 128": layer(lambda nn: nn.Linear(784, 256), (128, 784)),
    "linear 512→2048 + ReLU, 1024": activated(
        lambda nn, **a: nn.Linear(512, 2048, **a), "relu", "ReLU", (1024, 512)
    ),
    "conv 3×3 3→32, 64×32×32": layer(lambda nn: nn.Conv2d(3, 32, 3, padding=1), (64, 3, 32, 32)),
    "conv 3×3 32→32, 64×32×32": layer(lambda nn: nn.Conv2d(32, 32, 3, padding=1), (64, 32, 32, 32)),
    "conv 3×3 64→64, 16×56×56": layer(lambda nn: nn.Conv2d(64, 64, 3, padding=1), (16, 64, 56, 56)),
    "conv 3×3 512→512, 16×7×7": layer(lambda nn: nn.Conv2d(512, 512, 3, padding=1), (16, 512, 7, 7)),
    "conv 1×1 64→256, 16×56×56": layer(lambda nn: nn.Conv2d(64, 256, 1), (16, 64, 56, 56)),
    "conv 3×3/2 64→128, 16×56×56": layer(lambda nn: nn.Conv2d(64, 128, 3, 2, 1), (16, 64, 56, 56)),
    "conv 7×7/2 3→64, 8×224×224": layer(lambda nn: nn.Conv2d(3, 64, 7, 2, 3), (8, 3, 224, 224)),
    "depthwise 3×3 64, 16×56×56": layer(
        lambda nn: nn.Conv2d(64, 64, 3, padding=1, groups=64), (16, 64, 56, 56)
    ),
    "conv1d 5 64→64, 32×512": layer(lambda nn: nn.Conv1d(64, 64, 5, padding=2), (32, 64, 512)),
    "conv3d 3×3×3 16→32, 4×16×32×32": layer(lambda nn: nn.Conv3d(16, 32, 3, padding=1), (4, 16, 16, 32, 32)),
    "transposed 4×4/2 64→32, 16×16×16": layer(
        lambda nn: nn.ConvTranspose2d(64, 32, 4, 2, 1), (16, 64, 16, 16)
    ),
    "max-pool 2×2, 64×32×32×32": layer(lambda nn: nn.MaxPool2d(2), (64, 32, 32, 32)),
    "max-pool 3×3/2, 16×64×112×112": layer(lambda nn: nn.MaxPool2d(3, 2, 1), (16, 64, 112, 112)),
    "average pool 2×2, 64×32×32×32": layer(lambda nn: nn.AvgPool2d(2), (64, 32, 32, 32)),
    "global average, 16×512×7×7": layer(lambda nn: nn.AdaptiveAvgPool2d(1), (16, 512, 7, 7)),
    "bilinear ×2, 16×64×32×32": layer(
        lambda nn: nn.Upsample(scale_factor=2, mode="bilinear"), (16, 64, 32, 32)
    ),
    "reflected border 1, 16×64×32×32": layer(lambda nn: nn.ReflectionPad2d(1), (16, 64, 32, 32)),
    "batch norm, 64×64×32×32": layer(lambda nn: nn.BatchNorm2d(64), (64, 64, 32, 32)),
    "batch norm + ReLU, 64×64×32×32": activated(
        lambda nn, **a: nn.BatchNorm2d(64, **a), "relu", "ReLU", (64, 64, 32, 32)
    ),
    "batch norm 1-d, 64×128×64": layer(lambda nn: nn.BatchNorm1d(128), (64, 128, 64)),
    "instance norm, 16×64×32×32": layer(lambda nn: nn.InstanceNorm2d(64), (16, 64, 32, 32)),
    "layer norm, 4096×1024": layer(lambda nn: nn.LayerNorm(1024), (4096, 1024)),
    "layer norm + GELU, 4096×1024": activated(
        lambda nn, **a: nn.LayerNorm(1024, **a), "gelu", "GELU", (4096, 1024)
    ),
    "group norm 8, 16×64×32×32": layer(lambda nn: nn.GroupNorm(8, 64), (16, 64, 32, 32)),
    "RMS norm, 4096×1024": layer(lambda nn: nn.RMSNorm(1024), (4096, 1024)),
    "response norm 5, 16×64×32×32": layer(lambda nn: nn.LocalResponseNorm(5), (16, 64, 32, 32)),
    "ReLU, 16×64×56×56": layer(lambda nn: nn.ReLU(), (16, 64, 56, 56)),
    "SiLU, 4096×1024": layer(lambda nn: nn.SiLU(), (4096, 1024)),
    "dropout, 4096×1024": layer(lambda nn: nn.Dropout(), (4096, 1024)),
    "GELU, 4096×1024": layer(lambda nn: nn.GELU(), (4096, 1024)),
    "softmax, 4096×1024": layer(lambda nn: nn.Softmax(-1), (4096, 1024)),
    "RNN 64→128, 64×32": layer(lambda nn: nn.RNN(64, 128), (64, 32, 64)),
    "LSTM 64→128, 64×32": layer(lambda nn: nn.LSTM(64, 128), (64, 32, 64)),
    "GRU 64→128, 64×32": layer(lambda nn: nn.GRU(64, 128), (64, 32, 64)),
    "attention 128, 4 heads, 16×128": layer(
        lambda nn: nn.MultiheadAttention(128, 4, batch_first=True), *((16, 128, 128),) * 3
    ),
    "transformer layer 256, 8 heads, 8×256": layer(
        lambda nn: nn.TransformerEncoderLayer(256, 8, 1024, dropout=0.0, batch_first=True), (8, 256, 256)
    ),
    "embedding 10000→256, 32×128": layer(lambda nn: nn.Embedding(10000, 256), Classes((32, 128), 10000)),
    "embedding bag 10000→64, 256×50": layer(lambda nn: nn.EmbeddingBag(10000, 64), Classes((256, 50), 10000)),
    "squared error, 4096×1024": layer(lambda nn: nn.MSELoss(), (4096, 1024), (4096, 1024)),
    "binary cross entropy of logits, 4096×1024": layer(
        lambda nn: nn.BCEWithLogitsLoss(), (4096, 1024), (4096, 1024)
    ),
    "cross entropy, 4096×1000": layer(lambda nn: nn.CrossEntropyLoss(), (4096, 1000), Classes((4096,), 1000)),
}


class Sizes(NamedTuple):
    """How much is computed."""

    repeats: int = 3
    rounds: int = 7
    examples: int | None = None  # how many examples of a batch, if not all


TINY = Sizes(repeats=1, rounds=1, examples=1)


def step_of(library: str, case: Case, sizes: Sizes) -> Callable[[], None]:
    """One forward and backward, as a function."""
    import numpy as np

    rng = np.random.default_rng(0)
    if library == "pullback":
        import pullback as lib

        tensor: Callable[..., Any] = lib.asarray
    else:
        import torch as lib

        tensor = lib.from_numpy
    module = case.make(lib.nn)
    inputs = []
    for wanted in case.inputs:
        shape = wanted.shape if isinstance(wanted, Classes) else wanted
        shape = (sizes.examples or shape[0], *shape[1:])
        if isinstance(wanted, Classes):
            inputs.append(tensor(rng.integers(0, wanted.number, shape)))
        else:
            inputs.append(tensor(rng.normal(size=shape).astype("float32")).requires_grad_())
    leaves = [*inputs, *module.parameters()]

    def first(result: Any) -> Any:
        return result[0] if isinstance(result, tuple) else result

    gradient = lib.ones(tuple(first(module(*inputs)).shape))

    def step() -> None:
        first(module(*inputs)).backward(gradient)
        for leaf in leaves:
            if leaf.grad is not None:  # looked at, so that it is there: a sparse one would wait
                leaf.grad = None

    return step


def milliseconds(step: Callable[[], None], sizes: Sizes) -> float:
    """The processor time of a step: the best of some repeats."""
    step()
    times = []
    for _ in range(sizes.repeats):
        start = time.process_time()
        step()
        times.append(time.process_time() - start)
    return 1e3 * min(times)


def megabytes(library: str, case: Case, sizes: Sizes) -> float:
    """How far the peak of three steps lies above the memory of the input; for a process that has done nothing yet."""
    one = sizes._replace(examples=1)
    load(library, step_of(library, case, one))
    before = resident()
    step = step_of(library, case, sizes)
    for _ in range(3):
        step()
    return max(peak() - before, 0) / 1e6


def measure(library: str, row: str, sizes: Sizes) -> float:
    """One measurement: "time" or "memory", and the name of a case."""
    kind, _, name = row.partition(" ")
    case = CASES[name]
    if kind == "memory":
        return megabytes(library, case, sizes)
    return milliseconds(step_of(library, case, sizes), sizes)


Figures = dict[str, dict[str, dict[str, float]]]  # by case, by "time" or "memory", by library


def run(libraries: list[str], names: list[str], sizes: Sizes, options: list[str]) -> Figures:
    """The figures: medians of times over the rounds, memory from a process each."""
    figures: Figures = {name: {"time": {}, "memory": {}} for name in names}
    with tempfile.TemporaryDirectory() as folder:
        children = {library: Child(__file__, library, options, folder) for library in libraries}
        there = [library for library, child in children.items() if child.there]
        for name in names:
            found: dict[str, list[float]] = {library: [] for library in there}
            for _ in range(sizes.rounds):
                for library in there:
                    found[library].append(children[library].ask(f"time {name}"))
            figures[name]["time"] = {library: statistics.median(times) for library, times in found.items()}
        for child in children.values():
            child.close()
        for name in names if os.path.exists("/proc/self/statm") else []:
            for library in there:
                child = Child(__file__, library, options, folder)
                figures[name]["memory"][library] = child.ask(f"memory {name}")
                child.close()
    return figures


def table(figures: Figures) -> str:
    """Markdown: the figures, and how many times PyTorch's they are."""
    lines = [
        "| forward and backward | pullback, ms | PyTorch, ms | time | memory |",
        "| --- |" + " ---: |" * 4,
    ]
    for name, kinds in figures.items():
        times, memories = kinds["time"], kinds["memory"]
        cells = ["–" if library not in times else f"{times[library]:.2f}" for library in LIBRARIES]
        for values in (times, memories):
            ratio = values["pullback"] / values["torch"] if len(values) == 2 and values["torch"] else None
            cells.append("–" if ratio is None else f"{ratio:.2f}×")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=LIBRARIES, default=list(LIBRARIES), help="one library")
    parser.add_argument("--layers", default="", help="only those whose line has this word in it")
    parser.add_argument("--tiny", action="store_true", help="next to no work, to see that it runs")
    parser.add_argument("--serve", choices=LIBRARIES, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    sizes = TINY if chosen.tiny else Sizes()
    if chosen.serve:
        serve(chosen.serve, lambda row: measure(chosen.serve, row, sizes))
        return
    names = [name for name in CASES if chosen.layers in name]
    print(table(run(chosen.only, names, sizes, ["--tiny"] * chosen.tiny)))


if __name__ == "__main__":
    main()
