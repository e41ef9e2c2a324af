"""What is done to each row of a matrix: softmax, and normalisation by the row's own statistics."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .jit import Array, jit, plain
from .maths import exp, larger
from .threads import split

SHARE = 1 << 16  # elements that are worth a thread, which takes 1 µs to call, or 40 where it sleeps


def matrix(x: Array, axes: int = 1) -> Array:
    """The array as rows over the last axes."""
    cut = x.ndim - axes
    return plain(x).reshape(math.prod(x.shape[:cut]), math.prod(x.shape[cut:]))


def _is_last(axis: Any, ndim: int) -> bool:
    return isinstance(axis, int) and axis in (-1, ndim - 1)


def by_rows(function: Any, x: Array, *arguments: Any) -> list[Any]:
    """Call a kernel for the rows of x, by as many threads as pays."""
    return split(function, len(x), max(1, SHARE // max(x.shape[1], 1)), x, *arguments)


@jit(inside=True)
def largest_of(x: Array) -> Any:
    """Of a row; any of its numbers if one is nan, which then spreads over the row with the exponentials."""
    largest = x[0]
    for i in range(1, len(x)):
        largest = larger(x[i], largest)
    return largest


@jit(inside=True)
def log_share(x: Any, largest: Any, log: Any) -> Any:
    """The logarithm of a softmax: (x − largest) − log, in this order, for a large x swallows the logarithm; so it is
    compiled by the rules, and not reordered as the loops around it are."""
    return (x - largest) - log


@jit(reordered=True)
def _softmax_rows(x: Array, out: Array, start: int, stop: int) -> None:
    for row in range(start, stop):
        x_row, out_row = x[row], out[row]
        largest = largest_of(x_row)
        total = x.dtype.type(0)
        for i in range(len(x_row)):
            e = exp(x_row[i] - largest)
            out_row[i] = e
            total += e
        scale = x.dtype.type(1) / total
        for i in range(len(x_row)):
            out_row[i] *= scale


def softmax(x: Array, /, axis: Any = -1) -> Any:
    """eˣ / Σ eˣ over the last axis."""
    if not _is_last(axis, x.ndim):
        return NotImplemented
    rows = matrix(x)
    out = np.empty_like(rows)
    by_rows(_softmax_rows, rows, out)
    return out.reshape(x.shape)


@jit(reordered=True)
def _softmax_slopes(g: Array, out: Array, d: Array, start: int, stop: int) -> None:
    for row in range(start, stop):
        g_row, out_row, d_row = g[row], out[row], d[row]
        inner = g.dtype.type(0)
        for i in range(len(g_row)):
            inner += g_row[i] * out_row[i]
        for i in range(len(g_row)):
            d_row[i] = out_row[i] * (g_row[i] - inner)


def softmax_slopes(g: Array, out: Array, axis: Any) -> Any:
    """out·(g − Σ g·out) over the last axis."""
    if not _is_last(axis, out.ndim) or g.dtype != out.dtype or g.shape != out.shape:
        return NotImplemented
    rows = matrix(g)
    d = np.empty_like(rows)
    by_rows(_softmax_slopes, rows, matrix(out), d)
    return d.reshape(out.shape)


@jit(reordered=True)
def _log_softmax_rows(x: Array, out: Array, start: int, stop: int) -> None:
    for row in range(start, stop):
        x_row, out_row = x[row], out[row]
        largest = largest_of(x_row)
        total = x.dtype.type(0)
        for i in range(len(x_row)):
            total += exp(x_row[i] - largest)
        log = math.log(total)
        for i in range(len(x_row)):
            out_row[i] = log_share(x_row[i], largest, log)


def log_softmax(x: Array, /, axis: Any = -1) -> Any:
    """log softmax(x) over the last axis."""
    if not _is_last(axis, x.ndim):
        return NotImplemented
    rows = matrix(x)
    out = np.empty_like(rows)
    by_rows(_log_softmax_rows, rows, out)
    return out.reshape(x.shape)


@jit(reordered=True)
def _log_softmax_slopes(g: Array, out: Array, d: Array, start: int, stop: int) -> None:
    for row in range(start, stop):
        g_row, out_row, d_row = g[row], out[row], d[row]
        total = g.dtype.type(0)
        for i in range(len(g_row)):
            total += g_row[i]
        for i in range(len(g_row)):
            d_row[i] = g_row[i] - exp(out_row[i]) * total


def log_softmax_slopes(g: Array, out: Array, axis: Any) -> Any:
    """g − e^out·Σ g over the last axis."""
    if not _is_last(axis, out.ndim) or g.dtype != out.dtype or g.shape != out.shape:
        return NotImplemented
    rows = matrix(g)
    d = np.empty_like(rows)
    by_rows(_log_softmax_slopes, rows, matrix(out), d)
    return d.reshape(out.shape)


@jit(reordered=True)
def _layer_norm_rows(
    x: Array,
    weight: Array,
    bias: Array,
    eps: Any,
    out: Array,
    means: Array,
    scales: Array,
    start: int,
    stop: int,
) -> None:
    zero, one = x.dtype.type(0), x.dtype.type(1)
    share = one / x.dtype.type(x.shape[1])
    for row in range(start, stop):
        x_row, out_row = x[row], out[row]
        mean, slip, squares = zero, zero, zero
        for i in range(len(x_row)):
            mean += x_row[i]
        mean *= share
        for i in range(len(x_row)):
            centred = x_row[i] - mean
            slip += centred
            squares += centred * centred
        slip *= share  # what rounding took from the mean, which counts if it is large
        mean += slip
        variance = squares * share - slip * slip
        scale = one / np.sqrt((zero if variance < zero else variance) + eps)
        for i in range(len(x_row)):
            out_row[i] = (x_row[i] - mean) * scale * weight[i] + bias[i]
        means[row], scales[row] = mean, scale


def layer_norm(
    input: Array, weight: Array | None = None, bias: Array | None = None, *, axes: int, eps: float
) -> Any:
    """(x − mean)/√(variance + ε)·weight + bias, and the rows' means and scales."""
    x = matrix(input, axes)
    rows, columns = x.shape
    if columns < 2:
        return NotImplemented
    out, means, scales = np.empty_like(x), np.empty(rows, x.dtype), np.empty(rows, x.dtype)
    by_rows(
        _layer_norm_rows, x, *_affine(weight, bias, columns, x.dtype), x.dtype.type(eps), out, means, scales
    )
    return out.reshape(input.shape), means, scales


