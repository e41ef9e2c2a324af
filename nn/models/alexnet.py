"""AlexNet."""

from __future__ import annotations

from typing import Any

from ...autograd import Tensor
from ..container import Sequential
from ..conv import Conv2d
from ..dropout import Dropout
from ..linear import Linear
from ..module import Module
from ..pool import AdaptiveAvgPool2d, MaxPool2d
from ..rectifier import ReLU
from .start import Generator, redraw


class AlexNet(Module):
    """Five convolutions and three linear layers; input (N, 3, H, W), 224 × 224 in its time.

    Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014: the version with one tower,
    whose keys and shapes torchvision's weights have.

    Args:
        num_classes: the length of the output.
        dropout: the probability of dropping in front of the first two linear layers.
        rng: the generator of the start values; the default one if not given.
    """

    def __init__(self, num_classes: int = 1000, dropout: float = 0.5, *, rng: Generator = None) -> None:
        super().__init__()
        self.features = Sequential(
            Conv2d(3, 64, 11, stride=4, padding=2),
            ReLU(),
            MaxPool2d(3, stride=2),
            Conv2d(64, 192, 5, padding=2),
            ReLU(),
            MaxPool2d(3, stride=2),
            Conv2d(192, 384, 3, padding=1),
            ReLU(),
            Conv2d(384, 256, 3, padding=1),
            ReLU(),
            Conv2d(256, 256, 3, padding=1),
            ReLU(),
            MaxPool2d(3, stride=2),
        )
        self.avgpool = AdaptiveAvgPool2d((6, 6))
        self.classifier = Sequential(
            Dropout(dropout),
            Linear(256 * 6 * 6, 4096),
            ReLU(),
            Dropout(dropout),
            Linear(4096, 4096),
            ReLU(),
            Linear(4096, num_classes),
        )
        redraw(self, rng)

    def forward(self, x: Any) -> Tensor:
        """The logits (N, num_classes) of images."""
        x = self.avgpool(self.features(x))
        logits: Tensor = self.classifier(x.reshape((x.shape[0], -1)))
        return logits


def alexnet(num_classes: int = 1000, dropout: float = 0.5, *, rng: Generator = None) -> AlexNet:
    """`AlexNet`, with 61,100,840 parameters for 1000 classes."""
    return AlexNet(num_classes, dropout, rng=rng)
