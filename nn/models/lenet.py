"""LeNet-5, the first convolutional network in wide use."""

from __future__ import annotations

from typing import Any

from ...autograd import Tensor, tanh
from ..conv import Conv2d
from ..linear import Linear
from ..module import Module
from ..pool import AvgPool2d
from .start import Generator, redraw


class LeNet5(Module):
    """Two convolutions with pooling and three linear layers; 61,706 parameters for 10 classes.

    LeCun et al., "Gradient-based learning applied to document recognition", 1998. As usual today, the second
    convolution sees all channels, pooling is a plain mean, and the last layer gives logits.

    Args:
        num_classes: the length of the output.
        in_channels: of the images.
        image_size: 32, as published, or 28, for which the first convolution has a border.
        rng: the generator of the start values; the default one if not given.

    Raises:
        ValueError: for another size.

    >>> import pullback as pb
    >>> pb.nn.models.LeNet5(image_size=28)(pb.zeros((2, 1, 28, 28))).shape
    (2, 10)
    """

    def __init__(
        self, num_classes: int = 10, in_channels: int = 1, image_size: int = 32, *, rng: Generator = None
    ) -> None:
        super().__init__()
        if image_size not in (28, 32):
            raise ValueError(f"LeNet5 takes images of 32 or 28 pixels in each direction, not {image_size!r}")
        self.conv1 = Conv2d(in_channels, 6, 5, padding=0 if image_size == 32 else 2)
        self.pool1 = AvgPool2d(2)
        self.conv2 = Conv2d(6, 16, 5)
        self.pool2 = AvgPool2d(2)
        self.fc1 = Linear(16 * 5 * 5, 120)
        self.fc2 = Linear(120, 84)
        self.fc3 = Linear(84, num_classes)
        redraw(self, rng)

    def forward(self, x: Any) -> Tensor:
        """The logits (N, num_classes) of images (N, in_channels, image_size, image_size)."""
        x = self.pool1(tanh(self.conv1(x)))
        x = self.pool2(tanh(self.conv2(x)))
        x = x.reshape((x.shape[0], -1))
        logits: Tensor = self.fc3(tanh(self.fc2(tanh(self.fc1(x)))))
        return logits


def lenet5(num_classes: int = 10, **options: Any) -> LeNet5:
    """`LeNet5`."""
    return LeNet5(num_classes, **options)
