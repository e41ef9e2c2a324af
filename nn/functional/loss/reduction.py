"""What the losses share: the options of reduction, the checks of shapes, and the batching rules.

An operation that is a loss computes the loss of each element or sample and reduces it at once; its rules multiply
the slope by `share`, the part of the upstream gradient that each of them gets.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ....autograd import Tensor, mean, sum
from ....autograd.extend import batch_size, spread
from ..check import check_floating

Array = np.ndarray[Any, Any]

REDUCTIONS = ("mean", "sum", "none")


def check_reduction(reduction: str, allowed: Sequence[str] = REDUCTIONS) -> None:
    """Raise ValueError for a reduction that there is not."""
    if reduction not in allowed:
        *first, last = map(repr, allowed)
        raise ValueError(f"reduction must be {', '.join(first)} or {last}, not {reduction!r}")


def reduced(losses: Array, reduction: str, count: float | None = None) -> Any:
    """The losses themselves, their sum, or their mean; the mean of none is nan.

    Args:
        losses: an array.
        reduction: "none", "sum" or "mean".
        count: what the mean divides by, if not the number of losses.
    """
    if reduction == "none":
        return losses
    total = np.sum(losses)
    if reduction == "sum":
        return total
    count = losses.size if count is None else count
    return total.dtype.type(total / count if count else np.nan)


def reduced_tensor(losses: Tensor, reduction: str) -> Tensor:
    """The same for a Tensor, in operations."""
    if reduction == "none":
        return losses
    return sum(losses) if reduction == "sum" else mean(losses)


def share(g: Any, count: Any, reduction: str, weight: Any = None) -> Any:
    """What comes back to each loss: g, a `count`-th of it for the mean, times the weights if there are any."""
    if reduction == "mean":
        g = g / count
    return g if weight is None else g * weight


def size_of(*shapes: tuple[int, ...]) -> int:
    """The number of losses, at least 1, of inputs that broadcast."""
    return max(math.prod(np.broadcast_shapes(*shapes)), 1)


def check_same_shape(where: str, **tensors: Any) -> None:
    """Raise ValueError unless all have one shape: broadcasting would compare every element with every other.

    Args:
        where: the function.
        **tensors: what to compare, by name; anything with a shape.
    """
    (first, x), *others = ((name, np.shape(value)) for name, value in tensors.items())
    for other, y in others:
        if x != y:
            raise ValueError(f"{where}: {first} has shape {x} and {other} {y}{_advice(first, x, other, y)}")


def _advice(first: str, x: tuple[int, ...], other: str, y: tuple[int, ...]) -> str:
    """How to mend two shapes that differ."""
    for long, short, name, beside in ((x, y, first, other), (y, x, other, first)):
        for axis, place in ((-1, long[-1:]), (0, long[:1])):
            rest = long[:-1] if axis else long[1:]
            if place == (1,) and rest == short:
                wide = np.broadcast_shapes(x, y)
                index = "[..., None]" if axis else "[None]"
                return f", which would broadcast to {wide}; use {name}.squeeze({axis}), or {beside}{index}"
    return "; they must have the same shape"


def pointwise(where: str, input: Any, target: Any, weight: Any = None) -> tuple[Any, Any, Any]:
    """Input, target and weight of a loss that compares element by element, the last two in the input's dtype.

    Raises:
        TypeError: for an input that is not floating.
        ValueError: for shapes that differ.
    """
    check_floating(where, "the input", input)
    target = np.asarray(target)
    check_same_shape(where, input=input, target=target)
    if weight is not None:
        weight = np.asarray(weight)
        check_same_shape(where, input=input, weight=weight)
        weight = weight.astype(input.dtype, copy=False)
    return input, target.astype(input.dtype, copy=False), weight


def pointwise_batch(
    call: Any, batched: tuple[bool, ...], *inputs: Any, reduction: str, **parameters: Any
) -> Any:
    """The elements of all examples at once; each example takes its own mean."""
    first, second, *others = inputs
    if any(x is not None for x in others):
        return NotImplemented  # a weight may have another shape
    size = batch_size(batched, inputs)
    pair = [x if b else spread(x, size) for x, b in zip((first, second), batched[:2], strict=True)]
    if len({x.ndim for x in pair}) > 1:
        return NotImplemented  # as is its error
    losses = call(*pair, *others, reduction="none", **parameters)
    axes = tuple(range(1, losses.ndim))
    if reduction == "none":
        return losses
    total = np.sum(losses, axis=axes)
    count = {"mean": math.prod(losses.shape[1:]), "batchmean": losses.shape[1] if axes else 1}.get(
        reduction, 1
    )
    return total / count if count else total * np.nan


def rows_batch(
    call: Any,
    batched: tuple[bool, ...],
    input: Any,
    target: Any,
    *others: Any,
    reduction: str,
    **parameters: Any,
) -> Any:
    """The samples of all examples in one row, for losses of shape (N, C); each example takes its own mean."""
    if any(batched[2:]):
        return NotImplemented
    size = batch_size(batched, (input, target, *others))
    input, target = (x if b else spread(x, size) for x, b in zip((input, target), batched[:2], strict=True))
    several = input.ndim > 2  # samples in each example, and not one alone
    rows = [np.reshape(x, (size * x.shape[1], *x.shape[2:])) if several else x for x in (input, target)]
    losses = call(*rows, *others, reduction="none", **parameters)
    if reduction == "none" or not several:
        return np.reshape(losses, (size, -1)) if several and size else losses
    losses = np.reshape(losses, (size, input.shape[1]))
    return np.sum(losses, axis=1) if reduction == "sum" else np.mean(losses, axis=1)
