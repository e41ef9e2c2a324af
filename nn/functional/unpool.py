"""Maxima put back to where they were."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ...autograd import Tensor, asarray, reshape, scatter, zeros
from .check import check_shape, whole_per_axis
from .pooling import PerAxis, images


def max_unpool1d(
    input: Any,
    indices: Any,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: PerAxis = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """What `max_pool1d` has picked, back in its places; see `max_unpool2d`.

    >>> import pullback as pb
    >>> from pullback.nn import functional as F
    >>> pooled, indices = F.max_pool1d(pb.tensor([[1.0, 3.0, 2.0, 0.0]]), 2, return_indices=True)
    >>> F.max_unpool1d(pooled, indices, 2)
    tensor([[0., 3., 2., 0.]], dtype=float32)
    """
    return _unpool("max_unpool1d", 1, input, indices, kernel_size, stride, padding, output_size)


def max_unpool2d(
    input: Any,
    indices: Any,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: PerAxis = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """What `max_pool2d` has picked, back in its places, with zeros elsewhere.

    In backward each value gets the gradient of its place. Where overlapping windows have picked one place, the last
    value counts. Zeiler and Fergus, "Visualizing and understanding convolutional networks", ECCV 2014.

    Args:
        input: the maxima, of shape (N, C, H, W) or (C, H, W).
        indices: where they were, of the same shape, from `max_pool2d(..., return_indices=True)`.
        kernel_size: what the pooling had; so are stride and padding.
        stride: the kernel size if not given.
        padding: how far windows reached over the edge.
        output_size: the size of what was pooled, as the spatial sizes or all; by default the smallest that gives the
            windows, (H − 1)·stride − 2·padding + kernel_size.

    Raises:
        ValueError: for shapes that do not fit, and for an output size that such windows do not have.
        IndexError: for indices beyond the output.

    >>> import pullback as pb
    >>> from pullback.nn import functional as F
    >>> x = pb.tensor([[[1.0, 3.0, 2.0, 0.0], [0.0, 2.0, 5.0, 1.0]]])
    >>> pooled, indices = F.max_pool2d(x, 2, return_indices=True)
    >>> F.max_unpool2d(pooled, indices, 2)
    tensor([[[0., 3., 0., 0.],
             [0., 0., 5., 0.]]], dtype=float32)
    """
    return _unpool("max_unpool2d", 2, input, indices, kernel_size, stride, padding, output_size)


def max_unpool3d(
    input: Any,
    indices: Any,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: PerAxis = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """What `max_pool3d` has picked, back in its places; see `max_unpool2d`.

    >>> import pullback as pb
    >>> from pullback.nn import functional as F
    >>> F.max_unpool3d(pb.ones((1, 1, 1, 1)), pb.asarray([[[[7]]]]), 2).sum().item()
    1.0
    """
    return _unpool("max_unpool3d", 3, input, indices, kernel_size, stride, padding, output_size)


def _unpool(
    where: str,
    axes: int,
    input: Any,
    indices: Any,
    kernel_size: PerAxis,
    stride: PerAxis | None,
    padding: PerAxis,
    output_size: Sequence[int] | None,
) -> Tensor:
    x, found = images(where, input, axes), asarray(indices)
    if found.dtype.kind not in "iu":
        raise TypeError(f"{where}: the indices must be integers, and are {found.dtype}")
    check_shape(where, "the array of indices", found, x.shape, "one for each value")
    kernel = whole_per_axis(f"{where}: kernel_size", kernel_size, axes)
    step = kernel if stride is None else whole_per_axis(f"{where}: stride", stride, axes)
    border = whole_per_axis(f"{where}: padding", padding, axes, 0)
    lead, sizes = x.shape[: x.ndim - axes], x.shape[x.ndim - axes :]
    natural = tuple((n - 1) * s - 2 * p + k for n, k, s, p in zip(sizes, kernel, step, border, strict=True))
    size = natural if output_size is None else tuple(output_size)
    size = size[len(size) - axes :] if len(size) == x.ndim else size
    fits = len(size) == axes and all(-s < m - n < s for m, n, s in zip(size, natural, step, strict=True))
    if not fits or min(size) < 1:
        raise ValueError(
            f"{where}: output_size {size} cannot have had windows of size {kernel} with stride {step} and padding "
            f"{border} for input of shape {x.shape}; it lies around {natural}"
        )
    flat = zeros((*lead, math.prod(size)), dtype=x.dtype)
    count = (*lead, math.prod(sizes))
    put = scatter(flat, -1, reshape(found, count), reshape(x, count))
    return reshape(put, (*lead, *size))
