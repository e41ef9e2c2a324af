"""ResNet and ResNeXt: layers that learn what to add to their input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from ...autograd import Tensor, relu
from .. import init
from ..container import Sequential
from ..conv import Conv2d
from ..linear import Linear
from ..module import Module
from ..pool import AdaptiveAvgPool2d, MaxPool2d
from ..rectifier import ReLU
from ..running_norm import BatchNorm2d
from .start import Generator, he


class BasicBlock(Module):
    """Two 3 × 3 convolutions with a bypass: y = relu(x + f(x)).

    Args:
        inplanes: the channels of the input.
        planes: those of the output.
        stride: of the first convolution.
        downsample: what the bypass does, if the shape changes.
    """

    expansion: ClassVar[int] = 1

    def __init__(
        self,
        inplanes: int,
        planes: int,
        stride: int = 1,
        downsample: Module | None = None,
        groups: int = 1,
        base_width: int = 64,
    ) -> None:
        super().__init__()
        if groups != 1 or base_width != 64:
            raise ValueError("a BasicBlock has groups=1 and base_width=64; a Bottleneck can have others")
        self.conv1 = Conv2d(inplanes, planes, 3, stride, padding=1, bias=False)
        self.bn1 = BatchNorm2d(planes)
        self.relu = ReLU()
        self.conv2 = Conv2d(planes, planes, 3, padding=1, bias=False)
        self.bn2 = BatchNorm2d(planes)
        self.downsample = downsample

    @property
    def last_norm(self) -> BatchNorm2d:
        """The normalisation in front of the sum."""
        return self.bn2

    def forward(self, x: Any) -> Tensor:
        """The block's output."""
        bypass = x if self.downsample is None else self.downsample(x)
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return relu(y + bypass)


class Bottleneck(Module):
    """Convolutions 1 × 1 to fewer channels, 3 × 3 and 1 × 1 back, with a bypass; the stride is that of the 3 × 3.

    Args:
        inplanes: the channels of the input.
        planes: a quarter of those of the output.
        stride: of the middle convolution.
        downsample: what the bypass does, if the shape changes.
        groups: of the middle convolution.
        base_width: the channels of each group for 64 planes.
    """

    expansion: ClassVar[int] = 4

    def __init__(
        self,
        inplanes: int,
        planes: int,
        stride: int = 1,
        downsample: Module | None = None,
        groups: int = 1,
        base_width: int = 64,
    ) -> None:
        super().__init__()
        width = planes * base_width // 64 * groups
        self.conv1 = Conv2d(inplanes, width, 1, bias=False)
        self.bn1 = BatchNorm2d(width)
        self.conv2 = Conv2d(width, width, 3, stride, padding=1, groups=groups, bias=False)
        self.bn2 = BatchNorm2d(width)
        self.conv3 = Conv2d(width, planes * self.expansion, 1, bias=False)
        self.bn3 = BatchNorm2d(planes * self.expansion)
        self.relu = ReLU()
        self.downsample = downsample

    @property
    def last_norm(self) -> BatchNorm2d:
        """The normalisation in front of the sum."""
        return self.bn3

    def forward(self, x: Any) -> Tensor:
        """The block's output."""
        bypass = x if self.downsample is None else self.downsample(x)
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn3(self.conv3(self.relu(self.bn2(self.conv2(y)))))
        return relu(y + bypass)


