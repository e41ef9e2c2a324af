"""Layers that take images apart into windows, and put windows together to images."""

from __future__ import annotations

from typing import Any

from ..autograd import Tensor
from .functional import fold, unfold
from .module import Module

PerAxis = int | tuple[int, ...]


class Unfold(Module):
    """The windows of images as columns, (N, C, H, W) to (N, C·elements, places); see `functional.unfold`.

    Args:
        kernel_size: of a window, one number or one for each axis; so are the following.
        dilation: the spacing of a window's elements.
        padding: how many zeros on each side.
        stride: the step of the windows.

    >>> import pullback as pb
    >>> pb.nn.Unfold(3, padding=1)(pb.zeros((2, 4, 5, 5))).shape
    (2, 36, 25)
    """

    def __init__(
        self, kernel_size: PerAxis, dilation: PerAxis = 1, padding: PerAxis = 0, stride: PerAxis = 1
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def forward(self, input: Any) -> Tensor:
        """Take the images apart."""
        return unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        """The settings."""
        return (
            f"kernel_size={self.kernel_size}, dilation={self.dilation}, padding={self.padding}, "
            f"stride={self.stride}"
        )


class Fold(Module):
    """Columns put together to images, adding where windows overlap; see `functional.fold`.

    Args:
        output_size: the images' (H, W), or one number for both.
        kernel_size: of a window, one number or one for each axis; so are the following.
        dilation: the spacing of a window's elements.
        padding: how many elements on each side are cut off.
        stride: the step of the windows.

    >>> import pullback as pb
    >>> pb.nn.Fold((5, 5), 3, padding=1)(pb.zeros((2, 36, 25))).shape
    (2, 4, 5, 5)
    """

    def __init__(
        self,
        output_size: PerAxis,
        kernel_size: PerAxis,
        dilation: PerAxis = 1,
        padding: PerAxis = 0,
        stride: PerAxis = 1,
    ) -> None:
        super().__init__()
        self.output_size = output_size
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def forward(self, input: Any) -> Tensor:
        """Put the columns together."""
        return fold(input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        """The settings."""
        return (
            f"output_size={self.output_size}, kernel_size={self.kernel_size}, dilation={self.dilation}, "
            f"padding={self.padding}, stride={self.stride}"
        )
