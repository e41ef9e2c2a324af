"""Transfer learning: what a network that knows the digits 0 to 6 is worth for learning 7, 8 and 9.

Run it with `python examples/transfer.py`. A small CNN is trained on the digits 0 to 6, which lie anywhere in images of
12 × 12. Then 7, 8 and 9 are learned from 1 to 50 examples of each, four ways: from scratch, with a linear classifier
(softmax) or an SVM on the features of the trained network, and by fine-tuning it with rates that fall towards the first
layer. Every way is tried with several draws of the examples. See https://cs231n.github.io/transfer-learning/.
Written to the folder of the run: `results.json`, all accuracies, and `accuracy.png`, the curves.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from common import at_least, finish, fit, parser, picture, start
from digit_net import FEATURES, moved, network, pixels

from pullback import data, nn, optim, train
from pullback.autograd.extend import write_atomically

OLD, NEW = 7, 3
"""How many digits are known at first, and how many are learned then."""
WAYS = ("scratch", "linear", "svm", "fine-tuned")
NAMES = {
    "scratch": "from scratch",
    "linear": "features + softmax",
    "svm": "features + SVM",
    "fine-tuned": "fine-tuned",
}


class Sets:
    """The digits: the old ones to train on, the new ones to choose examples from, and those of the test."""

    def __init__(self, seed: int, copies: int) -> None:
        images, labels = data.digits.load()
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(images))
        images, labels = images[order], labels[order]
        old, new = np.flatnonzero(labels < OLD), np.flatnonzero(labels >= OLD)
        repeated = np.repeat(old, copies)
        self.old = pixels(moved(images[repeated], rng)), labels[repeated]
        halves = new[: len(new) // 2], new[len(new) // 2 :]
        self.pool, self.test = ((pixels(moved(images[half], rng)), labels[half] - OLD) for half in halves)

    def examples(self, each: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """So many examples of each of the new digits."""
        images, labels = self.pool
        chosen = [rng.permutation(np.flatnonzero(labels == label))[:each] for label in range(NEW)]
        rows = np.concatenate(chosen)
        return images[rows], labels[rows]


def learned(
    model: nn.Module,
    loss: Callable[[Any, Any], Any],
    optimizer: optim.Optimizer,
    examples: tuple[Any, np.ndarray],
    updates: int,
    rng: np.random.Generator,
) -> nn.Module:
    """The model after about so many updates with batches of up to 25 examples."""
    loader = data.DataLoader(data.TensorDataset(*examples), 25, shuffle=True, rng=rng)
    train.fit(model, loss, optimizer, loader, epochs=-(-updates // len(loader)), progress=False, rng=rng)
    return model


def accuracy(model: nn.Module, images: Any, labels: np.ndarray) -> float:
    """The share of images that are told."""
    loader = data.DataLoader(data.TensorDataset(images, labels), len(labels))
    return train.evaluate(model, nn.CrossEntropyLoss(), loader, metrics={"a": train.accuracy}).metrics["a"]


def tried(
    way: str, trained: dict[str, Any], sets: Sets, each: int, rng: np.random.Generator, updates: int
) -> float:
    """The accuracy on the new digits after learning them one way from so many examples."""
    images, labels = sets.examples(each, rng)
    model = network(NEW if way == "scratch" else OLD, rng)
    if way == "scratch":
        learned(
            model,
            nn.CrossEntropyLoss(),
            optim.Adam(model.parameters(), lr=2e-3),
            (images, labels),
            updates,
            rng,
        )
        return accuracy(model, *sets.test)
    model.load_state_dict(trained)
    if way == "fine-tuned":
        nn.utils.replace_head(model, NEW, rng=rng)
        optimizer = optim.Adam(optim.layer_decay(model, lr=2e-3, decay=0.7))
        learned(model, nn.CrossEntropyLoss(), optimizer, (images, labels), updates, rng)
        return accuracy(model, *sets.test)
    features = nn.utils.features(model, images, FEATURES)
    mean, scale = features.mean(axis=0), features.std() + 1e-6
    classifier = nn.Linear(features.shape[1], NEW, rng=rng)
    loss = nn.CrossEntropyLoss() if way == "linear" else nn.MulticlassHingeLoss()
    optimizer = optim.AdamW(classifier.parameters(), lr=1e-2, weight_decay=0.1)
    learned(classifier, loss, optimizer, ((features - mean) / scale, labels), updates, rng)
    test_images, test_labels = sets.test
    return accuracy(classifier, (nn.utils.features(model, test_images, FEATURES) - mean) / scale, test_labels)


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Train on the old digits, learn the new ones in all ways, draw the curves."""
    p = parser(__doc__, epochs=12)
    p.add_argument(
        "--examples", type=at_least(1), nargs="+", default=[1, 2, 5, 10, 20, 50], help="of each new digit"
    )
    p.add_argument(
        "--draws", type=at_least(1), default=5, help="of the examples, for each point (%(default)s)"
    )
    p.add_argument(
        "--copies", type=at_least(1), default=4, help="places that each old digit is put to (%(default)s)"
    )
    p.add_argument(
        "--updates", type=at_least(1), default=150, help="for learning the new digits (%(default)s)"
    )
    return run(p.parse_args(arguments))


