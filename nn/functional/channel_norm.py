"""What the normalisations of channels, axis 1 of the input, share: over the batch, over groups, each by itself.

The kernel takes the mean and the squared deviations of every (example, channel) and joins those that are
normalised together, a pool; so the data are read once for both, and a large mean costs no digits.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ...autograd import Tensor, reshape
from ...autograd.extend import is_batched, writable
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


# the kernel: x as (N·C, L), statistics as (N, C)


def _planes(x: Array) -> Array:
    """The array as (N·C, L), each channel of an example in one contiguous row."""
    return np.ascontiguousarray(x).reshape(math.prod(x.shape[:2]), math.prod(x.shape[2:]))


def _column(values: Array, shape: tuple[int, int]) -> Array:
    """Values that broadcast to (N, C) as (N·C, 1)."""
    return np.ascontiguousarray(np.broadcast_to(values, shape)).reshape(math.prod(shape), 1)


def _pooled(values: Array, groups: int) -> Array:
    """The mean of (N, C) values over each pool, again for each example and channel."""
    n, c = values.shape
    if groups == OVER_BATCH:
        return np.broadcast_to(values.mean(axis=0) if n else np.zeros(c, values.dtype), (n, c))
    per_group = values.reshape(n, groups, c // groups).mean(axis=2, keepdims=True)
    return np.broadcast_to(per_group, (n, groups, c // groups)).reshape(n, c)


def normalize(
    input: Array, weight: Array | None, bias: Array | None, groups: int, eps: float
) -> tuple[Array, Array, Array]:
    """The output, and mean and variance of the pool of each example and channel."""
    x, shape = _planes(input), input.shape[:2]
    rows, length = x.shape
    own, deviation = x[:, 0] if length == 1 else np.empty(rows, x.dtype), np.zeros(rows, x.dtype)
    for part in blocks(rows, length * x.itemsize) if length > 1 else ():
        own[part] = row_sums(x[part]) / length
        centred = x[part] - own[part, None]
        slip = row_sums(centred) / length  # what rounding took from the mean, which counts if it is large
        own[part] += slip
        deviation[part] = row_sums(centred, centred) / length - slip * slip
    own, deviation = own.reshape(shape), deviation.reshape(shape)
    means = _pooled(own, groups)
    means = means + _pooled(own - means, groups)
    variances = np.maximum(_pooled(deviation + (own - means) ** 2, groups), 0)
    return standardised(input, means, variances, weight, bias, eps), means, variances


def standardised(
    input: Array, means: Array, variances: Array, weight: Array | None, bias: Array | None, eps: float
) -> Array:
    """(x − mean)/√(variance + ε)·weight + bias, with statistics that broadcast to (N, C)."""
    x, shape = _planes(input), input.shape[:2]
    scales = 1 / np.sqrt(variances + eps)
    scale = _column(scales if weight is None else scales * weight, shape)
    mean = _column(means, shape)
    offset = None if bias is None else _column(bias, shape)
    out = np.empty_like(x)
    for part in blocks(len(x), x.shape[1] * x.itemsize):
        y = np.subtract(x[part], mean[part], out=out[part])
        y *= scale[part]
        if offset is not None:
            y += offset[part]
    return out.reshape(input.shape)


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
) -> tuple[Any, ...]:
    """With y the normal form, h = g·weight and the means over pools: d_x = (h − mean(h) − y·mean(h·y))/σ.

    `g_mean` and `g_variance` are the gradients of a pool's statistics for each of its elements, or 0.
    """
    x, upstream, shape = _planes(input), _planes(g), input.shape[:2]
    rows, length = x.shape
    mean = _column(means, shape)
    sums, products = np.empty(rows, x.dtype), np.empty(rows, x.dtype)
    for part in blocks(rows, length * x.itemsize):
        sums[part] = row_sums(upstream[part])
        products[part] = row_sums(upstream[part], x[part] - mean[part])
    scale = 1 / np.sqrt(variances + eps)
    sums, products = sums.reshape(shape), products.reshape(shape) * scale
    d_weight = products.sum(axis=0) if needs.weight else None
    d_bias = sums.sum(axis=0) if needs.bias else None
    if not needs.input:
        return None, d_weight, d_bias
    w = np.ones(shape[1], x.dtype) if weight is None else weight
    per = max(length, 1)
    offset = _column(g_mean - scale * _pooled(w * sums / per, groups), shape)
    slope = _column(2 * g_variance - scale * scale * _pooled(w * products / per, groups), shape)
    factor = _column(w * scale, shape)
    d_input = np.empty_like(x)
    for part in blocks(rows, length * x.itemsize):
        centred = x[part] - mean[part]
        centred *= slope[part]
        d = np.multiply(upstream[part], factor[part], out=d_input[part])
        d += centred
        d += offset[part]
    return d_input.reshape(np.shape(input)), d_weight, d_bias


def affine(y: Any, weight: Any, bias: Any) -> Any:
    """y·weight + bias for each channel, in operations; either may be left out."""
    shape = (-1,) + (1,) * (y.ndim - 2)
    y = y if weight is None else y * reshape(weight, shape)
    return y if bias is None else y + reshape(bias, shape)
