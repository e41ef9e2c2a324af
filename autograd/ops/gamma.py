"""Error functions, the gamma family, Bessel functions and their relatives; most are computed by SciPy.

SciPy is imported when one of them is first used, and is no requirement of the engine.
"""

from __future__ import annotations

import importlib
import math
from typing import Any

import numpy as np

from ..family import Family
from ..gate import BLOCK, SCALER
from ..op import SingularPoint, op
from ..samples import elementwise, given
from .normal import normal_cdf


def _scipy(name: str, *arguments: Any) -> Any:
    """What `scipy.special` computes."""
    try:
        library = importlib.import_module("scipy.special")
    except ImportError:
        raise ImportError(
            f"{name} is computed by SciPy, which is not installed: pip install 'pullback[special]'"
        ) from None
    result = getattr(library, name)(*arguments)
    floating = [x.dtype for x in arguments if hasattr(x, "dtype") and x.dtype.kind == "f"]
    return result.astype(np.result_type(*floating), copy=False) if floating else result  # numbers are weak


_TWO_BY_ROOT_PI = 2 / math.sqrt(math.pi)
_ROOT_TWO_PI = math.sqrt(2 * math.pi)


@op(
    "x",
    x=lambda g, x: g * _TWO_BY_ROOT_PI * np.exp(-x * x),
    gate=SCALER,
    complex="holomorphic",
    samples=elementwise(1),
    reference=np.vectorize(math.erf, otypes=[float]),
)
def erf(x: Any, /) -> Any:
    """The error function, 2/√π ∫₀ˣ exp(−t²) dt. The gradient is g·2/√π·exp(−x²)."""
    return _scipy("erf", x)


@op(
    "x",
    x=lambda g, x: -g * _TWO_BY_ROOT_PI * np.exp(-x * x),
    gate=SCALER,
    complex="holomorphic",
    samples=elementwise(1),
    reference=np.vectorize(math.erfc, otypes=[float]),
)
def erfc(x: Any, /) -> Any:
    """1 − erf(x), accurate for large x."""
    return _scipy("erfc", x)


@op(
    "x",
    x=lambda g, x, out: g * (2 * x * out - _TWO_BY_ROOT_PI),
    gate=SCALER,
    complex="holomorphic",
    samples=elementwise(1),
    reference=lambda x: np.exp(x * x) * np.vectorize(math.erfc, otypes=[float])(x),
)
def erfcx(x: Any, /) -> Any:
    """exp(x²)·erfc(x), which does not underflow."""
    return _scipy("erfcx", x)


@op(
    "x",
    x=lambda g, out: g * np.exp(out * out) / _TWO_BY_ROOT_PI,
    gate=SCALER,
    samples=elementwise(1, (-0.9, 0.9)),
    singular=[SingularPoint((1.0,), (np.inf,)), SingularPoint((-1.0,), (np.inf,))],
)
def erfinv(x: Any, /) -> Any:
    """The number whose error function is x. The gradient is infinite at ±1."""
    return _scipy("erfinv", x)


@op(
    "x",
    x=lambda g, x: g * np.exp(-x * x / 2) / _ROOT_TWO_PI,
    gate=SCALER,
    complex="holomorphic",
    symbol="Φ",
    samples=elementwise(1),
    reference=lambda x: np.vectorize(math.erfc, otypes=[float])(-x / math.sqrt(2)) / 2,
)
def ndtr(x: Any, /) -> Any:
    """The probability that a standard normal number is at most x; accurate also far to the left."""
    return _scipy("ndtr", x) if np.iscomplexobj(x) else normal_cdf(x)[()]


@op(
    "x",
    x=lambda g, x, out: g * np.exp(-x * x / 2 - out) / _ROOT_TWO_PI,
    gate=SCALER,
    complex="holomorphic",
    symbol="log Φ",
    samples=elementwise(1),
    reference=lambda x: np.log(np.vectorize(math.erfc, otypes=[float])(-x / math.sqrt(2)) / 2),
)
def log_ndtr(x: Any, /) -> Any:
    """log ndtr(x), accurate also far to the left."""
    return _scipy("log_ndtr", x)


@op(
    "x",
    x=lambda g, out: g * _ROOT_TWO_PI * np.exp(out * out / 2),
    gate=SCALER,
    symbol="Φ⁻¹",
    samples=elementwise(1, (0.1, 0.9)),
    singular=[SingularPoint((0.0,), (np.inf,))],
)
def ndtri(x: Any, /) -> Any:
    """The number that a standard normal one exceeds with probability 1 − x. The gradient at 0 is infinite."""
    return _scipy("ndtri", x)


# the gamma family


