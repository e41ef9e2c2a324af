"""Many to one: an LSTM reads a handwritten digit row by row and says at the end which one it was.

Run it with `python examples/rows.py`. The digits are those that are shipped with pullback; a sequence is eight rows of
eight pixels, from the top to the bottom.
"""

from __future__ import annotations

import argparse

import numpy as np
from common import at_least, finish, fit, parser, start

import pullback as pb
from pullback import data, nn, optim, train


class Reader(nn.Module):
    """A recurrent layer and a linear one behind its last state."""

    def __init__(self, hidden: int, rng: np.random.Generator) -> None:
        super().__init__()
        self.rnn = nn.LSTM(8, hidden, batch_first=True, rng=rng)
        self.head = nn.Linear(hidden, 10, rng=rng)

    def forward(self, rows: pb.Tensor) -> pb.Tensor:
        """Logits (N, 10) of rows (N, 8, 8)."""
        _, (last, _) = self.rnn(rows)
        return self.head(last[0])


def main(arguments: list[str] | None = None) -> dict[str, float]:
    """Train, and measure on digits that are new."""
    p = parser(__doc__, epochs=40)
    p.add_argument("--hidden", type=at_least(1), default=48, help="features of the state (%(default)s)")
    return run(p.parse_args(arguments))


def run(options: argparse.Namespace) -> dict[str, float]:
    """What the program does, once its options are read."""
    rng = np.random.default_rng(options.seed)
    images, labels = data.digits.load()
    order = rng.permutation(len(images))
    training, test = (data.TensorDataset(images[part], labels[part]) for part in (order[400:], order[:400]))
    model = Reader(options.hidden, rng)
    loader = data.DataLoader(training, 32, shuffle=True, rng=rng)
    validation = data.DataLoader(test, 400)
    optimizer = optim.Adam(model.parameters(), lr=6e-3)
    scheduler = optim.lr_scheduler.ExponentialLR(optimizer, 0.95)
    metrics = {"accuracy": train.accuracy}
    fit(options, model, nn.CrossEntropyLoss(), optimizer, loader, validation, metrics, scheduler, clip=1.0)
    scores = train.evaluate(model, nn.CrossEntropyLoss(), validation, metrics=metrics)
    print(f"right   {scores.metrics['accuracy']:.2%} of 400 digits that are new")
    return finish(options, scores.metrics)


if __name__ == "__main__":
    start(main)
