"""Writes in place that the tape follows: `x[i] = v`, `x += y`, `np.add(x, y, out=z)`.

A write on a tracked tensor gives its handle a new node, `assign`, whose gradient is exact: what was
overwritten gets none, what was written gets its part. The memory is copied only if a node has saved it.
A write through a view is a write to its root, and every other view of that memory sees it, values and
gradients. A write that the tape cannot follow (under `no_grad`, or through a detached tensor) breaks the
seal of the memory, so that a backward that needs the old values refuses (`storage.py`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from .batched import BatchedTensor
from .batched_tape import write
from .convert import operand
from .hooks import hand_over
from .location import user_line
from .mode import announce_forward, current_mode
from .node import Node, make_node
from .ops.index import Path, assign, follow, freeze_index, getitem, write_into
from .ops.shape import reshape
from .storage import View, base_of, path, storage_of
from .tensor import Tensor, wrap


def write_index(target: Tensor, index: Any, value: Any) -> None:
    """`target[index] = value`."""
    where = freeze_index(index)
    if any(isinstance(x, BatchedTensor) for x in (target, value, *where)):
        write(target, where, value)
        return
    data = value._array if isinstance(value, Tensor) else operand(value, target)
    if data is NotImplemented:
        raise TypeError(
            f"a tensor's elements can be set to numbers and arrays, not to {type(value).__name__}"
        )
    if np.ndim(data) and data.shape[0] == 1:  # NumPy lets a value have extra axes of length 1 in front
        region = np.ndim(target._array[where])
        shape = data.shape[data.ndim - region :]
        if data.ndim > region and data.size == math.prod(shape):
            value = reshape(value, shape)
            data = value._array
    _write(target, where, data, value._node if isinstance(value, Tensor) else None)


def write_whole(target: Tensor, value: Any) -> Tensor:
    """Overwrite all of `target` with a result of its own shape, and return it."""
    if isinstance(target, BatchedTensor) or isinstance(value, BatchedTensor):
        if value.shape != target.shape:
            raise ValueError(
                f"the result has shape {value.shape} and cannot be written in place into shape {target.shape}"
            )
        write(target, (...,), value)
        return target
    data, node = (value._array, value._node) if isinstance(value, Tensor) else (value, None)
    if np.shape(data) != target.shape:
        raise ValueError(
            f"the result has shape {np.shape(data)} and cannot be written in place into shape {target.shape}"
        )
    _write(target, (...,), data, node)
    return target


def writable(tensor: Tensor) -> np.ndarray:
    """The tensor's own array, to be written without the tape; saved values of it count as overwritten.

    This is how optimisers and initialisers write: a backward that still needs the old values refuses.
    The array of a 0-d tensor is a 0-d array.
    """
    _break_seal(tensor)
    return tensor._shareable()


def writable_arrays(tensors: Iterable[Tensor]) -> list[np.ndarray]:
    """The same as `writable` for many tensors at once."""
    line: str | None = None
    arrays = []
    for tensor in tensors:
        holder = tensor._storage or tensor
        if holder._seal is not None:
            holder._seal.broken_at = line = line or user_line()
            holder._seal = None
        array = tensor._array
        arrays.append(array if array.__class__ is np.ndarray else tensor._shareable())
    return arrays


def gradient_arrays(leaves: Iterable[Tensor]) -> list[np.ndarray | None]:
    """The arrays of the leaves' gradients, not to be written; None for a leaf that is frozen or has none."""
    found: list[np.ndarray | None] = []
    for leaf in leaves:
        gradient = None if leaf._node is None or leaf._grad is None else leaf.grad
        found.append(None if gradient is None else gradient._shareable())
    return found


def replace_memory(leaf: Tensor, array: np.ndarray) -> None:
    """Give a leaf another array, of any dtype; views and detached handles keep the old one among themselves.

    This is how a parameter changes its dtype and stays the object that optimisers hold.
    """
    if not leaf.is_leaf:
        raise RuntimeError("only a leaf can be given other memory; make a new tensor instead")
    if leaf._storage is not None:
        for handle in leaf._storage.living():
            if handle._view is not None and handle._view.base is leaf:
                handle._view = View(None, handle._view.step)
        leaf._storage.handles[:] = [r for r in leaf._storage.handles if r() is not leaf]
    requires_grad, gradient, before = leaf.requires_grad, leaf._grad, leaf._node
    leaf._fill(array, leaf.name)
    leaf.requires_grad_(requires_grad)
    if before is not None and leaf._node is not None:
        leaf._node.handle = before.handle  # with its hooks
    leaf._grad = None if gradient is None else gradient.astype(array.dtype)


