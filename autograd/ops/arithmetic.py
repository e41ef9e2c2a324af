"""Operations on two numbers beyond the four of school: remainders, lengths, logarithms of sums, bits."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..gate import BLOCK, DISTRIBUTOR, FLAT, ROUTER, SCALER
from ..methods import method
from ..op import SingularPoint, op
from ..samples import elementwise, integers
from ..tensor import Tensor
from .elementwise import abs as absolute


@op(
    "x y",
    x=lambda g: np.zeros_like(g),
    y=lambda g: np.zeros_like(g),
    gate=FLAT,
    infix="//",
    symbol="⌊÷⌋",
    numpy=(np.floor_divide,),
    samples=elementwise(2, (0.75, 0.9), (0.5, 0.6)),
    reference=np.floor_divide,
)
def floor_divide(x: Any, y: Any, /) -> Any:
    """The largest integer not above x / y; beside infinities ⌊x / y⌋ as the quotient has it. The gradient is 0.

    >>> import pullback as pb
    >>> pb.tensor([7.0, -7.0, pb.inf]) // 2
    tensor([ 3., -4., inf], dtype=float32)
    """
    infinite = np.isinf(x) | np.isinf(y)
    if not np.any(infinite):
        return np.floor_divide(x, y)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(infinite, np.floor(np.divide(x, y)), np.floor_divide(x, y))[()]


remainder = op(
    np.remainder,
    "x y",
    x=lambda g: g,
    y=lambda g, x, y: -g * np.floor_divide(x, y),
    gate={"x": DISTRIBUTOR, "y": SCALER},
    infix="%",
    symbol="mod",
    samples=elementwise(2, (0.1, 0.5), (0.6, 0.9)),
    singular=[SingularPoint((4.0, 2.0), (1.0, -2.0))],
    doc="x − y·⌊x / y⌋, with the sign of y. The gradients are g and −g·⌊x / y⌋, also where x / y is whole.",
)

fmod = op(
    np.fmod,
    "x y",
    x=lambda g: g,
    y=lambda g, x, y: -g * np.trunc(x / y),
    gate={"x": DISTRIBUTOR, "y": SCALER},
    symbol="fmod",
    samples=elementwise(2, (-0.5, 0.5), (0.6, 0.9)),
    singular=[SingularPoint((4.0, 2.0), (1.0, -2.0))],
    doc="x − y·trunc(x / y), with the sign of x. The gradients are g and −g·trunc(x / y).",
)

hypot = op(
    np.hypot,
    "x y",
    x=lambda g, x, out: g * (x / out),
    y=lambda g, y, out: g * (y / out),
    gate=SCALER,
    samples=elementwise(2, (-2, 2), (0.5, 2)),
    singular=[SingularPoint((0.0, 0.0), (np.nan, np.nan))],
    doc="√(x² + y²) without overflow. The gradients are g·x/out and g·y/out; at the origin they are nan.",
)

copysign = op(
    np.copysign,
    "x y",
    x=lambda g, x, y: np.where(x == 0, 0, np.where(np.signbit(x) == np.signbit(y), g, -g)),
    y=lambda g: np.zeros_like(g),
    gate=SCALER,
    samples=elementwise(2, avoid=(0,)),
    singular=[SingularPoint((0.0, 1.0), (0.0, 0.0))],
    doc="The magnitude of x with the sign of y. The gradient for x is ±g, and 0 where x is 0; for y it is 0.",
)

logaddexp = op(
    np.logaddexp,
    "x y",
    x=lambda g, x, out: g * np.exp(x - out),
    y=lambda g, y, out: g * np.exp(y - out),
    gate=SCALER,
    samples=elementwise(2),
    singular=[SingularPoint((-np.inf, -np.inf), (np.nan, np.nan))],
    doc="log(eˣ + eʸ) without overflow. The gradients are g·eˣ/(eˣ + eʸ) and g·eʸ/(eˣ + eʸ).",
)

logaddexp2 = op(
    np.logaddexp2,
    "x y",
    x=lambda g, x, out: g * np.exp2(x - out),
    y=lambda g, y, out: g * np.exp2(y - out),
    gate=SCALER,
    samples=elementwise(2),
    doc="log₂(2ˣ + 2ʸ) without overflow.",
)

exp2 = op(
    np.exp2,
    "x",
    x=lambda g, out: g * out * float(np.log(2)),
    gate=SCALER,
    complex="holomorphic",
    samples=elementwise(1),
    doc="2ˣ.",
)

cbrt = op(
    np.cbrt,
    "x",
    x=lambda g, out: g / (3 * out * out),
    gate=SCALER,
    symbol="∛",
    samples=elementwise(1, (0.3, 2)),
    singular=[SingularPoint((0.0,), (np.inf,))],
    doc="The cube root of x, real also for negative x. The gradient at 0 is infinite.",
)

nextafter = op(
    np.nextafter,
    "x y",
    x=lambda g: g,
    y=lambda g: np.zeros_like(g),
    gate={"x": DISTRIBUTOR, "y": SCALER},
    samples=elementwise(2, (-2, 0), (1, 2)),
    doc="The floating number next to x on the way to y. The gradients are g for x and 0 for y.",
)

fmax = op(
    np.fmax,
    "x y",
    x=lambda g, x, y: np.where((x >= y) | np.isnan(y), g, 0),
    y=lambda g, x, y: np.where((x >= y) | np.isnan(y), 0, g),
    gate=ROUTER,
    samples=elementwise(2, apart=True),
    singular=[SingularPoint((1.0, 1.0), (1.0, 0.0))],
    doc="The larger of x and y; a nan counts as missing. The gradient goes to the one chosen, at a tie to x.",
)

fmin = op(
    np.fmin,
    "x y",
    x=lambda g, x, y: np.where((x <= y) | np.isnan(y), g, 0),
    y=lambda g, x, y: np.where((x <= y) | np.isnan(y), 0, g),
    gate=ROUTER,
    samples=elementwise(2, apart=True),
    singular=[SingularPoint((1.0, 1.0), (1.0, 0.0))],
    doc="The smaller of x and y; a nan counts as missing. The gradient goes to the one chosen, at a tie to x.",
)

# bits and signs: nothing passes

bitwise_left_shift = op(
    np.left_shift,
    "x y",
    gate=BLOCK,
    infix="<<",
    symbol="≪",
    name="bitwise_left_shift",
    samples=integers(2),
    doc="x << y, the bits of x moved y places up.",
)
bitwise_right_shift = op(
    np.right_shift,
    "x y",
    gate=BLOCK,
    infix=">>",
    symbol="≫",
    name="bitwise_right_shift",
    samples=integers(2),
    doc="x >> y, the bits of x moved y places down.",
)
logical_xor = op(
    np.logical_xor,
    "x y",
    gate=BLOCK,
    symbol="xor",
    samples=elementwise(2),
    doc="Whether one of x and y is true and the other not.",
)
signbit = op(
    np.signbit,
    "x",
    gate=BLOCK,
    samples=elementwise(1),
    doc="Whether the sign bit of x is set; it is for −0.",
)


@method("__abs__")
def _abs(self: Tensor) -> Tensor:
    """`abs(x)`."""
    return absolute(self)
