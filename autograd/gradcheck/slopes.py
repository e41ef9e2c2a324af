"""The slope of a function along a line, by central differences, with an estimate of its error.

With D(h) = (f(h) − f(−h)) / 2h, the combination R(h) = (4·D(h/2) − D(h)) / 3 has lost the error of order h² that
curvature makes (Richardson). What is left falls with the step, and the error from rounding, about ε·|f|/h, grows with
it: a curve in the form of a U. The estimate is taken at the bottom, and its error is its own rounding plus what the
smaller steps differ from it beyond theirs (https://cs231n.github.io/neural-networks-3/#gradcheck explains why central
differences, and why neither too large nor too small a step).

At a kink the slopes from the left and from the right differ, and stay different however small the step; then the
two are what is estimated.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

Line = Callable[[float], float]

ROUNDING = 4.0  # units in the last place by which a computed value is typically off
FEW = 5  # as many steps as single precision allows
SHRINK = 2.0**-3  # from one step to the next


@dataclass(frozen=True)
class Step:
    """What one step gave."""

    step: float
    estimate: float
    rounding: float
    left: float
    """The slope from the left, f(0) − f(−h) over h."""
    right: float


@dataclass(frozen=True)
class Slope:
    """The slope at 0, and how far off it may be."""

    value: float
    error: float
    step: float
    curve: tuple[Step, ...]
    """Every step that was tried, the longest first."""
    interval: tuple[float, float] | None = None
    """At a kink, the slopes from both sides, the smaller first; else None."""
    edge: bool = False
    """Whether the function is finite on one side only."""

    @property
    def jump(self) -> bool:
        """Whether the difference between the sides stays the same however small the step: the function jumps."""
        sides = [s.step * s.estimate for s in self.curve[-4:] if abs(s.estimate) > 4 * s.rounding]
        sizes = [abs(side) for side in sides]
        return len(sizes) == 4 and min(sizes) > 0.9 * max(sizes)

    def finer_agree(self, other: float) -> bool:
        """Whether two finer steps that follow each other give another slope; of few steps, the last."""
        near = [
            abs(step.estimate - other) < 0.1 * abs(step.estimate - self.value)
            for step in self.curve
            if step.step < self.step
        ]
        if len(self.curve) <= FEW:
            return bool(near) and near[-1]
        return any(a and b for a, b in itertools.pairwise(near))

    @property
    def flat(self) -> bool:
        """Whether the function does not move at all at the step of the estimate."""
        return any(s.step == self.step and s.left == s.right == s.estimate == 0 for s in self.curve)


def steps_for(eps: float) -> list[float]:
    """The steps that are worth trying in a precision: in double, from 2⁻⁶ down to 2⁻³⁹."""
    longest, bits = (-6, 36) if eps < 1e-10 else (-3, 15)
    return [2.0 ** (longest - 3 * i) for i in range(bits // 3)]


def slope_of(
    line: Line, center: float, noise: float, eps: float, wanted: float | None = None, scale: float = 1.0
) -> Slope:
    """The slope of a line at 0.

    Args:
        line: the function along the line; nan where it is not defined.
        center: its value at 0.
        noise: the rounding error of one value.
        eps: the precision of the arithmetic, which says what steps are worth trying.
        wanted: stop as soon as the error is below this; else all steps are tried and the best is taken.
        scale: by which the steps are multiplied.
    """
    curve: list[Step] = []
    for base in steps_for(eps):
        curve.append(_step(line, center, base * scale, noise))
        if wanted is not None and len(curve) > 1:
            last, now = curve[-2:]
            error = now.rounding + abs(now.estimate - last.estimate)
            if error <= wanted and not _may_be_kink(curve, noise):
                return Slope(now.estimate, error, now.step, tuple(curve))
    kink = _kink(curve, noise)
    if kink is not None:
        return kink
    best = _best(curve)
    if best is None:
        return Slope(math.nan, math.inf, math.nan, tuple(curve), edge=_one_sided(curve))
    i, error = best
    return Slope(curve[i].estimate, error, curve[i].step, tuple(curve))


def _step(line: Line, center: float, step: float, noise: float) -> Step:
    ahead, behind = line(step), line(-step)
    near_ahead, near_behind = line(step / 2), line(-step / 2)
    with np.errstate(all="ignore"):
        whole, half = (ahead - behind) / (2 * step), (near_ahead - near_behind) / step
        estimate = (4 * half - whole) / 3
        left, right = 2 * (center - near_behind) / step, 2 * (near_ahead - center) / step
    return Step(step, float(estimate), 3 * noise / step, float(left), float(right))


def _best(curve: Sequence[Step]) -> tuple[int, float] | None:
    """The step with the least error, and that error."""
    found: tuple[int, float] | None = None
    finite = [i for i, step in enumerate(curve) if math.isfinite(step.estimate)]
    for k, i in enumerate(finite):
        beyond = [abs(curve[i].estimate - curve[j].estimate) - curve[j].rounding for j in finite[k + 1 :]]
        error = curve[i].rounding + max([0.0, *beyond]) + _trend(curve, i)
        if found is None or error < found[1]:
            found = i, error
    return found


def _trend(curve: Sequence[Step], i: int) -> float:
    """What is left to go if the estimates go on as from the step before: an error in proportion to the step.

    Without a step before it, or within its rounding, all of the difference between the sides.
    """
    last = curve[i - 1].estimate if i else math.nan
    if math.isfinite(last):
        gone = abs(curve[i].estimate - last) - curve[i].rounding
        return max(0.0, gone) * SHRINK / (1 - SHRINK)
    return abs(curve[i].right - curve[i].left)


def _may_be_kink(curve: Sequence[Step], noise: float) -> bool:
    """Whether the slopes from both sides have not come nearer to each other with the step."""
    first, second = curve[-2:]
    jump, before = abs(second.right - second.left), abs(first.right - first.left)
    return jump > 8 * noise / second.step and jump > 0.5 * before


def _kink(curve: Sequence[Step], noise: float) -> Slope | None:
    """The slopes from both sides, if they stay apart at the smaller steps, where rounding lets them be seen."""
    seen = [
        step
        for step in curve
        if math.isfinite(step.left)
        and math.isfinite(step.right)
        and abs(step.right - step.left) > 16 * noise / step.step
    ]
    if len(seen) < 3:
        return None
    jumps = [step.right - step.left for step in seen]
    if any(s.step < seen[-1].step and 32 * noise / s.step < abs(jumps[-1]) for s in curve):
        return None  # it would be seen at smaller steps too: the kink is not here, but beside
    # a smooth function's fall eightfold from step to step; the last ones must do nothing like it
    if not all(
        abs(after) > 0.6 * abs(before) and after * before > 0
        for before, after in zip(jumps[-3:-1], jumps[-2:], strict=True)
    ):
        return None
    size = max(abs(seen[-1].left), abs(seen[-1].right))
    if abs(jumps[-1]) <= 1e-9 * size:
        return None
    # each side has an error of the first order in the step, so the best is the smallest step before rounding tells
    best = min(seen, key=lambda step: step.step + noise / step.step / max(size, 1e-300))
    low, high = sorted((best.left, best.right))
    nearest = seen[-1]
    error = 2 * noise / best.step + abs(best.left - nearest.left) + abs(best.right - nearest.right)
    return Slope((low + high) / 2, error, best.step, tuple(curve), interval=(low, high))


def _one_sided(curve: Sequence[Step]) -> bool:
    """Whether the function is defined on one side only, at every step."""
    return bool(curve) and all(math.isnan(step.left) != math.isnan(step.right) for step in curve)


def noise_along(line: Line, scale: float, eps: float, at_least: float) -> float:
    """The rounding error of the values along a line, measured.

    From the differences of values at nearly one place: those of a smooth function vanish with the order, and the
    noise stays (J. Moré and S. Wild, "Estimating computational noise", SIAM Journal on Scientific Computing, 2011).
    Each side of the point by itself, because there may be a kink, and at two distances, because what is rounded
    inside the function is flat over a short one.
    """
    found = 0.0
    for spacing in (eps ** (5 / 12), eps**0.25):
        sides = [_noise([line(side * i * spacing * scale) for i in range(9)]) for side in (1, -1)]
        found = max(found, min(sides))
    return max(at_least, 3 * found)


def _noise(numbers: Sequence[float]) -> float:
    values = np.array(numbers)
    if not np.isfinite(values).all():
        return 0.0
    levels = []
    for order in range(1, len(values)):
        values = np.diff(values)
        gamma = math.factorial(order) ** 2 / math.factorial(2 * order)
        levels.append(math.sqrt(gamma * float(np.mean(values**2))))
    return min(levels[2:])
