"""Activations, element by element, with the slopes that their gradients need."""

from __future__ import annotations

import math
from contextvars import Context, copy_context
from typing import Any

import numpy as np

from . import maths
from .jit import Array, jit, plain
from .maths import normal_cdf_single
from .threads import split

# elements that are worth a thread, which takes 1 µs to call, or 40 where it sleeps
SHARE = 1 << 16
# of those that are only read and written, or put into a short function: while they fit into a core's own cache, another
# core takes longer to fetch them from there than to compute
LIGHT = 1 << 20
ROW = 1 << 10  # elements of a gradient that is one number, written out

_DENSITY = np.float32(1 / math.sqrt(2 * math.pi))
_ROOT_TWO_BY_PI = np.float32(math.sqrt(2 / math.pi))
_CUBIC = np.float32(0.044715)


@jit(reordered=True)
def _exp(x: Array, out: Array, limit: Any, start: int, stop: int) -> Any:
    x, out = x[start:stop], out[start:stop]
    zero, one = x.dtype.type(0), x.dtype.type(1)
    beyond = zero
    for i in range(len(x)):
        out[i] = maths.exp(x[i])
        beyond += one if x[i] > limit else zero
    return beyond


def exp(x: Array) -> Any:
    """eˣ. Numbers whose power overflows are left to NumPy, which warns of it as it was told to."""
    out = np.empty(x.shape, x.dtype)
    limit = x.dtype.type(88.5 if x.dtype == np.float32 else 709.5)
    if any(split(_exp, x.size, LIGHT, plain(x).reshape(-1), out.reshape(-1), limit)):
        return NotImplemented
    return out


def _log(context: Context, x: Array, out: Array, start: int, stop: int) -> None:
    context.copy().run(np.log, x[start:stop], out[start:stop])


def log(x: Array) -> Array:
    """The natural logarithm: NumPy's, which is quick, by several threads, that warn as the caller was told to."""
    out = np.empty(x.shape, x.dtype)
    split(_log, x.size, LIGHT, copy_context(), plain(x).reshape(-1), out.reshape(-1))
    return out


@jit(reordered=True)
def _sigmoid(x: Array, out: Array, start: int, stop: int) -> None:
    x, out = x[start:stop], out[start:stop]
    for i in range(len(x)):
        out[i] = maths.sigmoid(x[i])


def sigmoid(x: Array) -> Any:
    """1/(1 + e⁻ˣ)."""
    out = np.empty(x.shape, x.dtype)
    split(_sigmoid, x.size, LIGHT, plain(x).reshape(-1), out.reshape(-1))
    return out


@jit(reordered=True)
def _tanh(x: Array, out: Array, start: int, stop: int) -> None:
    x, out = x[start:stop], out[start:stop]
    for i in range(len(x)):
        out[i] = maths.tanh(x[i])


def tanh(x: Array) -> Any:
    """The hyperbolic tangent."""
    out = np.empty(x.shape, x.dtype)
    split(_tanh, x.size, LIGHT, plain(x).reshape(-1), out.reshape(-1))
    return out


def _slopes(function: Any, g: Array, out: Array) -> Any:
    """What a compiled function makes of a gradient and the results (or inputs), which have its shape and dtype.

    The gradient of a sum is one number for all elements, repeated without memory of its own; so it stays.
    """
    if g.dtype != out.dtype or g.shape != out.shape:
        return NotImplemented
    d = np.empty(out.shape, out.dtype)
    gradient = g[(slice(0, 1),) * g.ndim] if not any(g.strides) else g
    split(
        function,
        out.size,
        LIGHT,
        plain(gradient).reshape(-1),
        plain(out).reshape(-1),
        d.reshape(-1),
    )
    return d


@jit(inside=True)
def _row(g: Array, repeated: Array, first: int, last: int) -> Any:
    """The gradients of some elements; of one number for all of them, repeated before."""
    return repeated[: last - first] if len(g) == 1 else g[first:last]


