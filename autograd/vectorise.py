"""What operations and functions do with tensors that stand for a batch (`batched.py`).

An operation has a batching rule from its family or its declaration (`family.py`), or is written in others
(`composed=`), or is called for one example after the other. A function that is composed of operations needs nothing
of this, unless it looks at values; `batch_rule` gives it a rule, and `shape_depends_on_values` refuses it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import numpy as np

from .batched import ESCAPED, BatchedTensor, batched
from .convert import array_operand, operand
from .errors import refuse_operand
from .family import BatchRule, PerExample
from .mode import current_mode
from .tensor import Tensor, wrap

if TYPE_CHECKING:
    from .op import Op

F = TypeVar("F", bound=Callable[..., Any])


# operations


def vectorised(op: Op, inputs: tuple[Any, ...], parameters: tuple[Any, ...]) -> Any:
    """An operation on a whole batch; None if nothing that it got is batched."""
    named = dict(zip(op.parameters, parameters, strict=True))
    index = named.get("index", ())
    level = level_among((*inputs, *index) if type(index) is tuple else inputs)
    if level is None:
        return None
    beside = next((x for x in inputs if isinstance(x, Tensor)), None)
    inputs = tuple(_plain(op, x, beside) for x in inputs)
    if op.batch is None and op.composed is not None:
        args, kwargs = op.bind([wrap(x, None) if isinstance(x, np.ndarray) else x for x in inputs], named)
        return op.composed(*args, **kwargs)
    here, values = _opened(inputs, level)
    if type(index) is tuple and index:
        named["index"] = tuple(_per_example(part, level) for part in index)
    call = functools.partial(_call, op)
    result = NotImplemented
    if op.batch is not None:
        result = op.batch(call, here, *([values] if op.variadic else values), **named)
    if result is NotImplemented:
        _check_loop(op, named.get("index"))
        if op.variadic:
            result = _each(op.name, lambda *xs: call(xs, **named), here, values, level)
        else:
            result = _each(op.name, functools.partial(call, **named), here, values, level)
    return _map_parts(lambda x: batched(x, level), result)


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


def _check_loop(op: Op, index: Any) -> None:
    from .op import REGISTRY

    if REGISTRY.get(op.name) is not op:  # only a declared one is sure to be a function of what it is given
        raise RuntimeError(
            f"{op.name} is not a declared operation and cannot run inside vmap, where one call stands for many; "
            "declare it with pullback.autograd.extend.op, or call it outside of vmap"
        )
    if type(index) is tuple and any(isinstance(part, PerExample) for part in index):
        raise TypeError(f"{op.name}: inside vmap its index must be the same for all examples")


# functions


def level_among(values: Sequence[Any]) -> int | None:
    """The innermost level at which one of the values is batched; None if none is."""
    levels = {x.level for x in values if isinstance(x, BatchedTensor)}
    if not levels:
        return None
    if not levels <= {number for number, _ in current_mode().levels or ()}:
        raise RuntimeError(ESCAPED)
    return max(levels)


def batch_rule(rule: BatchRule) -> Callable[[F], F]:
    """Give a function of tensors (by position) and parameters (by name) a batching rule, as operations have one."""

    def decorate(function: F) -> F:
        @functools.wraps(function)
        def on_batch(*inputs: Any, **parameters: Any) -> Any:
            level = None if current_mode().levels is None else level_among(inputs)
            if level is None:
                return function(*inputs, **parameters)
            here, values = _opened(inputs, level)
            result = rule(on_batch, here, *values, **parameters)
            if result is NotImplemented:
                one = functools.partial(on_batch, **parameters)
                result = _each(function.__name__, one, here, values, level)
            return _map_parts(lambda x: batched(x, level), result)

        return on_batch  # type: ignore[return-value]  # the same signature

    return decorate


def one_by_one(name: str, function: Callable[..., Any], inputs: Sequence[Any]) -> Any:
    """A function called for each example of the innermost level; None if nothing that it gets is batched."""
    level = level_among(inputs)
    if level is None:
        return None
    here, values = _opened(inputs, level)
    return _map_parts(lambda x: batched(x, level), _each(name, function, here, values, level))


def each_example(function: F) -> F:
    """Let a function that looks at values be called inside vmap for one example after the other."""

    @functools.wraps(function)
    def on_batch(*args: Any, **kwargs: Any) -> Any:
        if current_mode().levels is None:
            return function(*args, **kwargs)

        def one(*inputs: Any) -> Any:
            return on_batch(*inputs[: len(args)], **dict(zip(kwargs, inputs[len(args) :], strict=True)))

        found = one_by_one(function.__name__, one, (*args, *kwargs.values()))
        return function(*args, **kwargs) if found is None else found

    on_batch.each_example = True  # type: ignore[attr-defined]  # functions take attributes
    return on_batch  # type: ignore[return-value]  # the same signature


def is_batched(x: Any) -> bool:
    """Whether a tensor stands for a batch, inside vmap."""
    return isinstance(x, BatchedTensor)


def shape_depends_on_values(function: F) -> F:
    """Let a function refuse a batch: the shape of its result is that of the values, and would differ."""

    @functools.wraps(function)
    def checked(*args: Any, **kwargs: Any) -> Any:
        if current_mode().levels is not None and level_among((*args, *kwargs.values())) is not None:
            _refuse_shapes(function.__name__)
        return function(*args, **kwargs)

    checked.shape_depends_on_values = True  # type: ignore[attr-defined]  # functions take attributes
    return checked  # type: ignore[return-value]  # the same signature


def refused_batch(name: str) -> BatchRule:
    """The same for an operation, in the place of a batching rule."""

    def rule(call: Any, batched: Any, *inputs: Any, **parameters: Any) -> NoReturn:
        _refuse_shapes(name)

    rule.shape_depends_on_values = True  # type: ignore[attr-defined]  # as above
    return rule


def _refuse_shapes(name: str) -> NoReturn:
    raise RuntimeError(
        f"{name} gives shapes that depend on the values, and inside vmap all examples must have one shape; call it "
        "outside of vmap"
    )


def _opened(inputs: Sequence[Any], level: int) -> tuple[tuple[bool, ...], list[Any]]:
    """Which of the values have a batch axis at a level, and all of them with it as an ordinary first axis."""
    here = tuple(isinstance(x, BatchedTensor) and x.level == level for x in inputs)
    return here, [x.value if b else x for x, b in zip(inputs, here, strict=True)]


def _each(
    name: str, function: Callable[..., Any], here: Sequence[bool], values: Sequence[Any], level: int
) -> Any:
    """A function called for one example after the other, and the results stacked."""
    from .ops.shape import stack

    size = dict(current_mode().levels or ())[level]

    def one(i: int) -> Any:
        return function(*[x[i] if b else x for x, b in zip(values, here, strict=True)])

    if not size:  # the shapes are those that an example of ones would give
        ones = (
            wrap(np.ones((1, *x.shape[1:]), x.dtype), None) if b else x
            for x, b in zip(values, here, strict=True)
        )
        values = list(ones)
        return _map_parts(lambda x: wrap(np.zeros((0, *x.shape), x.dtype), None), one(0))

    def joined(*parts: Tensor) -> Tensor:
        if len({part.shape for part in parts}) > 1:
            _refuse_shapes(name)
        result: Tensor = stack(parts)
        return result

    return _map_parts(joined, *[one(i) for i in range(size)])


def _map_parts(function: Callable[..., Tensor], *results: Any) -> Any:
    """A function of Tensors on results that are Tensors, or on each part of results that are tuples."""
    if not isinstance(results[0], tuple):
        return function(*results)
    parts = [function(*group) for group in zip(*results, strict=True)]
    return type(results[0])(*parts) if hasattr(results[0], "_fields") else tuple(parts)
