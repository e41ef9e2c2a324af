"""DenseNet: every layer sees the channels of all layers in front of it."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from ...autograd import Tensor, concat, relu
from .. import init
from ..container import Sequential
from ..conv import Conv2d
from ..dropout import Dropout
from ..linear import Linear
from ..module import Module
from ..pool import AdaptiveAvgPool2d, AvgPool2d, MaxPool2d
from ..rectifier import ReLU
from ..running_norm import BatchNorm2d
from ..state import IncompatibleKeys
from .start import Generator

# Published files name the parts of a layer "norm.1" and not "norm1".
_OLD_NAME = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12])\.")


class _DenseLayer(Module):
    """A 1 × 1 and a 3 × 3 convolution, each behind batch normalisation and ReLU."""

    def __init__(self, channels: int, growth_rate: int, bn_size: int, drop_rate: float) -> None:
        super().__init__()
        self.norm1 = BatchNorm2d(channels)
        self.relu1 = ReLU()
        self.conv1 = Conv2d(channels, bn_size * growth_rate, 1, bias=False)
        self.norm2 = BatchNorm2d(bn_size * growth_rate)
        self.relu2 = ReLU()
        self.conv2 = Conv2d(bn_size * growth_rate, growth_rate, 3, padding=1, bias=False)
        self.dropout = Dropout(drop_rate) if drop_rate else None

    def forward(self, x: Any) -> Tensor:
        y = self.conv1(self.relu1(self.norm1(x)))
        y = self.conv2(self.relu2(self.norm2(y)))
        new: Tensor = y if self.dropout is None else self.dropout(y)
        return new


class _DenseBlock(Sequential):
    """Layers that each add their channels to what they got."""

    def forward(self, x: Any) -> Tensor:
        for layer in self:
            x = concat([x, layer(x)], axis=1)
        result: Tensor = x
        return result


class DenseNet(Module):
    """A convolution, four dense blocks with transitions that halve channels and size, and a linear layer.

    Huang et al., "Densely connected convolutional networks", 2016. Input (N, 3, H, W); keys and shapes are those of
    torchvision, and `load_state_dict` understands the older names that its published files have.

    Args:
        growth_rate: the channels that each layer adds.
        block_config: the number of layers in each block.
        num_init_features: the channels of the first convolution.
        bn_size: the channels between the two convolutions of a layer, as a multiple of growth_rate.
        drop_rate: the probability of dropping behind each layer.
        num_classes: the length of the output.
        rng: the generator of the start values; the default one if not given.
    """

    def __init__(
        self,
        growth_rate: int = 32,
        block_config: Sequence[int] = (6, 12, 24, 16),
        num_init_features: int = 64,
        bn_size: int = 4,
        drop_rate: float = 0.0,
        num_classes: int = 1000,
        *,
        rng: Generator = None,
    ) -> None:
        super().__init__()
        parts: OrderedDict[str, Module] = OrderedDict(
            conv0=Conv2d(3, num_init_features, 7, stride=2, padding=3, bias=False),
            norm0=BatchNorm2d(num_init_features),
            relu0=ReLU(),
            pool0=MaxPool2d(3, stride=2, padding=1),
        )
        channels = num_init_features
        for i, layers in enumerate(block_config, 1):
            dense = OrderedDict(
                (
                    f"denselayer{j + 1}",
                    _DenseLayer(channels + j * growth_rate, growth_rate, bn_size, drop_rate),
                )
                for j in range(layers)
            )
            parts[f"denseblock{i}"] = _DenseBlock(dense)
            channels += layers * growth_rate
            if i < len(block_config):
                parts[f"transition{i}"] = Sequential(
                    OrderedDict(
                        norm=BatchNorm2d(channels),
                        relu=ReLU(),
                        conv=Conv2d(channels, channels // 2, 1, bias=False),
                        pool=AvgPool2d(2, stride=2),
                    )
                )
                channels //= 2
        parts["norm5"] = BatchNorm2d(channels)
        self.features = Sequential(parts)
        self.avgpool = AdaptiveAvgPool2d((1, 1))
        self.classifier = Linear(channels, num_classes)
        for module in self.modules():
            if isinstance(module, Conv2d):
                init.kaiming_normal_(module.weight, rng=rng)
        if rng is not None:
            self.classifier.reset_parameters(rng=rng)
        if self.classifier.bias is not None:
            init.zeros_(self.classifier.bias)

    def forward(self, x: Any) -> Tensor:
        """The logits (N, num_classes) of images."""
        x = self.avgpool(relu(self.features(x)))
        logits: Tensor = self.classifier(x.reshape((x.shape[0], -1)))
        return logits

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> IncompatibleKeys:
        """As for every module; the names "norm.1", "conv.2", ... of older files are taken for "norm1", "conv2"."""
        if isinstance(state_dict, Mapping):
            state_dict = {_OLD_NAME.sub(r"\1\2.", name): value for name, value in state_dict.items()}
        return super().load_state_dict(state_dict, strict)


def densenet121(num_classes: int = 1000, **options: Any) -> DenseNet:
    """`DenseNet` of 121 layers: 7,978,856 parameters for 1000 classes."""
    return DenseNet(32, (6, 12, 24, 16), 64, num_classes=num_classes, **options)


def densenet161(num_classes: int = 1000, **options: Any) -> DenseNet:
    """`DenseNet` of 161 layers: 28,681,000 parameters for 1000 classes."""
    return DenseNet(48, (6, 12, 36, 24), 96, num_classes=num_classes, **options)


def densenet169(num_classes: int = 1000, **options: Any) -> DenseNet:
    """`DenseNet` of 169 layers: 14,149,480 parameters for 1000 classes."""
    return DenseNet(32, (6, 12, 32, 32), 64, num_classes=num_classes, **options)


def densenet201(num_classes: int = 1000, **options: Any) -> DenseNet:
    """`DenseNet` of 201 layers: 20,013,928 parameters for 1000 classes."""
    return DenseNet(32, (6, 12, 48, 32), 64, num_classes=num_classes, **options)