def _affine(
    weight: Array | None, bias: Array | None, columns: int, dtype: np.dtype[Any]
) -> tuple[Array, Array]:
    return (
        np.ones(columns, dtype) if weight is None else plain(weight).reshape(columns),
        np.zeros(columns, dtype) if bias is None else plain(bias).reshape(columns),
    )


@jit(reordered=True)
def _layer_norm_slopes(
    x: Array, g: Array, weight: Array, means: Array, scales: Array, d: Array, start: int, stop: int
) -> tuple[Array, Array]:
    columns = x.shape[1]
    share = x.dtype.type(1) / x.dtype.type(columns)
    d_weight, d_bias = np.zeros(columns, x.dtype), np.zeros(columns, x.dtype)
    for row in range(start, stop):
        x_row, g_row, d_row = x[row], g[row], d[row]
        mean, scale = means[row], scales[row]
        total, inner = x.dtype.type(0), x.dtype.type(0)
        for i in range(columns):  # it writes nothing, so that it need not wait for what was written last
            h = g_row[i] * weight[i]
            total += h
            inner += h * ((x_row[i] - mean) * scale)
        total *= share
        inner *= share
        for i in range(columns):
            y, upstream = (x_row[i] - mean) * scale, g_row[i]
            d_weight[i] += upstream * y
            d_bias[i] += upstream
            d_row[i] = scale * (upstream * weight[i] - total - y * inner)
    return d_weight, d_bias


def layer_norm_slopes(
    g: Array, input: Array, weight: Array | None, means: Array, scales: Array, axes: int, needs: Any
) -> Any:
    """The gradients of input, weight and bias."""
    x = matrix(input, axes)
    columns = x.shape[1]
    if g.dtype != x.dtype or columns < 2:
        return NotImplemented
    d = np.empty_like(x)
    flat, _ = _affine(weight, None, columns, x.dtype)
    parts = by_rows(_layer_norm_slopes, x, matrix(g, axes), flat, means, scales, d)
    shape = input.shape[input.ndim - axes :]
    d_weight, d_bias = (sum(part[i] for part in parts).reshape(shape) for i in (0, 1))
    return (
        d.reshape(input.shape) if needs.input else None,
        d_weight if needs.weight else None,
        d_bias if needs.bias else None,
    )


@jit(reordered=True)
def _to_exponentials(x: Array, largest: Array, totals: Array, start: int, stop: int) -> None:
    for row in range(start, stop):
        x_row = x[row]
        most = largest_of(x_row)
        if most == -np.inf:
            most = x.dtype.type(0)
        total = x.dtype.type(0)
        for i in range(len(x_row)):
            e = exp(x_row[i] - most)
            x_row[i] = e
            total += e
        largest[row], totals[row] = most, total


def to_exponentials(scores: Array) -> Any:
    """In place e^(score − largest of its row), the largest (0 where all are −inf), and the sums."""
    if not scores.flags.c_contiguous or not scores.shape[-1]:
        return NotImplemented
    rows = scores.reshape(-1, scores.shape[-1])
    largest, totals = np.empty(len(rows), rows.dtype), np.empty(len(rows), rows.dtype)
    by_rows(_to_exponentials, rows, largest, totals)
    shape = (*scores.shape[:-1], 1)
    return largest.reshape(shape), totals.reshape(shape)


@jit(reordered=True)
def _to_shares(x: Array, logs: Array, start: int, stop: int) -> None:
    for row in range(start, stop):
        x_row, log = x[row], logs[row]
        for i in range(len(x_row)):
            x_row[i] = exp(x_row[i] - log)


def to_shares(scores: Array, logs: Array) -> Any:
    """In place e^(score − log), with the logarithm of each row."""
    if not scores.flags.c_contiguous or logs.dtype != scores.dtype:
        return NotImplemented
    rows = scores.reshape(-1, scores.shape[-1])
    by_rows(_to_shares, rows, plain(logs).reshape(len(rows)))
    return None


@jit(reordered=True)
def _to_slopes(slopes: Array, inner: Array, weights: Array, start: int, stop: int) -> None:
    for row in range(start, stop):
        slope, weight, product = slopes[row], weights[row], inner[row]
        for i in range(len(slope)):
            slope[i] = (slope[i] - product) * weight[i]


def to_slopes(slopes: Array, inner: Array, weights: Array) -> Any:
    """In place (slope − inner)·weight, with the inner product of each row."""
    if not slopes.flags.c_contiguous or not slopes.dtype == inner.dtype == weights.dtype:
        return NotImplemented
    rows = slopes.reshape(-1, slopes.shape[-1])
    by_rows(_to_slopes, rows, plain(inner).reshape(len(rows)), plain(weights).reshape(rows.shape))
    return None
