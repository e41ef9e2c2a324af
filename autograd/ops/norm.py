"""Norms of vectors and matrices. Where a norm is 0 its gradient is 0, as in PyTorch."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from ..calling import respell
from ..convert import asarray
from ..family import Family
from ..gate import MIXER
from ..op import Sample, SingularPoint, op
from ..samples import of_family, reduction
from ..tensor import Tensor
from .decompose import svdvals
from .elementwise import abs
from .reduce import Axis, max, min, reduced_axes, sum
from .shape import expand_dims, moveaxis

MatrixOrder = float | Literal["fro", "nuc"]


def _slope(g: Any, x: Any, out: Any, axis: Axis, ord: float) -> Any:
    if ord == 0:
        return np.zeros_like(x)
    axes = reduced_axes(x.shape, axis)
    kept = tuple(1 if i in axes else length for i, length in enumerate(x.shape))
    g, out = np.reshape(g, kept), np.reshape(out, kept)
    if ord == 1:
        return g * np.sign(x)
    size = np.abs(x)
    if np.isinf(ord):
        winners = (size == out).astype(g.dtype)
        return g * np.sign(x) * (winners / np.sum(winners, axis=axis, keepdims=True))
    out = np.where(out == 0, 1, out)
    if ord == 2:
        return g * x / out
    share = np.where(size == 0, 0, (np.where(size == 0, 1, size) / out) ** (ord - 1))
    return g * np.sign(x) * share


def _samples(rng: np.random.Generator) -> Any:
    for order in (2, 1, 3, 1.5, -1, 0, np.inf, -np.inf):
        for sample in reduction(empty=False, distinct=True, minimum=1)(rng):
            yield Sample((sample.inputs[0] - 1.7,), {**sample.parameters, "ord": order})
    yield Sample((np.zeros((0, 3)),), {"axis": 0})


@op(
    "x",
    x=_slope,
    gate=MIXER,
    complex="written",
    symbol="‖x‖",
    numpy=(np.linalg.vector_norm,),
    samples=of_family(_samples, Family.REDUCTION),
    reference=np.linalg.vector_norm,
    singular=[SingularPoint((np.zeros(2),), (np.zeros(2),))],
)
def vector_norm(x: Any, /, *, axis: Axis = None, keepdims: bool = False, ord: float = 2) -> Any:
    """The norm (Σ |x|ᵖ)^(1/p) of vectors along axes, p = `ord`; of all elements if axis is None.

    The gradient is g·sign(x)·(|x|/‖x‖)ᵖ⁻¹; it is 0 where the norm is 0 and for elements that are 0.

    Args:
        x: the array.
        axis: along which axes.
        keepdims: keep the reduced axes with length 1.
        ord: a number; inf and −inf give the largest and the smallest |x|, whose ties share the gradient, and 0 the
            count of elements that are not 0, which has a zero gradient.

    >>> import pullback as pb
    >>> pb.linalg.vector_norm(pb.tensor([3.0, 4.0]))
    tensor(5., dtype=float32)
    """
    return np.linalg.vector_norm(x, axis=axis, keepdims=keepdims, ord=ord)


def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: MatrixOrder | None = "fro") -> Tensor:
    """The norms of matrices (..., M, N).

    Args:
        x: the matrices.
        keepdims: keep the last two axes with length 1.
        ord: "fro" (the square root of the sum of squares), "nuc" (the sum of the singular values), 2 and −2 (the
            largest and the smallest singular value), 1 and −1 (of the sums of |x| down the columns), inf and −inf (of
            those along the rows). Ties share the gradient.

    Raises:
        ValueError: for another `ord`, or fewer than two axes.

    >>> import pullback as pb
    >>> pb.linalg.matrix_norm(pb.tensor([[3.0, 0.0], [0.0, 4.0]]), ord=2)
    tensor(4., dtype=float32)
    """
    x = asarray(x)
    if x.ndim < 2:
        raise ValueError(f"matrix_norm needs at least two axes, and this array has shape {x.shape}")
    result: Tensor
    if ord == "fro" or ord is None:
        return vector_norm(x, axis=(-2, -1), keepdims=keepdims)
    if ord == "nuc":
        result = sum(svdvals(x), axis=-1)
    elif ord in (2, -2):
        result = (max if ord == 2 else min)(svdvals(x), axis=-1)
    elif ord in (1, -1, np.inf, -np.inf):
        lengths = sum(abs(x), axis=-2 if ord in (1, -1) else -1)
        result = (max if float(ord) > 0 else min)(lengths, axis=-1)
    else:
        raise ValueError(f"matrix_norm: ord must be 'fro', 'nuc', 1, -1, 2, -2, inf or -inf, not {ord!r}")
    return expand_dims(result, (-2, -1)) if keepdims else result


def norm(
    x: Any, /, ord: MatrixOrder | None = None, axis: Axis = None, keepdims: bool = False, **spelling: Any
) -> Tensor:
    """The norm of vectors or matrices, as NumPy chooses between them.

    Args:
        x: the array.
        ord: of the norm; None for the square root of the sum of squares. See `vector_norm` and `matrix_norm`.
        axis: one axis for vectors, two for matrices; None for all elements, or for the whole vector or matrix where
            `ord` is given.
        keepdims: keep the reduced axes with length 1.
        **spelling: PyTorch's `dim` and `keepdim`.

    >>> import pullback as pb
    >>> pb.norm(pb.tensor([[3.0, 4.0], [6.0, 8.0]]), axis=1)
    tensor([ 5., 10.], dtype=float32)
    """
    axis, keepdims = respell("norm", spelling, axis, keepdims)
    x = asarray(x)
    if axis is None:
        if ord is None:
            return vector_norm(x, keepdims=keepdims)
        if x.ndim not in (1, 2):
            raise ValueError(
                f"norm: with ord={ord!r} an array of shape {x.shape} needs axis, one or two axes"
            )
        axis = tuple(range(x.ndim))
    axes = axis if isinstance(axis, tuple) else (axis,)
    if len(axes) == 1:
        if isinstance(ord, str):
            raise ValueError(f"norm: ord={ord!r} is a norm of matrices; give two axes")
        return vector_norm(x, axis=axes[0], keepdims=keepdims, ord=2 if ord is None else ord)
    if len(axes) != 2:
        raise ValueError(f"norm: axis must be one axis or two, not {axis!r}")
    result = matrix_norm(moveaxis(x, axes, (-2, -1)), ord=ord)
    return expand_dims(result, tuple(sorted(a % x.ndim for a in axes))) if keepdims else result
