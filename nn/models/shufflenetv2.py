"""ShuffleNet v2: halves of the channels take turns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...autograd import Tensor, concat, swapaxes
from ..container import Sequential
from ..conv import Conv2d
from ..linear import Linear
from ..module import Module
from ..pool import MaxPool2d
from ..rectifier import ReLU
from ..running_norm import BatchNorm2d
from .start import Generator, redraw


class _Unit(Module):
    """One half of the channels passes by and the other through convolutions; then the halves are shuffled.

    With stride 2 both halves see all channels, and there are other numbers of them behind.
    """

    def __init__(self, channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        half = out_channels // 2
        inside = channels if stride > 1 else half
        self.branch1 = Sequential()
        if stride > 1:
            self.branch1 = Sequential(*_depthwise(channels, stride), *_pointwise(channels, half))
        self.branch2 = Sequential(
            *_pointwise(inside, half), *_depthwise(half, stride), *_pointwise(half, half)
        )

    def forward(self, x: Any) -> Tensor:
        if self.stride == 1:
            half = x.shape[1] // 2
            sides = [x[:, :half], self.branch2(x[:, half:])]
        else:
            sides = [self.branch1(x), self.branch2(x)]
        return _shuffled(concat(sides, axis=1))


def _shuffled(x: Tensor) -> Tensor:
    """The channels of both halves in turn."""
    n, channels, *size = x.shape
    halves = x.reshape((n, 2, channels // 2, *size))
    return swapaxes(halves, 1, 2).reshape(x.shape)


def _depthwise(channels: int, stride: int) -> tuple[Module, Module]:
    conv = Conv2d(channels, channels, 3, stride, padding=1, groups=channels, bias=False)
    return conv, BatchNorm2d(channels)


def _pointwise(channels: int, out_channels: int) -> tuple[Module, Module, Module]:
    return Conv2d(channels, out_channels, 1, bias=False), BatchNorm2d(out_channels), ReLU()


class ShuffleNetV2(Module):
    """A convolution, three stages of units that shuffle channels, a 1 × 1 convolution and a linear layer.

    Ma et al., "ShuffleNet V2: practical guidelines for efficient CNN architecture design", 2018. Input (N, 3, H, W);
    keys and shapes are those of torchvision.

    Args:
        stages_repeats: the number of units in each of the three stages.
        stages_out_channels: the channels of the first convolution, of the stages and of the last convolution.
        num_classes: the length of the output.
        rng: the generator of the start values; the default one if not given.

    Raises:
        ValueError: unless there are three stages and five numbers of channels.
    """

    stage2: Sequential
    stage3: Sequential
    stage4: Sequential

    def __init__(
        self,
        stages_repeats: Sequence[int],
        stages_out_channels: Sequence[int],
        num_classes: int = 1000,
        *,
        rng: Generator = None,
    ) -> None:
        super().__init__()
        if len(stages_repeats) != 3 or len(stages_out_channels) != 5:
            raise ValueError("ShuffleNetV2 has three stages and five numbers of channels")
        first, *widths, last = stages_out_channels
        self.conv1 = Sequential(
            Conv2d(3, first, 3, stride=2, padding=1, bias=False), BatchNorm2d(first), ReLU()
        )
        self.maxpool = MaxPool2d(3, stride=2, padding=1)
        channels = first
        for i, (repeats, width) in enumerate(zip(stages_repeats, widths, strict=True), 2):
            units = [_Unit(channels, width, 2), *(_Unit(width, width, 1) for _ in range(repeats - 1))]
            setattr(self, f"stage{i}", Sequential(*units))
            channels = width
        self.conv5 = Sequential(*_pointwise(channels, last))
        self.fc = Linear(last, num_classes)
        redraw(self, rng)

    def forward(self, x: Any) -> Tensor:
        """The logits (N, num_classes) of images."""
        x = self.maxpool(self.conv1(x))
        x = self.conv5(self.stage4(self.stage3(self.stage2(x))))
        logits: Tensor = self.fc(x.mean(axis=(2, 3)))
        return logits


def shufflenet_v2_x0_5(num_classes: int = 1000, **options: Any) -> ShuffleNetV2:
    """`ShuffleNetV2` of half the width: 1,366,792 parameters for 1000 classes."""
    return ShuffleNetV2((4, 8, 4), (24, 48, 96, 192, 1024), num_classes, **options)


def shufflenet_v2_x1_0(num_classes: int = 1000, **options: Any) -> ShuffleNetV2:
    """`ShuffleNetV2` of the published width: 2,278,604 parameters for 1000 classes."""
    return ShuffleNetV2((4, 8, 4), (24, 116, 232, 464, 1024), num_classes, **options)


def shufflenet_v2_x1_5(num_classes: int = 1000, **options: Any) -> ShuffleNetV2:
    """`ShuffleNetV2` of 1.5 times the width: 3,503,624 parameters for 1000 classes."""
    return ShuffleNetV2((4, 8, 4), (24, 176, 352, 704, 1024), num_classes, **options)


def shufflenet_v2_x2_0(num_classes: int = 1000, **options: Any) -> ShuffleNetV2:
    """`ShuffleNetV2` of twice the width: 7,393,996 parameters for 1000 classes."""
    return ShuffleNetV2((4, 8, 4), (24, 244, 488, 976, 2048), num_classes, **options)
