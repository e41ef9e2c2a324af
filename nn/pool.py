"""Pooling layers."""

from __future__ import annotations

from typing import Any, ClassVar

from ..autograd import Tensor
from .functional import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_avg_pool3d,
    adaptive_max_pool1d,
    adaptive_max_pool2d,
    adaptive_max_pool3d,
    avg_pool1d,
    avg_pool2d,
    avg_pool3d,
    max_pool1d,
    max_pool2d,
    max_pool3d,
)
from .functional.check import whole_per_axis
from .module import Module

PerAxis = int | tuple[int, ...]
Pooled = Tensor | tuple[Tensor, Tensor]


class _MaxPool(Module):
    """The settings of MaxPool1d, 2d and 3d, and their forward."""

    function: ClassVar[Any]

    def __init__(
        self,
        kernel_size: PerAxis,
        stride: PerAxis | None = None,
        padding: PerAxis = 0,
        dilation: PerAxis = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def forward(self, input: Any) -> Pooled:
        """Pool the input."""
        result: Pooled = type(self).function(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            self.ceil_mode,
            self.return_indices,
        )
        return result

    def extra_repr(self) -> str:
        """The settings."""
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class _AvgPool(Module):
    """The settings of AvgPool1d, 2d and 3d, and their forward."""

    function: ClassVar[Any]

    def __init__(
        self,
        kernel_size: PerAxis,
        stride: PerAxis | None = None,
        padding: PerAxis = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, input: Any) -> Tensor:
        """Pool the input."""
        result: Tensor = type(self).function(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad
        )
        return result

    def extra_repr(self) -> str:
        """The settings."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _AvgPoolWithDivisor(_AvgPool):
    """What AvgPool2d and 3d have more than AvgPool1d."""

    def __init__(
        self,
        kernel_size: PerAxis,
        stride: PerAxis | None = None,
        padding: PerAxis = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: float | None = None,
    ) -> None:
        super().__init__(kernel_size, stride, padding, ceil_mode, count_include_pad)
        self.divisor_override = divisor_override

    def forward(self, input: Any) -> Tensor:
        """Pool the input."""
        result: Tensor = type(self).function(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )
        return result


class _AdaptiveMaxPool(Module):
    """The settings of AdaptiveMaxPool1d, 2d and 3d, and their forward."""

    function: ClassVar[Any]

    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__()
        self.output_size = output_size
        self.return_indices = return_indices

    def forward(self, input: Any) -> Pooled:
        """Pool the input."""
        result: Pooled = type(self).function(input, self.output_size, self.return_indices)
        return result

    def extra_repr(self) -> str:
        """The size of the result."""
        return f"output_size={self.output_size}"


class _AdaptiveAvgPool(Module):
    """The setting of AdaptiveAvgPool1d, 2d and 3d, and their forward."""

    function: ClassVar[Any]

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Any) -> Tensor:
        """Pool the input."""
        result: Tensor = type(self).function(input, self.output_size)
        return result

    def extra_repr(self) -> str:
        """The size of the result."""
        return f"output_size={self.output_size}"


class MaxPool1d(_MaxPool):
    """The largest element of every window of inputs (N, C, L); N may be missing. See `functional.max_pool2d`.

    Args:
        kernel_size: of a window, one number or one for each axis; so are the following.
        stride: the step of the windows; the kernel size if not given.
        padding: how far windows reach over the edge; at most half a window.
        dilation: the spacing of a window's elements.
        return_indices: also return where the largest elements lie, as `MaxUnpool1d` takes it.
        ceil_mode: also let the last window reach over the end, if it begins before it.

    >>> import pullback as pb
    >>> pb.nn.MaxPool1d(2)(pb.zeros((1, 2, 8))).shape
    (1, 2, 4)
    """

    function = staticmethod(max_pool1d)


class MaxPool2d(_MaxPool):
    """The largest element of every window of inputs (N, C, H, W); N may be missing. See `functional.max_pool2d`.

    Args:
        kernel_size: of a window, one number or one for each axis; so are the following.
        stride: the step of the windows; the kernel size if not given.
        padding: how far windows reach over the edge; at most half a window.
        dilation: the spacing of a window's elements.
        return_indices: also return where the largest elements lie, as `MaxUnpool2d` takes it.
        ceil_mode: also let the last window reach over the end, if it begins before it.

    >>> import pullback as pb
    >>> pb.nn.MaxPool2d(2)(pb.zeros((1, 2, 8, 8))).shape
    (1, 2, 4, 4)
    """

    function = staticmethod(max_pool2d)


class MaxPool3d(_MaxPool):
    """The largest element of every window of inputs (N, C, D, H, W); N may be missing. See `functional.max_pool2d`.

    Args:
        kernel_size: of a window, one number or one for each axis; so are the following.
        stride: the step of the windows; the kernel size if not given.
        padding: how far windows reach over the edge; at most half a window.
        dilation: the spacing of a window's elements.
        return_indices: also return where the largest elements lie, as `MaxUnpool3d` takes it.
        ceil_mode: also let the last window reach over the end, if it begins before it.

    >>> import pullback as pb
    >>> pb.nn.MaxPool3d(2)(pb.zeros((1, 2, 8, 8, 8))).shape
    (1, 2, 4, 4, 4)
    """

    function = staticmethod(max_pool3d)


class AvgPool1d(_AvgPool):
    """The average of every window of inputs (N, C, L); N may be missing. See `functional.avg_pool2d`.

    Args:
        kernel_size: of a window, one number or one for each axis; so are the following.
        stride: the step of the windows; the kernel size if not given.
        padding: how many zeros on each side; at most half a window.
        ceil_mode: also let the last window reach over the end, if it begins before it.
        count_include_pad: whether the zeros of the border count as elements.

    >>> import pullback as pb
    >>> pb.nn.AvgPool1d(2)(pb.zeros((1, 2, 8))).shape
    (1, 2, 4)
    """

    function = staticmethod(avg_pool1d)

    def __init__(
        self,
        kernel_size: PerAxis,
        stride: PerAxis | None = None,
        padding: PerAxis = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__(kernel_size, stride, padding, ceil_mode, count_include_pad)
        self.kernel_size = whole_per_axis("AvgPool1d: kernel_size", kernel_size, 1)
        self.stride = whole_per_axis("AvgPool1d: stride", self.stride, 1)
        self.padding = whole_per_axis("AvgPool1d: padding", padding, 1, 0)


class AvgPool2d(_AvgPoolWithDivisor):
    """The average of every window of inputs (N, C, H, W); N may be missing. See `functional.avg_pool2d`.

    Args:
        kernel_size: of a window, one number or one for each axis; so are the following.
        stride: the step of the windows; the kernel size if not given.
        padding: how many zeros on each side; at most half a window.
        ceil_mode: also let the last window reach over the end, if it begins before it.
        count_include_pad: whether the zeros of the border count as elements.
        divisor_override: divide the sums by this instead of the number of elements.

    >>> import pullback as pb
    >>> pb.nn.AvgPool2d(2)(pb.zeros((1, 2, 8, 8))).shape
    (1, 2, 4, 4)
    """

    function = staticmethod(avg_pool2d)


class AvgPool3d(_AvgPoolWithDivisor):
    """The average of every window of inputs (N, C, D, H, W); N may be missing. See `functional.avg_pool2d`.

    Args:
        kernel_size: of a window, one number or one for each axis; so are the following.
        stride: the step of the windows; the kernel size if not given.
        padding: how many zeros on each side; at most half a window.
        ceil_mode: also let the last window reach over the end, if it begins before it.
        count_include_pad: whether the zeros of the border count as elements.
        divisor_override: divide the sums by this instead of the number of elements.

    >>> import pullback as pb
    >>> pb.nn.AvgPool3d(2)(pb.zeros((1, 2, 8, 8, 8))).shape
    (1, 2, 4, 4, 4)
    """

    function = staticmethod(avg_pool3d)


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """The largest element of every region of inputs (N, C, L), for a result of a given size; N may be missing.

    With `output_size` 1 it is global pooling. See `functional.adaptive_max_pool2d`.

    Args:
        output_size: one number or one for each axis; None for an axis keeps its size.
        return_indices: also return where the largest elements lie.

    >>> import pullback as pb
    >>> pb.nn.AdaptiveMaxPool1d(1)(pb.zeros((1, 2, 8))).shape
    (1, 2, 1)
    """

    function = staticmethod(adaptive_max_pool1d)


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """The largest element of every region of inputs (N, C, H, W), for a result of a given size; N may be missing.

    With `output_size` 1 it is global pooling. See `functional.adaptive_max_pool2d`.

    Args:
        output_size: one number or one for each axis; None for an axis keeps its size.
        return_indices: also return where the largest elements lie.

    >>> import pullback as pb
    >>> pb.nn.AdaptiveMaxPool2d(1)(pb.zeros((1, 2, 8, 8))).shape
    (1, 2, 1, 1)
    """

    function = staticmethod(adaptive_max_pool2d)


class AdaptiveMaxPool3d(_AdaptiveMaxPool):
    """The largest element of every region of inputs (N, C, D, H, W), for a result of a given size; N may be missing.

    With `output_size` 1 it is global pooling. See `functional.adaptive_max_pool2d`.

    Args:
        output_size: one number or one for each axis; None for an axis keeps its size.
        return_indices: also return where the largest elements lie.

    >>> import pullback as pb
    >>> pb.nn.AdaptiveMaxPool3d(1)(pb.zeros((1, 2, 8, 8, 8))).shape
    (1, 2, 1, 1, 1)
    """

    function = staticmethod(adaptive_max_pool3d)


class AdaptiveAvgPool1d(_AdaptiveAvgPool):
    """The average of every region of inputs (N, C, L), for a result of a given size; N may be missing.

    With `output_size` 1 it is global pooling. See `functional.adaptive_avg_pool2d`.

    Args:
        output_size: one number or one for each axis; None for an axis keeps its size.

    >>> import pullback as pb
    >>> pb.nn.AdaptiveAvgPool1d(1)(pb.zeros((1, 2, 8))).shape
    (1, 2, 1)
    """

    function = staticmethod(adaptive_avg_pool1d)


class AdaptiveAvgPool2d(_AdaptiveAvgPool):
    """The average of every region of inputs (N, C, H, W), for a result of a given size; N may be missing.

    With `output_size` 1 it is global pooling. See `functional.adaptive_avg_pool2d`.

    Args:
        output_size: one number or one for each axis; None for an axis keeps its size.

    >>> import pullback as pb
    >>> pb.nn.AdaptiveAvgPool2d(1)(pb.zeros((1, 2, 8, 8))).shape
    (1, 2, 1, 1)
    """

    function = staticmethod(adaptive_avg_pool2d)


class AdaptiveAvgPool3d(_AdaptiveAvgPool):
    """The average of every region of inputs (N, C, D, H, W), for a result of a given size; N may be missing.

    With `output_size` 1 it is global pooling. See `functional.adaptive_avg_pool2d`.

    Args:
        output_size: one number or one for each axis; None for an axis keeps its size.

    >>> import pullback as pb
    >>> pb.nn.AdaptiveAvgPool3d(1)(pb.zeros((1, 2, 8, 8, 8))).shape
    (1, 2, 1, 1, 1)
    """

    function = staticmethod(adaptive_avg_pool3d)
