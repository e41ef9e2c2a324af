"""Layers that undo maximum pooling, pool with powers, and pool over random regions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from ..autograd import Tensor
from ..autograd.extend import check_generator
from .functional import (
    fractional_max_pool2d,
    fractional_max_pool3d,
    lp_pool1d,
    lp_pool2d,
    lp_pool3d,
    max_unpool1d,
    max_unpool2d,
    max_unpool3d,
)
from .functional.check import whole_per_axis
from .module import Module

PerAxis = int | tuple[int, ...]
Pooled = Tensor | tuple[Tensor, Tensor]


class _MaxUnpool(Module):
    """The settings of MaxUnpool1d, 2d and 3d, and their forward."""

    axes: ClassVar[int]
    function: ClassVar[Any]

    def __init__(self, kernel_size: PerAxis, stride: PerAxis | None = None, padding: PerAxis = 0) -> None:
        super().__init__()
        name = type(self).__name__
        self.kernel_size = whole_per_axis(f"{name}: kernel_size", kernel_size, self.axes)
        step = kernel_size if stride is None else stride
        self.stride = whole_per_axis(f"{name}: stride", step, self.axes)
        self.padding = whole_per_axis(f"{name}: padding", padding, self.axes, 0)

    def forward(self, input: Any, indices: Any, output_size: Sequence[int] | None = None) -> Tensor:
        """Put the values back to where the indices say; `output_size` is the size of what was pooled."""
        result: Tensor = type(self).function(
            input, indices, self.kernel_size, self.stride, self.padding, output_size
        )
        return result

    def extra_repr(self) -> str:
        """The settings."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _LPPool(Module):
    """The settings of LPPool1d, 2d and 3d, and their forward."""

    function: ClassVar[Any]

    def __init__(
        self,
        norm_type: float,
        kernel_size: PerAxis,
        stride: PerAxis | None = None,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.norm_type = norm_type
        self.kernel_size = kernel_size
        self.stride = stride
        self.ceil_mode = ceil_mode

    def forward(self, input: Any) -> Tensor:
        """Pool the input."""
        result: Tensor = type(self).function(
            input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode
        )
        return result

    def extra_repr(self) -> str:
        """The settings."""
        return (
            f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"ceil_mode={self.ceil_mode}"
        )


class _FractionalMaxPool(Module):
    """The settings of FractionalMaxPool2d and 3d, and their forward."""

    axes: ClassVar[int]
    function: ClassVar[Any]

    def __init__(
        self,
        kernel_size: PerAxis,
        output_size: PerAxis | None = None,
        output_ratio: float | tuple[float, ...] | None = None,
        return_indices: bool = False,
        _random_samples: Any = None,
        *,
        rng: np.random.Generator | None = None,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        if (output_size is None) == (output_ratio is None):
            raise ValueError(f"{name}: give either output_size or output_ratio")
        self.kernel_size = whole_per_axis(f"{name}: kernel_size", kernel_size, self.axes)
        self.output_size = output_size
        self.output_ratio = output_ratio
        self.return_indices = return_indices
        self._random_samples = _random_samples
        self.rng = check_generator(rng)

    def forward(self, input: Any) -> Pooled:
        """Pool the input: over random regions in training, over the regions in the middle in evaluation."""
        samples = self._random_samples
        if samples is None and not self.training:
            lead = tuple(input.shape)[: input.ndim - self.axes]
            samples = np.full((*(1,) * (2 - len(lead)), *lead, self.axes), 0.5)
        result: Pooled = type(self).function(
            input,
            self.kernel_size,
            self.output_size,
            self.output_ratio,
            self.return_indices,
            samples,
            rng=self.rng,
        )
        return result

    def extra_repr(self) -> str:
        """The settings."""
        size = f"output_size={self.output_size}"
        size = size if self.output_ratio is None else f"output_ratio={self.output_ratio}"
        return f"kernel_size={self.kernel_size}, {size}"


class MaxUnpool1d(_MaxUnpool):
    """What `MaxPool1d` has picked, back in its places, with zeros elsewhere; see `functional.max_unpool2d`.

    Args:
        kernel_size: what the pooling had; so are stride and padding.
        stride: the kernel size if not given.
        padding: how far windows reached over the edge.

    >>> import pullback as pb
    >>> pooled, indices = pb.nn.MaxPool1d(2, return_indices=True)(pb.randn(1, 2, 8))
    >>> pb.nn.MaxUnpool1d(2)(pooled, indices).shape
    (1, 2, 8)
    """

    axes = 1
    function = staticmethod(max_unpool1d)


class MaxUnpool2d(_MaxUnpool):
    """What `MaxPool2d` has picked, back in its places, with zeros elsewhere; see `functional.max_unpool2d`.

    Args:
        kernel_size: what the pooling had; so are stride and padding.
        stride: the kernel size if not given.
        padding: how far windows reached over the edge.

    >>> import pullback as pb
    >>> pooled, indices = pb.nn.MaxPool2d(2, return_indices=True)(pb.randn(1, 2, 8, 8))
    >>> pb.nn.MaxUnpool2d(2)(pooled, indices).shape
    (1, 2, 8, 8)
    """

    axes = 2
    function = staticmethod(max_unpool2d)


class MaxUnpool3d(_MaxUnpool):
    """What `MaxPool3d` has picked, back in its places, with zeros elsewhere; see `functional.max_unpool2d`.

    Args:
        kernel_size: what the pooling had; so are stride and padding.
        stride: the kernel size if not given.
        padding: how far windows reached over the edge.

    >>> import pullback as pb
    >>> pooled, indices = pb.nn.MaxPool3d(2, return_indices=True)(pb.randn(1, 2, 8, 8, 8))
    >>> pb.nn.MaxUnpool3d(2)(pooled, indices).shape
    (1, 2, 8, 8, 8)
    """

    axes = 3
    function = staticmethod(max_unpool3d)


class LPPool1d(_LPPool):
    """The p-norm of every window, (Σ xᵖ)^(1/p), of inputs (N, C, L); see `functional.lp_pool2d`.

    Args:
        norm_type: p.
        kernel_size: of a window, one number or one for each axis.
        stride: the step of the windows; the kernel size if not given.
        ceil_mode: also let the last window reach over the end, if it begins before it.

    >>> import pullback as pb
    >>> pb.nn.LPPool1d(2, 2)(pb.ones((1, 2, 8))).shape
    (1, 2, 4)
    """

    function = staticmethod(lp_pool1d)


class LPPool2d(_LPPool):
    """The p-norm of every window, (Σ xᵖ)^(1/p), of inputs (N, C, H, W); see `functional.lp_pool2d`.

    Args:
        norm_type: p.
        kernel_size: of a window, one number or one for each axis.
        stride: the step of the windows; the kernel size if not given.
        ceil_mode: also let the last window reach over the end, if it begins before it.

    >>> import pullback as pb
    >>> pb.nn.LPPool2d(2, 2)(pb.ones((1, 2, 8, 8))).shape
    (1, 2, 4, 4)
    """

    function = staticmethod(lp_pool2d)


class LPPool3d(_LPPool):
    """The p-norm of every window, (Σ xᵖ)^(1/p), of inputs (N, C, D, H, W); see `functional.lp_pool2d`.

    Args:
        norm_type: p.
        kernel_size: of a window, one number or one for each axis.
        stride: the step of the windows; the kernel size if not given.
        ceil_mode: also let the last window reach over the end, if it begins before it.

    >>> import pullback as pb
    >>> pb.nn.LPPool3d(2, 2)(pb.ones((1, 2, 8, 8, 8))).shape
    (1, 2, 4, 4, 4)
    """

    function = staticmethod(lp_pool3d)


class FractionalMaxPool2d(_FractionalMaxPool):
    """The largest element of windows that shrink inputs (N, C, H, W) by any factor; N may be missing.

    In training the windows' steps are drawn at random, for each image and channel; in evaluation they are fixed, those
    of u = 1/2, so that the model is a function of its input. See `functional.fractional_max_pool2d`.

    Args:
        kernel_size: of a window, one number or one for each axis.
        output_size: the size of the result, one number or one for each axis.
        output_ratio: the size of the result as part of the input's instead, between 0 and 1.
        return_indices: also return where the largest elements lie, as `MaxUnpool2d` takes it.
        _random_samples: the numbers u to use always, of shape (N, C, 2).
        rng: the generator of the random steps; the default one if not given.

    Raises:
        ValueError: unless exactly one of size and ratio is given.

    >>> import pullback as pb
    >>> pb.nn.FractionalMaxPool2d(2, output_ratio=0.5)(pb.randn(1, 2, 8, 8)).shape
    (1, 2, 4, 4)
    """

    axes = 2
    function = staticmethod(fractional_max_pool2d)


class FractionalMaxPool3d(_FractionalMaxPool):
    """The largest element of windows that shrink inputs (N, C, D, H, W) by any factor; N may be missing.

    In training the windows' steps are drawn at random, for each image and channel; in evaluation they are fixed, those
    of u = 1/2, so that the model is a function of its input. See `functional.fractional_max_pool2d`.

    Args:
        kernel_size: of a window, one number or one for each axis.
        output_size: the size of the result, one number or one for each axis.
        output_ratio: the size of the result as part of the input's instead, between 0 and 1.
        return_indices: also return where the largest elements lie, as `MaxUnpool3d` takes it.
        _random_samples: the numbers u to use always, of shape (N, C, 3).
        rng: the generator of the random steps; the default one if not given.

    Raises:
        ValueError: unless exactly one of size and ratio is given.

    >>> import pullback as pb
    >>> pb.nn.FractionalMaxPool3d(2, output_ratio=0.5)(pb.randn(1, 2, 8, 8, 8)).shape
    (1, 2, 4, 4, 4)
    """

    axes = 3
    function = staticmethod(fractional_max_pool3d)
