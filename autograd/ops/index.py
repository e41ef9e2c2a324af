"""Reading and writing parts of an array.

`getitem` and `add_at` are each other's gradients; `assign` is what a write in place does to the
gradient (`inplace.py`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..batched import BatchedTensor
from ..family import PerExample, batch_size, padded
from ..gate import DISTRIBUTOR, ROUTER
from ..methods import method
from ..mode import current_mode
from ..op import Op, op
from ..samples import given
from ..sparse import Scattered, picks_each_once
from ..sparse import add_at as _add_at
from ..tensor import Tensor

Path = tuple[tuple[Op, tuple[Any, ...]], ...]
"""View operations with their parameters, one after the other: where in an array something lies."""


def freeze_index(index: Any) -> tuple[Any, ...]:
    """An index as a tuple that the caller cannot change later: Tensors become arrays, arrays are copied."""
    return tuple(map(_freeze, index)) if isinstance(index, tuple) else (_freeze(index),)


def _freeze(part: Any) -> Any:
    if isinstance(part, Tensor):
        if part.dtype.kind not in "biu":
            raise IndexError(f"an index must be of integers or booleans, and this tensor is {part.dtype}")
        if isinstance(part, BatchedTensor) and part.dtype.kind != "b":
            return part
        part = part._array
    if isinstance(part, slice):
        return slice(
            *(None if end is None else end.__index__() for end in (part.start, part.stop, part.step))
        )
    if part is None or part is Ellipsis or isinstance(part, (int, np.integer, np.bool_)):
        return part
    if isinstance(part, (list, tuple)) and not part:
        return np.zeros(0, np.int64)
    return np.array(part)  # lists and whatever else NumPy would read as an array


# an index inside vmap


def _is_advanced(part: Any) -> bool:
    return isinstance(part, (np.ndarray, Tensor, PerExample))


def _arrays_of(index: tuple[Any, ...]) -> tuple[list[int], int]:
    """Where an index has arrays (and integers beside arrays), and how many axes they make together."""
    if not any(map(_is_advanced, index)):
        return [], 0
    places, ndim = [], 0
    for i, part in enumerate(index):
        if isinstance(part, PerExample):
            ndim = max(ndim, part.value.ndim - 1)
        elif isinstance(part, bool) or (_is_advanced(part) and part.dtype.kind == "b"):
            ndim = max(ndim, 1)
        elif _is_advanced(part):
            ndim = max(ndim, part.ndim)
        elif part is None or part is Ellipsis or isinstance(part, slice):
            continue
        places.append(i)
    return places, ndim


def axes_in_front(index: tuple[Any, ...]) -> int:
    """How many axes NumPy puts before all others, because arrays in the index stand apart from each other."""
    places, ndim = _arrays_of(index)
    apart = bool(places) and places[-1] - places[0] >= len(places)
    return ndim if apart else 0


def _batch_getitem(call: Any, batched: tuple[bool, ...], x: Any, *, index: tuple[Any, ...]) -> Any:
    if not any(isinstance(part, PerExample) for part in index):
        if len(index) == x.ndim - 1 and all(isinstance(part, (int, np.integer)) for part in index):
            # one element, which NumPy copies out of an array: as arrays, the integers do the same in a batch
            return call(x, index=(slice(None), *map(np.asarray, index))) if index else x.copy()
        front = axes_in_front(index)
        picked = call(x, index=(slice(None), *index))
        return np.moveaxis(picked, front, 0) if front else picked
    parts, before, ndim, in_front = _apart_from_batch(index, x.ndim - batched[0])
    if not batched[0]:
        picked = call(x, index=freeze_index(parts))
        return picked if in_front else np.moveaxis(picked, before, 0)
    picked = call(x, index=index_of_batch(parts, x.shape[0], ndim))
    if in_front or not before:
        return picked
    return np.moveaxis(picked, tuple(range(1, 1 + ndim)), tuple(range(1 + before, 1 + before + ndim)))


def _apart_from_batch(index: tuple[Any, ...], ndim: int) -> tuple[tuple[Any, ...], int, int, bool]:
    """An index that differs between examples, as arrays with a batch axis first and what is the same for all.

    Also how many axes of the result stand before those of the arrays, how many these are, and whether NumPy puts
    them in front of all others.
    """
    index = _without_masks(_without_ellipsis(index, ndim))
    places, axes = _arrays_of(index)
    before = sum(not isinstance(part, int) for part in index[: places[0]])
    in_front = places[-1] - places[0] >= len(places)
    parts = (padded(part.value, axes) if isinstance(part, PerExample) else part for part in index)
    return tuple(parts), before, axes, in_front


def index_of_batch(parts: tuple[Any, ...], size: int, ndim: int) -> tuple[Any, ...]:
    """The index of the whole batch: each example with its own arrays, which make `ndim` axes."""
    return freeze_index((np.arange(size).reshape((size, *(1,) * ndim)), *parts))


def place_in_batch(index: tuple[Any, ...], value: Any, size: int, ndim: int) -> tuple[tuple[Any, ...], Any]:
    """For a write at an index that differs between examples of `ndim` axes: the index of the batch, and the value.

    `value` has a batch axis, and all axes of what is written.
    """
    parts, before, axes, in_front = _apart_from_batch(index, ndim)
    if not in_front and before:
        own = tuple(range(1 + before, 1 + before + axes))
        value = np.moveaxis(value, own, tuple(range(1, 1 + axes)))
    return index_of_batch(parts, size, axes), value


def _without_ellipsis(index: tuple[Any, ...], ndim: int) -> tuple[Any, ...]:
    used = sum(
        part.ndim if isinstance(part, np.ndarray) and part.dtype.kind == "b" else 1
        for part in index
        if part is not None and part is not Ellipsis
    )
    at = next((i for i, part in enumerate(index) if part is Ellipsis), len(index))
    return (*index[:at], *(slice(None),) * (ndim - used), *index[at + 1 :])


def _without_masks(index: tuple[Any, ...]) -> tuple[Any, ...]:
    parts: list[Any] = []
    for part in index:
        is_mask = isinstance(part, np.ndarray) and part.dtype.kind == "b"
        parts += np.nonzero(part) if is_mask else (part,)
    return tuple(parts)


def _batch_add_at(
    call: Any, batched: tuple[bool, ...], values: Any, *, index: tuple[Any, ...], shape: tuple[int, ...]
) -> Any:
    size, front = batch_size(batched, (values,)), axes_in_front(index)
    values = np.moveaxis(values, 0, front) if front else values
    return call(values, index=(slice(None), *index), shape=(size, *shape))


@op(
    "x",
    x=lambda g, index, x_shape: scattered(g, index, x_shape),
    gate=ROUTER,
    complex="written",
    symbol="[ ]",
    view=True,
    batch=_batch_getitem,
    samples=given(
        (((3, 4),), {"index": (1,)}),
        (((3, 4),), {"index": (slice(None), slice(None, None, -2))}),
        (((3, 4),), {"index": (Ellipsis, None, 0)}),
        (((3, 4),), {"index": (np.array([0, 2, 0]),)}),
        (((3, 4),), {"index": (np.array([[0, 1], [2, 2]]), np.array([3, 0]))}),
        (((3, 4),), {"index": (slice(1, 1),)}),
        (((2, 2),), {"index": (np.array([[True, False], [True, True]]),)}),
        (((),), {"index": ()}),
    ),
    reference=lambda x, index: x[index],
)
def getitem(x: Any, /, index: Any) -> Any:
    """The part of x that a NumPy index picks: `x[index]`.

    The gradient adds g to the picked places; a place that is picked twice receives twice.
    """
    return x[index]


@op(
    "values",
    values=lambda g, index: getitem.raw(g, index),
    gate=DISTRIBUTOR,
    complex="written",
    symbol="+[ ]",
    batch=_batch_add_at,
    samples=given(
        (((4,),), {"index": (1,), "shape": (3, 4)}),
        (((3, 4),), {"index": (np.array([0, 2, 0]),), "shape": (3, 4)}),
        (((3,),), {"index": (np.array([[True, False], [True, True]]),), "shape": (2, 2)}),
    ),
)
def add_at(values: Any, /, index: Any, shape: tuple[int, ...]) -> Any:
    """Zeros of a shape, with `values` added at the places that `index` picks."""
    out = np.zeros(shape, values.dtype)
    _add_at(out, index, values)
    return out


def scattered(g: Any, index: tuple[Any, ...], shape: tuple[int, ...]) -> Any:
    """What a rule gives for an input of a shape of which `index` was read.

    An array stays as it is, with its places (`sparse.py`); what is recorded goes through `add_at`.
    """
    if isinstance(g, Tensor) or current_mode().grad:
        return add_at.raw(g, index, shape)
    return Scattered([(index, g)], shape, g.dtype)


def follow(x: Any, path: Path) -> Any:
    """The part of x at the end of a path; for arrays without integer-array steps it is a view."""
    for operation, parameters in path:
        x = operation.raw(x, **dict(zip(operation.parameters, parameters, strict=True)))
    return x


def _places(x: Any, path: Path) -> Any:
    """Which elements of x, by number, lie at the end of a path; a change of dtype on the way moves none."""
    return follow(
        np.arange(x.size).reshape(x.shape), tuple(step for step in path if step[0].name != "astype")
    )


def write_into(memory: np.ndarray, value: Any, path: Path) -> None:
    """Write at the end of a path, also where the steps copy (a reshape of transposed memory)."""
    *steps, (_, (index,)) = path
    region = follow(memory, tuple(steps))
    if region is memory or np.may_share_memory(region, memory):
        region[index] = value
    elif region.dtype != memory.dtype:
        raise RuntimeError(
            "the real or imaginary part of this complex memory was taken through a copy (a reshape of transposed "
            "memory) and cannot be written in place; make a new tensor from its parts: pb.complex(x, y)"
        )
    else:
        places = _places(memory, path)
        memory.flat[places.ravel()] = np.broadcast_to(value, places.shape).ravel()


def _names_each_once(index: tuple[Any, ...]) -> bool:
    """Whether one look at the arrays of an index shows that none of its places is named twice."""
    arrays = [part for part in index if isinstance(part, np.ndarray)]
    if any(array.dtype.kind == "b" for array in arrays):
        return False
    shape = np.broadcast_shapes(*[array.shape for array in arrays])
    return any(
        array.shape == shape
        and np.unique(array).size == array.size
        and bool((array >= 0).all() or (array < 0).all())  # -1 may be another name of a place
        for array in arrays
    )


def _last_writer(g: Any, path: Path) -> Any:
    """g at the end of a path, but zero for elements that a later one of the same write overwrote."""
    part = follow(g, path)
    index = path[-1][1][0]
    if picks_each_once(index) or _names_each_once(index):
        return part
    places = _places(g, path)
    writer = np.empty(g.size, np.intp)
    order = np.arange(places.size).reshape(places.shape)
    writer[places.ravel()] = order.ravel()
    return np.where(writer[places] == order, part, 0)


def _taken_out(g: np.ndarray, path: Path, needs: Any) -> tuple[Any, Any]:
    """Both gradients of a write where g is nobody else's: what was written has its part taken out of g."""
    part = _last_writer(g, path).copy() if needs.value else None
    write_into(g, 0, path)
    return g, part


@op(
    "x value",
    x=lambda g, path: assign.raw(g, 0, path),
    value=lambda g, path: _last_writer(g, path),
    owned=_taken_out,
    gate=ROUTER,
    complex="written",
    symbol="[ ]=",
    samples=given(
        (((3, 4), ()), {"path": ((getitem.op, ((1,),)),)}),
        (((3, 4), (4,)), {"path": ((getitem.op, ((slice(0, 2),),)),)}),
        (((3, 4), (3, 4)), {"path": ((getitem.op, ((np.array([0, 2, 0]),),)),)}),
        (((3, 4), (2,)), {"path": ((getitem.op, ((1,),)), (getitem.op, ((slice(None, None, 2),),)))}),
    ),
)
def assign(x: Any, value: Any, /, path: Path) -> Any:
    """A copy of x with `value` written at the end of a path: what `x[index] = value` computes.

    What was overwritten gets no gradient; where an index names a place twice, the last value counts.
    """
    out = np.array(x)
    write_into(out, value, path)
    return out


@method("__getitem__")
def _getitem(self: Tensor, index: Any) -> Tensor:
    """`getitem`, with an index that cannot change before backward."""
    return getitem(self, freeze_index(index))
