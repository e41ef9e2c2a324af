"""Products with logarithms and quotients that have a limit where NumPy's formula has none."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..gate import SCALER
from ..op import SingularPoint, op
from ..samples import elementwise


def _times_log(x: Any, y: Any, log: Any) -> Any:
    """x·log y, and 0 where x is 0, unless y is nan."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((x == 0) & ~np.isnan(y), 0, x * log(y))[()]


@op(
    "x y",
    x=lambda g, x, y: g * np.log(np.where((x == 0) & (y <= 0), 1, y)),
    y=lambda g, x, y: g * x / y,
    gate=SCALER,
    complex="values",
    samples=elementwise(2, (-2, 2), (0.2, 2)),
    reference=lambda x, y: x * np.log(y),
    singular=[SingularPoint((0.0, 0.0), (0.0, np.nan)), SingularPoint((0.0, 1.0), (0.0, 0.0))],
)
def xlogy(x: Any, y: Any, /) -> Any:
    """x·log y, and 0 where x is 0, whatever y is (but for nan).

    >>> import pullback as pb
    >>> pb.xlogy(pb.tensor([0.0, 2.0]), pb.tensor([0.0, 1.0]))
    tensor([0., 0.], dtype=float32)
    """
    return _times_log(x, y, np.log)


@op(
    "x y",
    x=lambda g, x, y: g * np.log1p(np.where((x == 0) & (y <= -1), 0, y)),
    y=lambda g, x, y: g * x / (1 + y),
    gate=SCALER,
    complex="values",
    samples=elementwise(2, (-2, 2), (-0.5, 2)),
    reference=lambda x, y: x * np.log1p(y),
    singular=[SingularPoint((0.0, -1.0), (0.0, np.nan))],
)
def xlog1py(x: Any, y: Any, /) -> Any:
    """x·log(1 + y), and 0 where x is 0, whatever y is (but for nan)."""
    return _times_log(x, y, np.log1p)


@op(
    "x",
    x=lambda g, x: -g * (1 + np.log(x)),
    gate=SCALER,
    symbol="−x·log x",
    samples=elementwise(1, (0.2, 2)),
    reference=lambda x: -x * np.log(x),
    singular=[SingularPoint((0.0,), (np.inf,))],
)
def entr(x: Any, /) -> Any:
    """−x·log x, what an outcome of probability x adds to an entropy: 0 at 0, −∞ below. At 0 the slope is infinite."""
    return np.where(x < 0, -np.inf, -_times_log(x, x, np.log)).astype(np.result_type(x, np.float16))[()]


@op(
    "x",
    x=lambda g, x: g / (x * (1 - x)),
    gate=SCALER,
    samples=elementwise(1, (0.1, 0.9)),
    reference=lambda x: np.log(x / (1 - x)),
    singular=[SingularPoint((0.0,), (np.inf,)), SingularPoint((1.0,), (np.inf,))],
)
def logit(x: Any, /) -> Any:
    """log(x / (1 − x)), the number whose sigmoid is x. The gradient is infinite at 0 and 1."""
    return np.log(x) - np.log1p(np.negative(x))


def _sinc_slope(x: Any) -> Any:
    """The derivative of sinc; near 0, where the quotient cancels, its series."""
    near = np.abs(x) < 0.01
    z = np.where(near, 1, x) * math.pi
    series = x * (-(math.pi**2) / 3 + (x * x) * (math.pi**4 / 30 - math.pi**6 / 840 * (x * x)))
    return np.where(near, series, (z * np.cos(z) - np.sin(z)) / (z * z) * math.pi)


@op(
    "x",
    x=lambda g, x: g * _sinc_slope(x),
    gate=SCALER,
    complex="holomorphic",
    numpy=(np.sinc,),
    samples=elementwise(1),
    reference=np.sinc,
    singular=[SingularPoint((0.0,), (0.0,))],
)
def sinc(x: Any, /) -> Any:
    """sin(πx) / (πx), and 1 at 0."""
    return np.sinc(x)
