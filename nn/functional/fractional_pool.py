"""Maximum pooling over windows whose steps are drawn at random."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...autograd import Tensor, asarray, reshape, take_along_axis
from ...autograd.extend import each_example, generator_of
from .check import check_shape, whole_per_axis
from .pooling import PerAxis, Sizes, WithIndices, images

Array = np.ndarray[Any, Any]


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
        samples = generator_of(rng).random(drawn)
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
