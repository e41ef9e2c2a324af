"""Mistakes that show when the right gradient is computed at other places or for other upstream gradients.

If the wrong gradient is the right one of another question, that question says what was mistaken: one row of the
upstream gradient instead of their sum, the other input's value instead of its own, an input or g untransposed.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

import numpy as np

from .lookalikes import close
from .problem import Array, Problem, double
from .report import Cause
from .slopes import slope_of

MOST = 200  # elements of an input that are differentiated to compare patterns


def numeric_gradient(
    problem: Problem,
    place: int,
    weights: Sequence[Array] | None = None,
    point: Sequence[Array] | None = None,
) -> Array | None:
    """The gradient of one input by differences, for other weights or at another point if wanted.

    None if the input is too large, or the gradient is not finite.
    """
    x = problem.point[place]
    if x.size > MOST:
        return None
    before = problem.weights, problem.point
    problem.weights = problem.weights if weights is None else list(weights)
    problem.point = problem.point if point is None else list(point)
    try:
        center = problem.value(problem.point)
        result: Array = np.zeros(x.shape, double(x))
        for element in np.ndindex(x.shape):
            for unit in (1, 1j) if x.dtype.kind == "c" else (1,):
                line = functools.partial(problem.along, problem.unit_direction(place, element, unit))
                scale = max(1.0, float(abs(problem.point[place][element])))
                noise = 4 * problem.eps * problem.magnitude
                wanted = 1e-7 * problem.scale or 1e4 * noise
                result[element] += slope_of(line, center, noise, problem.eps, wanted, scale).value * unit
    finally:
        problem.weights, problem.point = before
    return result if np.isfinite(result).all() else None


def experiments(whose: str, place: int, analytic: Array, problem: Problem) -> Iterator[Cause]:
    """The mistakes that explain the wrong gradient of an input."""
    yield from _upstream(whose, place, analytic, problem)
    yield from _broadcast(whose, place, analytic, problem)
    yield from _other_values(whose, place, analytic, problem)
    yield from _turned_upstream(whose, place, analytic, problem)
    yield from _diagonal(whose, place, analytic, problem)


def _answers(question: Array | None, analytic: Array) -> bool:
    return question is not None and bool(np.any(question)) and close(analytic, question)


def _upstream(whose: str, place: int, analytic: Array, problem: Problem) -> Iterator[Cause]:
    """Whether the gradient goes with g at all."""
    before = problem.weights
    problem.weights = [2 * weight for weight in before]
    try:
        doubled = problem.gradients_at(problem.point)[place]
    finally:
        problem.weights = before
    if close(doubled, analytic):
        yield Cause("upstream", f"{whose} does not depend on the upstream gradient g: multiply by it")
    elif not close(doubled, 2 * analytic):
        yield Cause("upstream", f"{whose} is not in proportion to the upstream gradient g: a term lacks it")


def _broadcast(whose: str, place: int, analytic: Array, problem: Problem) -> Iterator[Cause]:
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
                if _answers(numeric_gradient(problem, place, weights), analytic):
                    yield Cause(
                        "broadcast",
                        f"{whose} has only what came from index {part} of axis {axis} of the result: the sum over "
                        "that broadcast axis is missing",
                    )
                    return


def _other_values(whose: str, place: int, analytic: Array, problem: Problem) -> Iterator[Cause]:
    """Whether it is the right formula with another input's value, or an input transposed."""
    for other, x in enumerate(problem.point):
        for source, y in enumerate(problem.point):
            if source != other and y.shape == x.shape and y.dtype == x.dtype:
                point = [y if i == other else z for i, z in enumerate(problem.point)]
                if _answers(numeric_gradient(problem, place, point=point), analytic):
                    yield Cause(
                        "wrong value",
                        f"{whose} is right if {problem.names[other]!r} had the value of {problem.names[source]!r}: the "
                        "rule takes the wrong one of them",
                    )
                    return
        if other != place and x.ndim == 2 and x.shape[0] == x.shape[1]:
            point = [x.T if i == other else z for i, z in enumerate(problem.point)]
            if _answers(numeric_gradient(problem, place, point=point), analytic):
                yield Cause(
                    "transposed",
                    f"{whose} is right if {problem.names[other]!r} were transposed: a transpose is missing or too many",
                )
                return


def _turned_upstream(whose: str, place: int, analytic: Array, problem: Problem) -> Iterator[Cause]:
    """Whether it is right for g transposed, or for everything reversed along an axis, as an adjoint runs."""
    for k, shape in enumerate(problem.output_shapes):
        weights = list(problem.weights)
        if len(shape) == 2 and shape[0] == shape[1]:
            weights[k] = problem.weights[k].T
            if _answers(numeric_gradient(problem, place, weights), analytic):
                yield Cause("transposed", f"{whose} is right for g transposed: transpose g in the rule")
                return
        for axis in range(len(shape) if shape == analytic.shape else 0):
            weights[k] = np.flip(problem.weights[k], axis)
            found = numeric_gradient(problem, place, weights)
            if found is not None and _answers(np.flip(found, axis), analytic):
                yield Cause(
                    "reversed",
                    f"{whose} runs along axis {axis} in the direction of the forward; backward runs against it",
                )
                return


def _diagonal(whose: str, place: int, analytic: Array, problem: Problem) -> Iterator[Cause]:
    """Whether each element got only what came through the result's element of the same place."""
    x = problem.point[place]
    if problem.output_shapes != [x.shape] or x.size < 2 or x.size > MOST // 4:
        return
    diagonal: Array = np.zeros(x.shape, double(x))
    for element in np.ndindex(x.shape):
        weight = np.zeros_like(problem.weights[0])
        weight[element] = problem.weights[0][element]
        found = numeric_gradient(problem, place, [weight])
        if found is None:
            return
        diagonal[element] = found[element]
    if _answers(diagonal, analytic):
        yield Cause(
            "diagonal",
            f"{whose} has only what comes through the result's element of the same place: each element of the result "
            "depends on others too, and those terms are missing",
        )