@jit(reordered=True)
def _tanh_slopes(g: Array, out: Array, d: Array, start: int, stop: int) -> None:
    one = out.dtype.type(1)
    repeated = np.full(ROW, g[0], g.dtype)
    for first in range(start, stop, ROW):
        last = min(first + ROW, stop)
        gs, ys, ds = _row(g, repeated, first, last), out[first:last], d[first:last]
        for i in range(len(ys)):
            ds[i] = gs[i] * (one - ys[i] * ys[i])


def tanh_slopes(g: Array, out: Array) -> Any:
    """g·(1 − tanh²x)."""
    return _slopes(_tanh_slopes, g, out)


@jit(reordered=True)
def _sigmoid_slopes(g: Array, out: Array, d: Array, start: int, stop: int) -> None:
    one = out.dtype.type(1)
    repeated = np.full(ROW, g[0], g.dtype)
    for first in range(start, stop, ROW):
        last = min(first + ROW, stop)
        gs, ys, ds = _row(g, repeated, first, last), out[first:last], d[first:last]
        for i in range(len(ys)):
            ds[i] = gs[i] * ys[i] * (one - ys[i])


def sigmoid_slopes(g: Array, out: Array) -> Any:
    """g·σ·(1 − σ)."""
    return _slopes(_sigmoid_slopes, g, out)


@jit(reordered=True)
def _log_slopes(g: Array, x: Array, d: Array, start: int, stop: int) -> None:
    repeated = np.full(ROW, g[0], g.dtype)
    for first in range(start, stop, ROW):
        last = min(first + ROW, stop)
        gs, xs, ds = _row(g, repeated, first, last), x[first:last], d[first:last]
        for i in range(len(xs)):
            ds[i] = gs[i] / xs[i]


def log_slopes(g: Array, x: Array) -> Any:
    """g / x."""
    return _slopes(_log_slopes, g, x)


@jit(reordered=True)
def _gelu(x: Array, out: Array, cdf: Array, start: int, stop: int) -> None:
    x, out, cdf = x[start:stop], out[start:stop], cdf[start:stop]
    for i in range(len(x)):
        phi = normal_cdf_single(x[i])
        cdf[i] = phi
        out[i] = x[i] * phi


@jit(reordered=True)
def _gelu_by_tanh(x: Array, out: Array, cdf: Array, start: int, stop: int) -> None:
    half = np.float32(0.5)
    x, out, cdf = x[start:stop], out[start:stop], cdf[start:stop]
    for i in range(len(x)):
        phi = half + half * maths.tanh(_ROOT_TWO_BY_PI * (x[i] + _CUBIC * x[i] * x[i] * x[i]))
        cdf[i] = phi
        out[i] = x[i] * phi


def gelu(input: Array, *, approximate: str = "none") -> Any:
    """x·Φ(x), and Φ(x); float32 only."""
    function = {"none": _gelu, "tanh": _gelu_by_tanh}.get(approximate)
    if function is None or input.dtype != np.float32:
        return NotImplemented
    x = plain(input).reshape(-1)
    out, cdf = np.empty_like(x), np.empty_like(x)
    split(function, len(x), SHARE, x, out, cdf)
    return out.reshape(input.shape), cdf.reshape(input.shape)


@jit(reordered=True)
def _gelu_slopes(g: Array, x: Array, cdf: Array, d: Array, start: int, stop: int) -> None:
    g, x, cdf, d = g[start:stop], x[start:stop], cdf[start:stop], d[start:stop]
    for i in range(len(x)):
        d[i] = g[i] * (cdf[i] + x[i] * maths.exp(np.float32(-0.5) * x[i] * x[i]) * _DENSITY)


@jit(reordered=True)
def _gelu_slopes_by_tanh(g: Array, x: Array, cdf: Array, d: Array, start: int, stop: int) -> None:
    one, two, three = np.float32(1), np.float32(2), np.float32(3)
    g, x, cdf, d = g[start:stop], x[start:stop], cdf[start:stop], d[start:stop]
    for i in range(len(x)):
        inner = _ROOT_TWO_BY_PI * (one + three * _CUBIC * x[i] * x[i])
        d[i] = g[i] * (cdf[i] + x[i] * two * cdf[i] * (one - cdf[i]) * inner)


