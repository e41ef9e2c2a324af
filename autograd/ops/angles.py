"""Inverse trigonometric and hyperbolic functions, and angles."""

from __future__ import annotations

import math

import numpy as np

from ..gate import SCALER
from ..op import SingularPoint, op
from ..samples import elementwise

acos = op(
    np.arccos,
    "x",
    x=lambda g, x: -g / np.sqrt(1 - x * x),
    gate=SCALER,
    complex="holomorphic",
    name="acos",
    samples=elementwise(1, (-0.9, 0.9)),
    singular=[SingularPoint((1.0,), (-np.inf,)), SingularPoint((-1.0,), (-np.inf,))],
    doc="The angle in [0, π] whose cosine is x. The gradient is −g/√(1 − x²), infinite at ±1.",
)

asin = op(
    np.arcsin,
    "x",
    x=lambda g, x: g / np.sqrt(1 - x * x),
    gate=SCALER,
    complex="holomorphic",
    name="asin",
    samples=elementwise(1, (-0.9, 0.9)),
    singular=[SingularPoint((1.0,), (np.inf,)), SingularPoint((-1.0,), (np.inf,))],
    doc="The angle in [−π/2, π/2] whose sine is x. The gradient is g/√(1 − x²), infinite at ±1.",
)

atan = op(
    np.arctan,
    "x",
    x=lambda g, x: g / (1 + x * x),
    gate=SCALER,
    complex="holomorphic",
    name="atan",
    samples=elementwise(1),
    doc="The angle in [−π/2, π/2] whose tangent is x. The gradient is g/(1 + x²).",
)

acosh = op(
    np.arccosh,
    "x",
    x=lambda g, x: g / np.sqrt(x - 1) / np.sqrt(x + 1),
    gate=SCALER,
    complex="holomorphic",
    name="acosh",
    samples=elementwise(1, (1.2, 3)),
    singular=[SingularPoint((1.0,), (np.inf,))],
    doc="The number ≥ 0 whose hyperbolic cosine is x. The gradient is g/√(x² − 1), infinite at 1.",
)

asinh = op(
    np.arcsinh,
    "x",
    x=lambda g, x: g / np.sqrt(1 + x * x),
    gate=SCALER,
    complex="holomorphic",
    name="asinh",
    samples=elementwise(1),
    doc="The number whose hyperbolic sine is x. The gradient is g/√(x² + 1).",
)

atanh = op(
    np.arctanh,
    "x",
    x=lambda g, x: g / (1 - x * x),
    gate=SCALER,
    complex="holomorphic",
    name="atanh",
    samples=elementwise(1, (-0.8, 0.8)),
    singular=[SingularPoint((1.0,), (np.inf,)), SingularPoint((-1.0,), (np.inf,))],
    doc="The number whose hyperbolic tangent is x. The gradient is g/(1 − x²), infinite at ±1.",
)

atan2 = op(
    np.arctan2,
    "y x",
    y=lambda g, y, x: g * x / _squares(y, x),
    x=lambda g, y, x: -g * y / _squares(y, x),
    gate=SCALER,
    name="atan2",
    samples=elementwise(2, (-2, 2), (0.5, 2)),
    singular=[SingularPoint((0.0, 0.0), (0.0, 0.0))],
    doc="""The angle in [−π, π] between the positive x axis and the point (x, y); y comes first.

    The gradients are g·x/(x² + y²) and −g·y/(x² + y²); at the origin both are 0.
    """,
)


def _squares(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """x² + y², and 1 at the origin."""
    total = x * x + y * y
    return np.where(total == 0, 1, total)


deg2rad = op(
    np.deg2rad,
    "x",
    x=lambda g: g * (math.pi / 180),
    gate=SCALER,
    symbol="°→rad",
    samples=elementwise(1),
    doc="Degrees as radians, x·π/180.",
)

rad2deg = op(
    np.rad2deg,
    "x",
    x=lambda g: g * (180 / math.pi),
    gate=SCALER,
    symbol="rad→°",
    samples=elementwise(1),
    doc="Radians as degrees, x·180/π.",
)
