"""What a wrong gradient looks like beside the right one: a factor, a rearrangement, a missing part."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from .problem import Array, Problem
from .report import Cause

CLOSE = 1e-4  # how near to a pattern a gradient must be to be called it


def close(a: Array, b: Array) -> bool:
    """Whether two gradients are the same, measured by the largest element."""
    size = max(float(np.max(np.abs(a), initial=0)), float(np.max(np.abs(b), initial=0)))
    return bool(np.all(np.abs(a - b) <= CLOSE * size))


def lookalikes(whose: str, analytic: Array, numeric: Array, problem: Problem) -> Iterator[Cause]:
    """The patterns that fit; `whose` begins the messages."""
    if not np.isfinite(analytic).all():
        yield Cause("not finite", f"{whose} has nan or inf where the derivative is finite")
        return
    yield from _nothing(whose, analytic, numeric)
    yield from _phase(whose, analytic, numeric)
    yield from _factor(whose, analytic, numeric, problem)
    yield from _turned(whose, analytic, numeric)
    yield from _moved(whose, analytic, numeric)
    yield from _power(whose, analytic, numeric, problem)
    gap = analytic - numeric
    if gap.size > 1 and close(gap, np.full_like(gap, np.mean(gap))):
        off = shown(np.mean(gap))
        yield Cause("offset", f"{whose} is off by the same {off} everywhere: a term without g is added")


def _nothing(whose: str, analytic: Array, numeric: Array) -> Iterator[Cause]:
    if not np.any(analytic):
        yield Cause("zero path", f"{whose} is zero everywhere: no gradient comes back to it")
        return
    wrong = np.abs(analytic - numeric) > CLOSE * np.max(np.abs(numeric), initial=0)
    if not np.any(analytic[wrong]):
        count = f"{int(wrong.sum())} of {wrong.size} elements"
        yield Cause(
            "zero path", f"{whose} is zero at {count}, where it should not be, and right at the others"
        )


def _phase(whose: str, analytic: Array, numeric: Array) -> Iterator[Cause]:
    if analytic.dtype.kind != "c" or close(analytic, -numeric):
        return
    if close(analytic, np.conjugate(numeric)):
        yield Cause(
            "conjugated", f"{whose} is the complex conjugate of the right one: a conj is missing or too many"
        )
    elif close(np.abs(analytic), np.abs(numeric)):
        yield Cause(
            "conjugated", f"{whose} has the right absolute values and wrong angles: look for a missing conj"
        )


def _factor(whose: str, analytic: Array, numeric: Array, problem: Problem) -> Iterator[Cause]:
    factor = _ratio(analytic, numeric, None)
    if factor is None or not close(analytic, factor * numeric):
        yield from _factor_along(whose, analytic, numeric)
        return
    number = complex(factor.ravel()[0])
    if abs(number + 1) < CLOSE:
        yield Cause("sign", f"{whose} has the wrong sign")
        return
    for count, what in _counts(problem):
        for c, kind in ((count, "a sum where a mean is right"), (1 / count, "a mean where a sum is right")):
            if abs(number / c - 1) < CLOSE:
                yield Cause(
                    "mean/sum",
                    f"{whose} is {shown(number)} times the right one, and {count} is {what}: {kind}",
                )
                return
    yield Cause("factor", f"{whose} is {shown(number)} times the right one everywhere")


def _ratio(analytic: Array, numeric: Array, axes: tuple[int, ...] | None) -> Array | None:
    """The factor between two gradients, by least squares over some axes."""
    weight = np.sum(np.abs(numeric) ** 2, axis=axes, keepdims=True)
    if np.any(weight == 0):
        return None
    ratio: Array = np.sum(np.conjugate(numeric) * analytic, axis=axes, keepdims=True) / weight
    return ratio


def _factor_along(whose: str, analytic: Array, numeric: Array) -> Iterator[Cause]:
    """A factor that differs along one axis only."""
    for axis in range(analytic.ndim if analytic.ndim > 1 else 0):
        factor = _ratio(analytic, numeric, tuple(i for i in range(analytic.ndim) if i != axis))
        if factor is not None and analytic.shape[axis] > 1 and close(analytic, factor * numeric):
            numbers = ", ".join(shown(c) for c in factor.ravel()[:4])
            more = ", ..." if factor.size > 4 else ""
            yield Cause(
                "factor", f"{whose} is off by factors that depend on axis {axis} alone: {numbers}{more}"
            )
            return


def _counts(problem: Problem) -> Iterator[tuple[int, str]]:
    """Numbers of elements that a mean might divide by; not 2, which is any factor."""
    seen = {1, 2}
    shapes = [("an input", x.shape) for x in problem.point]
    shapes += [("the result", shape) for shape in problem.output_shapes]
    for what, shape in shapes:
        for size in range(1, len(shape) + 1):
            for axes in itertools.combinations(range(len(shape)), size):
                count = int(np.prod([shape[axis] for axis in axes]))
                if count > 2 and count not in seen:
                    seen.add(count)
                    along = f"{'axes' if size > 1 else 'axis'} {', '.join(map(str, axes))}"
                    yield count, f"the length of {what} along {along}"


def _turned(whose: str, analytic: Array, numeric: Array) -> Iterator[Cause]:
    for axes in itertools.permutations(range(numeric.ndim)):
        turned = np.transpose(numeric, axes)
        if axes != tuple(range(numeric.ndim)) and turned.shape == analytic.shape and close(analytic, turned):
            yield Cause(
                "transposed",
                f"{whose} is the right one with its axes in the order {axes}: a transpose is missing or too many",
            )
            return


def _moved(whose: str, analytic: Array, numeric: Array) -> Iterator[Cause]:
    for axis in range(numeric.ndim):
        if numeric.shape[axis] < 2:
            continue
        if close(analytic, np.flip(numeric, axis)):
            yield Cause("reversed", f"{whose} is the right one reversed along axis {axis}")
            return
        for by in range(1, min(numeric.shape[axis], 9)):
            if close(analytic, np.roll(numeric, by, axis)):
                yield Cause("shifted", f"{whose} is the right one shifted by {by} along axis {axis}")
                return
    if numeric.size > 2 and close(np.sort(analytic, axis=None), np.sort(numeric, axis=None)):
        yield Cause("rearranged", f"{whose} has the right numbers in the wrong places")


def _power(whose: str, analytic: Array, numeric: Array, problem: Problem) -> Iterator[Cause]:
    """A factor that is a power of an input."""
    if analytic.size < 3 or np.any(numeric == 0):
        return
    for name, x in zip(problem.names, problem.point, strict=True):
        if x.shape != analytic.shape or np.any(x == 0) or np.ptp(np.abs(x)) < CLOSE:
            continue
        for power in (1, -1, 2, -2):
            factor = _ratio(analytic, numeric * x**power, None)
            if factor is not None and close(analytic, factor * numeric * x**power):
                times = "multiplied" if power > 0 else "divided"
                by = f"{name}" if abs(power) == 1 else f"{name}**{abs(power)}"
                yield Cause(
                    "power", f"{whose} is the right one {times} by {by}: a power is wrong by {abs(power)}"
                )
                return


def shown(number: complex) -> str:
    """A number with six digits; without an imaginary part that is rounding."""
    number = complex(number)
    return f"{number.real:.6g}" if abs(number.imag) < 1e-12 * abs(number) else f"({number:.6g})"
