"""Random search against a grid, where one of two hyper-parameters matters: `python examples/random_vs_grid.py`.

A network that reads digits is trained with a learning rate, which matters, and a weight decay that is far too small to
matter, which nobody knows beforehand. A grid of 4 × 4 trials tries four learning rates, four times each; sixteen random
trials try sixteen. So the random ones come nearer to the best rate (J. Bergstra and Y. Bengio, "Random search for
hyper-parameter optimization", JMLR 13, 2012).

That a grid may happen to have a point at the best rate is no merit of grids. So each repetition moves the range of the
rate by up to half a step of the grid either way, and draws other digits, other weights and another order. The points of
the grid are the middles of equal parts of the range, which serves a grid better than points at the ends.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from pullback import data, nn, optim, train

RATES = (1e-4, 10.0)
DECAYS = (1e-9, 1e-6)


def objective(rng: np.random.Generator) -> train.TrainingObjective:
    """Two hundred digits to learn from and four hundred others to measure on; the value is the loss on these."""
    images, labels = data.digits.load()
    order = rng.permutation(len(images))
    rows = images.reshape(-1, 64)
    training, validation = order[:200], order[200:600]

    def build(rng: np.random.Generator, lr: float, weight_decay: float) -> Any:
        model = nn.Sequential(nn.Linear(64, 16, rng=rng), nn.ReLU(), nn.Linear(16, 10, rng=rng))
        return model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=lr, weight_decay=weight_decay)

    return train.TrainingObjective(
        build, (rows[training], labels[training]), (rows[validation], labels[validation]), epochs=8
    )


def middles(low: float, high: float, parts: int) -> train.LogUniform:
    """A range whose grid of so many points has the middles of equal parts of the range from `low` to `high`."""
    half = (high / low) ** (0.5 / parts)
    return train.LogUniform(low * half, high / half)


def best_values(points: int, seed: int) -> tuple[float, float]:
    """The best value of a grid with so many points along each axis, and of as many random trials."""
    rng = np.random.default_rng([seed, points])
    measure = objective(rng)
    move = 10 ** (rng.uniform(-0.5, 0.5) * np.log10(RATES[1] / RATES[0]) / points)
    low, high = RATES[0] * move, RATES[1] * move
    common: Any = {"seed": seed, "progress": False}
    grid = train.search(
        measure,
        {"lr": middles(low, high, points), "weight_decay": middles(*DECAYS, points)},
        strategy="grid",
        points=points,
        **common,
    )
    random = train.search(
        measure,
        {"lr": train.LogUniform(low, high), "weight_decay": train.LogUniform(*DECAYS)},
        trials=points**2,
        **common,
    )
    return grid.best.value, random.best.value


def compare(points: int, repetitions: int, workers: int = 1) -> dict[str, Any]:
    """The mean best value of both over many repetitions, with standard errors, also of their difference."""
    import joblib

    jobs = (joblib.delayed(best_values)(points, seed) for seed in range(repetitions))
    values = np.array(joblib.Parallel(n_jobs=workers)(jobs))
    grid, random = values.T

    def summary(numbers: np.ndarray[Any, Any]) -> dict[str, float]:
        return {
            "mean": float(numbers.mean()),
            "error": float(numbers.std(ddof=1) / np.sqrt(len(numbers))),
        }

    return {
        "trials": points**2,
        "repetitions": repetitions,
        "grid": summary(grid),
        "random": summary(random),
        "grid minus random": summary(grid - random),
        "random is better": float(np.mean(random < grid)),
    }


def table(results: list[dict[str, Any]]) -> str:
    """The results as a table for a page."""

    def shown(result: dict[str, Any], name: str) -> str:
        return f"{result[name]['mean']:.4f} ± {result[name]['error']:.4f}"

    lines = [
        "| trials | grid | random | grid − random | random is better in |",
        "| --- | --- | --- | --- | --- |",
    ]
    for result in results:
        cells = [shown(result, name) for name in ("grid", "random", "grid minus random")]
        lines.append(
            f"| {result['trials']} | {' | '.join(cells)} | {100 * result['random is better']:.0f} % |"
        )
    return "\n".join(lines)


def draw(results: list[dict[str, Any]], path: Path) -> None:
    """The best value of both for each number of trials, with bars of one standard error."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 3.8), layout="constrained")
    axes = figure.add_subplot()
    counts = [result["trials"] for result in results]
    for name, marker, dash in (("grid", "s", "--"), ("random", "o", "-")):
        means = [result[name]["mean"] for result in results]
        errors = [result[name]["error"] for result in results]
        axes.errorbar(counts, means, errors, marker=marker, linestyle=dash, capsize=4, label=name)
    axes.set_xticks(counts)
    axes.set_xlabel("trials")
    axes.set_ylabel("best validation loss")
    axes.set_title(f"means of {results[0]['repetitions']} searches, bars of one standard error", loc="left")
    axes.legend(frameon=False)
    axes.grid(True, alpha=0.3)
    figure.savefig(path, dpi=110, metadata={"Software": None})


def main() -> None:
    """Run the comparison, print the table, and write the numbers and the picture."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repetitions", type=int, default=100)
    parser.add_argument("--workers", type=int, default=1, help="processes; -1 for one per core")
    parser.add_argument("-o", "--out", type=Path, default=Path("."), help="where the JSON and the PNG go")
    arguments = parser.parse_args()
    missing = [name for name in ("joblib", "optuna", "matplotlib") if importlib.util.find_spec(name) is None]
    if missing:
        sys.exit(f"this example needs {' and '.join(missing)}: pip install 'pullback[search,plots]'")
    results = [compare(points, arguments.repetitions, arguments.workers) for points in (2, 3, 4, 5)]
    print(table(results))
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "random-vs-grid.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    draw(results, arguments.out / "random-vs-grid.png")


if __name__ == "__main__":
    main()
