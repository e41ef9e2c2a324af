"""Reading and writing parts of an array.

`getitem` and `scatter_add` are each other's gradients; `assign` is what a write in place does to the
gradient (`inplace.py`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..gate import DISTRIBUTOR, ROUTER
from ..methods import method
from ..op import Op, op
from ..samples import given
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
        part = part._data
    if isinstance(part, slice):
        return slice(
            *(None if end is None else end.__index__() for end in (part.start, part.stop, part.step))
        )
    if part is None or part is Ellipsis or isinstance(part, (int, np.integer, np.bool_)):
        return part
    if isinstance(part, (list, tuple)) and not part:
        return np.zeros(0, np.int64)
    return np.array(part)  # lists and whatever else NumPy would read as an array


def _picks_each_once(index: tuple[Any, ...]) -> bool:
    """Whether no element can be picked twice: no integer arrays, but slices, integers and masks."""
    return not any(isinstance(part, np.ndarray) and part.dtype.kind in "iu" and part.ndim for part in index)


@op(
    "x",
    x=lambda g, index, x_shape: scatter_add.raw(g, index, x_shape),
    gate=ROUTER,
    symbol="[ ]",
    view=True,
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
    symbol="+[ ]",
    samples=given(
        (((4,),), {"index": (1,), "shape": (3, 4)}),
        (((3, 4),), {"index": (np.array([0, 2, 0]),), "shape": (3, 4)}),
        (((3,),), {"index": (np.array([[True, False], [True, True]]),), "shape": (2, 2)}),
    ),
)
def scatter_add(values: Any, /, index: Any, shape: tuple[int, ...]) -> Any:
    """Zeros of a shape, with `values` added at the places that `index` picks."""
    out = np.zeros(shape, values.dtype)
    if _picks_each_once(index):
        out[index] = values
    else:
        np.add.at(out, index, values)
    return out


def follow(x: Any, path: Path) -> Any:
    """The part of x at the end of a path; for arrays without integer-array steps it is a view."""
    for operation, parameters in path:
        x = operation.raw(x, **dict(zip(operation.parameters, parameters, strict=True)))
    return x


def write_into(memory: np.ndarray, value: Any, path: Path) -> None:
    """Write at the end of a path, also where the steps copy (a reshape of transposed memory)."""
    *steps, (_, (index,)) = path
    region = follow(memory, tuple(steps))
    if region is memory or np.may_share_memory(region, memory):
        region[index] = value
    else:
        places = follow(np.arange(memory.size).reshape(memory.shape), path)
        memory.flat[places.ravel()] = np.broadcast_to(value, places.shape).ravel()


def _last_writer(g: Any, path: Path) -> Any:
    """g at the end of a path, but zero for elements that a later one of the same write overwrote."""
    part = follow(g, path)
    if _picks_each_once(path[-1][1][0]):
        return part
    places = follow(np.arange(g.size).reshape(g.shape), path)
    writer = np.empty(g.size, np.intp)
    order = np.arange(places.size).reshape(places.shape)
    writer[places.ravel()] = order.ravel()
    return np.where(writer[places] == order, part, 0)


@op(
    "x value",
    x=lambda g, path: assign.raw(g, 0, path),
    value=lambda g, path: _last_writer(g, path),
    gate=ROUTER,
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
