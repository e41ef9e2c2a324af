"""Activations, element by element, with the slopes that their gradients need."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .jit import Array, jit, plain
from .maths import exp, normal_cdf_single, sigmoid, tanh
from .threads import split

SHARE = 1 << 15  # elements that are worth a thread
LIGHT = 1 << 19  # of those that are only read and written

_DENSITY = np.float32(1 / math.sqrt(2 * math.pi))
_ROOT_TWO_BY_PI = np.float32(math.sqrt(2 / math.pi))
_CUBIC = np.float32(0.044715)


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
        phi = half + half * tanh(_ROOT_TWO_BY_PI * (x[i] + _CUBIC * x[i] * x[i] * x[i]))
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
        d[i] = g[i] * (cdf[i] + x[i] * exp(np.float32(-0.5) * x[i] * x[i]) * _DENSITY)


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
        out[i] = x[i] * sigmoid(x[i])


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
        s = sigmoid(x[i])
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
