"""Tensors that stand for a batch: what the functions inside `vmap` compute with.

A `BatchedTensor` shows the shape of one example and holds the whole batch, as an ordinary tensor whose first axis
counts the examples. An operation that meets one runs its batching rule (`family.py`) on the whole batch, on the
same tape as everything else; so gradients need no rules of their own. Nested `vmap`s are levels: a batch may
itself be a BatchedTensor of an enclosing level.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from .convert import array_operand, operand
from .errors import refuse_operand
from .family import PerExample, spread
from .mode import current_mode
from .node import Node
from .tensor import Tensor, wrap

if TYPE_CHECKING:
    from .op import Op

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
        new: Any = kind
        tensor.__class__ = _batched_kind(new) if isinstance(tensor, BatchedTensor) else kind
    return tensor


@functools.cache
def _batched_kind(kind: Any) -> type[BatchedTensor]:
    return type(f"Batched{kind.__name__}", (BatchedTensor, kind), {"__slots__": ()})


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


# operations


def vectorised(op: Op, inputs: tuple[Any, ...], parameters: tuple[Any, ...]) -> Any:
    """An operation on a whole batch; None if nothing that it got is batched."""
    named = dict(zip(op.parameters, parameters, strict=True))
    index = named.get("index", ())
    looked_at = (*inputs, *index) if type(index) is tuple else inputs
    levels = {x.level for x in looked_at if isinstance(x, BatchedTensor)}
    if not levels:
        return None
    active = dict(current_mode().levels or ())
    if not levels <= active.keys():
        raise RuntimeError(ESCAPED)
    if op.batch is None and op.composed is not None:
        args, kwargs = op.bind(inputs, named)
        return op.composed(*args, **kwargs)
    level = max(levels)
    here = tuple(isinstance(x, BatchedTensor) and x.level == level for x in inputs)
    beside = next((x for x in inputs if isinstance(x, Tensor)), None)
    values = [x.value if b else _plain(op, x, beside) for x, b in zip(inputs, here, strict=True)]
    if type(index) is tuple and index:
        named["index"] = tuple(_per_example(part, level) for part in index)
    call = functools.partial(_call, op)
    result = NotImplemented
    if op.batch is not None:
        result = op.batch(call, here, *([values] if op.variadic else values), **named)
    if result is NotImplemented:
        result = _one_by_one(op, call, active[level], here, values, named)
    if isinstance(result, tuple):
        parts = [batched(x, level) for x in result]
        return type(result)(*parts) if hasattr(result, "_fields") else tuple(parts)
    return batched(result, level)


def _plain(op: Op, x: Any, beside: Tensor | None) -> Any:
    if x is None or isinstance(x, Tensor):
        return x
    value = array_operand(x, beside) if op.variadic else operand(x, beside)
    if value is NotImplemented:
        raise refuse_operand(op, ", ".join(op.inputs), x)
    return value


def _per_example(part: Any, level: int) -> Any:
    return PerExample(part.value) if isinstance(part, BatchedTensor) and part.level == level else part


def _call(op: Op, *inputs: Any, **parameters: Any) -> Any:
    """The operation with its inputs by position and its parameters by name, whatever its signature wants."""
    positional, named = op.bind(inputs[0] if op.variadic else inputs, parameters)
    return op.call(*positional, **named)


def _one_by_one(
    op: Op,
    call: Callable[..., Any],
    size: int,
    here: tuple[bool, ...],
    values: list[Any],
    parameters: dict[str, Any],
) -> Any:
    """An operation without a batching rule, called for one example after the other."""
    from .op import REGISTRY
    from .ops.shape import stack

    if REGISTRY.get(op.name) is not op:  # only a declared one is sure to be a function of what it is given
        raise RuntimeError(
            f"{op.name} is not a declared operation and cannot run inside vmap, where one call stands for many; "
            "declare it with pullback.autograd.extend.op, or call it outside of vmap"
        )
    index = parameters.get("index")
    if type(index) is tuple and any(isinstance(part, PerExample) for part in index):
        raise TypeError(f"{op.name}: inside vmap its index must be the same for all examples")

    def one(i: int) -> Any:
        own = [x[i] if b else x for x, b in zip(values, here, strict=True)]
        return call(own, **parameters) if op.variadic else call(*own, **parameters)

    if not size:  # the shapes are those that an example of ones would give
        values = [np.ones((1, *x.shape[1:]), x.dtype) if b else x for x, b in zip(values, here, strict=True)]
        return _map_parts(lambda x: wrap(np.zeros((0, *x.shape), x.dtype), None), one(0))
    results = [one(i) for i in range(size)]

    def joined(*parts: Tensor) -> Tensor:
        if len({part.shape for part in parts}) > 1:
            raise RuntimeError(
                f"{op.name} gives shapes that depend on the values, here {parts[0].shape} and others, and inside "
                "vmap all examples must have one shape; call it outside of vmap"
            )
        result: Tensor = stack(parts)
        return result

    return _map_parts(joined, *results)


def _map_parts(function: Callable[..., Tensor], *results: Any) -> Any:
    """A function of Tensors on results that are Tensors, or on each part of results that are tuples."""
    if not isinstance(results[0], tuple):
        return function(*results)
    parts = [function(*group) for group in zip(*results, strict=True)]
    return type(results[0])(*parts) if hasattr(results[0], "_fields") else tuple(parts)
