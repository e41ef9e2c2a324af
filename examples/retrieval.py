"""Image retrieval: the nearest neighbours of a digit by the features of a network, and by its pixels.

Run it with `python examples/retrieval.py`. The network was trained on the digits 0 to 6 only, and is asked for all ten.
The digits lie at places that are drawn in images of 12 × 12, so that pixels say little about likeness.
Written to the folder of the run: `neighbours.png`, queries with their neighbours by both measures.
"""

from __future__ import annotations

import argparse

import numpy as np
from common import at_least, finish, fit, parser, picture, start
from digit_net import FEATURES, moved, network, pixels

from pullback import data, nn, optim, train, viz

OLD, NEIGHBOURS = 7, 5


def nearest(queries: np.ndarray, shelf: np.ndarray, count: int) -> np.ndarray:
    """The rows of the shelf that are most like each query: those of the least angle to it, shape (queries, count)."""
    one, other = (rows / (np.linalg.norm(rows, axis=1, keepdims=True) + 1e-9) for rows in (queries, shelf))
    return np.argsort(-(one @ other.T), axis=1, kind="stable")[:, :count]


def main(arguments: list[str] | None = None) -> dict[str, float]:
    """Train, search, measure, draw."""
    p = parser(__doc__, epochs=12)
    p.add_argument(
        "--copies", type=at_least(1), default=4, help="places that each digit is put to (%(default)s)"
    )
    return run(p.parse_args(arguments))


def run(options: argparse.Namespace) -> dict[str, float]:
    """What the program does, once its options are read."""
    rng = np.random.default_rng(options.seed)
    images, labels = data.digits.load()
    order = rng.permutation(len(images))
    images, labels = images[order], labels[order]
    old = np.flatnonzero(labels[600:] < OLD) + 600
    training = data.TensorDataset(
        pixels(moved(np.repeat(images[old], options.copies, axis=0), rng)),
        np.repeat(labels[old], options.copies),
    )
    model = network(OLD, rng)
    loader = data.DataLoader(training, 32, shuffle=True, rng=rng)
    optimizer = optim.AdamW(model.parameters(), lr=2e-3)
    fit(options, model, nn.CrossEntropyLoss(), optimizer, loader, metrics={"accuracy": train.accuracy})

    here = moved(images[:600], rng)  # none of them was trained on: 100 queries, and a shelf of 500
    spaces = {
        "features": nn.utils.features(model, pixels(here), FEATURES).numpy(),
        "pixels": here.reshape(len(here), -1),
    }
    found, hits = {}, {}
    for name, rows in spaces.items():
        hits[name] = nearest(rows[:100], rows[100:], NEIGHBOURS) + 100
        same = labels[hits[name]] == labels[:100, None]
        for kind, chosen in (("old", labels[:100] < OLD), ("new", labels[:100] >= OLD)):
            found[f"{name}, {kind} digits"] = float(same[chosen].mean())
            print(
                f"by {name:8} {same[chosen].mean():.1%} of {NEIGHBOURS} neighbours of {kind} digits are right"
            )
    queries = [int(np.flatnonzero(labels[:100] == digit)[0]) for digit in (3, 6, 8, 9)]
    tiles = [here[i] for q in queries for rows in hits.values() for i in (q, *rows[q])]
    titles = [
        title
        for q in queries
        for name, rows in hits.items()
        for title in (f"{labels[q]}, by {name}", *(str(labels[i]) for i in rows[q]))
    ]
    shown = np.repeat(1 - np.stack(tiles)[:, None], 3, axis=1)
    picture(
        options, "neighbours.png", lambda: viz.weight_images(shown, titles=titles, columns=2 * NEIGHBOURS + 2)
    )
    return finish(options, found)


if __name__ == "__main__":
    start(main)
