"""SqueezeNet: AlexNet's accuracy with few parameters."""

from __future__ import annotations

from typing import Any

from ...autograd import Tensor, concat
from .. import init
from ..container import Sequential
from ..conv import Conv2d
from ..dropout import Dropout
from ..module import Module
from ..pool import AdaptiveAvgPool2d, MaxPool2d
from ..rectifier import ReLU
from .start import Generator


class Fire(Module):
    """A 1 × 1 convolution to few channels, then 1 × 1 and 3 × 3 ones side by side.

    Args:
        inplanes: the channels of the input.
        squeeze_planes: those between.
        expand1x1_planes: those of the 1 × 1 convolution.
        expand3x3_planes: those of the 3 × 3 convolution.
    """

    def __init__(
        self, inplanes: int, squeeze_planes: int, expand1x1_planes: int, expand3x3_planes: int
    ) -> None:
        super().__init__()
        self.squeeze = Conv2d(inplanes, squeeze_planes, 1)
        self.squeeze_activation = ReLU()
        self.expand1x1 = Conv2d(squeeze_planes, expand1x1_planes, 1)
        self.expand1x1_activation = ReLU()
        self.expand3x3 = Conv2d(squeeze_planes, expand3x3_planes, 3, padding=1)
        self.expand3x3_activation = ReLU()

    def forward(self, x: Any) -> Tensor:
        """The channels of both sides."""
        x = self.squeeze_activation(self.squeeze(x))
        sides = [self.expand1x1_activation(self.expand1x1(x)), self.expand3x3_activation(self.expand3x3(x))]
        return concat(sides, axis=1)


class SqueezeNet(Module):
    """A convolution, eight `Fire` modules, and a 1 × 1 convolution to the classes, averaged over all places.

    Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters", 2016. Input (N, 3, H, W); keys and
    shapes are those of torchvision.

    Args:
        version: "1_0", as published, or "1_1", which needs 2.4 times less work.
        num_classes: the length of the output.
        dropout: the probability of dropping in front of the last convolution.
        rng: the generator of the start values; the default one if not given.

    Raises:
        ValueError: for another version.
    """

    def __init__(
        self, version: str = "1_0", num_classes: int = 1000, dropout: float = 0.5, *, rng: Generator = None
    ) -> None:
        super().__init__()
        fires = [
            Fire(inplanes, squeeze, expand, expand)
            for inplanes, squeeze, expand in (
                ((96 if version == "1_0" else 64), 16, 64), (128, 16, 64), (128, 32, 128), (256, 32, 128),
                (256, 48, 192), (384, 48, 192), (384, 64, 256), (512, 64, 256),
            )
        ]  # fmt: skip
        if version == "1_0":
            first, stages = Conv2d(3, 96, 7, stride=2), (fires[:3], fires[3:7], fires[7:])
        elif version == "1_1":
            first, stages = Conv2d(3, 64, 3, stride=2), (fires[:2], fires[2:4], fires[4:])
        else:
            raise ValueError(f"SqueezeNet has the versions '1_0' and '1_1', not {version!r}")
        layers: list[Module] = [first, ReLU()]
        for stage in stages:
            layers += [MaxPool2d(3, stride=2, ceil_mode=True), *stage]
        self.features = Sequential(*layers)
        last = Conv2d(512, num_classes, 1)
        self.classifier = Sequential(Dropout(dropout), last, ReLU(), AdaptiveAvgPool2d((1, 1)))
        for module in self.modules():
            if isinstance(module, Conv2d):
                if module is last:
                    init.normal_(module.weight, 0.0, 0.01, rng=rng)
                else:
                    init.kaiming_uniform_(module.weight, rng=rng)
                if module.bias is not None:
                    init.zeros_(module.bias)

    def forward(self, x: Any) -> Tensor:
        """The logits (N, num_classes) of images."""
        x = self.classifier(self.features(x))
        logits: Tensor = x.reshape((x.shape[0], -1))
        return logits


def squeezenet1_0(num_classes: int = 1000, **options: Any) -> SqueezeNet:
    """`SqueezeNet` as published: 1,248,424 parameters for 1000 classes."""
    return SqueezeNet("1_0", num_classes, **options)


def squeezenet1_1(num_classes: int = 1000, **options: Any) -> SqueezeNet:
    """`SqueezeNet` of version 1.1: 1,235,496 parameters for 1000 classes."""
    return SqueezeNet("1_1", num_classes, **options)
