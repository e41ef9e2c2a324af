"""Windows on images that can be moved by gradients: a grid of Gaussian filters, to read and to write with.

Gregor et al., "DRAW: a recurrent neural network for image generation", 2015 (arXiv:1502.04623), section 3.2.
"""

from __future__ import annotations

import numpy as np

import pullback as pb


def filters(center: pb.Tensor, stride: pb.Tensor, sigma: pb.Tensor, count: int, size: int) -> pb.Tensor:
    """Filters along one axis: each row is a Gaussian over the pixels, and sums to 1.

    Args:
        center: the middle of the grid in pixels, shape (N,).
        stride: the distance of neighbouring filters, shape (N,).
        sigma: their width, shape (N,).
        count: how many filters there are.
        size: how many pixels the axis has.

    Returns:
        Shape (N, count, size).
    """
    offsets = (np.arange(count) - (count - 1) / 2).astype(np.float32)
    pixels = np.arange(size, dtype=np.float32)
    means = center[:, None] + stride[:, None] * offsets
    distance = (pixels - means[:, :, None]) / sigma[:, None, None]
    return pb.softmax(
        -0.5 * distance * distance, axis=-1
    )  # a Gaussian that sums to 1, without a division by 0


def window(parameters: pb.Tensor, count: int, size: int) -> tuple[pb.Tensor, pb.Tensor, pb.Tensor]:
    """A square window from four free numbers for each image: two places, a stride and a width.

    Zeros stand for the middle of the image and a stride that spans it.

    Returns:
        The filters along y and x, each of shape (N, count, size), and where it is: (y, x, stride) of shape (N, 3).
    """
    middle, whole = (size - 1) / 2, (size - 1) / (count - 1)
    y = middle * (1 + pb.tanh(parameters[:, 0]))
    x = middle * (1 + pb.tanh(parameters[:, 1]))
    stride = whole * pb.exp(pb.clip(parameters[:, 2], -4.0, 0.5))
    sigma = 0.5 * stride * pb.exp(pb.clip(parameters[:, 3], -2.0, 1.0)) + 0.1
    return (
        filters(y, stride, sigma, count, size),
        filters(x, stride, sigma, count, size),
        pb.stack([y, x, stride], axis=1),
    )


def read(images: pb.Tensor, along_y: pb.Tensor, along_x: pb.Tensor) -> pb.Tensor:
    """What is seen through a window: shape (N, count, count) of images (N, size, size)."""
    return along_y @ images @ along_x.permute((0, 2, 1))


def write(patches: pb.Tensor, along_y: pb.Tensor, along_x: pb.Tensor) -> pb.Tensor:
    """Patches (N, count, count) put through a window onto images (N, size, size)."""
    return along_y.permute((0, 2, 1)) @ patches @ along_x


def framed(image: np.ndarray, places: np.ndarray, count: int, scale: int = 6) -> np.ndarray:
    """A grey image in colour, (3, height, width), enlarged, with the frames of windows, the last one bright.

    Args:
        image: shape (size, size), from 0 to 1.
        places: (y, x, stride) of each window, shape (windows, 3).
        count: the filters of a window along an axis.
        scale: how much larger the picture is.
    """
    large = np.repeat(np.repeat(np.clip(image, 0, 1), scale, axis=0), scale, axis=1)
    picture = np.stack([large] * 3)
    for number, (y, x, stride) in enumerate(places):
        half = stride * (count - 1) / 2 + 0.5
        low_y, high_y, low_x, high_x = (
            int(np.clip((edge + 0.5) * scale, 0, len(large) - 1))
            for edge in (y - half, y + half, x - half, x + half)
        )
        color = (1.0, 0.3, 0.2) if number == len(places) - 1 else (0.25, 0.45, 0.9)
        for channel, value in enumerate(color):
            picture[channel, [low_y, high_y], low_x : high_x + 1] = value
            picture[channel, low_y : high_y + 1, [low_x, high_x]] = value
    return picture
