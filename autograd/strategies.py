"""Hypothesis strategies for inputs of differentiable functions; with the extra `test`, which brings Hypothesis.

Users import them from `pullback.autograd.testing`. What is generated is finite, moderate in size, and away from
where it would make a check of gradients fail for no fault of the rules: equal values where something is sorted,
nearly singular matrices where something is inverted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .tensor import Tensor, wrap

Shape = tuple[int, ...]


def _hypothesis() -> tuple[Any, Any]:
    try:
        from hypothesis import strategies
        from hypothesis.extra import numpy
    except ImportError as error:
        raise ImportError("these strategies need Hypothesis: pip install pullback[test]") from error
    return strategies, numpy


def broadcastable_shapes(count: int, *, max_dims: int = 3, max_side: int = 4) -> Any:
    """Tuples of `count` shapes that broadcast together, with zero-length axes and 0-d among them.

    >>> from pullback.autograd.testing import broadcastable_shapes
    >>> from hypothesis import given
    >>> import numpy as np
    >>> @given(broadcastable_shapes(2))
    ... def test_broadcasting(shapes):
    ...     np.broadcast_shapes(*shapes)
    >>> test_broadcasting()
    """
    _, numpy = _hypothesis()
    found = numpy.mutually_broadcastable_shapes(
        num_shapes=count, max_dims=max_dims, min_side=0, max_side=max_side
    )
    return found.map(lambda shapes: shapes.input_shapes)


def tensors(
    shape: Any = None,
    *,
    dtype: Any = np.float64,
    low: float = -2.0,
    high: float = 2.0,
    requires_grad: bool = True,
    strided: bool = True,
) -> Any:
    """Tensors of a shape (or of shapes from a strategy) with values between `low` and `high`.

    Args:
        shape: a tuple, a strategy of tuples, or None for any with up to three axes.
        dtype: floating, or complex, whose parts then both lie between the bounds.
        low: the least value.
        high: the greatest value.
        requires_grad: whether they are leaves that require gradients.
        strided: also memory that is not contiguous: reversed, with gaps, and transposed.

    >>> from hypothesis import given
    >>> from pullback.autograd.testing import assert_gradients, tensors
    >>> import pullback as pb
    >>> @given(tensors((3,)))
    ... def test_exp(x):
    ...     assert_gradients(pb.exp, x)
    >>> test_exp()
    """
    strategies, numpy = _hypothesis()
    shapes = numpy.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4) if shape is None else shape
    shapes = shapes if hasattr(shapes, "flatmap") else strategies.just(tuple(shapes))
    layouts = strategies.sampled_from(("plain", "reversed", "gaps", "transposed") if strided else ("plain",))

    def values(drawn: Shape, layout: str) -> Any:
        rng_of = strategies.integers(0, 2**32 - 1)
        return rng_of.map(lambda seed: _laid_out(_uniform(seed, drawn, np.dtype(dtype), low, high), layout))

    pairs = strategies.tuples(shapes, layouts).flatmap(lambda pair: values(*pair))
    return pairs.map(lambda array: _leaf(array, requires_grad))


def distinct_values(
    shape: Any, *, gap: float = 0.1, dtype: Any = np.float64, requires_grad: bool = True
) -> Any:
    """Tensors whose elements differ from each other by at least `gap`, for what sorts, ranks or takes the largest."""
    strategies, _ = _hypothesis()
    shapes = shape if hasattr(shape, "flatmap") else strategies.just(tuple(shape))

    def spread(drawn: Shape, seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        size = int(np.prod(drawn, dtype=int))
        steps = gap * (1 + rng.random(size))
        values = np.cumsum(steps)
        return (rng.permutation(values - values.mean() if size else values)).reshape(drawn).astype(dtype)

    pairs = strategies.tuples(shapes, strategies.integers(0, 2**32 - 1))
    return pairs.map(lambda pair: _leaf(spread(*pair), requires_grad))


def well_conditioned_matrices(
    size: int | Sequence[int],
    *,
    condition: float = 10.0,
    kind: str = "regular",
    dtype: Any = np.float64,
    requires_grad: bool = True,
) -> Any:
    """Square matrices, or batches of them, with singular values between 1/√condition and √condition, all apart.

    Args:
        size: the length of a side, or a whole shape (..., n, n).
        condition: the largest ratio of two singular values.
        kind: "regular", "symmetric" or "positive" (symmetric, with positive eigenvalues).
        dtype: floating.
        requires_grad: whether they are leaves that require gradients.
    """
    strategies, _ = _hypothesis()
    shape = (size, size) if isinstance(size, int) else tuple(size)
    if len(shape) < 2 or shape[-1] != shape[-2]:
        raise ValueError(f"matrices are square, of a shape (..., n, n), and not {shape}")
    if kind not in ("regular", "symmetric", "positive"):
        raise ValueError(f"kind must be 'regular', 'symmetric' or 'positive', not {kind!r}")

    def made(seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        left, _ = np.linalg.qr(rng.normal(size=shape))
        right = np.linalg.qr(rng.normal(size=shape))[0] if kind == "regular" else left
        values = condition ** np.linspace(-0.5, 0.5, shape[-1])
        signs = np.where(np.arange(shape[-1]) % 2, -1.0, 1.0) if kind == "symmetric" else 1.0
        return np.asarray((left * (values * signs)) @ np.swapaxes(right, -1, -2), dtype)

    return strategies.integers(0, 2**32 - 1).map(lambda seed: _leaf(made(seed), requires_grad))


def _uniform(seed: int, shape: Shape, dtype: np.dtype[Any], low: float, high: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    values = rng.uniform(low, high, shape)
    return np.asarray(values + 1j * rng.uniform(low, high, shape) if dtype.kind == "c" else values, dtype)


def _laid_out(array: np.ndarray, layout: str) -> np.ndarray:
    """The same values in another layout of memory."""
    if array.ndim == 0 or layout == "plain":
        return array
    if layout == "transposed":
        return np.ascontiguousarray(array.T).T
    if layout == "reversed":
        return np.ascontiguousarray(array[::-1])[::-1]
    wide = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), array.dtype)
    wide[..., ::2] = array
    return wide[..., ::2]


def _leaf(array: np.ndarray, requires_grad: bool) -> Tensor:
    return wrap(array if array.ndim else array[()], None).requires_grad_(requires_grad)