@op(
    "n x",
    x=lambda g, n, x: g * polygamma.raw(n + 1, x),
    gate={"n": BLOCK, "x": SCALER},
    symbol="ψ⁽ⁿ⁾",
    samples=given(
        ((0, np.array([0.5, 2.0])), {}),
        ((1, np.array([[0.7], [3.0]])), {}),
        ((2, np.array(1.5)), {}),
        family=Family.ELEMENTWISE,
    ),
)
def polygamma(n: Any, x: Any, /) -> Any:
    """The n-th derivative of digamma, for n = 0, 1, 2, …; no gradient with respect to n."""
    return _scipy("polygamma", n, x)[()]


@op(
    "x",
    x=lambda g, x: g * polygamma.raw(1, x),
    complex="values",
    gate=SCALER,
    symbol="ψ",
    samples=elementwise(1, (0.3, 3)),
)
def digamma(x: Any, /) -> Any:
    """The derivative of lgamma, Γ′(x)/Γ(x)."""
    return _scipy("digamma", x)


@op(
    "x",
    x=lambda g, x: g * digamma.raw(x),
    gate=SCALER,
    symbol="log |Γ|",
    samples=elementwise(1, (0.3, 3)),
    reference=np.vectorize(math.lgamma, otypes=[float]),
    singular=[SingularPoint((0.0,), (-np.inf,))],
)
def lgamma(x: Any, /) -> Any:
    """log |Γ(x)|. The gradient is g·digamma(x)."""
    return _scipy("gammaln", x)


@op(
    "x",
    x=lambda g, x, out: g * out * digamma.raw(x),
    gate=SCALER,
    complex="values",
    symbol="Γ",
    samples=elementwise(1, (0.3, 3)),
    reference=np.vectorize(math.gamma, otypes=[float]),
)
def gamma(x: Any, /) -> Any:
    """Γ(x), which is (x − 1)! for whole numbers. The gradient is g·Γ(x)·digamma(x)."""
    return _scipy("gamma", x)


def _gamma_density(a: Any, x: Any) -> Any:
    """xᵃ⁻¹·e⁻ˣ/Γ(a)."""
    return np.exp((a - 1) * np.log(x) - x - lgamma.raw(a))


_SHAPES = given(
    ((np.array([0.5, 2.0]), np.array([0.7, 1.5])), {}),
    ((1.5, np.array([[0.4], [3.0]])), {}),
    family=Family.ELEMENTWISE,
)


@op("a x", x=lambda g, a, x: g * _gamma_density(a, x), gate={"a": BLOCK, "x": SCALER}, samples=_SHAPES)
def gammainc(a: Any, x: Any, /) -> Any:
    """The share of Γ(a) that the integral from 0 to x has. No gradient with respect to a."""
    return _scipy("gammainc", a, x)


@op("a x", x=lambda g, a, x: -g * _gamma_density(a, x), gate={"a": BLOCK, "x": SCALER}, samples=_SHAPES)
def gammaincc(a: Any, x: Any, /) -> Any:
    """1 − gammainc(a, x). No gradient with respect to a."""
    return _scipy("gammaincc", a, x)


# modified Bessel functions


@op(
    "x",
    x=lambda g, x: g * i1.raw(x),
    gate=SCALER,
    symbol="I₀",
    numpy=(np.i0,),
    samples=elementwise(1),
    reference=np.i0,
)
def i0(x: Any, /) -> Any:
    """The modified Bessel function of the first kind, of order 0. The gradient is g·i1(x)."""
    return _scipy("i0", x)


def _nonzero(x: Any) -> Any:
    return np.where(x == 0, 1, x)


@op(
    "x",
    x=lambda g, x, out: g * np.where(x == 0, 0.5, i0.raw(x) - out / _nonzero(x)),
    gate=SCALER,
    symbol="I₁",
    samples=elementwise(1, avoid=(0,)),
    singular=[SingularPoint((0.0,), (0.5,))],
)
def i1(x: Any, /) -> Any:
    """The modified Bessel function of the first kind, of order 1."""
    return _scipy("i1", x)


@op(
    "x",
    x=lambda g, x, out: g * (i1e.raw(x) - np.sign(x) * out),
    gate=SCALER,
    symbol="e⁻ˣI₀",
    samples=elementwise(1, avoid=(0,)),
    singular=[SingularPoint((0.0,), (0.0,))],
)
def i0e(x: Any, /) -> Any:
    """exp(−|x|)·i0(x). The gradient at 0 is 0."""
    return _scipy("i0e", x)


@op(
    "x",
    x=lambda g, x, out: g * np.where(x == 0, 0.5, i0e.raw(x) - out * (np.sign(x) + 1 / _nonzero(x))),
    gate=SCALER,
    symbol="e⁻ˣI₁",
    samples=elementwise(1, avoid=(0,)),
    singular=[SingularPoint((0.0,), (0.5,))],
)
def i1e(x: Any, /) -> Any:
    """exp(−|x|)·i1(x). The gradient at 0 is 1/2."""
    return _scipy("i1e", x)