def run(options: argparse.Namespace) -> dict[str, Any]:
    """What the program does, once its options are read."""
    if max(options.examples) > 50:
        raise ValueError(f"there are up to 50 examples of each digit, and not {max(options.examples)}")
    sets = Sets(options.seed, options.copies)
    rng = np.random.default_rng([options.seed, 1])
    model = network(OLD, rng)
    loader = data.DataLoader(data.TensorDataset(*sets.old), 32, shuffle=True, rng=rng)
    optimizer = optim.AdamW(model.parameters(), lr=2e-3)
    fit(options, model, nn.CrossEntropyLoss(), optimizer, loader, metrics={"accuracy": train.accuracy})
    trained = model.state_dict()

    path = options.out / "cells.json"
    found = known_cells(path, options) if options.resume else {}
    for each in options.examples:
        for draw in range(options.draws):
            print(f"draw {draw + 1}/{options.draws} of {each}", file=sys.stderr, flush=True)
            for number, way in enumerate(WAYS):
                cell = f"{way} {each} {draw}"
                if cell not in found:
                    own = np.random.default_rng([options.seed, 2, each, draw, number])
                    found[cell] = tried(way, trained, sets, each, own, options.updates)
                    write_atomically(
                        path, json.dumps({"made with": made_with(options), "cells": found}).encode()
                    )
        row = {way: [found[f"{way} {each} {draw}"] for draw in range(options.draws)] for way in WAYS}
        shown = ", ".join(f"{way} {np.mean(row[way]):.3f} ± {np.std(row[way]):.3f}" for way in WAYS)
        print(f"{each:2} of each digit: {shown}", flush=True)
    result = {
        way: {
            str(each): [found[f"{way} {each} {draw}"] for draw in range(options.draws)]
            for each in options.examples
        }
        for way in WAYS
    }
    picture(options, "accuracy.png", lambda: Curves(options.examples, result))
    return finish(options, result)


def made_with(options: argparse.Namespace) -> dict[str, int]:
    """The options that the accuracies depend on."""
    return {
        "seed": options.seed,
        "epochs": options.epochs,
        "updates": options.updates,
        "copies": options.copies,
    }


def known_cells(path: Path, options: argparse.Namespace) -> dict[str, float]:
    """The accuracies that an earlier run with the same options has found."""
    if not path.exists():
        return {}
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}); without --resume the run begins anew") from error
    return dict(saved["cells"]) if saved["made with"] == made_with(options) else {}


class Curves:
    """Accuracy against examples, one line for each way, with the spread over the draws."""

    def __init__(self, examples: list[int], result: dict[str, dict[str, list[float]]]) -> None:
        self.examples, self.result = examples, result

    def save(self, path: Path) -> None:
        """Draw, and write the file."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(6.4, 4.2), layout="constrained")
        axes = figure.add_subplot()
        for (way, points), style in zip(self.result.items(), ("o--", "s-", "^-.", "D:"), strict=True):
            rows = [points[str(each)] for each in self.examples]
            means, spreads = [np.mean(row) for row in rows], [np.std(row) for row in rows]
            axes.errorbar(self.examples, means, spreads, fmt=style, capsize=3, label=NAMES[way])
        axes.set_xscale("log")
        axes.set_xticks(self.examples, [str(each) for each in self.examples])
        axes.minorticks_off()
        axes.set_xlabel("examples of each new digit")
        axes.set_ylabel("accuracy on new images")
        axes.grid(alpha=0.3)
        axes.legend()
        figure.savefig(path, dpi=150)


if __name__ == "__main__":
    start(main)
