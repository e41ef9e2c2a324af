"""GoogLeNet: modules of branches with windows of several sizes."""

from __future__ import annotations

from typing import Any, NamedTuple

from ...autograd import Tensor, concat, relu
from .. import init
from ..container import Sequential
from ..conv import Conv2d
from ..dropout import Dropout
from ..functional import adaptive_avg_pool2d
from ..linear import Linear
from ..module import Module
from ..pool import AdaptiveAvgPool2d, MaxPool2d
from ..running_norm import BatchNorm2d
from .start import Generator


class GoogLeNetOutputs(NamedTuple):
    """What GoogLeNet gives in training: its logits and those of the two auxiliary classifiers."""

    logits: Tensor
    aux_logits2: Tensor | None
    aux_logits1: Tensor | None


class _Convolution(Module):
    """A convolution without bias, batch normalisation, ReLU."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, **options: Any) -> None:
        super().__init__()
        self.conv = Conv2d(in_channels, out_channels, kernel_size, bias=False, **options)
        self.bn = BatchNorm2d(out_channels, eps=0.001)

    def forward(self, x: Any) -> Tensor:
        return relu(self.bn(self.conv(x)))


class Inception(Module):
    """Four branches side by side: 1 × 1; 1 × 1 and 3 × 3; 1 × 1 and 3 × 3; pooling and 1 × 1.

    The third branch was meant to have 5 × 5 windows; torchvision's weights have 3 × 3.

    Args:
        in_channels: the channels of the input.
        ch1x1: those of the first branch.
        ch3x3red: between the two convolutions of the second.
        ch3x3: those of the second.
        ch5x5red: between the two convolutions of the third.
        ch5x5: those of the third.
        pool_proj: those of the fourth.
    """

    def __init__(
        self,
        in_channels: int,
        ch1x1: int,
        ch3x3red: int,
        ch3x3: int,
        ch5x5red: int,
        ch5x5: int,
        pool_proj: int,
    ) -> None:
        super().__init__()
        self.branch1 = _Convolution(in_channels, ch1x1, 1)
        self.branch2 = Sequential(
            _Convolution(in_channels, ch3x3red, 1), _Convolution(ch3x3red, ch3x3, 3, padding=1)
        )
        self.branch3 = Sequential(
            _Convolution(in_channels, ch5x5red, 1), _Convolution(ch5x5red, ch5x5, 3, padding=1)
        )
        self.branch4 = Sequential(
            MaxPool2d(3, stride=1, padding=1, ceil_mode=True), _Convolution(in_channels, pool_proj, 1)
        )

    def forward(self, x: Any) -> Tensor:
        """The channels of all branches."""
        return concat(
            [branch(x) for branch in (self.branch1, self.branch2, self.branch3, self.branch4)], axis=1
        )


class _Auxiliary(Module):
    """A classifier on the features in the middle, which brings gradients to the lower layers in training."""

    def __init__(self, in_channels: int, num_classes: int, dropout: float) -> None:
        super().__init__()
        self.conv = _Convolution(in_channels, 128, 1)
        self.fc1 = Linear(2048, 1024)
        self.fc2 = Linear(1024, num_classes)
        self.dropout = Dropout(dropout)

    def forward(self, x: Any) -> Tensor:
        x = self.conv(adaptive_avg_pool2d(x, (4, 4)))
        logits: Tensor = self.fc2(self.dropout(relu(self.fc1(x.reshape((x.shape[0], -1))))))
        return logits


class GoogLeNet(Module):
    """Three convolutions, nine `Inception` modules, the mean over all places, and a linear layer.

    Szegedy et al., "Going deeper with convolutions", 2014, with batch normalisation. Input (N, 3, H, W); keys and
    shapes are those of torchvision.

    Args:
        num_classes: the length of the output.
        aux_logits: whether there are the two auxiliary classifiers; they run in training only, and the output is a
            `GoogLeNetOutputs` then.
        transform_input: whether images that are normalised as torchvision does for other models are put into the
            range of this one's published weights.
        init_weights: draw start values by a truncated normal distribution, rather than those of each layer.
        dropout: the probability of dropping in front of the last layer.
        dropout_aux: the same in the auxiliary classifiers.
        rng: the generator of the start values; the default one if not given.
    """

    _heads = ("fc", "aux1.fc2", "aux2.fc2")

    def __init__(
        self,
        num_classes: int = 1000,
        aux_logits: bool = True,
        transform_input: bool = False,
        init_weights: bool = True,
        dropout: float = 0.2,
        dropout_aux: float = 0.7,
        *,
        rng: Generator = None,
    ) -> None:
        super().__init__()
        self.aux_logits = aux_logits
        self.transform_input = transform_input
        self.conv1 = _Convolution(3, 64, 7, stride=2, padding=3)
        self.maxpool1 = MaxPool2d(3, stride=2, ceil_mode=True)
        self.conv2 = _Convolution(64, 64, 1)
        self.conv3 = _Convolution(64, 192, 3, padding=1)
        self.maxpool2 = MaxPool2d(3, stride=2, ceil_mode=True)
        self.inception3a = Inception(192, 64, 96, 128, 16, 32, 32)
        self.inception3b = Inception(256, 128, 128, 192, 32, 96, 64)
        self.maxpool3 = MaxPool2d(3, stride=2, ceil_mode=True)
        self.inception4a = Inception(480, 192, 96, 208, 16, 48, 64)
        self.inception4b = Inception(512, 160, 112, 224, 24, 64, 64)
        self.inception4c = Inception(512, 128, 128, 256, 24, 64, 64)
        self.inception4d = Inception(512, 112, 144, 288, 32, 64, 64)
        self.inception4e = Inception(528, 256, 160, 320, 32, 128, 128)
        self.maxpool4 = MaxPool2d(2, stride=2, ceil_mode=True)
        self.inception5a = Inception(832, 256, 160, 320, 32, 128, 128)
        self.inception5b = Inception(832, 384, 192, 384, 48, 128, 128)
        self.aux1 = _Auxiliary(512, num_classes, dropout_aux) if aux_logits else None
        self.aux2 = _Auxiliary(528, num_classes, dropout_aux) if aux_logits else None
        self.avgpool = AdaptiveAvgPool2d((1, 1))
        self.dropout = Dropout(dropout)
        self.fc = Linear(1024, num_classes)
        for module in self.modules():
            if isinstance(module, (Conv2d, Linear)):
                if init_weights:
                    init.trunc_normal_(module.weight, std=0.01, rng=rng)
                elif rng is not None:
                    module.reset_parameters(rng=rng)

    def forward(self, x: Any) -> Tensor | GoogLeNetOutputs:
        """The logits (N, num_classes) of images; in training those of the auxiliary classifiers with them."""
        if self.transform_input:
            x = _retransformed(x)
        x = self.maxpool2(self.conv3(self.conv2(self.maxpool1(self.conv1(x)))))
        x = self.inception4a(self.maxpool3(self.inception3b(self.inception3a(x))))
        aux1 = self.aux1(x) if self.aux1 is not None and self.training else None
        x = self.inception4d(self.inception4c(self.inception4b(x)))
        aux2 = self.aux2(x) if self.aux2 is not None and self.training else None
        x = self.inception5b(self.inception5a(self.maxpool4(self.inception4e(x))))
        x = self.avgpool(x)
        logits: Tensor = self.fc(self.dropout(x.reshape((x.shape[0], -1))))
        return GoogLeNetOutputs(logits, aux2, aux1) if self.training and self.aux_logits else logits


def _retransformed(x: Any) -> Tensor:
    """From mean and deviation of ImageNet's channels to mean and deviation 0.5."""
    channels = zip((0.229, 0.224, 0.225), (0.485, 0.456, 0.406), strict=True)
    return concat(
        [
            x[:, i : i + 1] * (deviation / 0.5) + (mean - 0.5) / 0.5
            for i, (deviation, mean) in enumerate(channels)
        ],
        axis=1,
    )


def googlenet(num_classes: int = 1000, **options: Any) -> GoogLeNet:
    """`GoogLeNet`: 13,004,888 parameters for 1000 classes, 6,624,904 with `aux_logits=False`."""
    return GoogLeNet(num_classes, **options)
