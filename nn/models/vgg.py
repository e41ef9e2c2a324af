"""VGG: nothing but 3 × 3 convolutions, deep."""

from __future__ import annotations

import functools
from typing import Any

from ...autograd import Tensor
from .. import init
from ..container import Sequential
from ..conv import Conv2d
from ..dropout import Dropout
from ..linear import Linear
from ..module import Module
from ..pool import AdaptiveAvgPool2d, MaxPool2d
from ..rectifier import ReLU
from ..running_norm import BatchNorm2d
from .start import Generator, he

_STAGES = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
_WIDTHS = (64, 128, 256, 512, 512)


class VGG(Module):
    """Five stages of 3 × 3 convolutions, each followed by max-pooling, and three linear layers.

    Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition", 2014. Input
    (N, 3, H, W); keys and shapes are those of torchvision.

    Args:
        depth: the number of layers with weights, 11, 13, 16 or 19.
        batch_norm: whether each convolution is followed by batch normalisation.
        num_classes: the length of the output.
        dropout: the probability of dropping behind the first two linear layers.
        rng: the generator of the start values; the default one if not given.

    Raises:
        ValueError: for another depth.
    """

    def __init__(
        self,
        depth: int,
        batch_norm: bool = False,
        num_classes: int = 1000,
        dropout: float = 0.5,
        *,
        rng: Generator = None,
    ) -> None:
        super().__init__()
        if depth not in _STAGES:
            raise ValueError(f"a VGG has 11, 13, 16 or 19 layers, not {depth!r}")
        layers: list[Module] = []
        channels = 3
        for width, repeats in zip(_WIDTHS, _STAGES[depth], strict=True):
            for _ in range(repeats):
                norm = [BatchNorm2d(width)] if batch_norm else []
                layers += [Conv2d(channels, width, 3, padding=1), *norm, ReLU()]
                channels = width
            layers.append(MaxPool2d(2, stride=2))
        self.features = Sequential(*layers)
        self.avgpool = AdaptiveAvgPool2d((7, 7))
        self.classifier = Sequential(
            Linear(512 * 7 * 7, 4096),
            ReLU(),
            Dropout(dropout),
            Linear(4096, 4096),
            ReLU(),
            Dropout(dropout),
            Linear(4096, num_classes),
        )
        he(self, rng, functools.partial(init.normal_, mean=0.0, std=0.01, rng=rng))

    def forward(self, x: Any) -> Tensor:
        """The logits (N, num_classes) of images."""
        x = self.avgpool(self.features(x))
        logits: Tensor = self.classifier(x.reshape((x.shape[0], -1)))
        return logits


def vgg11(num_classes: int = 1000, **options: Any) -> VGG:
    """`VGG` of 11 layers: 132,863,336 parameters for 1000 classes."""
    return VGG(11, False, num_classes, **options)


def vgg13(num_classes: int = 1000, **options: Any) -> VGG:
    """`VGG` of 13 layers: 133,047,848 parameters for 1000 classes."""
    return VGG(13, False, num_classes, **options)


def vgg16(num_classes: int = 1000, **options: Any) -> VGG:
    """`VGG` of 16 layers: 138,357,544 parameters for 1000 classes."""
    return VGG(16, False, num_classes, **options)


def vgg19(num_classes: int = 1000, **options: Any) -> VGG:
    """`VGG` of 19 layers: 143,667,240 parameters for 1000 classes."""
    return VGG(19, False, num_classes, **options)


def vgg11_bn(num_classes: int = 1000, **options: Any) -> VGG:
    """`VGG` of 11 layers with batch normalisation: 132,868,840 parameters for 1000 classes."""
    return VGG(11, True, num_classes, **options)


def vgg13_bn(num_classes: int = 1000, **options: Any) -> VGG:
    """`VGG` of 13 layers with batch normalisation: 133,053,736 parameters for 1000 classes."""
    return VGG(13, True, num_classes, **options)


def vgg16_bn(num_classes: int = 1000, **options: Any) -> VGG:
    """`VGG` of 16 layers with batch normalisation: 138,365,992 parameters for 1000 classes."""
    return VGG(16, True, num_classes, **options)


def vgg19_bn(num_classes: int = 1000, **options: Any) -> VGG:
    """`VGG` of 19 layers with batch normalisation: 143,678,248 parameters for 1000 classes."""
    return VGG(19, True, num_classes, **options)
