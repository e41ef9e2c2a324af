"""What the normalisations of channels, axis 1 of the input, share: over the batch, over groups, each by itself.

The kernel takes the mean and the squared deviations of every (example, channel) and joins those that are
normalised together, a pool; so the data are read once for both, and a large mean costs no digits.

With a ReLU behind it (`rectified`) a norm costs no more than without: the result is cut off where it is written, and
on the way back each number is normalised once more, to the same bits, to see whether the ReLU was open for it.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ...autograd import Tensor, reshape
from ...autograd.extend import is_batched, kernel, select, writable
from .blocks import blocks, row_sums
from .check import check_dtypes, check_positive, check_shape

Array = np.ndarray[Any, Any]

OVER_BATCH = 0  # `groups` of batch normalisation, whose pools are the channels over all examples


class Normalized(NamedTuple):
    """Results of normalising with the statistics of the batch."""

    output: Tensor
    mean: Tensor
    variance: Tensor


def check(
    where: str,
    input: Any,
    weight: Any,
    bias: Any,
    eps: float,
    running_mean: Any = None,
    running_var: Any = None,
) -> None:
    """Raise ValueError or TypeError for an input without channels, and for parts that do not fit its channels."""
    if input.ndim < 2:
        raise ValueError(f"{where}: the input has shape {input.shape} and must be (N, C) or (N, C, *)")
    why = "one for each of the input's channels, its axis 1"
    parts = {"weight": weight, "bias": bias, "running_mean": running_mean, "running_var": running_var}
    for name, array in parts.items():
        check_shape(where, name, array, (input.shape[1],), why)
    check_dtypes(where, input, **parts)
    check_positive(where, "eps", eps)


def move(
    running_mean: Tensor | None, running_var: Tensor | None, found: Normalized, count: int, momentum: float
) -> None:
    """Let the running statistics move, in place, towards those of `count` elements; the variance unbiased."""
    for running, new, factor in (
        (running_mean, found.mean, 1.0),
        (running_var, found.variance, count / (count - 1)),
    ):
        if running is not None and is_batched(new):
            raise RuntimeError(
                "inside vmap each example has statistics of its own, and the running ones that they would move are the "
                "same for all; call .eval() on the module, or make it with track_running_stats=False"
            )
        if running is not None:
            values = new.detach().numpy()
            memory = writable(running)
            memory += momentum * (factor * (values.mean(axis=0) if values.ndim > 1 else values) - memory)


# the kernels: x as (N·C, L), a row for each channel of an example; statistics as (N, C), or (N·C,) beside x


def _planes(x: Array) -> Array:
    """The array as (N·C, L), each channel of an example in one contiguous row."""
    return np.ascontiguousarray(x).reshape(math.prod(x.shape[:2]), math.prod(x.shape[2:]))


def _for_planes(values: Array, shape: tuple[int, int]) -> Array:
    """Values that broadcast to (N, C) as (N·C,)."""
    return np.ascontiguousarray(np.broadcast_to(values, shape)).reshape(math.prod(shape))


def _pooled(values: Array, groups: int) -> Array:
    """The mean of (N, C) values over each pool, again for each example and channel."""
    n, c = values.shape
    if groups == OVER_BATCH:
        return np.broadcast_to(values.mean(axis=0) if n else np.zeros(c, values.dtype), (n, c))
    per_group = values.reshape(n, groups, c // groups).mean(axis=2, keepdims=True)
    return np.broadcast_to(per_group, (n, groups, c // groups)).reshape(n, c)


@kernel("planes.moments", over=1 << 13)
def _moments(x: Array) -> tuple[Array, Array]:
    """Of each row the mean, and the mean of the squared deviations from it."""
    rows, length = x.shape
    means, deviations = x[:, 0] if length == 1 else np.zeros(rows, x.dtype), np.zeros(rows, x.dtype)
    for part in blocks(rows, length * x.itemsize) if length > 1 else ():
        means[part] = row_sums(x[part]) / length
        centred = x[part] - means[part, None]
        slip = row_sums(centred) / length  # what rounding took from the mean, which counts if it is large
        means[part] += slip
        deviations[part] = row_sums(centred, centred) / length - slip * slip
    return means, deviations


@kernel("planes.scaled", over=1 << 13)
def _scaled(x: Array, means: Array, scales: Array, offsets: Array | None, rectified: bool = False) -> Array:
    """(x − mean)·scale + offset, each one number for a row; 0 for what is negative, if rectified."""
    out = np.empty_like(x)
    for part in blocks(len(x), x.shape[1] * x.itemsize):
        y = np.subtract(x[part], means[part, None], out=out[part])
        y *= scales[part, None]
        if offsets is not None:
            y += offsets[part, None]
        if rectified:
            np.maximum(y, 0, out=y)
    return out


@kernel("planes.sums", over=1 << 13)
def _sums(x: Array, g: Array, means: Array) -> tuple[Array, Array]:
    """Of each row Σ g and Σ g·(x − mean)."""
    rows, length = x.shape
    sums, products = np.empty(rows, x.dtype), np.empty(rows, x.dtype)
    for part in blocks(rows, length * x.itemsize):
        sums[part] = row_sums(g[part])
        products[part] = row_sums(g[part], x[part] - means[part, None])
    return sums, products


@kernel("planes.slopes", over=1 << 13)
def _slopes(x: Array, g: Array, means: Array, factors: Array, slopes: Array, offsets: Array) -> Array:
    """g·factor + (x − mean)·slope + offset, each one number for a row."""
    out = np.empty_like(x)
    for part in blocks(len(x), x.shape[1] * x.itemsize):
        centred = x[part] - means[part, None]
        centred *= slopes[part, None]
        d = np.multiply(g[part], factors[part, None], out=out[part])
        d += centred
        d += offsets[part, None]
    return out


def _opened(
    part: slice, x: Array, g: Array, means: Array, scales: Array, offsets: Array | None
) -> np.ndarray[Any, Any]:
    """Of some rows of g what a ReLU behind (x − mean)·scale + offset lets through."""
    y = x[part] - means[part, None]
    y *= scales[part, None]
    if offsets is not None:
        y += offsets[part, None]
    passed: Array = select(y > 0, g[part], 0)
    return passed


@kernel("planes.opened_sums", over=1 << 13)
def _opened_sums(
    x: Array, g: Array, means: Array, scales: Array, offsets: Array | None
) -> tuple[Array, Array]:
    """Of each row Σ h and Σ h·(x − mean), where h is g where (x − mean)·scale + offset is positive."""
    rows, length = x.shape
    sums, products = np.empty(rows, x.dtype), np.empty(rows, x.dtype)
    for part in blocks(rows, length * x.itemsize):
        h = _opened(part, x, g, means, scales, offsets)
        sums[part] = row_sums(h)
        products[part] = row_sums(h, x[part] - means[part, None])
    return sums, products


@kernel("planes.opened_slopes", over=1 << 13)
def _opened_slopes(
    x: Array,
    g: Array,
    means: Array,
    scales: Array,
    offsets: Array | None,
    factors: Array,
    slopes: Array,
    shifts: Array,
) -> Array:
    """h·factor + (x − mean)·slope + shift with the same h."""
    out = np.empty_like(x)
    for part in blocks(len(x), x.shape[1] * x.itemsize):
        centred = x[part] - means[part, None]
        centred *= slopes[part, None]
        h = _opened(part, x, g, means, scales, offsets)
        d = np.multiply(h, factors[part, None], out=out[part])
        d += centred
        d += shifts[part, None]
    return out


def normalize(
    input: Array,
    weight: Array | None,
    bias: Array | None,
    groups: int,
    eps: float,
    rectified: bool = False,
) -> tuple[Array, Array, Array]:
    """The output, and mean and variance of the pool of each example and channel."""
    own, deviation = (values.reshape(input.shape[:2]) for values in _moments(_planes(input)))
    means = _pooled(own, groups)
    means = means + _pooled(own - means, groups)
    variances = np.maximum(_pooled(deviation + (own - means) ** 2, groups), 0)
    return standardised(input, means, variances, weight, bias, eps, rectified), means, variances


def standardised(
    input: Array,
    means: Array,
    variances: Array,
    weight: Array | None,
    bias: Array | None,
    eps: float,
    rectified: bool = False,
) -> Array:
    """(x − mean)/√(variance + ε)·weight + bias, with statistics that broadcast to (N, C)."""
    affine = _affine(input.shape[:2], means, variances, weight, bias, eps)
    return _scaled(_planes(input), *affine, rectified).reshape(input.shape)


def _affine(
    shape: tuple[int, int],
    means: Array,
    variances: Array,
    weight: Array | None,
    bias: Array | None,
    eps: float,
) -> tuple[Array, Array, Array | None]:
    """What is subtracted from each plane, what it is multiplied by, and what is added."""
    scales = 1 / np.sqrt(variances + eps)
    return (
        _for_planes(means, shape),
        _for_planes(scales if weight is None else scales * weight, shape),
        None if bias is None else _for_planes(bias, shape),
    )


def pull(
    g: Any,
    g_mean: Any,
    g_variance: Any,
    input: Any,
    weight: Any,
    means: Array,
    variances: Array,
    groups: int,
    eps: float,
    needs: Any,
    *,
    bias: Any = None,
    rectified: bool = False,
) -> tuple[Any, ...]:
    """With y the normal form, h = g·weight and the means over pools: d_x = (h − mean(h) − y·mean(h·y))/σ.

    `g_mean` and `g_variance` are the gradients of a pool's statistics for each of its elements, or 0. With a ReLU
    behind it, for which the bias counts, g is first set to 0 where that is closed.
    """
    x, upstream, shape = _planes(input), _planes(g), input.shape[:2]
    affine = _affine(shape, means, variances, weight, bias, eps)
    mean, scale = affine[0], 1 / np.sqrt(variances + eps)
    found = _opened_sums(x, upstream, *affine) if rectified else _sums(x, upstream, mean)
    sums, products = (values.reshape(shape) for values in found)
    products = products * scale
    d_weight = products.sum(axis=0) if needs.weight else None
    d_bias = sums.sum(axis=0) if needs.bias else None
    if not needs.input:
        return None, d_weight, d_bias
    w = np.ones(shape[1], x.dtype) if weight is None else weight
    per = max(x.shape[1], 1)
    offset = _for_planes(g_mean - scale * _pooled(w * sums / per, groups), shape)
    slope = _for_planes(2 * g_variance - scale * scale * _pooled(w * products / per, groups), shape)
    factor = _for_planes(w * scale, shape)
    if rectified:
        d_input = _opened_slopes(x, upstream, *affine, factor, slope, offset)
    else:
        d_input = _slopes(x, upstream, mean, factor, slope, offset)
    return d_input.reshape(np.shape(input)), d_weight, d_bias


def channel_sums(g: Array) -> Array:
    """Σ g of each channel."""
    sums: Array = row_sums(_planes(g)).reshape(g.shape[:2]).sum(axis=0)
    return sums


def centred_sums(g: Array, input: Array, mean: Array) -> Array:
    """Σ g·(x − mean) of each channel, with a mean for each."""
    _, products = _sums(_planes(input), _planes(g), _for_planes(mean, input.shape[:2]))
    sums: Array = products.reshape(input.shape[:2]).sum(axis=0)
    return sums


def affine(y: Any, weight: Any, bias: Any) -> Any:
    """y·weight + bias for each channel, in operations; either may be left out."""
    shape = (-1,) + (1,) * (y.ndim - 2)
    y = y if weight is None else y * reshape(weight, shape)
    return y if bias is None else y + reshape(bias, shape)
