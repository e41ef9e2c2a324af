"""Writes in place that the tape follows: `x[i] = v`, `x += y`, `np.add(x, y, out=z)`.

A write on a tracked tensor gives its handle a new node, `assign`, whose gradient is exact: what was
overwritten gets none, what was written gets its part. The memory is copied only if a node has saved it.
A write through a view is a write to its root, and every other view of that memory sees it, values and
gradients. A write that the tape cannot follow (under `no_grad`, or through a detached tensor) breaks the
seal of the memory, so that a backward that needs the old values refuses (`storage.py`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .convert import operand
from .hooks import hand_over
from .location import user_line
from .mode import announce_forward, current_mode
from .node import Node, make_node
from .ops.index import Path, assign, follow, freeze_index, getitem, write_into
from .storage import living_views, root_of
from .tensor import Tensor, wrap


def write_index(target: Tensor, index: Any, value: Any) -> None:
    """`target[index] = value`."""
    data = value._data if isinstance(value, Tensor) else operand(value)
    if data is NotImplemented:
        raise TypeError(
            f"a tensor's elements can be set to numbers and arrays, not to {type(value).__name__}"
        )
    _write(target, freeze_index(index), data, value._node if isinstance(value, Tensor) else None)


def write_whole(target: Tensor, value: Any) -> Tensor:
    """Overwrite all of `target` with a result of its own shape, and return it."""
    data, node = (value._data, value._node) if isinstance(value, Tensor) else (value, None)
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


def replace_memory(leaf: Tensor, array: np.ndarray) -> None:
    """Give a leaf another array, of any dtype; views and detached handles keep the old one and become their own.

    This is how a parameter changes its dtype and stays the object that optimisers hold.
    """
    if not leaf.is_leaf or leaf._view is not None:
        raise RuntimeError("only a leaf that is no view can be given other memory; make a new tensor instead")
    for view in living_views(leaf):
        view._view = None  # what it shares with the other views of the old memory is forgotten, too
    requires_grad, gradient, before = leaf.requires_grad, leaf._grad, leaf._node
    leaf._fill(array, leaf.name)
    leaf.requires_grad_(requires_grad)
    if before is not None and leaf._node is not None:
        leaf._node.handle = before.handle  # with its hooks
    leaf._grad = None if gradient is None else gradient.astype(array.dtype)


def _write(target: Tensor, index: tuple[Any, ...], value: Any, value_node: Node | None) -> None:
    _check_dtype(target, value)
    root, view = root_of(target), target._view
    detached = view is not None and view.detached
    recording = current_mode().grad
    if recording and detached and value_node is not None:
        raise RuntimeError(
            "a tracked value cannot be written into a detached tensor: the gradient would be lost; "
            "write into the tensor itself, or into a copy: x.detach().copy()"
        )
    if recording and (target.is_leaf and target._node is not None):
        _refuse_leaf(target)
    tracked = recording and not detached and (root._node is not None or value_node is not None)
    if tracked and root._node is not None and root._node.is_leaf:
        _refuse_leaf(root)

    if tracked:
        announce_forward(current_mode().observers, assign.op)
    steps = () if view is None else view.steps
    path: Path = (*steps, (getitem.op, (index,)))
    memory = root._shareable()
    if recording and not detached and root._seal is not None:  # somebody relies on the old values: leave them
        memory = memory.copy()
        write_into(memory, value, path)
        root._seal = None
    else:
        _write_here(target, index, value, memory, path)
        _break_seal(target)
    before, root._data = root._data, memory
    if tracked:
        _record(root, before, value, value_node, path)
    if tracked or memory is not before:
        _refresh_views(root, memory is not before)


def _write_here(target: Tensor, index: tuple[Any, ...], value: Any, memory: np.ndarray, path: Path) -> None:
    """Write into the memory itself, through the view's own array where it is one of that memory."""
    region = target._shareable()
    if region is memory or np.may_share_memory(region, memory):
        region[index] = value
    else:
        write_into(memory, value, path)


def _record(root: Tensor, before: Any, value: Any, value_node: Node | None, path: Path) -> None:
    mode = current_mode()
    operation = assign.op
    previous = root._node
    root._node = make_node(
        operation,
        (previous, value_node),
        (),
        (),
        (path,),
        root._data,
        mode.scope,
        None if previous is None else hand_over(previous),
    )
    for observer in mode.observers:
        observer.on_forward(operation, (wrap(before, previous), wrap(value, value_node)), (path,), root)


def _refresh_views(root: Tensor, moved: bool) -> None:
    """Let every living view look at the root's memory and follow from its node."""
    for view in living_views(root):
        how = view._view
        assert how is not None  # it is a view
        if how.detached:
            if moved:
                view._data = follow(root._data, how.steps)
            continue
        again = root
        for operation, parameters in how.steps:
            again = operation.call(again, **dict(zip(operation.parameters, parameters, strict=True)))
        view._data, view._node = again._data, again._node


def _break_seal(tensor: Tensor) -> None:
    root = root_of(tensor)
    if root._seal is not None:
        root._seal.broken_at = user_line()
        root._seal = None


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
