"""A line search that satisfies the strong Wolfe conditions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from .program import Array


class Point(NamedTuple):
    """What is known at one place of the line x + step·direction."""

    step: float
    loss: float
    slope: float
    """The derivative along the line."""
    gradient: Array


def strong_wolfe(
    evaluate: Callable[[float], Point],
    start: Point,
    step: float,
    length: float,
    *,
    most: int,
    decrease: float = 1e-4,
    curvature: float = 0.9,
    tolerance: float = 1e-9,
) -> tuple[Point, int]:
    """Find a step after which the loss is lower enough, and the slope flatter enough.

    That is loss(t) ≤ loss(0) + decrease·t·slope(0) and |slope(t)| ≤ curvature·|slope(0)|. First steps that grow
    bracket such a point, then the bracket shrinks by cubic interpolation: Nocedal and Wright, "Numerical
    Optimization", algorithms 3.5 and 3.6, with the safeguards of Schmidt's minFunc that PyTorch has too.

    Args:
        evaluate: loss and gradient at a step.
        start: what is known at step 0, with a negative slope.
        step: the first to try.
        length: the largest element of the direction, by which a bracket is measured.
        most: how many steps may be tried after the first.
        decrease: the share of the first slope that the loss must keep to.
        curvature: the share of the first slope that may be left.
        tolerance: brackets shorter than this are not searched.

    Returns:
        The best point, and how many were evaluated.
    """

    def too_high(point: Point) -> bool:
        return point.loss > start.loss + decrease * point.step * start.slope

    def flat(point: Point) -> bool:
        return abs(point.slope) <= -curvature * start.slope

    before, point, tried = start, evaluate(step), 1
    bracket: list[Point] = []
    while tried <= most and not bracket:
        if too_high(point) or (tried > 2 and point.loss >= before.loss):
            bracket = [before, point]
        elif flat(point):
            return point, tried
        elif point.slope >= 0:
            bracket = [before, point]
        else:
            bounds = point.step + 0.01 * (point.step - before.step), 10 * point.step
            before, point = point, evaluate(_lowest_of_cubic(before, point, bounds))
            tried += 1
    bracket = bracket or [start, point]
    low, high = (0, 1) if bracket[0].loss <= bracket[1].loss else (1, 0)
    was_close = False
    while tried <= most and abs(bracket[1].step - bracket[0].step) * length >= tolerance:
        left, right = sorted((bracket[0].step, bracket[1].step))
        step = _lowest_of_cubic(bracket[0], bracket[1], (left, right))
        margin = 0.1 * (right - left)
        close = min(right - step, step - left) < margin
        if close and (was_close or step >= right or step <= left):
            step = right - margin if abs(step - right) < abs(step - left) else left + margin
            close = False
        was_close = close
        point = evaluate(step)
        tried += 1
        if too_high(point) or point.loss >= bracket[low].loss:
            bracket[high] = point
            low, high = (0, 1) if bracket[0].loss <= bracket[1].loss else (1, 0)
        elif flat(point):
            return point, tried
        else:
            if point.slope * (bracket[high].step - bracket[low].step) >= 0:
                bracket[high] = bracket[low]
            bracket[low] = point
    return bracket[low], tried


def _lowest_of_cubic(one: Point, other: Point, bounds: tuple[float, float]) -> float:
    """Where the cubic through two points with their slopes is lowest, within bounds; their middle if nowhere."""
    left, right = (one, other) if one.step <= other.step else (other, one)
    if left.step == right.step:
        return sum(bounds) / 2
    d1 = left.slope + right.slope - 3 * (left.loss - right.loss) / (left.step - right.step)
    square = d1 * d1 - left.slope * right.slope
    if not square >= 0:
        return sum(bounds) / 2
    d2 = math.sqrt(square)
    below = right.slope - left.slope + 2 * d2
    if below == 0:
        return sum(bounds) / 2
    lowest = right.step - (right.step - left.step) * ((right.slope + d2 - d1) / below)
    return min(max(lowest, bounds[0]), bounds[1])
