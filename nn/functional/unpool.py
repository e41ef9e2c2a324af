"""Maxima put back to where they were, pooling with powers, and pooling over random regions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...autograd import (
    Tensor,
    abs,
    asarray,
    default_generator,
    pow,
    relu,
    reshape,
    scatter,
    sign,
    take_along_axis,
    zeros,
)
from ...autograd.extend import each_example
from .check import check_shape, whole_per_axis
from .pooling import PerAxis, Sizes, WithIndices, avg_pool1d, avg_pool2d, avg_pool3d, images

Array = np.ndarray[Any, Any]


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


def fractional_max_pool2d(
    input: Any,
    kernel_size: PerAxis,
    output_size: PerAxis | None = None,
    output_ratio: float | tuple[float, ...] | None = None,
    return_indices: bool = False,
    _random_samples: Any = None,
    *,
    rng: np.random.Generator | None = None,
) -> Tensor | WithIndices:
    """The largest element of windows whose steps are drawn at random, so that sizes shrink by any factor.

    Graham, "Fractional max-pooling", 2014: window i of m begins at ⌊(i + u)·α⌋ − ⌊u·α⌋ with α = (n − K)/(m − 1) and a
    number u from [0, 1) for each image, channel and axis; the last one ends with the input.

    Args:
        input: images of shape (N, C, H, W) or (C, H, W), floating.
        kernel_size: of a window, one number or one for each axis.
        output_size: (H', W'), or one number for both.
        output_ratio: H'/H and W'/W instead, from 0 to 1.
        return_indices: return where the largest elements lie, too.
        _random_samples: the numbers u, of shape (N, C, 2), (1, C, 2) without N: for the width, then for the height.
        rng: the generator that draws them; the default one if not given.

    Raises:
        ValueError: for shapes and sizes that do not fit; unless exactly one of size and ratio is given.

    >>> import pullback as pb
    >>> from pullback.nn import functional as F
    >>> F.fractional_max_pool2d(pb.randn(1, 3, 10, 10), 2, output_ratio=0.7).shape
    (1, 3, 7, 7)
    """
    return _fractional(2, input, kernel_size, output_size, output_ratio, return_indices, _random_samples, rng)


def fractional_max_pool3d(
    input: Any,
    kernel_size: PerAxis,
    output_size: PerAxis | None = None,
    output_ratio: float | tuple[float, ...] | None = None,
    return_indices: bool = False,
    _random_samples: Any = None,
    *,
    rng: np.random.Generator | None = None,
) -> Tensor | WithIndices:
    """The largest element of random windows of volumes; see `fractional_max_pool2d`.

    `_random_samples` has shape (N, C, 3): for the depth, the height and the width.

    >>> import pullback as pb
    >>> from pullback.nn import functional as F
    >>> F.fractional_max_pool3d(pb.randn(2, 6, 6, 6), 2, output_size=(4, 3, 5)).shape
    (2, 4, 3, 5)
    """
    return _fractional(3, input, kernel_size, output_size, output_ratio, return_indices, _random_samples, rng)


def _fractional(
    axes: int,
    input: Any,
    kernel_size: PerAxis,
    output_size: Any,
    output_ratio: Any,
    return_indices: bool,
    samples: Any,
    rng: np.random.Generator | None,
) -> Tensor | WithIndices:
    where = f"fractional_max_pool{axes}d"
    x = images(where, input, axes)
    lead, sizes = x.shape[: x.ndim - axes], x.shape[x.ndim - axes :]
    kernel = whole_per_axis(f"{where}: kernel_size", kernel_size, axes)
    wanted = fractional_size(where, sizes, output_size, output_ratio)
    for n, k, m in zip(sizes, kernel, wanted, strict=True):
        if k + m - 1 > n:
            raise ValueError(
                f"{where}: {m} windows of size {k} with different beginnings do not fit into {n} elements (input of "
                f"shape {x.shape})"
            )
    drawn = (lead if len(lead) == 2 else (1, *lead)) + (axes,)
    if samples is None:
        samples = (rng or default_generator()).random(drawn)
    else:
        samples = asarray(samples).detach()
        check_shape(where, "_random_samples", samples, drawn, "one number per image, channel and axis")
    found = _taken(x, samples, kernel, wanted)
    return found if return_indices else found[0]


@each_example
def _taken(x: Tensor, samples: Any, kernel: Sizes, wanted: Sizes) -> WithIndices:
    """The largest elements of the windows that follow from random numbers, and where they lie."""
    axes = len(kernel)
    lead, sizes = x.shape[: x.ndim - axes], x.shape[x.ndim - axes :]
    samples = np.asarray(samples).reshape(*lead, axes).astype(x.dtype)
    if axes == 2:  # PyTorch's order: the width comes first in two dimensions, and last in three
        samples = samples[..., ::-1]
    starts = [
        _starts(samples[..., i], n, k, m)
        for i, (n, k, m) in enumerate(zip(sizes, kernel, wanted, strict=True))
    ]
    found = _winners(x.detach().numpy(), starts, kernel)
    flat = reshape(x, (*lead, math.prod(sizes)))
    largest = reshape(take_along_axis(flat, found.reshape(*lead, -1), axis=-1), found.shape)
    return largest, asarray(found)


def fractional_size(where: str, sizes: Sizes, output_size: Any, output_ratio: Any) -> Sizes:
    """The size of the result, from itself or from a ratio."""
    if (output_size is None) == (output_ratio is None):
        raise ValueError(f"{where}: give either output_size or output_ratio")
    if output_size is not None:
        return whole_per_axis(f"{where}: output_size", output_size, len(sizes))
    ratios = output_ratio if isinstance(output_ratio, (tuple, list)) else (output_ratio,) * len(sizes)
    if len(ratios) != len(sizes) or not all(0 < ratio < 1 for ratio in ratios):
        raise ValueError(
            f"{where}: output_ratio is a number between 0 and 1, or {len(sizes)} of them, not {output_ratio!r}"
        )
    return tuple(int(n * ratio) for n, ratio in zip(sizes, ratios, strict=True))


def _starts(u: Array, size: int, kernel: int, places: int) -> Array:
    """Where the windows begin along an axis: shape (*u.shape, places)."""
    last = size - kernel
    if places == 1:
        return np.full((*u.shape, 1), last)
    alpha = u.dtype.type(last / (places - 1))
    i = np.arange(places).astype(u.dtype)
    begin: Array = ((i + u[..., None]) * alpha).astype(np.int64) - (u[..., None] * alpha).astype(np.int64)
    begin[..., -1] = last
    return begin


def _winners(x: Array, starts: Sequence[Array], kernel: Sizes) -> Array:
    """Where the largest elements lie: the first of equals, the last nan."""
    axes = len(kernel)
    lead, sizes = x.shape[: x.ndim - axes], x.shape[x.ndim - axes :]
    flat = x.reshape(*lead, math.prod(sizes))
    found: Array | None = None
    best: Array | None = None
    for offset in np.ndindex(*kernel):
        at: Any = 0
        for i, (begin, k, n) in enumerate(zip(starts, offset, sizes, strict=True)):
            shape = (*lead, *(begin.shape[-1] if j == i else 1 for j in range(axes)))
            at = at * n + (begin + k).reshape(shape)
        values = np.take_along_axis(flat, at.reshape(*lead, -1), -1).reshape(at.shape)
        if found is None or best is None:
            found, best = at, values
            continue
        larger = (values > best) | np.isnan(values)
        found, best = np.where(larger, at, found), np.where(larger, values, best)
    assert found is not None  # a kernel has an element
    return found
