"""A small convolutional network for the digits that are shipped, and the images that it is shown."""

from __future__ import annotations

import numpy as np

from pullback import nn

SIZE = 12
FEATURES = "8"
"""The layer of the network whose output serves as features: the last convolution, pooled."""


def network(classes: int, rng: np.random.Generator) -> nn.Sequential:
    """Three convolutions with pooling, a hidden layer and the head; input (N, 1, SIZE, SIZE)."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1, rng=rng),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1, rng=rng),
        nn.ReLU(),
        nn.Conv2d(32, 48, 3, padding=1, rng=rng),
        nn.ReLU(),
        nn.AdaptiveMaxPool2d((2, 2)),
        nn.Flatten(),
        nn.Dropout(0.4),
        nn.Linear(192, 64, rng=rng),
        nn.ReLU(),
        nn.Linear(64, classes, rng=rng),
    )


def moved(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Images (N, 8, 8), each at a place that is drawn in a larger one: shape (N, SIZE, SIZE)."""
    result = np.zeros((len(images), SIZE, SIZE), np.float32)
    for canvas, image, (y, x) in zip(
        result, images, rng.integers(0, SIZE - 7, (len(images), 2)), strict=True
    ):
        canvas[y : y + 8, x : x + 8] = image
    return result


def pixels(images: np.ndarray) -> np.ndarray:
    """Images (N, height, width) with an axis for the one channel, centred about zero."""
    return 2 * images[:, None] - 1
