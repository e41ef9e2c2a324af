"""What a wrong gradient looks like: the likely cause, from the analytic beside the numerical one."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from .localise import Applied, cut, stale
from .problem import Array, Problem, double
from .report import Cause, Comparison, Verdict
from .slopes import slope_of

CLOSE = 1e-4  # how near to a pattern a gradient must be to be called it
MOST = 200  # elements of an input that are differentiated to compare patterns


def explain(
    problem: Problem, comparisons: Sequence[Comparison], applied: Applied | None
) -> tuple[Cause, ...]:
    """The likely causes, the likeliest first.

    Args:
        problem: what failed: the operation by itself if one was found, else the whole function.
        comparisons: of `problem`'s elements.
        applied: the operation, if one was found.
    """
    if applied is None:
        lost = cut(problem)
        if lost is not None:
            return (
                Cause(
                    "zero path",
                    "every operation on the tape is right, but something that depends on the inputs reached "
                    f"{lost.op.name!r} at {lost.source} without a graph: look for detach(), .data, .numpy(), .item() "
                    "or no_grad() before it",
                ),
            )
        overwritten = stale(problem)
        if overwritten is not None:
            reader, name = overwritten
            return (
                Cause(
                    "stale value",
                    f"{reader.op.name!r} at {reader.source} has kept {name} for backward, and the memory was "
                    "overwritten afterwards, past the engine (a shared buffer, an array behind asarray); keep a copy",
                ),
            )
    ties = _only_at_ties(comparisons)
    if ties is not None:
        return (ties,)
    for place, analytic in enumerate(problem.gradients):
        numeric = numeric_gradient(problem, place)
        if numeric is None or _close(analytic, numeric):
            continue
        found = list(_patterns(problem, place, analytic, numeric))
        if found:
            return tuple(found[:2])
    return (Cause("unknown", "no known pattern: compare the elements below with the formula"),)


def numeric_gradient(problem: Problem, place: int, weights: Sequence[Array] | None = None) -> Array | None:
    """The gradient of one input by differences, at other weights if wanted; None if it is too large or not finite."""
    x = problem.point[place]
    if x.size > MOST:
        return None
    before, center = problem.weights, problem.center
    if weights is not None:
        problem.weights = list(weights)
        center = problem.value(problem.point)
    try:
        result: Array = np.zeros(x.shape, double(x))
        for element in np.ndindex(x.shape):
            for unit in (1, 1j) if x.dtype.kind == "c" else (1,):
                direction = problem.unit_direction(place, element, unit)
                scale = max(1.0, float(abs(x[element])))
                noise = 4 * problem.eps * problem.magnitude
                line = functools.partial(problem.along, direction)
                slope = slope_of(line, center, noise, problem.eps, scale=scale)
                result[element] += slope.value * unit
    finally:
        problem.weights = before
    return result if np.isfinite(result).all() else None


def _close(a: Array, b: Array) -> bool:
    size = max(float(np.max(np.abs(a), initial=0)), float(np.max(np.abs(b), initial=0)))
    return bool(np.all(np.abs(a - b) <= CLOSE * size))


def _patterns(problem: Problem, place: int, analytic: Array, numeric: Array) -> Iterator[Cause]:
    name = problem.names[place]
    whose = f"the gradient for {name!r}"
    if not np.isfinite(analytic).all():
        yield Cause("not finite", f"{whose} has nan or inf where the derivative is finite")
        return
    if not np.any(analytic):
        yield Cause("zero path", f"{whose} is zero everywhere: no gradient comes back to it")
        return
    if analytic.dtype.kind == "c" and _close(analytic, np.conjugate(numeric)):
        yield Cause(
            "conjugated", f"{whose} is the complex conjugate of the right one: a conj is missing or too many"
        )
        return
    yield from _factors(problem, whose, analytic, numeric)
    yield from _rearranged(whose, analytic, numeric)
    yield from _broadcast(problem, place, whose, analytic)
    wrong = np.abs(analytic - numeric) > CLOSE * np.max(np.abs(numeric), initial=0)
    if wrong.any() and not wrong.all() and not np.any(analytic[wrong]):
        yield Cause(
            "zero path",
            f"{whose} is zero at {int(wrong.sum())} of {wrong.size} elements, where it should not be",
        )
    gap = analytic - numeric
    if gap.size > 1 and _close(gap, np.full_like(gap, np.mean(gap))):
        yield Cause(
            "offset",
            f"{whose} is off by the same {_shown(np.mean(gap))} everywhere: a term without g is added",
        )


def _factors(problem: Problem, whose: str, analytic: Array, numeric: Array) -> Iterator[Cause]:
    weight = float(np.sum(np.abs(numeric) ** 2))
    if not weight:
        return
    factor = np.sum(np.conjugate(numeric) * analytic) / weight
    if not _close(analytic, factor * numeric):
        yield from _factor_by_axis(whose, analytic, numeric)
        return
    if abs(factor + 1) < CLOSE:
        yield Cause("sign", f"{whose} has the wrong sign")
        return
    for count, what in _counts(problem):
        for c, kind in ((count, "a sum where a mean is right"), (1 / count, "a mean where a sum is right")):
            if abs(factor / c - 1) < CLOSE:
                yield Cause(
                    "mean/sum",
                    f"{whose} is {_shown(factor)} times the right one, and {what} is {count}: {kind}, or the count of "
                    "a broadcast axis",
                )
                return
    yield Cause("factor", f"{whose} is {_shown(factor)} times the right one everywhere")


def _counts(problem: Problem) -> Iterator[tuple[int, str]]:
    """Numbers of elements that a mean might divide by."""
    seen: set[int] = {1}
    shapes = [("an input", x.shape) for x in problem.point] + [
        ("the result", s) for s in problem.output_shapes
    ]
    for what, shape in shapes:
        for size in range(1, len(shape) + 1):
            for axes in itertools.combinations(range(len(shape)), size):
                count = int(np.prod([shape[axis] for axis in axes]))
                if count not in seen and count > 2:
                    seen.add(count)
                    along = f"{'axes' if size > 1 else 'axis'} {', '.join(map(str, axes))}"
                    yield count, f"the number of elements of {what} along {along}"


def _factor_by_axis(whose: str, analytic: Array, numeric: Array) -> Iterator[Cause]:
    """A factor that differs along one axis only."""
    if analytic.ndim < 2:
        return
    for axis in range(analytic.ndim):
        others = tuple(i for i in range(analytic.ndim) if i != axis)
        weight = np.sum(np.abs(numeric) ** 2, axis=others, keepdims=True)
        if np.any(weight == 0) or analytic.shape[axis] == 1:
            continue
        factor = np.sum(np.conjugate(numeric) * analytic, axis=others, keepdims=True) / weight
        if _close(analytic, factor * numeric):
            shown = ", ".join(_shown(c) for c in factor.ravel()[:4])
            yield Cause("factor", f"{whose} is off by factors that depend on axis {axis} alone: {shown}, ...")
            return


def _rearranged(whose: str, analytic: Array, numeric: Array) -> Iterator[Cause]:
    for axes in itertools.permutations(range(numeric.ndim)):
        turned = np.transpose(numeric, axes)
        if axes != tuple(range(numeric.ndim)) and turned.shape == analytic.shape and _close(analytic, turned):
            yield Cause(
                "transposed",
                f"{whose} is the right one with its axes in the order {axes}: a transpose is missing or too many",
            )
            return
    for axis in range(numeric.ndim):
        if numeric.shape[axis] < 2:
            continue
        if _close(analytic, np.flip(numeric, axis)):
            yield Cause("reversed", f"{whose} is the right one reversed along axis {axis}")
            return
        for by in range(1, min(numeric.shape[axis], 9)):
            if _close(analytic, np.roll(numeric, by, axis)):
                yield Cause("shifted", f"{whose} is the right one shifted by {by} along axis {axis}")
                return
    if numeric.size > 1 and _close(np.sort(np.abs(analytic), axis=None), np.sort(np.abs(numeric), axis=None)):
        yield Cause("rearranged", f"{whose} has the right numbers in the wrong places")


def _broadcast(problem: Problem, place: int, whose: str, analytic: Array) -> Iterator[Cause]:
    """Whether only a part of a broadcast axis came back, instead of the sum over it."""
    x = problem.point[place]
    for k, shape in enumerate(problem.output_shapes):
        extra = len(shape) - x.ndim
        for axis, length in enumerate(shape):
            own = x.shape[axis - extra] if axis >= extra else 1
            if length < 2 or own != 1:
                continue
            for part in (0, length - 1):
                weights = [np.zeros_like(w) for w in problem.weights]
                index = tuple(part if i == axis else slice(None) for i in range(len(shape)))
                weights[k][index] = problem.weights[k][index]
                numeric = numeric_gradient(problem, place, weights)
                if numeric is not None and np.any(numeric) and _close(analytic, numeric):
                    yield Cause(
                        "broadcast",
                        f"{whose} has only what came from index {part} of axis {axis} of the result: the sum over "
                        "that broadcast axis is missing",
                    )
                    return


def _only_at_ties(comparisons: Sequence[Comparison]) -> Cause | None:
    elements = [c for c in comparisons if c.element is not None]
    wrong = [c for c in elements if c.verdict is Verdict.FAIL]
    if not wrong or any(c.kink is None for c in wrong):
        return None
    low, high = wrong[0].kink or (0.0, 0.0)
    return Cause(
        "ties",
        f"it is wrong only where there is a kink or a tie ({len(wrong)} elements): there the gradient must lie "
        f"between the slopes from both sides, {low:.6g} and {high:.6g} for element {wrong[0].element}",
    )


def _shown(number: complex) -> str:
    number = complex(number)
    return f"{number.real:.6g}" if abs(number.imag) < 1e-12 * abs(number) else f"({number:.6g})"