class ResNet(Module):
    """A convolution, four stages of blocks with bypasses, the mean over all places, and a linear layer.

    He et al., "Deep residual learning for image recognition", 2015; with groups Xie et al., "Aggregated residual
    transformations for deep neural networks", 2016. Input (N, 3, H, W); keys and shapes are those of torchvision.

    Args:
        block: `BasicBlock` or `Bottleneck`.
        layers: the number of blocks in each stage.
        num_classes: the length of the output.
        zero_init_residual: let each block begin as its bypass.
        groups: of the middle convolutions of a Bottleneck.
        width_per_group: their channels in each group, in the first stage.
        rng: the generator of the start values; the default one if not given.
    """

    def __init__(
        self,
        block: type[BasicBlock] | type[Bottleneck],
        layers: Sequence[int],
        num_classes: int = 1000,
        zero_init_residual: bool = False,
        groups: int = 1,
        width_per_group: int = 64,
        *,
        rng: Generator = None,
    ) -> None:
        super().__init__()
        self.conv1 = Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = BatchNorm2d(64)
        self.relu = ReLU()
        self.maxpool = MaxPool2d(3, stride=2, padding=1)
        channels = 64
        for i, (planes, blocks) in enumerate(zip((64, 128, 256, 512), layers, strict=True)):
            stage, channels = _stage(block, channels, planes, blocks, 2 if i else 1, groups, width_per_group)
            setattr(self, f"layer{i + 1}", stage)
        self.avgpool = AdaptiveAvgPool2d((1, 1))
        self.fc = Linear(512 * block.expansion, num_classes)
        he(self, rng)
        if zero_init_residual:
            for module in self.modules():
                if isinstance(module, (BasicBlock, Bottleneck)) and module.last_norm.weight is not None:
                    init.zeros_(module.last_norm.weight)

    layer1: Sequential
    layer2: Sequential
    layer3: Sequential
    layer4: Sequential

    def forward(self, x: Any) -> Tensor:
        """The logits (N, num_classes) of images."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        x = self.avgpool(x)
        logits: Tensor = self.fc(x.reshape((x.shape[0], -1)))
        return logits


def _stage(
    block: type[BasicBlock] | type[Bottleneck],
    channels: int,
    planes: int,
    blocks: int,
    stride: int,
    groups: int,
    base_width: int,
) -> tuple[Sequential, int]:
    """The blocks of a stage, of which the first changes the shape, and the channels that come out."""
    out = planes * block.expansion
    downsample = None
    if stride != 1 or channels != out:
        downsample = Sequential(Conv2d(channels, out, 1, stride, bias=False), BatchNorm2d(out))
    first = block(channels, planes, stride, downsample, groups, base_width)
    rest = (block(out, planes, groups=groups, base_width=base_width) for _ in range(1, blocks))
    return Sequential(first, *rest), out


def resnet18(num_classes: int = 1000, **options: Any) -> ResNet:
    """`ResNet` of 18 layers: 11,689,512 parameters for 1000 classes.

    >>> from pullback import nn
    >>> nn.utils.count_parameters(nn.models.resnet18())
    11689512
    """
    return ResNet(BasicBlock, (2, 2, 2, 2), num_classes, **options)


def resnet34(num_classes: int = 1000, **options: Any) -> ResNet:
    """`ResNet` of 34 layers: 21,797,672 parameters for 1000 classes."""
    return ResNet(BasicBlock, (3, 4, 6, 3), num_classes, **options)


def resnet50(num_classes: int = 1000, **options: Any) -> ResNet:
    """`ResNet` of 50 layers: 25,557,032 parameters for 1000 classes."""
    return ResNet(Bottleneck, (3, 4, 6, 3), num_classes, **options)


def resnet101(num_classes: int = 1000, **options: Any) -> ResNet:
    """`ResNet` of 101 layers: 44,549,160 parameters for 1000 classes."""
    return ResNet(Bottleneck, (3, 4, 23, 3), num_classes, **options)


def resnet152(num_classes: int = 1000, **options: Any) -> ResNet:
    """`ResNet` of 152 layers: 60,192,808 parameters for 1000 classes."""
    return ResNet(Bottleneck, (3, 8, 36, 3), num_classes, **options)


def resnext50_32x4d(num_classes: int = 1000, **options: Any) -> ResNet:
    """ResNeXt of 50 layers, with 32 groups of 4 channels: 25,028,904 parameters for 1000 classes."""
    return ResNet(Bottleneck, (3, 4, 6, 3), num_classes, groups=32, width_per_group=4, **options)
