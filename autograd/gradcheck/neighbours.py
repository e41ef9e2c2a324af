"""Beside a point: where derivatives at a kink come from.

At a tie of several, the slopes from both sides of one line are not all: a gradient is right if it is a limit of
gradients at points nearby, or between such limits (F. Clarke, "Optimization and Nonsmooth Analysis", 1983, section
2.5). Points are drawn around the kink, where the function is smooth, and the slopes there are added to the interval.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from .problem import Array, Problem
from .slopes import ROUNDING, Slope

AWAY = 1e-6  # how far the neighbours are, in the scale of the inputs
BATCH = 16


def among_neighbours(problem: Problem, direction: Sequence[Array], slope: Slope) -> tuple[Slope, bool]:
    """The slope at a kink with an interval that holds the slopes at points nearby, and whether more change nothing."""
    low, high = slope.interval or (slope.value, slope.value)
    away = AWAY if problem.eps < 1e-10 else math.sqrt(problem.eps)
    length = away / 64
    settled = False
    for _ in range(3):
        found = [s for s in (_slope_beside(problem, direction, away, length) for _ in range(BATCH)) if s == s]
        before = high - low
        low, high = min([low, *found]), max([high, *found])
        settled = high - low <= 1.01 * before
    noise = ROUNDING * problem.eps * problem.magnitude / length
    return replace(
        slope, interval=(low, high), error=slope.error + noise + 10 * away * abs(high - low)
    ), settled


def _slope_beside(problem: Problem, direction: Sequence[Array], away: float, length: float) -> float:
    """The slope at one neighbour; nan where there is a kink on the way too."""
    shift = problem.random_direction()
    here = [x + away * s for x, s in zip(problem.point, shift, strict=True)]
    ends = [
        problem.value_at([x + h * u for x, u in zip(here, direction, strict=True)])
        for h in (-length, 0.0, length)
    ]
    left, right = (ends[1] - ends[0]) / length, (ends[2] - ends[1]) / length
    noise = 4 * ROUNDING * problem.eps * problem.magnitude / length
    smooth = abs(right - left) <= noise + 1e-3 * max(abs(left), abs(right))
    return (left + right) / 2 if smooth else math.nan