def _write(target: Tensor, index: tuple[Any, ...], value: Any, value_node: Node | None) -> None:
    _check_dtype(target, value)
    base = base_of(target)
    recording = current_mode().grad
    if recording and base._node is not None and base._node.is_leaf:
        _refuse_leaf(base)
    detached = base._view is not None  # it has its memory from a tensor whose gradient it has no part in
    if recording and detached and value_node is not None:
        raise RuntimeError(
            "a tracked value cannot be written into a detached tensor: the gradient would be lost; "
            "write into the tensor itself, or into a copy: x.detach().copy()"
        )
    if not target._shareable().flags.writeable:
        raise ValueError(
            f"this tensor of shape {target.shape} is read-only: it repeats elements (broadcast_to), or looks into "
            "memory that was given as read-only; write into a copy of it, x.copy(), or into what it was made from"
        )
    storage = storage_of(target)
    memory = storage.memory
    if isinstance(value, np.ndarray) and np.may_share_memory(value, memory):
        value = value.copy()  # what is read must not change while it is written
    before = _seen_before(base)
    if recording and not detached and storage._seal is not None:
        memory = memory.copy(order="K")  # somebody relies on the old values: leave them
        write_into(memory, value, (*path(target), (getitem.op, (index,))))
        storage._seal = None
        storage.memory = memory
        for handle in storage.living():
            handle._array = follow(memory, path(handle))
    else:
        _write_here(target, index, value, memory)
        _break_seal(target)
    if recording and (base._node is not None or value_node is not None):
        _record(base, value_node, (*path(target, base), (getitem.op, (index,))))
        _refresh_views(base)
    _show(before, base, value, value_node, (*path(target, base), (getitem.op, (index,))))


def _write_here(target: Tensor, index: tuple[Any, ...], value: Any, memory: np.ndarray) -> None:
    """Write into the memory itself, through the view's own array where it is one of that memory."""
    region = target._shareable()
    if region is memory or np.may_share_memory(region, memory):
        region[index] = value
    else:
        write_into(memory, value, (*path(target), (getitem.op, (index,))))


def _record(base: Tensor, value_node: Node | None, where: Path) -> None:
    """The base's new node: what it was, with the value written into it."""
    previous = base._node
    handle = None if previous is None else hand_over(previous)
    parents = (previous, value_node)
    base._node = make_node(assign.op, parents, (), (), (where,), base._array, current_mode().scope, handle)


def _refresh_views(base: Tensor) -> None:
    """Let every living view of a tensor follow from the tensor's new node."""
    for view in storage_of(base).living():
        if view._view is None or view._view.base is not base:
            continue
        again = base
        for operation, parameters in path(view, base):
            again = operation.call(again, **dict(zip(operation.parameters, parameters, strict=True)))
        if view._node is not None and view._node.handle is not None and again._node is not None:
            again._node.handle = hand_over(view._node)
        view._array, view._node = again._array, again._node


def _seen_before(base: Tensor) -> Tensor | None:
    """What observers take for the tensor as it was."""
    observers = current_mode().observers
    if not observers:
        return None
    before = wrap(np.array(base._array), base._node)
    for observer in observers:
        observer.on_replace(base, before)
    announce_forward(observers, assign.op)
    return before


def _show(before: Tensor | None, base: Tensor, value: Any, value_node: Node | None, where: Path) -> None:
    if before is not None:
        written = wrap(value, value_node) if isinstance(value, (np.ndarray, np.generic)) else value
        for observer in current_mode().observers:
            observer.on_forward(assign.op, (before, written), (where,), base)


def _break_seal(tensor: Tensor) -> None:
    holder = tensor._storage or tensor
    if holder._seal is not None:
        holder._seal.broken_at = user_line()
        holder._seal = None


def _check_dtype(target: Tensor, value: Any) -> None:
    if isinstance(value, (bool, int, float, complex)):
        fits = np.can_cast(np.min_scalar_type(value), target.dtype, "same_kind") or (
            target.dtype.kind in "fc" and not isinstance(value, complex)
        )
    else:
        fits = np.can_cast(value.dtype, target.dtype, "same_kind")
    if not fits:
        kind = type(value).__name__ if not hasattr(value, "dtype") else value.dtype
        raise TypeError(
            f"{kind} values do not fit into a {target.dtype} tensor; convert them with .astype(...)"
        )


def _refuse_leaf(leaf: Tensor) -> None:
    called = f" {leaf.name!r}" if leaf.name else ""
    raise RuntimeError(
        f"the leaf{called} of shape {leaf.shape} requires gradients and cannot be written in place: the gradient "
        "would belong to values that are gone; write under pb.no_grad(), or compute a new tensor"
    )
