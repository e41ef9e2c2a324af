"""MobileNet v2: wide inside, narrow between, and few multiply-adds."""

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
from ..pool import AdaptiveAvgPool2d
from ..rectifier import ReLU6
from ..running_norm import BatchNorm2d
from .start import Generator, he

# For each stage: how much wider a block is inside, its channels, the number of blocks, the stride of the first.
_STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


class _InvertedResidual(Module):
    """1 × 1 to more channels, 3 × 3 in each channel, 1 × 1 to few channels; with a bypass where shapes allow it."""

    def __init__(self, channels: int, out_channels: int, stride: int, expand_ratio: int) -> None:
        super().__init__()
        inside = channels * expand_ratio
        layers: list[Module] = [] if expand_ratio == 1 else [_convolution(channels, inside, 1)]
        layers.append(_convolution(inside, inside, 3, stride, groups=inside))
        layers += [Conv2d(inside, out_channels, 1, bias=False), BatchNorm2d(out_channels)]
        self.conv = Sequential(*layers)
        self.bypass = stride == 1 and channels == out_channels

    def forward(self, x: Any) -> Tensor:
        y: Tensor = self.conv(x)
        return x + y if self.bypass else y


def _convolution(
    channels: int, out_channels: int, kernel_size: int, stride: int = 1, groups: int = 1
) -> Sequential:
    conv = Conv2d(channels, out_channels, kernel_size, stride, kernel_size // 2, groups=groups, bias=False)
    return Sequential(conv, BatchNorm2d(out_channels), ReLU6())


def _divisible(channels: float, divisor: int) -> int:
    """The nearest multiple of a divisor, but not less than nine tenths."""
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


class MobileNetV2(Module):
    """A convolution, seventeen blocks that are wide inside, a 1 × 1 convolution and a linear layer.

    Sandler et al., "MobileNetV2: inverted residuals and linear bottlenecks", 2018. Input (N, 3, H, W); keys and shapes
    are those of torchvision.

    Args:
        num_classes: the length of the output.
        width_mult: a factor for the channels of all layers.
        round_nearest: of which the numbers of channels are multiples.
        dropout: the probability of dropping in front of the last layer.
        rng: the generator of the start values; the default one if not given.
    """

    def __init__(
        self,
        num_classes: int = 1000,
        width_mult: float = 1.0,
        round_nearest: int = 8,
        dropout: float = 0.2,
        *,
        rng: Generator = None,
    ) -> None:
        super().__init__()
        channels = _divisible(32 * width_mult, round_nearest)
        last = _divisible(1280 * max(1.0, width_mult), round_nearest)
        layers: list[Module] = [_convolution(3, channels, 3, stride=2)]
        for expand_ratio, width, repeats, stride in _STAGES:
            out = _divisible(width * width_mult, round_nearest)
            for i in range(repeats):
                layers.append(_InvertedResidual(channels, out, 1 if i else stride, expand_ratio))
                channels = out
        layers.append(_convolution(channels, last, 1))
        self.features = Sequential(*layers)
        self.avgpool = AdaptiveAvgPool2d((1, 1))
        self.classifier = Sequential(Dropout(dropout), Linear(last, num_classes))
        he(self, rng, functools.partial(init.normal_, mean=0.0, std=0.01, rng=rng))

    def forward(self, x: Any) -> Tensor:
        """The logits (N, num_classes) of images."""
        x = self.avgpool(self.features(x))
        logits: Tensor = self.classifier(x.reshape((x.shape[0], -1)))
        return logits


def mobilenet_v2(num_classes: int = 1000, **options: Any) -> MobileNetV2:
    """`MobileNetV2`: 3,504,872 parameters for 1000 classes."""
    return MobileNetV2(num_classes, **options)
