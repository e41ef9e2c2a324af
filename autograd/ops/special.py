"""Functions beyond the standard's: squashing, rectifying and normalising."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..gate import MIXER, ROUTER, SCALER
from ..kernels import kernel
from ..op import SingularPoint, op
from ..samples import along, elementwise, reduction
from ..select import select
from .reduce import Axis


@op(
    "x",
    x=kernel("elementwise.sigmoid_slopes", over=1 << 13)(lambda g, out: g * out * (1 - out)),
    gate=SCALER,
    symbol="σ",
    method=True,
    samples=elementwise(1),
    reference=lambda x: 1 / (1 + np.exp(-x)),
)
@kernel("elementwise.sigmoid", over=1 << 13)
def sigmoid(x: Any, /) -> Any:
    """1 / (1 + e⁻ˣ), without overflow for any x. The gradient is g·σ·(1 − σ)."""
    with np.errstate(over="ignore"):  # far to the left 1/∞ is the right 0
        return 1 / (1 + np.exp(-x))


@op(
    "x",
    x=kernel("elementwise.relu_slopes", over=1 << 12)(lambda g, out: select(out > 0, g, 0)),
    gate=ROUTER,
    symbol="max(0,x)",
    method=True,
    samples=elementwise(1, avoid=(0,)),
    reference=lambda x: x * (x > 0),
    singular=[SingularPoint((0.0,), (0.0,))],
)
@kernel("elementwise.relu", over=1 << 12)
def relu(x: Any, /) -> Any:
    """max(0, x). The gradient passes where x > 0; at 0 it is 0.

    >>> import pullback as pb
    >>> x = pb.tensor([1.0, -2.0], requires_grad=True)
    >>> pb.relu(x).sum().backward()
    >>> x.grad
    tensor([1., 0.], dtype=float32)
    """
    return np.maximum(x, 0)


@op(
    "x",
    x=lambda g, x, out, axis: _again(g, axis, x) * np.exp(x - _again(out, axis, x)),
    gate=MIXER,
    method=True,
    samples=reduction(empty=False),
    reference=lambda x, axis=None, keepdims=False: np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims)),
)
def logsumexp(x: Any, /, axis: Axis = None, *, keepdims: bool = False) -> Any:
    """log Σ eˣ, shifted by the maximum so that it does not overflow. The gradient is g·softmax(x)."""
    peak = np.max(x, axis=axis, keepdims=True)
    peak = np.where(np.isfinite(peak), peak, 0)
    total = np.log(np.sum(np.exp(x - peak), axis=axis, keepdims=True)) + peak
    return total if keepdims else np.squeeze(total, axis=axis)


def _again(reduced: Any, axis: Axis, x: Any) -> Any:
    """A reduced value with its axes put back, to meet the unreduced one."""
    kept = np.sum(x, axis=axis, keepdims=True).shape
    return np.reshape(reduced, kept)


def _peak(x: Any, axis: Axis) -> Any:
    """The largest element along the axes, which are kept; anything where there are none, as nothing is shifted."""
    return (np.max if x.size else np.sum)(x, axis=axis, keepdims=True)


@kernel("rows.softmax_slopes", over=1 << 12)
def _softmax_slopes(g: Any, out: Any, axis: Any) -> Any:
    return out * (g - np.sum(g * out, axis=axis, keepdims=True))


@op(
    "x",
    x=_softmax_slopes,
    gate=MIXER,
    method=True,
    samples=along((((4,),), {"axis": -1}), (((3, 4),), {"axis": 0}), (((2, 3, 4),), {"axis": (1, 2)})),
    reference=lambda x, axis: np.exp(x) / np.sum(np.exp(x), axis=axis, keepdims=True),
)
@kernel("rows.softmax", over=1 << 12)
def softmax(x: Any, /, axis: int | tuple[int, ...] = -1) -> Any:
    """eˣ / Σ eˣ along an axis, shifted so that it does not overflow.

    >>> import pullback as pb
    >>> pb.softmax(pb.tensor([0.0, 0.0, 10000.0, 10000.0]))
    tensor([0. , 0. , 0.5, 0.5], dtype=float32)
    """
    e = np.exp(x - _peak(x, axis))
    return e / np.sum(e, axis=axis, keepdims=True)


@kernel("rows.log_softmax_slopes", over=1 << 12)
def _log_softmax_slopes(g: Any, out: Any, axis: Any) -> Any:
    return g - np.exp(out) * np.sum(g, axis=axis, keepdims=True)


@op(
    "x",
    x=_log_softmax_slopes,
    gate=MIXER,
    method=True,
    samples=along((((4,),), {"axis": -1}), (((3, 4),), {"axis": 0}), (((2, 3, 4),), {"axis": (1, 2)})),
    reference=lambda x, axis: x - np.log(np.sum(np.exp(x), axis=axis, keepdims=True)),
)
@kernel("rows.log_softmax", over=1 << 12)
def log_softmax(x: Any, /, axis: int | tuple[int, ...] = -1) -> Any:
    """log softmax(x), accurate also where softmax underflows. The gradient is g − softmax·Σg."""
    shifted = x - _peak(x, axis)
    if not x.size:
        return shifted
    return shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))
