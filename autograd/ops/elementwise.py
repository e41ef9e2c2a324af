"""Operations on each element by itself; shapes broadcast as in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..convert import PYTHON_SCALARS, to_array
from ..family import Family
from ..gate import BLOCK, DISTRIBUTOR, FLAT, ROUTER, SCALER, SWITCHER
from ..kernels import kernel
from ..op import SingularPoint, op
from ..samples import elementwise, integers, of_family
from ..select import select

# arithmetic

add = op(
    np.add,
    "x y",
    x=lambda g: g,
    y=lambda g: g,
    gate=DISTRIBUTOR,
    complex="written",
    infix="+",
    symbol="+",
    samples=elementwise(2),
    doc="x + y.",
)

subtract = op(
    np.subtract,
    "x y",
    x=lambda g: g,
    y=lambda g: -g,
    gate=DISTRIBUTOR,
    complex="written",
    infix="-",
    symbol="−",
    samples=elementwise(2),
    doc="x − y.",
)

multiply = op(
    np.multiply,
    "x y",
    x=lambda g, y: g * y,
    y=lambda g, x: g * x,
    gate=SWITCHER,
    complex="holomorphic",
    infix="*",
    symbol="×",
    samples=elementwise(2),
    doc="x · y.",
)

divide = op(
    np.divide,
    "x y",
    x=lambda g, y: g / y,
    y=lambda g, y, out: -g * out / y,
    gate={"x": SWITCHER, "y": SCALER},
    complex="holomorphic",
    infix="/",
    symbol="÷",
    samples=elementwise(2, (-2, 2), (0.5, 2)),
    doc="x / y.",
)


def _power_slope(x: Any, y: Any) -> Any:
    """y·xʸ⁻¹, and 0 where y is 0, also for x = 0."""
    if isinstance(y, (bool, int, float, complex)):  # the common case, kept weak
        if y == 2:  # a square, by far the most common: without a copy that is x¹
            return y * x
        return y * x ** (y - 1) if y != 0 else 0
    return np.where(y == 0, 0, y * x ** np.where(y == 0, 1, y - 1))


pow = op(
    np.power,
    "x y",
    name="pow",
    x=lambda g, x, y: g * _power_slope(x, y),
    y=lambda g, x, y, out: g * out * np.log(np.where((x == 0) & (y >= 0), 1, x).astype(out.dtype)),
    gate=SCALER,
    complex="holomorphic",
    infix="**",
    symbol="xʸ",
    samples=elementwise(2, (0.5, 2), (-2, 2)),
    singular=[
        SingularPoint((0.0, 0.0), (0.0, 0.0)),
        SingularPoint((0.0, 1.0), (1.0, 0.0)),
        SingularPoint((0.0, 2.0), (0.0, 0.0)),
        SingularPoint((-2.0, 2.0), (-4.0, np.nan)),
    ],
    doc="""x to the power y.

    The gradient for x is y·xʸ⁻¹, and 0 where y is 0. The gradient for y is xʸ·log x; it is 0 where x is 0
    and y is not negative, and nan for a negative x, where the power has no derivative in y.
    """,
)

negative = op(
    np.negative,
    "x",
    x=lambda g: -g,
    gate=SCALER,
    complex="written",
    infix="-",
    symbol="×−1",
    samples=elementwise(1),
    doc="−x.",
)

positive = op(
    np.positive,
    "x",
    x=lambda g: g,
    gate=SCALER,
    complex="written",
    infix="+",
    symbol="+x",
    samples=elementwise(1),
    doc="x itself, as a new value.",
)

reciprocal = op(
    np.reciprocal,
    "x",
    x=lambda g, out: -g * out * out,
    gate=SCALER,
    complex="holomorphic",
    symbol="1/x",
    method=True,
    samples=elementwise(1, (0.5, 2)),
    doc="1 / x.",
)

square = op(
    np.square,
    "x",
    x=lambda g, x: g * 2 * x,
    gate=SCALER,
    complex="holomorphic",
    symbol="x²",
    method=True,
    samples=elementwise(1),
    doc="x².",
)

# roots, exponentials, logarithms

sqrt = op(
    np.sqrt,
    "x",
    x=lambda g, out: g / (2 * out),
    gate=SCALER,
    complex="holomorphic",
    symbol="√",
    method=True,
    samples=elementwise(1, (0.2, 2)),
    singular=[SingularPoint((0.0,), (np.inf,))],
    doc="√x. The gradient at 0 is infinite, as the slope is.",
)

exp = op(
    kernel("elementwise.exp", over=1 << 17)(np.exp),
    "x",
    x=lambda g, out: g * out,
    gate=SCALER,
    complex="holomorphic",
    method=True,
    samples=elementwise(1),
    doc="eˣ.",
)


def _expm1(x: Any) -> Any:
    """NumPy's, with the standard's special values for complex numbers: those of exp, and +0 for a real −0."""
    if not np.iscomplexobj(x):
        return np.expm1(x)
    with np.errstate(invalid="ignore"):
        out = np.where(np.isfinite(x), np.expm1(x), np.exp(x) - 1)
    out.real += 0.0
    return out[()]


expm1 = op(
    lambda x, /: _expm1(x),
    "x",
    name="expm1",
    numpy=(np.expm1,),
    reference=np.expm1,
    x=lambda g, out: g * (out + 1),
    gate=SCALER,
    complex="holomorphic",
    samples=elementwise(1),
    doc="eˣ − 1, accurate for small x.",
)

log = op(
    kernel("elementwise.log", over=1 << 18)(np.log),
    "x",
    x=kernel("elementwise.log_slopes", over=1 << 18)(lambda g, x: g / x),
    gate=SCALER,
    complex="holomorphic",
    method=True,
    samples=elementwise(1, (0.2, 2)),
    singular=[SingularPoint((0.0,), (np.inf,))],
    doc="The natural logarithm of x. The gradient at 0 is infinite.",
)

log1p = op(
    np.log1p,
    "x",
    x=lambda g, x: g / (1 + x),
    gate=SCALER,
    complex="holomorphic",
    samples=elementwise(1, (-0.5, 2)),
    doc="log(1 + x), accurate for small x.",
)

log2 = op(
    np.log2,
    "x",
    x=lambda g, x: g / (x * LN2),
    gate=SCALER,
    complex="holomorphic",
    samples=elementwise(1, (0.2, 2)),
    doc="The logarithm of x to the base 2.",
)

log10 = op(
    np.log10,
    "x",
    x=lambda g, x: g / (x * LN10),
    gate=SCALER,
    complex="holomorphic",
    samples=elementwise(1, (0.2, 2)),
    doc="The logarithm of x to the base 10.",
)

LN2, LN10 = float(np.log(2)), float(np.log(10))

# trigonometric and hyperbolic

sin = op(
    np.sin,
    "x",
    x=lambda g, x: g * np.cos(x),
    gate=SCALER,
    complex="holomorphic",
    method=True,
    samples=elementwise(1),
    doc="The sine of x (radians).",
)

cos = op(
    np.cos,
    "x",
    x=lambda g, x: -g * np.sin(x),
    gate=SCALER,
    complex="holomorphic",
    method=True,
    samples=elementwise(1),
    doc="The cosine of x (radians).",
)

tan = op(
    np.tan,
    "x",
    x=lambda g, out: g * (1 + out * out),
    gate=SCALER,
    complex="holomorphic",
    method=True,
    samples=elementwise(1, (-1, 1)),
    doc="The tangent of x (radians).",
)

sinh = op(
    np.sinh,
    "x",
    x=lambda g, x: g * np.cosh(x),
    gate=SCALER,
    complex="holomorphic",
    samples=elementwise(1),
    doc="The hyperbolic sine of x.",
)

cosh = op(
    np.cosh,
    "x",
    x=lambda g, x: g * np.sinh(x),
    gate=SCALER,
    complex="holomorphic",
    samples=elementwise(1),
    doc="The hyperbolic cosine of x.",
)

tanh = op(
    kernel("elementwise.tanh", over=1 << 17)(np.tanh),
    "x",
    x=kernel("elementwise.tanh_slopes", over=1 << 13)(lambda g, out: g * (1 - out * out)),
    gate=SCALER,
    complex="holomorphic",
    method=True,
    samples=elementwise(1),
    doc="The hyperbolic tangent of x; the gradient is g·(1 − tanh²x).",
)

# corners: at a tie or a corner the conventions are PyTorch's

abs = op(
    np.absolute,
    "x",
    x=lambda g, x: g * np.sign(x),
    gate=SCALER,
    complex="written",
    symbol="|x|",
    name="abs",
    method=True,
    samples=elementwise(1, avoid=(0,)),
    singular=[SingularPoint((0.0,), (0.0,))],
    doc="|x|. The gradient at 0 is 0.",
)

maximum = op(
    np.maximum,
    "x y",
    x=lambda g, x, y: np.where(x == y, g / 2, np.where(x < y, 0, g)),
    y=lambda g, x, y: np.where(x == y, g / 2, np.where(y < x, 0, g)),
    gate=ROUTER,
    symbol="max",
    samples=elementwise(2, apart=True),
    singular=[SingularPoint((1.0, 1.0), (0.5, 0.5))],
    doc="The larger of x and y. The gradient goes to the larger one; at a tie each gets half.",
)

minimum = op(
    np.minimum,
    "x y",
    x=lambda g, x, y: np.where(x == y, g / 2, np.where(x > y, 0, g)),
    y=lambda g, x, y: np.where(x == y, g / 2, np.where(y > x, 0, g)),
    gate=ROUTER,
    symbol="min",
    samples=elementwise(2, apart=True),
    singular=[SingularPoint((1.0, 1.0), (0.5, 0.5))],
    doc="The smaller of x and y. The gradient goes to the smaller one; at a tie each gets half.",
)


@op(
    "x min max",
    x=lambda g, x, min, max: select(_below(x, min) | _below(max, x), 0, g),
    min=lambda g, x, min, max: select(_below(x, min) & ~_below(max, min), g, 0),
    max=lambda g, x, min, max: select(_below(max, x) | _below(max, min), g, 0),
    gate=ROUTER,
    method=True,
    numpy=(np.clip,),
    samples=elementwise(3, (-2, 2), (-1.6, -0.4), (0.4, 1.6), apart=True),
    reference=np.clip,
    singular=[
        SingularPoint((1.0, 0.0, 1.0), (1.0, 0.0, 0.0)),
        SingularPoint((0.0, 0.0, 1.0), (1.0, 0.0, 0.0)),
    ],
)
def clip(x: Any, /, min: Any = None, max: Any = None) -> Any:
    """x limited to [min, max]; a limit of None is no limit, and where min > max the result is max.

    The gradient goes to x inside the limits and on them, else to the limit that holds.

    >>> import pullback as pb
    >>> pb.clip(pb.tensor([-3.0, 0.5, 3.0]), -1, 1)
    tensor([-1. ,  0.5,  1. ], dtype=float32)
    """
    if min is not None:
        x = np.maximum(x, min)
    return np.minimum(x, max) if max is not None else np.positive(x)


def _below(x: Any, y: Any) -> Any:
    """Whether x < y, where a limit that is None is never crossed."""
    return np.False_ if x is None or y is None else x < y


@op(
    "condition x y",
    x=lambda g, condition: select(condition, g, 0),
    y=lambda g, condition: select(condition, 0, g),
    gate={"condition": BLOCK, "x": ROUTER, "y": ROUTER},
    complex="written",
    samples=of_family(
        lambda rng: (
            sample._replace(inputs=(sample.inputs[0] > 0, *sample.inputs[1:]))
            for sample in elementwise(3)(rng)
        ),
        Family.ELEMENTWISE,
    ),
    reference=np.where,
)
def where(condition: Any, x: Any, y: Any, /) -> Any:
    """x where the condition holds, else y; the gradient goes the same way.

    The arm that is not taken gets a zero, but if its own slope is infinite or nan there, 0·∞ gives nan
    further up: choose a harmless argument for it first, as in `where(x > 0, log(where(x > 0, x, 1)), 0)`.

    >>> import pullback as pb
    >>> x = pb.tensor([0.0, 1.0], requires_grad=True)
    >>> pb.where(x > 0, pb.log(pb.where(x > 0, x, 1)), 0).sum().backward()
    >>> x.grad
    tensor([0., 1.], dtype=float32)
    """
    if isinstance(x, PYTHON_SCALARS) and isinstance(y, PYTHON_SCALARS):
        x, y = to_array([x, y])  # in the default dtype
    return select(condition, x, y)


# steps: tracked, with a gradient that is exactly zero

floor = op(
    np.floor,
    "x",
    x=lambda g: np.zeros_like(g),
    gate=FLAT,
    samples=elementwise(1, avoid=(-2, -1, 0, 1, 2)),
    doc="The largest integer not above x. The gradient is 0.",
)

ceil = op(
    np.ceil,
    "x",
    x=lambda g: np.zeros_like(g),
    gate=FLAT,
    samples=elementwise(1, avoid=(-2, -1, 0, 1, 2)),
    doc="The smallest integer not below x. The gradient is 0.",
)

trunc = op(
    np.trunc,
    "x",
    x=lambda g: np.zeros_like(g),
    gate=FLAT,
    samples=elementwise(1, avoid=(-2, -1, 1, 2)),
    doc="x without its fraction. The gradient is 0.",
)


@op(
    "x",
    x=lambda g: np.zeros_like(g),
    gate=FLAT,
    complex="written",
    method=True,
    numpy=(np.round, np.around, np.rint),
    samples=elementwise(1, avoid=(-1.5, -0.5, 0.5, 1.5)),
    reference=np.round,
)
def round(x: Any, /, decimals: int = 0) -> Any:
    """x to the nearest integer, or to a number of decimals; halves go to the even one. The gradient is 0.

    >>> import pullback as pb
    >>> pb.round(pb.tensor([0.5, 1.5, 2.26]))
    tensor([0., 2., 2.], dtype=float32)
    """
    return np.round(x, decimals)


def _sign_slope(g: Any, x: Any, out: Any) -> Any:
    """0 for real numbers; for complex ones x/|x| turns with x, and grows in no direction."""
    if not np.iscomplexobj(x):
        return np.zeros_like(g)
    size = np.abs(x)
    return np.where(size == 0, 0, g - np.real(g * np.conjugate(out)) * out) / np.where(size == 0, 1, size)


sign = op(
    np.sign,
    "x",
    x=_sign_slope,
    gate=FLAT,
    complex="written",
    method=True,
    samples=elementwise(1, avoid=(0,)),
    doc="""−1, 0 or 1 by the sign of x. The gradient is 0.

    For complex numbers it is x/|x|, and 0 at 0; the gradient is (g − Re(g·conj(out))·out)/|x|, and 0 at 0.
    """,
)

# comparisons and logic: nothing passes

equal = op(np.equal, "x y", gate=BLOCK, infix="==", symbol="=", samples=elementwise(2), doc="x == y.")
not_equal = op(np.not_equal, "x y", gate=BLOCK, infix="!=", symbol="≠", samples=elementwise(2), doc="x != y.")
less = op(np.less, "x y", gate=BLOCK, infix="<", symbol="<", samples=elementwise(2), doc="x < y.")
less_equal = op(
    np.less_equal, "x y", gate=BLOCK, infix="<=", symbol="≤", samples=elementwise(2), doc="x <= y."
)
greater = op(np.greater, "x y", gate=BLOCK, infix=">", symbol=">", samples=elementwise(2), doc="x > y.")
greater_equal = op(
    np.greater_equal, "x y", gate=BLOCK, infix=">=", symbol="≥", samples=elementwise(2), doc="x >= y."
)
isnan = op(np.isnan, "x", gate=BLOCK, samples=elementwise(1), doc="Where x is nan.")
isinf = op(np.isinf, "x", gate=BLOCK, samples=elementwise(1), doc="Where x is infinite.")
isfinite = op(
    np.isfinite, "x", gate=BLOCK, samples=elementwise(1), doc="Where x is neither infinite nor nan."
)
logical_and = op(
    np.logical_and, "x y", gate=BLOCK, symbol="and", samples=elementwise(2), doc="x and y, as booleans."
)
logical_or = op(
    np.logical_or, "x y", gate=BLOCK, symbol="or", samples=elementwise(2), doc="x or y, as booleans."
)
logical_not = op(
    np.logical_not, "x", gate=BLOCK, symbol="not", samples=elementwise(1), doc="not x, as booleans."
)
bitwise_and = op(
    np.bitwise_and, "x y", gate=BLOCK, infix="&", symbol="&", samples=integers(2), doc="x & y, bit by bit."
)
bitwise_or = op(
    np.bitwise_or, "x y", gate=BLOCK, infix="|", symbol="|", samples=integers(2), doc="x | y, bit by bit."
)
bitwise_xor = op(
    np.bitwise_xor, "x y", gate=BLOCK, infix="^", symbol="^", samples=integers(2), doc="x ^ y, bit by bit."
)
bitwise_invert = op(
    np.invert,
    "x",
    gate=BLOCK,
    infix="~",
    symbol="~",
    name="bitwise_invert",
    samples=integers(1),
    doc="~x, bit by bit.",
)
