"""Sequences: convolution and correlation, interpolation, the area under a curve."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..calling import respell
from ..convert import asarray
from ..gate import SWITCHER
from ..op import op
from ..samples import given
from ..tensor import Tensor
from .complex import conj
from .elementwise import clip, where
from .gather import searchsorted
from .index import add_at, getitem
from .reduce import sum as total

MODES = ("full", "same", "valid")


def _window(n: int, m: int, mode: str) -> slice:
    """Which part of the full convolution a mode keeps."""
    longer, shorter = max(n, m), min(n, m)
    start = {"full": 0, "same": (shorter - 1) // 2, "valid": shorter - 1}[mode]
    length = {"full": longer + shorter - 1, "same": longer, "valid": longer - shorter + 1}[mode]
    return slice(start, start + length)


def _convolve_rule(g: Any, other: Any, own: int, mode: str) -> Any:
    """The correlation of the whole g (zeros where the mode cut it off) with the other sequence."""
    count = other.shape[0]
    whole = add_at.raw(g, (_window(own, count, mode),), (own + count - 1,))
    along = convolve.raw(whole, np.flip(other, 0), "full")
    return along[count - 1 : count - 1 + own]


@op(
    "x y",
    x=lambda g, y, x_shape, mode: _convolve_rule(g, y, x_shape[0], mode),
    y=lambda g, x, y_shape, mode: _convolve_rule(g, x, y_shape[0], mode),
    gate=SWITCHER,
    complex="holomorphic",
    symbol="∗",
    numpy=(np.convolve,),
    samples=given(
        (((5,), (3,)), {}),
        (((2,), (4,)), {}),
        (((5,), (4,)), {"mode": "same"}),
        (((3,), (6,)), {"mode": "same"}),
        (((5,), (2,)), {"mode": "valid"}),
        (((2,), (5,)), {"mode": "valid"}),
        (((1,), (1,)), {}),
    ),
    reference=np.convolve,
)
def convolve(x: Any, y: Any, /, mode: str = "full") -> Any:
    """The convolution of two sequences, Σᵢ xᵢ·yₖ₋ᵢ for every k.

    Args:
        x: one axis.
        y: one axis.
        mode: "full" for every overlap, "same" for as many elements as the longer sequence has, "valid" for
            the places where the shorter one lies within the longer.

    >>> import pullback as pb
    >>> pb.convolve(pb.tensor([1.0, 2.0, 3.0]), pb.tensor([1.0, 1.0]))
    tensor([1., 3., 5., 3.], dtype=float32)
    """
    if np.ndim(x) != 1 or np.ndim(y) != 1:
        raise ValueError(
            f"convolve needs two sequences of one axis, and these have shapes {np.shape(x)} and {np.shape(y)}"
        )
    if mode not in MODES:
        raise ValueError(f"convolve: the modes are {', '.join(MODES)}, not {mode!r}")
    return np.convolve(x, y, mode)  # type: ignore[call-overload]  # a plain str


def correlate(x: Any, y: Any, /, mode: str = "valid") -> Tensor:
    """The correlation of two sequences, Σᵢ xᵢ₊ₖ·yᵢ: the convolution of x with y reversed, and conjugated.

    Args:
        x: one axis.
        y: one axis, no longer than x.
        mode: as for `convolve`.

    >>> import pullback as pb
    >>> pb.correlate(pb.tensor([1.0, 2.0, 4.0]), pb.tensor([-1.0, 1.0]))
    tensor([1., 2.], dtype=float32)
    """
    x, y = asarray(x), asarray(y)
    if x.ndim == y.ndim == 1 and y.size > x.size and mode != "full":
        raise ValueError(f"correlate: the second sequence ({y.size}) is longer than the first ({x.size})")
    return convolve(x, conj(y[::-1]) if y.dtype.kind == "c" else y[::-1], mode)


def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None) -> Tensor:
    """The piecewise linear function through the points (xp, fp), at x; all of them get gradients.

    At a corner the slope is that of the piece to the right; outside, the function is constant.

    Args:
        x: where to evaluate.
        xp: the points' coordinates, one axis, ascending.
        fp: the points' values, of the same length.
        left: the value below the first point; its value if None.
        right: the value above the last one; its value if None.

    >>> import pullback as pb
    >>> pb.interp(pb.tensor([0.5, 9.0]), pb.tensor([0.0, 1.0]), pb.tensor([10.0, 20.0]))
    tensor([15., 20.], dtype=float32)
    """
    x, xp, fp = asarray(x), asarray(xp), asarray(fp)
    if xp.ndim != 1 or xp.shape != fp.shape or xp.size == 0:
        raise ValueError(
            f"interp needs as many coordinates as values, on one axis; these have shapes {xp.shape} and {fp.shape}"
        )
    below, above = x < xp[0], x > xp[-1]
    if xp.size > 1:
        piece = clip(searchsorted(xp, x, side="right") - 1, 0, xp.size - 2)
        start, end, first, last = xp[piece], xp[piece + 1], fp[piece], fp[piece + 1]
        inside = where(below | above, start, x)  # outside nothing of the line may count
        result = first + (last - first) * ((inside - start) / (end - start))
    else:
        result = fp[0] + x * 0
    result = where(below, fp[0] if left is None else left, result)
    return where(above, fp[-1] if right is None else right, result)


def trapezoid(y: Any, x: Any = None, dx: float = 1.0, axis: int = -1, **spelling: Any) -> Tensor:
    """The area under the straight lines between points.

    Args:
        y: the heights.
        x: where they stand: along the axis, or of the shape of y; evenly spaced if None.
        dx: the distance between neighbours, if x is None.
        axis: along which (also `dim`).

    >>> import pullback as pb
    >>> pb.trapezoid(pb.tensor([1.0, 2.0, 3.0]), dx=2)
    tensor(8., dtype=float32)
    """
    axis, _ = respell("trapezoid", spelling, axis, default=-1)
    y = asarray(y)
    at = axis % y.ndim
    before = (slice(None),) * at
    later, earlier = (*before, slice(1, None)), (*before, slice(None, -1))
    step: Any = dx
    if x is not None:
        x = asarray(x)
        if x.ndim == 1:
            step = (x[1:] - x[:-1]).reshape((-1,) + (1,) * (y.ndim - 1 - at))
        else:
            step = getitem(x, later) - getitem(x, earlier)
    return total((getitem(y, later) + getitem(y, earlier)) * step / 2, axis=at)
