"""Digits drawn step by step: a recurrent autoencoder that adds strokes to a canvas (DRAW).

Run it with `python examples/drawing.py`. In each step an encoder looks at what is missing on the canvas, a few random
numbers are drawn from what it says, and a decoder puts a patch through a window onto the canvas. Without the encoder
the random numbers come from a normal distribution, and the decoder draws digits that nobody has written.
Gregor et al., "DRAW: a recurrent neural network for image generation", 2015 (arXiv:1502.04623).
Written to the folder of the run: `copied.png` and `invented.png`, the canvas after each step.
"""

from __future__ import annotations

import argparse

import numpy as np
from common import at_least, finish, fit, parser, picture, start
from windows import window, write

import pullback as pb
from pullback import data, nn, optim, train, viz

SIZE, COUNT = 8, 4


class Drawer(nn.Module):
    """Encoder, a code of few numbers in each step, decoder, and a canvas to which each step adds.

    Args:
        steps: how often something is drawn.
        hidden: the features of the states.
        code: the random numbers of a step.
        rng: the generator of the start values.
        noise: the generator of the codes.
    """

    def __init__(
        self, steps: int, hidden: int, code: int, rng: np.random.Generator, noise: np.random.Generator
    ) -> None:
        super().__init__()
        self.steps, self.code, self.noise = steps, code, noise
        pixels = SIZE * SIZE
        self.encoder = nn.GRUCell(2 * pixels + hidden, hidden, rng=rng)
        self.statistics = nn.Linear(hidden, 2 * code, rng=rng)
        self.decoder = nn.GRUCell(code, hidden, rng=rng)
        self.patch = nn.Linear(hidden, COUNT * COUNT, rng=rng)
        self.place = nn.Linear(hidden, 4, rng=rng)
        self.empty = nn.Parameter(np.full((SIZE, SIZE), -2.0, np.float32))

    def forward(self, images: pb.Tensor) -> tuple[pb.Tensor, pb.Tensor]:
        """The logits of the pixels at the end, and the divergence of the codes from noise, for each image."""
        canvases, divergence = self.draw(len(images), images)
        return canvases[-1], divergence

    def draw(self, count: int, images: pb.Tensor | None = None) -> tuple[list[pb.Tensor], pb.Tensor]:
        """The canvas (N, SIZE, SIZE) after each step: of images that are copied, or of nothing that is there."""
        hidden = self.decoder.hidden_size
        canvas = self.empty + pb.zeros((count, SIZE, SIZE))
        encoded, decoded = pb.zeros((count, hidden)), pb.zeros((count, hidden))
        divergence = pb.zeros((count,))
        canvases = []
        for _ in range(self.steps):
            code = pb.asarray(self.noise.normal(size=(count, self.code)).astype(np.float32))
            if images is not None:
                missing = images - pb.sigmoid(canvas)
                seen = [images.reshape((count, -1)), missing.reshape((count, -1)), decoded]
                encoded = self.encoder(pb.concat(seen, axis=1), encoded)
                statistics = self.statistics(encoded)
                mean, log_std = statistics[:, : self.code], pb.clip(statistics[:, self.code :], -6.0, 2.0)
                std = pb.exp(log_std)
                code = mean + std * code
                divergence = divergence + (0.5 * (mean * mean + std * std - 1) - log_std).sum(axis=1)
            decoded = self.decoder(code, decoded)
            along_y, along_x, _ = window(self.place(decoded), COUNT, SIZE)
            canvas = canvas + write(self.patch(decoded).reshape((count, COUNT, COUNT)), along_y, along_x)
            canvases.append(canvas)
        return canvases, divergence


def loss(output: tuple[pb.Tensor, pb.Tensor], images: pb.Tensor) -> pb.Tensor:
    """The negative evidence lower bound of an image of ink or none: what its pixels cost, and what its codes cost."""
    logits, divergence = output
    pixels = nn.functional.binary_cross_entropy_with_logits(logits, images, reduction="sum")
    return (pixels + divergence.sum()) / len(images)


def main(arguments: list[str] | None = None) -> dict[str, float]:
    """Train, measure, and draw the steps."""
    p = parser(__doc__, epochs=80)
    p.add_argument("--steps", type=at_least(1), default=8, help="in which a digit is drawn (%(default)s)")
    p.add_argument("--hidden", type=at_least(1), default=96, help="features of the states (%(default)s)")
    p.add_argument("--code", type=at_least(1), default=6, help="random numbers of a step (%(default)s)")
    return run(p.parse_args(arguments))


def run(options: argparse.Namespace) -> dict[str, float]:
    """What the program does, once its options are read."""
    rng = np.random.default_rng(options.seed)
    images, _ = data.digits.load()
    images = (images > 0.45).astype(np.float32)  # ink or none
    order = rng.permutation(len(images))
    training, test = (data.TensorDataset(images[part], images[part]) for part in (order[300:], order[:300]))
    model = Drawer(options.steps, options.hidden, options.code, rng, np.random.default_rng([options.seed, 1]))
    loader = data.DataLoader(training, 64, shuffle=True, rng=rng)
    validation = data.DataLoader(test, 300)
    optimizer = optim.Adam(model.parameters(), lr=5e-3)
    scheduler = optim.lr_scheduler.ExponentialLR(optimizer, 0.985)
    fit(options, model, loss, optimizer, loader, validation, scheduler=scheduler, clip=5.0)
    model.noise = np.random.default_rng([options.seed, 2])
    bound = train.evaluate(model, loss, validation).loss
    with pb.no_grad():
        copied, _ = model.draw(len(test), pb.asarray(images[order[:300]]))
        off = float(abs(1 / (1 + np.exp(-copied[-1].numpy())) - images[order[:300]]).mean())
        invented, _ = model.draw(4)
    print(f"bound   {bound:.2f} nats for an image that is new; copies are off by {off:.3f} of the range")
    for name, canvases, originals in (
        ("copied.png", [canvas[:4] for canvas in copied], images[order[:4]]),
        ("invented.png", invented, None),
    ):
        picture(options, name, lambda c=canvases, o=originals: steps_of(c, o))
    return finish(options, {"bound": bound, "error": off})


def steps_of(canvases: list[pb.Tensor], originals: np.ndarray | None) -> viz.Plot:
    """One row for each image: the canvas after each step, and at the end what was to be copied."""
    shown = [1 / (1 + np.exp(-canvas.numpy())) for canvas in canvases]
    titles = [f"step {step + 1}" for step in range(len(shown))]
    if originals is not None:
        shown.append(originals)
        titles.append("original")
    tiles = np.stack(shown, axis=1).reshape((-1, 1, SIZE, SIZE))
    return viz.weight_images(
        np.repeat(1 - tiles, 3, axis=1), titles=titles * len(shown[0]), columns=len(titles)
    )


if __name__ == "__main__":
    start(main)
