"""Who shares memory with whom, and who relies on its content.

A `Seal` stands for "somebody saved this memory as it is now". It belongs to the memory (a tensor's own, or a
shared `Storage`) and to the nodes that saved it; a write that the tape cannot follow breaks it, and the
backward that needs the saved value then refuses, naming the line that wrote. A `View` remembers how a
tensor was taken from others, so that a write through it is a write to them.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .tensor import Tensor


class Seal:
    """Unbroken as long as the sealed memory holds what was saved.

    Who makes one sets `broken_at` to None: there are so many that a call for it is felt.
    """

    __slots__ = ("broken_at",)

    broken_at: str | None


class SealGroup(tuple[Seal | None, ...]):
    """The seals of an operation's variadic input, which count as one."""

    __slots__ = ()

    @property
    def broken_at(self) -> str | None:
        """Where the first broken one was broken."""
        return next((seal.broken_at for seal in self if seal is not None and seal.broken_at), None)


class Step:
    """One view operation with its parameters, and the step before it; a linked list from the memory's whole."""

    __slots__ = ("op", "parameters", "previous")

    def __init__(self, previous: Step | None, op: Any, parameters: tuple[Any, ...]) -> None:
        self.previous = previous
        self.op = op
        self.parameters = parameters


class View:
    """How a tensor looks into memory that it shares.

    `step` leads from the memory's whole to this part. `base` is the tensor whose gradient this one takes part in;
    None for a tensor that shares memory only (`Tensor.detach`, or a view that was made a leaf) and is the base of its
    own views. Only views of a tracked tensor keep that tensor alive.
    """

    __slots__ = ("base", "step")

    def __init__(self, base: Tensor | None, step: Step | None) -> None:
        self.base = base
        self.step = step


class Storage:
    """Memory that several tensors share: its whole, its seal, and the tensors that look into it, weakly."""

    __slots__ = ("_seal", "handles", "memory")

    def __init__(self, first: Tensor) -> None:
        self.memory: np.ndarray = first._shareable()
        self._seal = first._seal
        self.handles = [weakref.ref(first)]

    def join(self, tensor: Tensor, view: View) -> None:
        """Let a tensor look into this memory; dead ones are swept now and then."""
        tensor._storage = self
        tensor._view = view
        count = len(self.handles)
        if (
            count >= 64 and count & (count - 1) == 0
        ):  # at powers of two, so that the sweeps stay linear in total
            self.handles[:] = [reference for reference in self.handles if reference() is not None]
        self.handles.append(weakref.ref(tensor))

    def living(self) -> Iterator[Tensor]:
        """The tensors that look into this memory and are still there, oldest first."""
        for reference in tuple(self.handles):
            tensor = reference()
            if tensor is not None:
                yield tensor


def storage_of(tensor: Tensor) -> Storage:
    """The tensor's memory as something that can be shared; made when it first is."""
    if tensor._storage is None:
        tensor._storage = Storage(tensor)
    return tensor._storage


def base_of(tensor: Tensor) -> Tensor:
    """The tensor whose gradient this one takes part in."""
    view = tensor._view
    return tensor if view is None or view.base is None else view.base


def path(tensor: Tensor, start: Tensor | None = None) -> tuple[tuple[Any, tuple[Any, ...]], ...]:
    """The view operations that lead to a tensor, from the memory's whole or from its base."""
    first = None if start is None or start._view is None else start._view.step
    step = None if tensor._view is None else tensor._view.step
    steps = []
    while step is not None and step is not first:
        steps.append((step.op, step.parameters))
        step = step.previous
    return tuple(reversed(steps))


def sealed(tensor: Tensor) -> Seal | None:
    """Seal a tensor's memory, and give the seal; NumPy scalars cannot change and need none."""
    if type(tensor._array) is not np.ndarray:
        return None
    holder = tensor._storage or tensor
    if holder._seal is None:
        holder._seal = Seal()
        holder._seal.broken_at = None
    return holder._seal


def register_view(result: Tensor, source: Tensor, op: Any, parameters: tuple[Any, ...]) -> None:
    """Note that `result = op(source, *parameters)` looks into the memory of `source`, if it does."""
    if np.may_share_memory(result._array, source._array):
        step = None if source._view is None else source._view.step
        storage_of(source).join(result, View(base_of(source), Step(step, op, parameters)))


def register_detached(result: Tensor, source: Tensor) -> None:
    """Note that `result` is the memory of `source` without its gradient."""
    storage_of(source).join(result, View(None, None if source._view is None else source._view.step))
