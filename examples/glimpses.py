"""A still image read one glimpse after the other: a recurrent network moves a small window over it.

Run it with `python examples/glimpses.py`. A handwritten digit of 8 × 8 pixels lies somewhere in an image of 24 × 24,
among pieces of others. The network sees no more of it than 6 × 6 points at a time, says itself where the next window
is and how large, and after the last one which digit it was. The windows are those of DRAW, so that gradients move them.
Written to the folder of the run: `glimpses.png`, where it looked.
"""

from __future__ import annotations

import argparse

import numpy as np
from common import at_least, finish, fit, parser, picture, start
from windows import framed, read, window

import pullback as pb
from pullback import data, nn, optim, train, viz

SIZE, COUNT = 24, 6


class Glimpser(nn.Module):
    """A GRU that gets what it sees and where, and gives the next window; the classes come from its last state."""

    def __init__(self, hidden: int, glimpses: int, rng: np.random.Generator) -> None:
        super().__init__()
        self.glimpses = glimpses
        self.look = nn.Linear(COUNT * COUNT + 3, hidden, rng=rng)
        self.cell = nn.GRUCell(hidden, hidden, rng=rng)
        self.move = nn.Linear(hidden, 4, rng=rng)
        self.head = nn.Linear(hidden, 10, rng=rng)
        nn.init.normal_(self.move.weight, 0.0, 0.01, rng=rng)
        nn.init.zeros_(self.move.bias)

    def forward(self, images: pb.Tensor) -> pb.Tensor:
        """Logits (N, 10) of images (N, SIZE, SIZE)."""
        return self.steps(images)[0]

    def steps(self, images: pb.Tensor) -> tuple[pb.Tensor, list[pb.Tensor]]:
        """The logits, and the places (N, 3) of all windows: y, x and stride."""
        state = pb.zeros((len(images), self.cell.hidden_size))
        places = []
        for _ in range(self.glimpses):
            along_y, along_x, place = window(self.move(state), COUNT, SIZE)
            seen = read(images, along_y, along_x).reshape((len(images), -1))
            state = self.cell(pb.relu(self.look(pb.concat([seen, place / SIZE], axis=1))), state)
            places.append(place)
        return self.head(state), places


def scattered(images: np.ndarray, rng: np.random.Generator, clutter: int = 4) -> np.ndarray:
    """Each digit at a place that is drawn, among pieces of 4 × 4 pixels of others."""
    result = np.zeros((len(images), SIZE, SIZE), np.float32)
    for canvas, image in zip(result, images, strict=True):
        for _ in range(clutter):
            other = images[rng.integers(len(images))]
            top, left = rng.integers(0, 5, 2)
            y, x = rng.integers(0, SIZE - 4, 2)
            canvas[y : y + 4, x : x + 4] = 0.6 * other[top : top + 4, left : left + 4]
        y, x = rng.integers(0, SIZE - 8, 2)
        canvas[y : y + 8, x : x + 8] = image
    return result


def main(arguments: list[str] | None = None) -> dict[str, float]:
    """Train, measure, and draw where the network looks."""
    p = parser(__doc__, epochs=50)
    p.add_argument("--glimpses", type=at_least(1), default=4, help="windows for each image (%(default)s)")
    p.add_argument("--hidden", type=at_least(1), default=96, help="features of the state (%(default)s)")
    p.add_argument(
        "--copies", type=at_least(1), default=4, help="places that each digit is put to (%(default)s)"
    )
    return run(p.parse_args(arguments))


def run(options: argparse.Namespace) -> dict[str, float]:
    """What the program does, once its options are read."""
    rng = np.random.default_rng(options.seed)
    images, labels = data.digits.load()
    order = rng.permutation(len(images))
    training = np.tile(order[400:], options.copies)
    known = data.TensorDataset(scattered(images[training], rng), labels[training])
    pictures = scattered(images[order[:400]], rng)
    new = data.TensorDataset(pictures, labels[order[:400]])
    model = Glimpser(options.hidden, options.glimpses, rng)
    loader = data.DataLoader(known, 64, shuffle=True, rng=rng)
    validation = data.DataLoader(new, 400)
    optimizer = optim.Adam(model.parameters(), lr=3e-3)
    scheduler = optim.lr_scheduler.ExponentialLR(optimizer, 0.97)
    metrics = {"accuracy": train.accuracy}
    fit(options, model, nn.CrossEntropyLoss(), optimizer, loader, validation, metrics, scheduler, clip=1.0)
    scores = train.evaluate(model, nn.CrossEntropyLoss(), validation, metrics=metrics)
    with pb.no_grad():
        _, places = model.eval().steps(pb.asarray(pictures[:6]))
    print(
        f"right   {scores.metrics['accuracy']:.2%} of 400 digits that are new, with {options.glimpses} glimpses"
    )
    tracks = np.stack([place.numpy() for place in places], axis=1)
    frames = np.stack(
        [framed(image, track[: step + 1], COUNT) for image, track in zip(pictures[:6], tracks, strict=True)
         for step in range(options.glimpses)]
    )  # fmt: skip
    titles = [f"{labels[order[i]]}: glimpse {step + 1}" for i in range(6) for step in range(options.glimpses)]
    picture(
        options, "glimpses.png", lambda: viz.weight_images(frames, titles=titles, columns=options.glimpses)
    )
    return finish(options, scores.metrics)


if __name__ == "__main__":
    start(main)
