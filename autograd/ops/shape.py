"""Operations that move elements, or give them another dtype, without computing anything new."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..batched import all_values
from ..convert import numeric
from ..family import batch_size, behind_batch, padded, spread
from ..gate import ADDER, RELAY
from ..methods import method
from ..op import op
from ..samples import elementwise, given
from ..settings import check_device
from ..tensor import Tensor

# inside vmap: each works behind the batch axis, and `b` says which inputs have one


def _reshaped(shape: int | tuple[int, ...], old: tuple[int, ...]) -> tuple[int, ...]:
    """The new shape of an example, with the length that is left open."""
    new = _as_tuple(shape)
    size, known = math.prod(old), math.prod(length for length in new if length != -1)
    if new.count(-1) == 1 and known and size % known == 0:
        new = tuple(size // known if length == -1 else length for length in new)
    if math.prod(new) != size or -1 in new:
        raise ValueError(f"an array of shape {old} cannot be reshaped to {shape}")
    return new


def _as_tuple(shape: int | tuple[int, ...]) -> tuple[int, ...]:
    return (shape,) if isinstance(shape, int) else tuple(shape)


def _unit_axes(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(i for i, length in enumerate(shape) if length == 1)


def _batch_concat(call: Any, batched: tuple[bool, ...], arrays: Any, *, axis: int | None) -> Any:
    arrays = _all_batched(batched, arrays)
    if axis is None:
        return call([x.reshape((x.shape[0], math.prod(x.shape[1:]))) for x in arrays], axis=1)
    return call(arrays, axis=behind_batch(axis, arrays[0].ndim - 1))


def _all_batched(batched: tuple[bool, ...], arrays: Any) -> list[Any]:
    size = batch_size(batched, arrays)
    return [x if b else spread(x, size) for x, b in zip(arrays, batched, strict=True)]


@op(
    "x",
    x=lambda g, x_shape: np.reshape(g, x_shape),
    gate=RELAY,
    complex="written",
    view=True,
    batch=lambda call, b, x, shape, copy: call(
        x, shape=(x.shape[0], *_reshaped(shape, x.shape[1:])), copy=copy
    ),
    samples=given(
        (((2, 3),), {"shape": (3, 2)}),
        (((2, 3),), {"shape": -1}),
        (((6,),), {"shape": (2, 1, -1)}),
        (((),), {"shape": (1, 1)}),
        (((0, 3),), {"shape": (3, 0)}),
    ),
    reference=np.reshape,
)
def reshape(x: Any, /, shape: int | tuple[int, ...], *, copy: bool | None = None) -> Any:
    """The same elements in row-major order in another shape; one length may be -1.

    >>> import pullback as pb
    >>> pb.reshape(pb.arange(6), (2, -1))
    tensor([[0, 1, 2],
            [3, 4, 5]], dtype=int64)
    """
    return np.reshape(x, shape, copy=copy)


@op(
    "x",
    x=lambda g, axes: np.transpose(g, _inverse(axes, g.ndim)),
    gate=RELAY,
    complex="written",
    symbol="ᵀ",
    numpy=(np.transpose,),
    view=True,
    batch=lambda call, b, x, axes: call(
        x, axes=(0, *(range(x.ndim - 1, 0, -1) if axes is None else behind_batch(axes, x.ndim - 1)))
    ),
    samples=given(
        (((2, 3),), {"axes": (1, 0)}),
        (((2, 3, 4),), {"axes": (2, 0, 1)}),
        (((2, 3, 4),), {"axes": None}),
        (((2, 3, 4),), {"axes": (-1, 0, 1)}),
        (((),), {"axes": ()}),
        (((0, 2),), {"axes": (1, 0)}),
    ),
    reference=np.transpose,
)
def permute_dims(x: Any, /, axes: tuple[int, ...] | None = None) -> Any:
    """The axes in another order; reversed if `axes` is None."""
    return np.transpose(x, axes)


def _inverse(axes: Sequence[int] | None, ndim: int) -> tuple[int, ...] | None:
    return None if axes is None else tuple(np.argsort([axis % ndim for axis in axes]))


@op(
    "x",
    x=lambda g, axis1, axis2: np.swapaxes(g, axis1, axis2),
    gate=RELAY,
    complex="written",
    symbol="ᵀ",
    method=True,
    numpy=(np.swapaxes,),
    view=True,
    batch=lambda call, b, x, axis1, axis2: call(
        x, axis1=behind_batch(axis1, x.ndim - 1), axis2=behind_batch(axis2, x.ndim - 1)
    ),
    samples=given((((2, 3),), {"axis1": 0, "axis2": 1}), (((2, 3, 4),), {"axis1": -1, "axis2": 0})),
    reference=np.swapaxes,
)
def swapaxes(x: Any, /, axis1: int, axis2: int) -> Any:
    """Two axes exchanged."""
    return np.swapaxes(x, axis1, axis2)


@op(
    "x",
    x=lambda g, x_shape: np.reshape(g, x_shape),
    gate=RELAY,
    complex="written",
    numpy=(np.expand_dims,),
    view=True,
    batch=lambda call, b, x, axis: call(
        x, axis=behind_batch(axis, x.ndim - 1 + (len(axis) if isinstance(axis, tuple) else 1))
    ),
    samples=given((((2, 3),), {"axis": 0}), (((2, 3),), {"axis": -1}), (((),), {"axis": (0, 1)})),
    reference=np.expand_dims,
)
def expand_dims(x: Any, /, axis: int | tuple[int, ...] = 0) -> Any:
    """New axes of length 1 at the given places of the result."""
    return np.expand_dims(x, axis)


@op(
    "x",
    x=lambda g, x_shape: np.reshape(g, x_shape),
    gate=RELAY,
    complex="written",
    method=True,
    numpy=(np.squeeze,),
    view=True,
    batch=lambda call, b, x, axis: call(
        x, axis=behind_batch(_unit_axes(x.shape[1:]) if axis is None else axis, x.ndim - 1)
    ),
    samples=given(
        (((2, 1, 3),), {"axis": 1}), (((1, 2, 1),), {"axis": (0, -1)}), (((1, 1),), {"axis": None})
    ),
    reference=np.squeeze,
)
def squeeze(x: Any, /, axis: int | tuple[int, ...] | None = None) -> Any:
    """The axes of length 1 taken away; all of them if axis is None."""
    return np.squeeze(x, axis)


@op(
    "x",
    x=lambda g: g,
    gate=ADDER,
    complex="written",
    numpy=(np.broadcast_to,),
    view=True,
    batch=lambda call, b, x, shape: call(
        padded(x, len(_as_tuple(shape))), shape=(x.shape[0], *_as_tuple(shape))
    ),
    samples=given(
        (((3,),), {"shape": (2, 3)}),
        (((2, 1),), {"shape": (4, 2, 3)}),
        (((),), {"shape": (2,)}),
        (((1, 3),), {"shape": (0, 3)}),
    ),
    reference=np.broadcast_to,
)
def broadcast_to(x: Any, /, shape: tuple[int, ...]) -> Any:
    """x repeated to a larger shape, without a copy. The gradients of the repetitions sum."""
    return np.broadcast_to(x, shape)


@op(
    "x",
    x=lambda g, axis: np.flip(g, axis),
    gate=RELAY,
    complex="written",
    numpy=(np.flip,),
    view=True,
    batch=lambda call, b, x, axis: (
        call(x, axis=behind_batch(tuple(range(x.ndim - 1)) if axis is None else axis, x.ndim - 1))
        if x.ndim > 1
        else np.copy(x)  # of a number, as NumPy's
    ),
    samples=given((((3,),), {}), (((2, 3),), {"axis": 1}), (((2, 3),), {"axis": (0, 1)})),
    reference=np.flip,
)
def flip(x: Any, /, axis: int | tuple[int, ...] | None = None) -> Any:
    """The elements in reverse order along axes; along all of them if axis is None."""
    return np.flip(x, axis)


def _part(g: Any, i: int, shapes: Sequence[tuple[int, ...]], axis: int | None) -> Any:
    """The piece of g that the i-th of the concatenated arrays became."""
    if axis is None:
        shapes = [(int(np.prod(shape)),) for shape in shapes]
    at = 0 if axis is None else axis % g.ndim
    start = sum(shape[at] for shape in shapes[:i])
    return g[(slice(None),) * at + (slice(start, start + shapes[i][at]),)]


@op(
    "*arrays",
    arrays=lambda g, i, arrays_shape, axis: np.reshape(_part(g, i, arrays_shape, axis), arrays_shape[i]),
    gate=RELAY,
    complex="written",
    numpy=(np.concatenate,),
    batch=_batch_concat,
    samples=given(
        (([(2, 3), (1, 3)],), {}),
        (([(2, 3), (2, 1), (2, 0)],), {"axis": -1}),
        (([(2,)],), {}),
        (([(2, 2), (3,)],), {"axis": None}),
    ),
    reference=np.concatenate,
)
def concat(arrays: Any, /, axis: int | None = 0) -> Any:
    """Arrays joined along an existing axis; flattened first if axis is None.

    >>> import pullback as pb
    >>> pb.concat([pb.tensor([1.0, 2.0]), pb.tensor([3.0])])
    tensor([1., 2., 3.], dtype=float32)
    """
    return np.concatenate(arrays, axis=axis)


@op(
    "*arrays",
    arrays=lambda g, i, axis: np.moveaxis(g, axis, 0)[i],
    gate=RELAY,
    complex="written",
    numpy=(np.stack,),
    batch=lambda call, b, arrays, axis: call(
        _all_batched(b, arrays), axis=behind_batch(axis, np.ndim(arrays[0]) - b[0] + 1)
    ),
    samples=given((([(2, 3), (2, 3)],), {}), (([(2,), (2,), (2,)],), {"axis": -1}), (([(), ()],), {})),
    reference=np.stack,
)
def stack(arrays: Any, /, axis: int = 0) -> Any:
    """Arrays of one shape joined along a new axis."""
    return np.stack(arrays, axis=axis)


@op(
    "x",
    x=lambda g, source, destination: np.moveaxis(g, destination, source),
    gate=RELAY,
    complex="written",
    numpy=(np.moveaxis,),
    view=True,
    batch=lambda call, b, x, source, destination: call(
        x, source=behind_batch(source, x.ndim - 1), destination=behind_batch(destination, x.ndim - 1)
    ),
    samples=given(
        (((2, 3, 4),), {"source": 0, "destination": -1}),
        (((2, 3, 4),), {"source": (0, 1), "destination": (2, 0)}),
    ),
    reference=np.moveaxis,
)
def moveaxis(x: Any, /, source: int | tuple[int, ...], destination: int | tuple[int, ...]) -> Any:
    """Axes moved to new places, the others in their order."""
    return np.moveaxis(x, source, destination)


@op(
    "x",
    x=lambda g: g,
    gate=RELAY,
    complex="written",
    method=True,
    view=True,
    samples=elementwise(1, dtype=np.float64),
    reference=lambda x, dtype: x.astype(dtype),
)
def astype(x: Any, /, dtype: Any, *, copy: bool = True, device: Any = None) -> Any:
    """The elements in another dtype. The gradient comes back in the dtype of x; integers block it.

    Args:
        x: the array.
        dtype: of the result.
        copy: if false, x itself where it has the dtype already, without a copy.
        device: "cpu" or None.
    """
    check_device(device)
    return np.asarray(x).astype(numeric(dtype), copy=copy)


@op(
    "x",
    x=lambda g: g,
    gate=RELAY,
    complex="written",
    method=True,
    numpy=(np.copy,),
    samples=elementwise(1),
    reference=np.copy,
)
def copy(x: Any, /) -> Any:
    """The same values in memory of their own."""
    return np.array(x)


# methods whose spelling differs from the function's


@method("reshape")
def _reshape(self: Tensor, *shape: Any) -> Tensor:
    """`reshape` with the lengths as one tuple or one by one."""
    return reshape(self, shape[0] if len(shape) == 1 else shape)


@method("permute")
def _permute(self: Tensor, *axes: Any) -> Tensor:
    """`permute_dims` with the axes as one tuple or one by one."""
    return permute_dims(self, axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes)


@method("flatten")
def _flatten(self: Tensor) -> Tensor:
    """All elements along one axis, in memory of their own, as NumPy's; `reshape(-1)` shares it where it can."""
    return reshape(self, -1, copy=True)


@method("ravel")
def ravel(self: Tensor) -> Tensor:
    """All elements along one axis: as NumPy's a view of row-major memory, else a copy."""
    return reshape(self, -1, copy=None if all_values(self).flags.c_contiguous else True)


@method("transpose")
def _transpose(self: Tensor, *axes: Any) -> Tensor:
    """NumPy's: the axes in another order, reversed if none are named; see also `swapaxes`."""
    if not axes or axes == (None,):
        return permute_dims(self)
    return permute_dims(self, axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes)


@method("T", as_property=True)
def _transposed(self: Tensor) -> Tensor:
    """The axes in reverse order; of a matrix the transpose."""
    return permute_dims(self)


@method("mT", as_property=True)
def _matrix_transposed(self: Tensor) -> Tensor:
    """The last two axes exchanged."""
    if self.ndim < 2:
        raise ValueError(f"mT needs at least two axes, and this tensor has shape {self.shape}")
    return swapaxes(self, -1, -2)
