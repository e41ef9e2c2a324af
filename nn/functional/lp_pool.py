"""Pooling with powers: the p-norm of every window."""

from __future__ import annotations

import math
from typing import Any

from ...autograd import Tensor, abs, pow, relu, sign
from .check import whole_per_axis
from .pooling import PerAxis, avg_pool1d, avg_pool2d, avg_pool3d, images


def lp_pool1d(
    input: Any,
    norm_type: float,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """The p-norm of every window of sequences; see `lp_pool2d`.

    >>> import pullback as pb
    >>> from pullback.nn import functional as F
    >>> F.lp_pool1d(pb.tensor([[3.0, 4.0, 0.0, 1.0]]), 2, 2)
    tensor([[5., 1.]], dtype=float32)
    """
    return _power(
        avg_pool1d(_powers(input, norm_type, 1), kernel_size, stride, 0, ceil_mode), norm_type, kernel_size, 1
    )


def lp_pool2d(
    input: Any,
    norm_type: float,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """The p-norm of every window: (Σ xᵖ)^(1/p). One is the sum, and the larger p, the nearer the maximum.

    Where the sum is zero the gradient is nan for p > 1, as in PyTorch.

    Args:
        input: images of shape (N, C, H, W) or (C, H, W), floating.
        norm_type: p.
        kernel_size: of a window, one number or one for each axis.
        stride: the step of the windows; the kernel size if not given.
        ceil_mode: also let the last window reach over the end, if it begins before it.

    Raises:
        ValueError: for shapes and settings that do not fit.

    >>> import pullback as pb
    >>> from pullback.nn import functional as F
    >>> F.lp_pool2d(pb.tensor([[[1.0, 2.0], [2.0, 4.0]]]), 2, 2).tolist()
    [[[5.0]]]
    """
    return _power(
        avg_pool2d(_powers(input, norm_type, 2), kernel_size, stride, 0, ceil_mode), norm_type, kernel_size, 2
    )


def lp_pool3d(
    input: Any,
    norm_type: float,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """The p-norm of every window of volumes; see `lp_pool2d`.

    >>> import pullback as pb
    >>> from pullback.nn import functional as F
    >>> F.lp_pool3d(pb.ones((1, 2, 2, 4)), 1, 2).tolist()
    [[[[8.0, 8.0]]]]
    """
    return _power(
        avg_pool3d(_powers(input, norm_type, 3), kernel_size, stride, 0, ceil_mode), norm_type, kernel_size, 3
    )


def _powers(input: Any, norm_type: float, axes: int) -> Tensor:
    where = f"lp_pool{axes}d"
    if isinstance(norm_type, bool) or not isinstance(norm_type, (int, float)) or not norm_type:
        raise ValueError(f"{where}: norm_type is a number other than 0, not {norm_type!r}")
    return pow(images(where, input, axes), norm_type)


def _power(mean: Tensor, norm_type: float, kernel_size: PerAxis, axes: int) -> Tensor:
    """From the average of the powers to the norm; a negative sum, of odd powers, counts as zero or less."""
    count = math.prod(whole_per_axis(f"lp_pool{axes}d: kernel_size", kernel_size, axes))
    result: Tensor = pow(sign(mean) * relu(abs(mean)) * count, 1.0 / norm_type)
    return result
