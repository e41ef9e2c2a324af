"""What averages of models and of weights gain on held-out digits, over several seeds.

    python benchmarks/ensembles.py --seeds 20 --results ensembles.jsonl --figure docs/images/ensembles.png

Each seed splits the shipped digits anew, trains, and measures everything on the images that were held out. A line per
seed goes into the file of results, and seeds that stand there are not run again, so that a run can be stopped at any
time and gone on with. See README.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np

import pullback as pb
from pullback import data, nn, optim, train

MEMBERS = 5
ROWS = {  # by name: what is measured, and what it is compared with
    "one": ("one model, rate falling along a cosine", None),
    "independent": (f"{MEMBERS} such models, probabilities averaged", "one"),
    "outputs": (f"{MEMBERS} such models, logits averaged", "one"),
    "snapshots": (f"{MEMBERS} snapshots of one training in cycles", "one"),
    "last three": ("the last 3 of these snapshots", "one"),
    "snapshot": ("the last of these snapshots alone", "one"),
    "last": ("one model, constant rate", None),
    "polyak": ("mean of its weights over the second half, each update", "last"),
    "swa": ("mean of its weights over the second half, each epoch", "last"),
    "ema": ("exponential average of its weights, decay 0.99", "last"),
}
Scores = dict[str, tuple[float, float]]


def network(rng: np.random.Generator) -> nn.Sequential:
    """64 pixels, 32 units, 10 digits."""
    return nn.Sequential(nn.Linear(64, 32, rng=rng), nn.ReLU(), nn.Linear(32, 10, rng=rng))


def measure(seed: int, epochs: int, training_images: int = 800) -> Scores:
    """Errors in percent and cross-entropies on the held-out digits, by the names of the rows."""
    images, labels = data.digits.load()
    order = np.random.default_rng(seed).permutation(len(images))
    x, y = images.reshape(-1, 64)[order], labels[order]
    fitted = data.TensorDataset(x[:training_images], y[:training_images])
    held_out = data.DataLoader(data.TensorDataset(x[training_images:], y[training_images:]), 2000)
    criterion = nn.CrossEntropyLoss()

    def score(model: Any) -> tuple[float, float]:
        found = train.evaluate(model, criterion, held_out, metrics={"accuracy": train.accuracy})
        return 100 * (1 - found.metrics["accuracy"]), found.loss

    def parts(number: int) -> tuple[Any, Any, Any]:
        rng = np.random.default_rng([seed, number])
        model = network(rng)
        optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        return model, optimizer, data.DataLoader(fitted, 32, shuffle=True, rng=rng)

    members = []
    for number in range(MEMBERS):
        model, optimizer, loader = parts(number)
        falling = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs * len(loader))
        schedule = train.Schedule(falling, every="batch")
        train.fit(model, criterion, optimizer, loader, epochs=epochs, scheduler=schedule, progress=False)
        members.append(model)
    alone = np.mean([score(member) for member in members], axis=0)
    result: Scores = {
        "one": (float(alone[0]), float(alone[1])),
        "independent": score(train.Ensemble(members)),
        "outputs": score(train.Ensemble(members, average="outputs")),
    }
    model, optimizer, loader = parts(0)
    cycle = max(1, epochs // MEMBERS)
    ensemble, _ = train.snapshot_ensemble(
        model, criterion, optimizer, loader, cycles=MEMBERS, epochs_per_cycle=cycle, progress=False
    )
    late = train.Ensemble(list(ensemble.members)[-3:])
    result |= {
        "snapshots": score(ensemble),
        "last three": score(late),
        "snapshot": score(ensemble.members[-1]),
    }

    model, optimizer, loader = parts(0)
    averages = {
        "polyak": train.PolyakAverage(epochs // 2),
        "swa": train.SWA(epochs // 2),
        "ema": train.EMA(0.99),
    }
    last = train.Snapshots(every=epochs)
    callbacks = [last, *averages.values()]
    train.fit(model, criterion, optimizer, loader, epochs=epochs, callbacks=callbacks, progress=False)
    result["last"] = score(last.models()[0])
    return result | {name: score(average.model) for name, average in averages.items()}


def run(seeds: int, epochs: int, path: Path | None) -> list[Scores]:
    """The scores of each seed, those in the file first."""
    known: dict[int, Scores] = {}
    if path is not None and path.exists():
        whole = [line for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
        path.write_text("".join(whole))  # without a last line that was cut off
        lines = [json.loads(line) for line in whole]
        known = {line["seed"]: line["scores"] for line in lines if line["epochs"] == epochs}
    for seed in range(seeds):
        if seed not in known:
            known[seed] = measure(seed, epochs)
            if path is not None:
                with path.open("a") as file:
                    file.write(json.dumps({"seed": seed, "epochs": epochs, "scores": known[seed]}) + "\n")
        error, loss = known[seed]["independent"]
        print(
            f"seed {seed + 1}/{seeds}: the ensemble has {error:.2f} % errors, loss {loss:.4f}",
            file=sys.stderr,
        )
    return [known[seed] for seed in range(seeds)]


def summary(values: np.ndarray[Any, Any]) -> tuple[float, float]:
    """The mean over the seeds and its standard error."""
    spread = values.std(ddof=1) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    return float(values.mean()), float(spread)


def table(scores: list[Scores]) -> str:
    """Markdown: means ± standard errors, and the gains over what each row is compared with, seed by seed."""
    lines = ["| | errors, % | gain, points | cross-entropy | gain |", "| --- | ---: | ---: | ---: | ---: |"]
    for name, (title, base) in ROWS.items():
        cells = []
        for place, digits in ((0, 2), (1, 4)):
            values = np.array([one[name][place] for one in scores])
            mean, error = summary(values)
            cells.append(f"{mean:.{digits}f} ± {error:.{digits}f}")
            if base is None:
                cells.append("–")
            else:
                gain, error = summary(np.array([one[base][place] for one in scores]) - values)
                cells.append(f"{gain:+.{digits}f} ± {error:.{digits}f}".replace("-", "−"))
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def draw(scores: list[Scores], path: Path) -> None:
    """Means with standard errors, and the seeds as dots behind them."""
    from pullback.viz.figures.plot import Plot, drawing, new_figure, tidy

    with drawing("light") as look:
        figure = new_figure(9.4, 3.6)
        marked, other = (style for style, _ in zip(look.styles(), range(2), strict=False))
        for place, title in enumerate(("errors on held-out digits, %", "cross-entropy on held-out digits")):
            axes = figure.add_subplot(1, 2, place + 1)
            for height, (name, (_, base)) in enumerate(ROWS.items()):
                values = np.array([one[name][place] for one in scores])
                mean, error = summary(values)
                style = other if base is None else marked
                axes.plot(values, np.full(len(values), height), "|", color=look.faint, markersize=7)
                axes.errorbar(mean, height, xerr=error, fmt=style.marker, color=style.color, capsize=4)
            axes.set_yticks(range(len(ROWS)), list(ROWS) if place == 0 else [""] * len(ROWS))
            axes.invert_yaxis()
            tidy(axes, title, "", "")
    Plot(figure, scores).save(path, dpi=110)


def main(arguments: list[str] | None = None) -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20, help="how many")
    parser.add_argument("--epochs", type=int, default=30, help="of each training")
    parser.add_argument("--results", type=Path, help="a file of results to go on with")
    parser.add_argument("--figure", type=Path, help="where to draw the figure")
    chosen = parser.parse_args(arguments)
    pb.manual_seed(0)
    scores = run(chosen.seeds, chosen.epochs, chosen.results)
    print(table(scores))
    if chosen.figure is not None:
        draw(scores, chosen.figure)


if __name__ == "__main__":
    main()
