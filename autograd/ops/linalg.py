"""Products of vectors, matrices and arrays, and the diagonals of matrices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..convert import asarray, both
from ..family import Family, padded
from ..gate import ROUTER, SWITCHER
from ..kernels import kernel
from ..op import op
from ..product import matrix_product
from ..samples import given
from ..tensor import Tensor
from .elementwise import multiply
from .index import add_at
from .reduce import sum
from .shape import reshape, swapaxes


def _left_gradient(g: Any, y: Any, x_shape: tuple[int, ...]) -> Any:
    """g·yᵀ, with the axis that a vector lacks put in and taken out again."""
    if y.ndim == 1:
        g, y = g[..., None], y[:, None]
    if len(x_shape) == 1:
        return (g[..., None, :] @ np.swapaxes(y, -1, -2))[..., 0, :]
    return matrix_product(g, np.swapaxes(y, -1, -2))


def _right_gradient(g: Any, x: Any, y_shape: tuple[int, ...]) -> Any:
    """xᵀ·g; a batch against one matrix is one product of long matrices, not many summed."""
    if x.ndim == 1:
        x, g = x[None, :], g[..., None, :] if len(y_shape) > 1 else g[..., None]
    if len(y_shape) == 1:
        g = g.reshape((*x.shape[:-1], 1))
        return (np.swapaxes(x, -1, -2) @ g)[..., 0]
    if len(y_shape) == 2 and x.ndim > 2:
        rows = math.prod(x.shape[:-1])  # not −1, which zero-length axes leave open
        x, g = x.reshape((rows, x.shape[-1])), g.reshape((rows, g.shape[-1]))
    return matrix_product(np.swapaxes(x, -1, -2), g)


def _batch_matmul(call: Any, batched: tuple[bool, ...], x: Any, y: Any) -> Any:
    """One product of matrices where one side is a vector and the other is shared, else products in parallel."""
    x_ndim, y_ndim = x.ndim - batched[0], y.ndim - batched[1]
    if not x_ndim or not y_ndim:
        raise ValueError("matmul: inputs need at least one axis, and one example of an input has none")
    if not batched[1] and (x_ndim > 1 or y_ndim <= 2) and y_ndim <= 2:
        return call(x, y)
    if not batched[0] and y_ndim == 1 and x_ndim <= 2:
        return call(y, np.swapaxes(x, 0, 1) if x_ndim == 2 else x)
    ndim = max(x_ndim, y_ndim, 2)
    if x_ndim == 1:
        x = np.expand_dims(x, -2)
    if y_ndim == 1:
        y = np.expand_dims(y, -1)
    out = call(padded(x, ndim) if batched[0] else x, padded(y, ndim) if batched[1] else y)
    gone = [axis for axis, vector in ((-2, x_ndim == 1), (-1, y_ndim == 1)) if vector]
    return np.squeeze(out, tuple(gone)) if gone else out


matmul = op(
    kernel("matrices.matmul", over=1 << 11)(np.matmul),
    "x y",
    x=_left_gradient,
    y=_right_gradient,
    gate=SWITCHER,
    complex="holomorphic",
    infix="@",
    symbol="@",
    method=True,
    batch=_batch_matmul,
    numpy=(np.linalg.matmul,),
    samples=given(
        (((2, 3), (3, 4)), {}),
        (((3,), (3,)), {}),
        (((2, 3), (3,)), {}),
        (((3,), (3, 2)), {}),
        (((5, 2, 3), (3, 4)), {}),
        (((5, 2, 3), (3,)), {}),
        (((3,), (5, 3, 2)), {}),
        (((5, 1, 2, 3), (4, 3, 2)), {}),
        (((0, 3), (3, 2)), {}),
        (((2, 0), (0, 3)), {}),
    ),
    doc="""The matrix product x·y of (..., m, n) and (..., n, p), over broadcast batch axes.

    A vector on the left is a row and on the right a column, and its axis goes from the result. The
    gradients are g·yᵀ and xᵀ·g (https://cs231n.stanford.edu/handouts/linear-backprop.pdf).

    >>> import pullback as pb
    >>> pb.matmul(pb.tensor([[1.0, 2.0]]), pb.tensor([[3.0], [4.0]]))
    tensor([[11.]], dtype=float32)
    """,
)


def _batch_vectors(call: Any, batched: tuple[bool, ...], x1: Any, x2: Any, *, axis: int) -> Any:
    """Along an axis that is counted from the end, where the batch axis does not count."""
    ndims = [np.ndim(x) - b for x, b in zip((x1, x2), batched, strict=True)]
    if min(ndims) == 0 or not -min(ndims) <= axis < min(ndims) or (axis >= 0 and ndims[0] != ndims[1]):
        return NotImplemented  # refused there, for the shapes of one example
    given = zip((x1, x2), batched, strict=True)
    whole = (padded(x, max(ndims)) if b else x for x, b in given)
    return call(*whole, axis=axis - max(ndims) if axis >= 0 else axis)


@op(
    "x1 x2",
    x1=lambda g, x2, axis: np.conjugate(np.expand_dims(g, axis)) * x2,
    x2=lambda g, x1, axis: np.expand_dims(g, axis) * x1,
    gate=SWITCHER,
    complex="written",
    symbol="·",
    batch=_batch_vectors,
    numpy=(np.vecdot, np.linalg.vecdot),
    samples=given(
        (((3,), (3,)), {}),
        (((2, 3), (3,)), {}),
        (((2, 1, 3), (4, 3)), {"axis": -1}),
        (((3, 2), (3, 1)), {"axis": -2}),
        (((2, 0), (2, 0)), {}),
    ),
    reference=lambda x1, x2, axis=-1: np.sum(np.conj(x1) * x2, axis),
)
def vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """The dot products Σ conj(x1)·x2 of vectors along an axis, over broadcast other axes.

    Args:
        x1: vectors; complex ones are conjugated.
        x2: vectors of the same length.
        axis: counted from the end, as the inputs broadcast.

    Raises:
        ValueError: if the lengths differ, or the axis is not negative where the numbers of axes differ.

    >>> import pullback as pb
    >>> pb.vecdot(pb.tensor([1.0, 2.0]), pb.tensor([3.0, 4.0]))
    tensor(11., dtype=float32)
    """
    _check_axis("vecdot", x1, x2, axis)
    return np.vecdot(x1, x2, axis=axis)


def _check_axis(name: str, x1: Any, x2: Any, axis: int) -> None:
    """An axis along which two arrays meet is counted from the end, unless both have the same axes."""
    if axis >= 0 and np.ndim(x1) != np.ndim(x2):
        raise ValueError(
            f"{name}: count the axis from the end (axis={axis - max(np.ndim(x1), np.ndim(x2))}?) for inputs of "
            f"{np.ndim(x1)} and {np.ndim(x2)} axes, which broadcast"
        )
    if np.shape(x1)[axis] != np.shape(x2)[axis]:
        raise ValueError(
            f"{name}: the vectors along axis {axis} differ in length: {np.shape(x1)} and {np.shape(x2)}"
        )


@op(
    "x1 x2",
    x1=lambda g, x2, axis: cross.raw(x2, g, axis=axis),
    x2=lambda g, x1, axis: cross.raw(g, x1, axis=axis),
    gate=SWITCHER,
    complex="holomorphic",
    symbol="⨯",
    batch=_batch_vectors,
    numpy=(np.linalg.cross,),
    samples=given(
        (((3,), (3,)), {}),
        (((2, 3), (3,)), {}),
        (((3, 2), (3, 2)), {"axis": 0}),
        (((2, 3, 1), (3, 4)), {"axis": -2}),
    ),
    reference=np.cross,
)
def cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """The cross products x1 × x2 of vectors of length 3 along an axis. The gradients are x2 × g and g × x1.

    Raises:
        ValueError: if a length is not 3, or the axis is not negative where the numbers of axes differ.

    >>> import pullback as pb
    >>> pb.linalg.cross(pb.tensor([1.0, 0.0, 0.0]), pb.tensor([0.0, 1.0, 0.0]))
    tensor([0., 0., 1.], dtype=float32)
    """
    _check_axis("cross", x1, x2, axis)
    if np.shape(x1)[axis] != 3:
        raise ValueError(
            f"cross: vectors have length 3 along axis {axis}, and these have the shape {np.shape(x1)}"
        )
    return np.cross(x1, x2, axis=axis)


# products and views made of other operations


def outer(x1: Any, x2: Any, /) -> Tensor:
    """All products x1_i·x2_j of the elements of two vectors, as a matrix; arrays are flattened.

    >>> import pullback as pb
    >>> pb.linalg.outer(pb.tensor([1.0, 2.0]), pb.tensor([3.0, 4.0]))
    tensor([[3., 4.],
            [6., 8.]], dtype=float32)
    """
    x1, x2 = both(x1, x2)
    return multiply(reshape(x1, (-1, 1)), reshape(x2, (1, -1)))


def kron(x1: Any, x2: Any, /) -> Tensor:
    """The Kronecker product: blocks of x2, each times an element of x1; missing leading axes count as 1.

    >>> import pullback as pb
    >>> pb.kron(pb.tensor([1.0, 10.0]), pb.tensor([1.0, 2.0]))
    tensor([ 1.,  2., 10., 20.], dtype=float32)
    """
    x1, x2 = both(x1, x2)
    ndim = max(x1.ndim, x2.ndim)
    first, second = ((1,) * (ndim - x.ndim) + x.shape for x in (x1, x2))
    spread = reshape(x1, tuple(n for a in first for n in (a, 1)))
    tiled = reshape(x2, tuple(n for b in second for n in (1, b)))
    return reshape(multiply(spread, tiled), tuple(a * b for a, b in zip(first, second, strict=True)))


def matrix_transpose(x: Any, /) -> Tensor:
    """The last two axes exchanged, a view. For the conjugate transpose take `conj` of it.

    >>> import pullback as pb
    >>> pb.matrix_transpose(pb.ones((4, 2, 3))).shape
    (4, 3, 2)
    """
    x = asarray(x)
    if x.ndim < 2:
        raise ValueError(f"matrix_transpose needs at least two axes, and this array has shape {x.shape}")
    return swapaxes(x, -1, -2)


# diagonals


def _diagonal_index(shape: tuple[int, ...], offset: int) -> tuple[Any, ...]:
    rows, columns = shape[-2:]
    count = max(0, min(rows + min(offset, 0), columns - max(offset, 0)))
    steps = np.arange(count)
    return (Ellipsis, steps - min(offset, 0), steps + max(offset, 0))


@op(
    "x",
    x=lambda g, x_shape, offset: add_at.raw(g, _diagonal_index(x_shape, offset), x_shape),
    gate=ROUTER,
    complex="written",
    numpy=(np.linalg.diagonal,),
    samples=given(
        (((3, 3),), {}),
        (((2, 4),), {"offset": 1}),
        (((4, 2),), {"offset": -2}),
        (((2, 3, 3),), {"offset": -1}),
        (((2, 2),), {"offset": 5}),
        family=Family.LEADING,
    ),
    reference=lambda x, offset=0: np.diagonal(x, offset, -2, -1),
)
def diagonal(x: Any, /, *, offset: int = 0) -> Any:
    """The diagonals of matrices (..., M, N), above the main one for a positive `offset`, as a copy.

    The gradient goes back to where they stand.

    >>> import pullback as pb
    >>> pb.linalg.diagonal(pb.tensor([[1.0, 2.0], [3.0, 4.0]]), offset=1)
    tensor([2.], dtype=float32)
    """
    if np.ndim(x) < 2:
        raise ValueError(f"diagonal needs at least two axes, and this array has shape {np.shape(x)}")
    return x[_diagonal_index(np.shape(x), offset)]


def trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Tensor:
    """The sums of the diagonals of matrices (..., M, N).

    >>> import pullback as pb
    >>> pb.linalg.trace(pb.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor(5., dtype=float32)
    """
    return sum(diagonal(x, offset=offset), axis=-1, dtype=dtype)
