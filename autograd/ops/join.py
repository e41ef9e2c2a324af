"""Several tensors out of one, one out of several, and all of one shape: made of the operations of movement."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ..calling import respell
from ..convert import asarray
from ..methods import method
from ..tensor import Tensor
from . import linalg
from .index import add_at, getitem
from .shape import broadcast_to, concat, moveaxis, reshape


def broadcast_arrays(*arrays: Any) -> list[Tensor]:
    """All arrays broadcast to the shape that they have together.

    >>> import pullback as pb
    >>> [x.shape for x in pb.broadcast_arrays(pb.ones((2, 1)), pb.ones(3))]
    [(2, 3), (2, 3)]
    """
    tensors = [asarray(x) for x in arrays]
    shape = np.broadcast_shapes(*(x.shape for x in tensors))
    return [broadcast_to(x, shape) for x in tensors]


def meshgrid(*arrays: Any, indexing: str = "xy") -> list[Tensor]:
    """Coordinates of a grid: each vector repeated along the axes of the others.

    Args:
        *arrays: vectors.
        indexing: "xy" puts the first vector along the second axis, "ij" along the first.

    >>> import pullback as pb
    >>> pb.meshgrid(pb.arange(2), pb.arange(3))[0].tolist()
    [[0, 1], [0, 1], [0, 1]]
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f'meshgrid: indexing is "xy" or "ij", not {indexing!r}')
    tensors = [asarray(x) for x in arrays]
    for x in tensors:
        if x.ndim > 1:
            raise ValueError(f"meshgrid needs vectors, and one of the arrays has shape {x.shape}")
    axes = list(range(len(tensors)))
    if indexing == "xy" and len(axes) > 1:
        axes[:2] = [1, 0]
    open_grid = [
        reshape(x, tuple(x.size if i == at else 1 for i in range(len(axes))))
        for x, at in zip(tensors, axes, strict=True)
    ]
    return [x.copy() for x in broadcast_arrays(*open_grid)]


def unstack(x: Any, /, *, axis: int = 0) -> tuple[Tensor, ...]:
    """The parts of x along an axis, without that axis.

    >>> import pullback as pb
    >>> pb.unstack(pb.tensor([[1.0, 2.0], [3.0, 4.0]]))[1]
    tensor([3., 4.], dtype=float32)
    """
    moved = moveaxis(asarray(x), axis, 0)
    return tuple(moved[i] for i in range(len(moved)))


def split(x: Any, indices_or_sections: int | Sequence[int], axis: int = 0, **spelling: Any) -> list[Tensor]:
    """The parts of x along an axis, as views.

    Args:
        x: the array.
        indices_or_sections: into how many equal parts, or at which places to cut.
        axis: along which (also `dim`).

    Raises:
        ValueError: if the parts cannot be equal; `array_split` lets the last ones be shorter.

    >>> import pullback as pb
    >>> [part.tolist() for part in pb.split(pb.arange(5), [2, 3])]
    [[0, 1], [2], [3, 4]]
    """
    axis, _ = respell("split", spelling, axis, default=0)
    x = asarray(x)
    if isinstance(indices_or_sections, int) and x.shape[axis] % indices_or_sections:
        raise ValueError(
            f"split: {x.shape[axis]} elements along axis {axis} do not make {indices_or_sections} equal parts; "
            "array_split lets the last ones be shorter"
        )
    return array_split(x, indices_or_sections, axis)


def array_split(
    x: Any, indices_or_sections: int | Sequence[int], axis: int = 0, **spelling: Any
) -> list[Tensor]:
    """`split`, where the last parts may be one shorter than the first ones.

    >>> import pullback as pb
    >>> [part.tolist() for part in pb.array_split(pb.arange(5), 2)]
    [[0, 1, 2], [3, 4]]
    """
    axis, _ = respell("array_split", spelling, axis, default=0)
    x = asarray(x)
    length = x.shape[axis]
    if isinstance(indices_or_sections, int):
        if indices_or_sections < 1:
            raise ValueError(f"array_split: there must be at least one part, not {indices_or_sections}")
        each, longer = divmod(length, indices_or_sections)
        sizes = [each + (i < longer) for i in range(indices_or_sections)]
        cuts = [int(n) for n in np.cumsum([0, *sizes])]
    else:
        cuts = [0, *(int(n) for n in indices_or_sections), length]
    before = (slice(None),) * (axis % x.ndim)
    return [getitem(x, (*before, slice(start, end))) for start, end in pairwise(cuts)]


def hsplit(x: Any, indices_or_sections: int | Sequence[int], /) -> list[Tensor]:
    """`split` along the second axis, of a vector along the first.

    >>> import pullback as pb
    >>> [part.tolist() for part in pb.hsplit(pb.arange(4), 2)]
    [[0, 1], [2, 3]]
    """
    x = asarray(x)
    return split(x, indices_or_sections, 0 if x.ndim == 1 else 1)


def vsplit(x: Any, indices_or_sections: int | Sequence[int], /) -> list[Tensor]:
    """`split` along the first axis.

    >>> import pullback as pb
    >>> [part.shape for part in pb.vsplit(pb.ones((4, 2)), 2)]
    [(2, 2), (2, 2)]
    """
    return split(x, indices_or_sections, 0)


def dsplit(x: Any, indices_or_sections: int | Sequence[int], /) -> list[Tensor]:
    """`split` along the third axis.

    >>> import pullback as pb
    >>> [part.shape for part in pb.dsplit(pb.ones((1, 2, 4)), 2)]
    [(1, 2, 2), (1, 2, 2)]
    """
    return split(x, indices_or_sections, 2)


