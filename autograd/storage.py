"""Who shares memory with whom, and who relies on its content.

A `Seal` stands for "somebody saved this memory as it is now". It belongs to the root tensor of the
memory and to the nodes that saved it; a write that the tape cannot follow breaks it, and the backward
that needs the saved value then refuses, naming the line that wrote. A `View` remembers how a tensor
was taken from its root, so that a write through it is a write to the root.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .tensor import Tensor


class Seal:
    """Unbroken as long as the sealed memory holds what was saved."""

    __slots__ = ("broken_at",)

    def __init__(self) -> None:
        self.broken_at: str | None = None


class SealGroup(tuple[Seal | None, ...]):
    """The seals of an operation's variadic input, which count as one."""

    __slots__ = ()

    @property
    def broken_at(self) -> str | None:
        """Where the first broken one was broken."""
        return next((seal.broken_at for seal in self if seal is not None and seal.broken_at), None)


class View:
    """How a tensor was taken from `root`: view operations with their parameters, in order.

    A detached view shares the memory and not the gradient (`Tensor.detach`).
    """

    __slots__ = ("detached", "root", "steps")

    def __init__(self, root: Tensor, steps: tuple[tuple[Any, tuple[Any, ...]], ...], detached: bool) -> None:
        self.root = root
        self.steps = steps
        self.detached = detached


def root_of(tensor: Tensor) -> Tensor:
    """The tensor that stands for the memory."""
    view = tensor._view
    return tensor if view is None else view.root


def sealed(tensor: Tensor) -> Seal | None:
    """Seal a tensor's memory, and give the seal; NumPy scalars cannot change and need none."""
    if type(tensor._data) is not np.ndarray:
        return None
    root = root_of(tensor)
    if root._seal is None:
        root._seal = Seal()
    return root._seal


def register_view(result: Tensor, source: Tensor, op: Any, parameters: tuple[Any, ...]) -> None:
    """Note that `result = op(source, *parameters)` looks into the memory of `source`, if it does."""
    if np.may_share_memory(result._data, source._data):
        view = source._view
        steps, detached = ((), False) if view is None else (view.steps, view.detached)
        join(result, View(root_of(source), (*steps, (op, parameters)), detached))


def register_detached(result: Tensor, source: Tensor) -> None:
    """Note that `result` is the memory of `source` without its gradient."""
    steps = () if source._view is None else source._view.steps
    join(result, View(root_of(source), steps, True))


def join(tensor: Tensor, view: View) -> None:
    """Make a tensor a view; its root knows it weakly, dead ones are swept now and then."""
    tensor._view = view
    known = view.root._views
    if known is None:
        view.root._views = [weakref.ref(tensor)]
        return
    count = len(known)
    if count >= 64 and count & (count - 1) == 0:  # at powers of two, so that the sweeps stay linear in total
        known[:] = [reference for reference in known if reference() is not None]
    known.append(weakref.ref(tensor))


def living_views(root: Tensor) -> Iterator[Tensor]:
    """The views of a root that are still alive, oldest first."""
    for reference in tuple(root._views or ()):
        view = reference()
        if view is not None:
            yield view