def gelu_slopes(g: Array, input: Array, cdf: Array, approximate: str) -> Any:
    """g·(Φ(x) + x·φ(x)); float32 only."""
    if not g.dtype == input.dtype == np.float32 or g.shape != input.shape:
        return NotImplemented
    function = _gelu_slopes if approximate == "none" else _gelu_slopes_by_tanh
    x = plain(input).reshape(-1)
    d = np.empty_like(x)
    split(function, len(x), SHARE, plain(g).reshape(-1), x, plain(cdf).reshape(-1), d)
    return d.reshape(input.shape)


@jit(reordered=True)
def _silu(x: Array, out: Array, start: int, stop: int) -> None:
    x, out = x[start:stop], out[start:stop]
    for i in range(len(x)):
        out[i] = x[i] * maths.sigmoid(x[i])


def silu(input: Array) -> Any:
    """x·σ(x)."""
    x = plain(input).reshape(-1)
    out = np.empty_like(x)
    split(_silu, len(x), SHARE, x, out)
    return out.reshape(input.shape)


@jit(reordered=True)
def _silu_slopes(g: Array, x: Array, d: Array, start: int, stop: int) -> None:
    g, x, d = g[start:stop], x[start:stop], d[start:stop]
    one = x.dtype.type(1)
    for i in range(len(x)):
        s = maths.sigmoid(x[i])
        d[i] = g[i] * s * (one + x[i] * (one - s))


def silu_slopes(g: Array, input: Array) -> Any:
    """g·σ·(1 + x·(1 − σ))."""
    if g.dtype != input.dtype or g.shape != input.shape:
        return NotImplemented
    x = plain(input).reshape(-1)
    d = np.empty_like(x)
    split(_silu_slopes, len(x), SHARE, plain(g).reshape(-1), x, d)
    return d.reshape(input.shape)


@jit()
def _relu(x: Array, out: Array, start: int, stop: int) -> None:
    x, out = x[start:stop], out[start:stop]
    zero = x.dtype.type(0)
    for i in range(len(x)):
        out[i] = zero if x[i] <= zero else x[i]


def relu(x: Array, /) -> Any:
    """max(0, x); nan stays."""
    flat = plain(x).reshape(-1)
    out = np.empty_like(flat)
    split(_relu, len(flat), LIGHT, flat, out)
    return out.reshape(x.shape)


@jit()
def _relu_within(x: Array, start: int, stop: int) -> None:
    x = x[start:stop]
    zero = x.dtype.type(0)
    for i in range(len(x)):
        x[i] = zero if x[i] <= zero else x[i]


def relu_within(x: Array) -> Any:
    """The same, written over x; a loop of its own, since one over two arrays that are the same takes single numbers."""
    if not x.flags.c_contiguous:
        return NotImplemented
    flat = x.reshape(-1)
    split(_relu_within, len(flat), LIGHT, flat)
    return x


@jit()
def _relu_slopes(g: Array, out: Array, d: Array, start: int, stop: int) -> None:
    zero = out.dtype.type(0)
    repeated = np.full(ROW, g[0], g.dtype)
    for first in range(start, stop, ROW):
        last = min(first + ROW, stop)
        gs, ys, ds = _row(g, repeated, first, last), out[first:last], d[first:last]
        for i in range(len(ys)):
            ds[i] = gs[i] if ys[i] > zero else zero


def relu_slopes(g: Array, out: Array) -> Any:
    """g where the result is positive, else 0."""
    return _slopes(_relu_slopes, g, out)


@jit()
def _select(condition: Array, x: Array, y: Any, out: Array, start: int, stop: int) -> None:
    condition, x, out = condition[start:stop], x[start:stop], out[start:stop]
    for i in range(len(x)):
        out[i] = x[i] if condition[i] else y


def select(condition: Any, x: Any, y: Any) -> Any:
    """x where the condition holds, else y, a number; for two arrays NumPy is as fast."""
    if type(condition) is not np.ndarray or condition.dtype != np.bool_ or condition.shape != x.shape:
        return NotImplemented
    if type(y) not in (int, float):
        return NotImplemented
    flat = plain(x).reshape(-1)
    out = np.empty_like(flat)
    split(_select, len(flat), LIGHT, plain(condition).reshape(-1), flat, x.dtype.type(y), out)
    return out.reshape(x.shape)
