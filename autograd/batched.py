"""Tensors that stand for a batch: what the functions inside `vmap` compute with.

A `BatchedTensor` shows the shape of one example and holds the whole batch, as an ordinary tensor whose first axis
counts the examples. An operation that meets one runs on the whole batch (`vectorise.py`), on the same tape as
everything else; so gradients need no rules of their own. Nested `vmap`s are levels: a batch may itself be a
BatchedTensor of an enclosing level.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np

from .family import spread
from .mode import current_mode
from .node import Node
from .tensor import Tensor, wrap

next_level = itertools.count().__next__

Level = tuple[int, int]  # its number, which grows inwards, and the number of examples


class BatchedTensor(Tensor):
    """A tensor inside `vmap`: the shape is that of one example, the values are those of all."""

    __slots__ = ("level", "value")

    level: int
    value: Tensor

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of each axis of an example."""
        return self.value.shape[1:]

    @property
    def ndim(self) -> int:
        """The number of axes of an example."""
        return self.value.ndim - 1

    @property
    def size(self) -> int:
        """The number of elements of an example."""
        return int(np.prod(self.shape, dtype=int))

    @property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy dtype of the elements."""
        return self.value.dtype

    @property
    def requires_grad(self) -> bool:
        """Whether operations on this tensor are recorded."""
        return self.value.requires_grad

    @requires_grad.setter
    def requires_grad(self, requires_grad: bool) -> None:
        self.requires_grad_(requires_grad)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Switch gradients on or off for a leaf, and return it."""
        self.value.requires_grad_(requires_grad)
        return self

    def detach(self) -> Tensor:
        """The same memory without the graph."""
        return batched(self.value.detach(), self.level)

    def retain_grad(self) -> None:
        """Refused: inside vmap there is no backward."""
        self.refuse_backward()

    def register_hook(self, hook: Any) -> NoReturn:
        """Refused: it would see the gradients of all examples at once."""
        raise RuntimeError(
            "a hook inside vmap would see the gradients of all examples at once; register it outside, on what goes "
            "into vmap(f) or comes out of it"
        )

    def register_post_accumulate_grad_hook(self, hook: Any) -> NoReturn:
        """Refused, as `register_hook`."""
        self.register_hook(hook)

    def backward(self, *args: Any, **kwargs: Any) -> None:
        """Refused: it would add up the gradients of all examples."""
        self.refuse_backward()

    def refuse_backward(self) -> NoReturn:
        """Raise: `.grad` cannot tell the examples apart."""
        raise RuntimeError(
            "backward() inside vmap would add up what belongs to single examples; use grad(f) or "
            "gradients(y, x) there, or call backward() on the result of vmap(f)"
        )

    def _read(self) -> NoReturn:
        if self.level not in (number for number, _ in current_mode().levels or ()):
            raise RuntimeError(ESCAPED)
        raise RuntimeError(
            "inside vmap a tensor stands for all examples at once, so its values cannot be read as those of one "
            "(if, bool(), item(), float(), tolist(), numpy(), boolean masks): use where(condition, x, y) for a choice "
            "between values, or compute it outside of vmap"
        )

    @property
    def _array(self) -> Any:
        self._read()

    @property
    def _node(self) -> Node | None:  # type: ignore[override]  # takes the place of the slot
        return self.value._node

    @property
    def _grad(self) -> None:  # type: ignore[override]  # takes the place of the slot
        return None

    def __bool__(self) -> bool:
        self._read()

    def item(self) -> Any:
        """Refused: there are as many values as examples."""
        self._read()

    def __index__(self) -> int:
        self._read()

    def numpy(self) -> np.ndarray:
        """Refused: inside vmap the values of one example cannot be told apart."""
        self._read()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        self._read()

    def __repr__(self) -> str:
        return f"<tensor of shape {self.shape}, {self.dtype}, for each of {self.value.shape[0]} examples>"


ESCAPED = (
    "this tensor belongs to a vmap that has ended; what is needed outside must be returned by the function that "
    "vmap runs"
)


def batched(value: Tensor, level: int) -> BatchedTensor:
    """A tensor whose first axis counts the examples, as one example of a level."""
    result = BatchedTensor.__new__(BatchedTensor)
    result.value = value
    result.level = level
    result._seal = result._storage = result._view = result.name = None
    return result


def dressed(tensor: Tensor, kind: type[Tensor]) -> Tensor:
    """A tensor as one of a parameter's class, so that its module goes on knowing it as a parameter."""
    if not isinstance(tensor, kind):
        new: Any = getattr(kind, "unbatched", kind)
        tensor.__class__ = _batched_kind(new) if isinstance(tensor, BatchedTensor) else new
    return tensor


@functools.cache
def _batched_kind(kind: Any) -> type[BatchedTensor]:
    return type(f"Batched{kind.__name__}", (BatchedTensor, kind), {"__slots__": (), "unbatched": kind})


def like(x: Any, array: np.ndarray) -> Tensor:
    """A tensor around an array, with memory for each example where x is batched."""
    levels = levels_of(x)
    return lifted(wrap(array, None), levels).copy() if levels else wrap(array, None)


def levels_of(x: Any) -> tuple[Level, ...]:
    """The levels at which a tensor is batched, outermost first."""
    found: list[Level] = []
    while isinstance(x, BatchedTensor):
        found.append((x.level, x.value.shape[0]))
        x = x.value
    return tuple(reversed(found))


def lifted(x: Tensor, levels: Sequence[Level]) -> Tensor:
    """A tensor that is batched at all of these levels; without a copy."""
    if not levels:
        return x
    *outer, (level, size) = levels
    if isinstance(x, BatchedTensor) and x.level == level:
        return batched(lifted(x.value, outer), level)
    return batched(lifted(spread(x, size), outer), level)


def explicit(x: Any, level: int) -> Any:
    """A tensor with the batch axis of a level as an ordinary first axis; None if it is not batched there."""
    if not isinstance(x, BatchedTensor) or x.level < level:
        return None
    if x.level == level:
        return x.value
    inner = explicit(x.value, level)
    return None if inner is None else batched(np.moveaxis(inner, 0, 1), x.level)


def all_values(x: Any) -> Any:
    """The array of a tensor, inside vmap that of all examples; what is no tensor is given back.

    It is for looking: whether something is allowed, or a shorter way is open to all. What is computed with it is
    lost to the tape, and belongs to no example.
    """
    while isinstance(x, BatchedTensor):
        x = x.value
    return x._array if isinstance(x, Tensor) else x
