"""Laws of shape, each a generator of samples: where the generated tests get their arguments from.

Each function returns a generator of `Sample`s: given a `numpy.random.Generator` it yields arguments in
float64 at several shapes (0-d, with zero-length axes, broadcasting), away from points where the
operation is not smooth. The tests turn them into other dtypes and strides themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .family import Family
from .op import Sample, Samples

Interval = tuple[float, float]
Shape = tuple[int, ...]

SHAPES: tuple[Shape, ...] = ((), (3,), (2, 3), (2, 0), (2, 1, 3))
BROADCASTS: tuple[tuple[Shape, ...], ...] = (
    ((), (), ()),
    ((3,), (3,), (3,)),
    ((2, 3), (3,), ()),
    ((3,), (2, 3), (2, 1)),
    ((2, 1), (1, 3), (2, 3)),
    ((4, 1, 2), (3, 1), (2,)),
    ((0, 3), (3,), (1, 3)),
)


UNARY_LAW = "Works on each element; the result has the shape of the input."
ELEMENTWISE_LAW = "Works on each element; the inputs broadcast to the shape of the result."
ALONG_LAW = "Works along an axis; the result has the shape of the input."
REDUCTION_LAW = "The result lacks the reduced axes, or has them with length 1 if keepdims is true."


def _with_law(samples: Samples, law: str, family: Family) -> Samples:
    """Let a sample generator name the family of its operations, and their law of shapes for the docstrings."""
    samples.law = law  # type: ignore[attr-defined]  # functions take attributes
    samples.family = family  # type: ignore[attr-defined]  # as above
    return samples


def uniform(
    rng: np.random.Generator, shape: Shape, interval: Interval, avoid: Sequence[float], margin: float = 0.1
) -> np.ndarray:
    """Values in an interval, none nearer than `margin` to a value in `avoid`."""
    values = rng.uniform(*interval, shape)
    for point in avoid:
        near = np.abs(values - point) < margin
        values = np.where(
            near, point + np.where(values < point, -margin, margin) * (1 + values**2 % 1), values
        )
    return np.asarray(values)


def elementwise(
    arity: int, *intervals: Interval, avoid: Sequence[float] = (), apart: bool = False, **parameters: Any
) -> Samples:
    """Inputs of broadcastable shapes, from an interval each; `apart` keeps them off each other, as max needs."""
    ranges = intervals or ((-2.0, 2.0),) * arity

    def samples(rng: np.random.Generator) -> Iterator[Sample]:
        shapes = [(shape,) for shape in SHAPES] if arity == 1 else [group[:arity] for group in BROADCASTS]
        for group in shapes:
            inputs = [uniform(rng, shape, ranges[i], avoid) for i, shape in enumerate(group)]
            if apart:  # each on its own grid, so that no two are equal
                inputs = [np.asarray(np.round(x, 1) + 0.03 * i) for i, x in enumerate(inputs)]
            yield Sample(tuple(inputs), dict(parameters))

    return _with_law(samples, ELEMENTWISE_LAW if arity > 1 else UNARY_LAW, Family.ELEMENTWISE)


def integers(arity: int) -> Samples:
    """Small integer inputs of broadcastable shapes, for operations that have no gradient."""

    def samples(rng: np.random.Generator) -> Iterator[Sample]:
        for group in BROADCASTS:
            yield Sample(tuple(rng.integers(0, 8, shape) for shape in group[:arity]), {})

    return _with_law(samples, ELEMENTWISE_LAW if arity > 1 else UNARY_LAW, Family.ELEMENTWISE)


def reduction(*, empty: bool = True, distinct: bool = False, minimum: int = 0, **options: Any) -> Samples:
    """One input, with every kind of `axis`; `empty=False` for operations without a value for no elements."""

    def samples(rng: np.random.Generator) -> Iterator[Sample]:
        cases: list[tuple[Shape, dict[str, Any]]] = [
            ((), {}),
            ((4,), {}),
            ((3, 2), {"axis": 0}),
            ((3, 4), {"axis": -1, "keepdims": True}),
            ((2, 3, 4), {"axis": (0, 2)}),
            ((2, 3, 4), {"axis": (-1, 0), "keepdims": True}),
            ((3, 2), {"axis": ()}),
        ]
        if empty:
            cases += [((0, 3), {"axis": 0}), ((0,), {})]
        for shape, parameters in cases:
            axes = parameters.get("axis")
            if minimum and (shape == () or axes == ()):
                continue
            count = int(np.prod(shape, dtype=int))
            values = (
                rng.permutation(count) + rng.uniform(0, 0.5, count) if distinct else rng.normal(size=count)
            )
            yield Sample((values.reshape(shape),), {**parameters, **options})

    return _with_law(samples, REDUCTION_LAW, Family.REDUCTION)


def given(*cases: tuple[Sequence[Any], dict[str, Any]], family: Family | None = None) -> Samples:
    """Cases written out: a shape stands for normal values of that shape, an array for itself."""

    def samples(rng: np.random.Generator) -> Iterator[Sample]:
        for inputs, parameters in cases:
            yield Sample(tuple(_fill(rng, item) for item in inputs), dict(parameters))

    return of_family(samples, family)


def along(*cases: tuple[Sequence[Any], dict[str, Any]]) -> Samples:
    """Cases written out, for an operation along `axis` that keeps the shape."""
    return _with_law(given(*cases), ALONG_LAW, Family.ALONG)


def of_family(samples: Samples, family: Family | None) -> Samples:
    """Let samples of one's own name the family of their operation; None for one outside the families."""
    samples.family = family  # type: ignore[attr-defined]  # functions take attributes
    return samples


def _fill(rng: np.random.Generator, item: Any) -> Any:
    if isinstance(item, tuple):
        return rng.normal(size=item)
    if isinstance(item, list):  # a sequence input
        return [_fill(rng, part) for part in item]
    return item


def matrices(
    kind: str, *seconds: Shape, batches: Sequence[Shape] = ((), (2,), (2, 1), (0,)), **parameters: Any
) -> Samples:
    """Matrices of a kind, alone and in batches; with `seconds`, beside a second input of each shape.

    Kinds: "any" shape, "square", "regular" (far from singular), "hermitian" and "positive" (definite). Singular
    values and eigenvalues lie apart.
    """
    sides = [(3, 3), (4, 2), (2, 4), (1, 1)] if kind == "any" else [(3, 3), (2, 2), (1, 1)]

    def samples(rng: np.random.Generator) -> Iterator[Sample]:
        for rows, columns in [side for side in sides if not seconds or side == (3, 3)]:
            for batch in batches:
                x = rng.normal(size=(*batch, rows, columns))
                if kind in ("any", "square"):
                    x = x / 2 + 2 * np.eye(rows, columns) * np.arange(1, columns + 1)
                elif kind == "regular":
                    x = x + 3 * np.eye(rows)
                elif kind in ("hermitian", "positive"):
                    x = (x + np.swapaxes(x, -1, -2)) / 4 + np.diag(np.arange(rows) * 1.5)
                    x = x + 3 * np.eye(rows) if kind == "positive" else x
                for second in seconds or (None,):
                    inputs = (x,) if second is None else (x, rng.normal(size=second))
                    yield Sample(inputs, dict(parameters))

    return of_family(samples, Family.LEADING)