def atleast_1d(x: Any, /) -> Tensor:
    """x, with one axis if it has none.

    >>> import pullback as pb
    >>> pb.atleast_1d(pb.tensor(3.0)).shape
    (1,)
    """
    x = asarray(x)
    return x if x.ndim else reshape(x, (1,))


def atleast_2d(x: Any, /) -> Tensor:
    """x, with new axes in front until it has two.

    >>> import pullback as pb
    >>> pb.atleast_2d(pb.ones(3)).shape
    (1, 3)
    """
    x = asarray(x)
    return x if x.ndim > 1 else reshape(x, (1, x.size))


def atleast_3d(x: Any, /) -> Tensor:
    """x with three axes at least: a vector lies along the second, a matrix gets a third.

    >>> import pullback as pb
    >>> pb.atleast_3d(pb.ones(3)).shape
    (1, 3, 1)
    """
    x = asarray(x)
    return x if x.ndim > 2 else reshape(atleast_2d(x), (*atleast_2d(x).shape, 1))


def hstack(arrays: Sequence[Any], /) -> Tensor:
    """Arrays side by side: along the second axis, vectors along the first.

    >>> import pullback as pb
    >>> pb.hstack([pb.ones(2), pb.zeros(1)])
    tensor([1., 1., 0.], dtype=float32)
    """
    tensors = [atleast_1d(x) for x in arrays]
    return concat(tensors, axis=0 if tensors and tensors[0].ndim == 1 else 1)


def vstack(arrays: Sequence[Any], /) -> Tensor:
    """Arrays below one another: along the first axis, vectors as rows.

    >>> import pullback as pb
    >>> pb.vstack([pb.ones(2), pb.zeros(2)]).tolist()
    [[1.0, 1.0], [0.0, 0.0]]
    """
    return concat([atleast_2d(x) for x in arrays], axis=0)


def dstack(arrays: Sequence[Any], /) -> Tensor:
    """Arrays behind one another: along the third axis.

    >>> import pullback as pb
    >>> pb.dstack([pb.ones(2), pb.zeros(2)]).shape
    (1, 2, 2)
    """
    return concat([atleast_3d(x) for x in arrays], axis=2)


def column_stack(arrays: Sequence[Any], /) -> Tensor:
    """Vectors as the columns of a matrix; matrices side by side.

    >>> import pullback as pb
    >>> pb.column_stack([pb.ones(2), pb.zeros(2)]).tolist()
    [[1.0, 0.0], [1.0, 0.0]]
    """
    columns = [asarray(x) for x in arrays]
    return concat([x if x.ndim > 1 else reshape(x, (x.size, 1)) for x in columns], axis=1)


def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The diagonals of the matrices along two axes, as a last axis.

    Args:
        x: the array.
        offset: how many places above the main diagonal; negative for below.
        axis1: the axis of the rows.
        axis2: the axis of the columns.

    >>> import pullback as pb
    >>> pb.diagonal(pb.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([1., 4.], dtype=float32)
    """
    return linalg.diagonal(moveaxis(asarray(x), (axis1, axis2), (-2, -1)), offset=offset)


def diag(x: Any, k: int = 0) -> Tensor:
    """The diagonal of a matrix; of a vector, the matrix with it on a diagonal.

    Args:
        x: a vector or a matrix.
        k: how many places above the main diagonal; negative for below.

    Raises:
        ValueError: if x has another number of axes.

    >>> import pullback as pb
    >>> pb.diag(pb.tensor([1.0, 2.0])).tolist()
    [[1.0, 0.0], [0.0, 2.0]]
    >>> pb.diag(pb.tensor([[1.0, 2.0], [3.0, 4.0]]), k=1)
    tensor([2.], dtype=float32)
    """
    x = asarray(x)
    if x.ndim == 2:
        return linalg.diagonal(x, offset=k)
    if x.ndim != 1:
        raise ValueError(f"diag needs a vector or a matrix, and x has shape {x.shape}")
    side, steps = x.shape[0] + abs(k), np.arange(x.shape[0])
    result: Tensor = add_at(x, (steps + max(-k, 0), steps + max(k, 0)), (side, side))
    return result


def diff(
    x: Any, /, *, axis: int = -1, n: int = 1, prepend: Any = None, append: Any = None, **spelling: Any
) -> Tensor:
    """The differences of neighbours along an axis, taken n times.

    Args:
        x: the array.
        axis: along which (also `dim`).
        n: how often.
        prepend: what to put before x first, of its shape but for the axis; a number will do.
        append: what to put behind it.

    >>> import pullback as pb
    >>> pb.diff(pb.tensor([1.0, 4.0, 9.0]))
    tensor([3., 5.], dtype=float32)
    """
    axis, _ = respell("diff", spelling, axis, default=-1)
    result = asarray(x)
    if result.ndim == 0:
        raise ValueError("diff needs at least one axis")
    if n < 0:
        raise ValueError(f"diff: n must not be negative, and is {n}")
    at = axis % result.ndim
    if n:
        one = (*result.shape[:at], 1, *result.shape[at + 1 :])
        ends = [None if end is None else asarray(end) for end in (prepend, append)]
        first, last = ([] if end is None else [end if end.ndim else broadcast_to(end, one)] for end in ends)
        result = concat([*first, result, *last], at) if first or last else result
    before = (slice(None),) * at
    for _ in range(n):
        left, right = getitem(result, (*before, slice(None, -1))), getitem(result, (*before, slice(1, None)))
        result = right ^ left if result.dtype.kind == "b" else right - left
    return result


method("diff")(diff)
method("diagonal")(diagonal)
