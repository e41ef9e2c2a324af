"""Picking elements along an axis by integers, and adding them back."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..batched import all_values
from ..calling import respell
from ..convert import PYTHON_SCALARS, asarray
from ..family import PerExample, batch_size, behind_batch, spread
from ..gate import BLOCK, ROUTER
from ..methods import method
from ..op import Sample, op
from ..samples import given
from ..tensor import Tensor
from ..vectorise import batch_rule
from .index import add_at, assign, getitem, scattered

_ROWS = np.array([2, 0, 2])
_PLACES = np.array([[0, 2, 0, 1], [1, 1, 0, 2]])


def _integers(what: str, indices: Any) -> np.ndarray:
    """Indices as an integer array; an empty list counts as one."""
    array = np.asarray(indices)
    if array.size == 0 and array.dtype.kind == "f":
        array = array.astype(np.int64)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{what}: indices must be integers, and these are {array.dtype}")
    return array


def _take_index(indices: Any, axis: int | None, ndim: int) -> tuple[Any, ...]:
    if axis is None:
        if ndim != 1:
            raise ValueError(
                f"take needs an axis for an array of {ndim} axes; only for one it may be left out"
            )
        axis = 0
    if not -ndim <= axis < ndim:
        raise IndexError(f"take: axis {axis} is out of range for an array of {ndim} axes")
    return (*(slice(None),) * (axis % ndim), _integers("take", indices))


def _batch_take(call: Any, batched: tuple[bool, ...], x: Any, indices: Any, *, axis: int | None) -> Any:
    ndim = np.ndim(x) - batched[0]
    before = _take_index(np.zeros((), int), axis, ndim)[:-1]  # checked for the shape of one example
    if not batched[1]:
        return call(x, indices, axis=len(before) + 1)
    if indices.dtype.kind not in "iu":
        return NotImplemented  # refused there
    return getitem.op.batch(
        lambda x, index: getitem(x, index), (batched[0],), asarray(x), index=(*before, PerExample(indices))
    )


@op(
    "x indices",
    x=lambda g, indices, x_shape, axis: scattered(g, _take_index(indices, axis, len(x_shape)), x_shape),
    gate={"x": ROUTER, "indices": BLOCK},
    complex="written",
    method=True,
    samples=given(
        (((4,), _ROWS), {}),
        (((3, 4), _ROWS), {"axis": 0}),
        (((2, 3, 2), _ROWS), {"axis": -2}),
        (((3, 4), np.array([-1])), {"axis": 1}),
    ),
    batch=_batch_take,
    reference=lambda x, indices, axis=None: np.take(x, indices, axis=axis),
)
def take(x: Any, indices: Any, /, *, axis: int | None = None) -> Any:
    """The elements of x at `indices` along an axis; the gradient adds g to the places that were picked.

    Args:
        x: the array.
        indices: integers; negative ones count from the end.
        axis: along which; may be left out for one axis.

    >>> import pullback as pb
    >>> pb.take(pb.tensor([[1.0, 2.0], [3.0, 4.0]]), pb.asarray([1, 1]), axis=0)
    tensor([[3., 4.],
            [3., 4.]], dtype=float32)
    """
    return x[_take_index(indices, axis, x.ndim)]


def _along(indices: np.ndarray, axis: int, shape: tuple[int, ...]) -> tuple[Any, ...]:
    """The full index of `take_along_axis`: the other axes count through, and broadcast."""
    if indices.ndim != len(shape):
        raise ValueError(
            f"take_along_axis: indices have {indices.ndim} axes and x has {len(shape)}; they must be as many"
        )
    if not -len(shape) <= axis < len(shape):
        raise IndexError(f"take_along_axis: axis {axis} is out of range for an array of {len(shape)} axes")
    at = axis % len(shape)
    counts = [np.arange(length) for length in shape]
    grid = [count.reshape((1,) * i + (-1,) + (1,) * (len(shape) - i - 1)) for i, count in enumerate(counts)]
    grid[at] = indices
    return tuple(grid)


def _batch_along(call: Any, batched: tuple[bool, ...], *arrays: Any, axis: int) -> Any:
    """The batch axis is one more of those that the indices count through."""
    ndims = {
        np.ndim(x) - b for x, b in zip(arrays, batched, strict=True) if not isinstance(x, PYTHON_SCALARS)
    }
    if len(ndims) > 1 or ndims == {0}:
        return NotImplemented  # refused there, for the shapes of one example
    size = batch_size(batched, arrays)
    whole = (
        x if b or isinstance(x, PYTHON_SCALARS) else spread(x, size)
        for x, b in zip(arrays, batched, strict=True)
    )
    return call(*whole, axis=behind_batch(axis, ndims.pop()))


@op(
    "x indices",
    x=lambda g, indices, x_shape, axis: scattered(
        g, _along(_integers("take_along_axis", indices), axis, x_shape), x_shape
    ),
    gate={"x": ROUTER, "indices": BLOCK},
    complex="written",
    samples=given(
        (((3,), _ROWS), {}),
        (((2, 3), _PLACES), {}),
        (((3, 4), _PLACES), {"axis": 0}),
        (((2, 3), np.array([[1], [0]])), {"axis": -1}),
        (((1, 3), _PLACES), {"axis": 1}),
    ),
    batch=_batch_along,
    reference=lambda x, indices, axis=-1: np.take_along_axis(x, indices, axis=axis),
)
def take_along_axis(x: Any, indices: Any, /, *, axis: int = -1) -> Any:
    """The elements that `indices`, an array with as many axes, picks along one axis of x.

    >>> import pullback as pb
    >>> x = pb.tensor([[3.0, 1.0], [5.0, 9.0]])
    >>> pb.take_along_axis(x, pb.argsort(x), axis=-1)
    tensor([[1., 3.],
            [5., 9.]], dtype=float32)
    """
    return x[_along(_integers("take_along_axis", indices), axis, x.shape)]


# PyTorch's: the index need not cover the other axes


def _grid(name: str, x: Tensor, axis: int, index: Any) -> tuple[Any, ...]:
    places = _integers(name, all_values(index))
    places = places.copy()  # a later write into the index must not change backward
    if places.ndim != x.ndim:
        raise ValueError(f"{name}: the index has {places.ndim} axes and x has {x.ndim}; they must be as many")
    at = axis % x.ndim
    if any(n > m for i, (n, m) in enumerate(zip(places.shape, x.shape, strict=True)) if i != at):
        raise ValueError(f"{name}: the index of shape {places.shape} reaches beyond x of shape {x.shape}")
    if places.size and not (places.min() >= 0 and places.max() < x.shape[at]):
        raise IndexError(f"{name}: the index goes beyond axis {axis} of length {x.shape[at]}")
    grid = list(np.indices(places.shape, sparse=True))
    grid[at] = places
    return tuple(grid)


def _source(src: Any, index: tuple[Any, ...]) -> Any:
    """As much of the source as the index has places for."""
    shape = np.broadcast_shapes(*(np.shape(part) for part in index))
    if isinstance(src, (int, float, complex)):
        return src
    source = asarray(src)
    if source.ndim != len(shape) or any(n > m for n, m in zip(shape, source.shape, strict=True)):
        raise ValueError(f"the source of shape {source.shape} does not cover the index of shape {shape}")
    return source[tuple(slice(length) for length in shape)]


def gather(x: Any, axis: int | None = None, index: Any = None, **spelling: Any) -> Tensor:
    """out[i, j, …] = x[index[i, j, …], j, …] for axis 0, and alike for the others; of the index's shape.

    Args:
        x: the array.
        axis: along which the index counts (PyTorch's `dim`).
        index: non-negative integers, with as many axes as x and no longer than it along the other ones.

    >>> import pullback as pb
    >>> pb.gather(pb.tensor([[1.0, 2.0], [3.0, 4.0]]), 1, pb.asarray([[0, 0], [1, 0]]))
    tensor([[1., 1.],
            [4., 3.]], dtype=float32)
    """
    axis, _ = respell("gather", spelling, axis)
    return _gather(asarray(x), index, axis=_required("gather", axis))


@batch_rule(_batch_along)
def _gather(x: Tensor, index: Any, *, axis: int) -> Tensor:
    result: Tensor = getitem(x, _grid("gather", x, axis, index))
    return result


def scatter(x: Any, axis: int | None = None, index: Any = None, src: Any = 0, **spelling: Any) -> Tensor:
    """A copy of x with out[index[i, j, …], j, …] = src[i, j, …] for axis 0, and alike for the others.

    Where a place is named twice, the last value counts, and only it gets a gradient.

    Args:
        x: the array.
        axis: along which the index counts (PyTorch's `dim`).
        index: non-negative integers, with as many axes as x.
        src: a number, or an array that covers the index.

    >>> import pullback as pb
    >>> pb.scatter(pb.zeros(4), 0, pb.asarray([3, 1]), pb.tensor([5.0, 7.0]))
    tensor([0., 7., 0., 5.], dtype=float32)
    """
    axis, _ = respell("scatter", spelling, axis)
    return _scatter(asarray(x), index, src, axis=_required("scatter", axis))


@batch_rule(_batch_along)
def _scatter(x: Tensor, index: Any, src: Any, *, axis: int) -> Tensor:
    grid = _grid("scatter", x, axis, index)
    result: Tensor = assign(x, _source(src, grid), ((getitem.op, (grid,)),))
    return result


def scatter_add(x: Any, axis: int | None = None, index: Any = None, src: Any = 0, **spelling: Any) -> Tensor:
    """x with src[i, j, …] added at [index[i, j, …], j, …] for axis 0, and alike for the others.

    PyTorch's `scatter_add`: a place that is named twice receives twice.

    Args:
        x: the array.
        axis: along which the index counts (PyTorch's `dim`).
        index: non-negative integers, with as many axes as x.
        src: an array that covers the index.

    >>> import pullback as pb
    >>> pb.scatter_add(pb.zeros(3), 0, pb.asarray([2, 2]), pb.tensor([5.0, 7.0]))
    tensor([ 0.,  0., 12.], dtype=float32)
    """
    axis, _ = respell("scatter_add", spelling, axis)
    return _scatter_add(asarray(x), index, src, axis=_required("scatter_add", axis))


@batch_rule(_batch_along)
def _scatter_add(x: Tensor, index: Any, src: Any, *, axis: int) -> Tensor:
    grid = _grid("scatter_add", x, axis, index)
    result: Tensor = x + add_at(_source(asarray(src), grid), grid, x.shape)
    return result


method("gather")(gather)


def _required(name: str, axis: int | None) -> int:
    if axis is None:
        raise TypeError(f"{name}() needs an axis")
    return axis


# integers by where values would stand


def _sorted_samples(rng: np.random.Generator) -> Any:
    yield Sample((np.sort(rng.normal(size=5)), rng.normal(size=(2, 3))), {})
    yield Sample((np.array([1.0, 2.0, 2.0]), np.array([2.0])), {"side": "right"})
    yield Sample((np.array([3.0, 1.0, 2.0]), np.array([2.5, 0.0]), np.array([1, 2, 0])), {})


def _batch_search(call: Any, batched: tuple[bool, ...], x1: Any, x2: Any, sorter: Any, *, side: str) -> Any:
    """In one go where all examples look into the same array."""
    return NotImplemented if batched[0] or batched[2] else call(x1, x2, sorter, side=side)


@op(
    "x1 x2 sorter",
    gate=BLOCK,
    batch=_batch_search,
    numpy=(np.searchsorted,),
    samples=_sorted_samples,
    reference=lambda x1, x2, sorter=None, side="left": np.searchsorted(x1, x2, side, sorter),
)
def searchsorted(x1: Any, x2: Any, /, sorter: Any = None, *, side: str = "left") -> Any:
    """Where each element of x2 would go into the sorted x1: before equal ones, or after for side="right".

    Args:
        x1: one axis, in ascending order.
        x2: the values to place.
        sorter: integers that would bring x1 into ascending order.
        side: "left" or "right".
    """
    return np.searchsorted(x1, x2, side=side, sorter=sorter)  # type: ignore[call-overload]  # a plain str
