"""Rules run once more on what was recorded: their own results, before sums over broadcast axes, and local gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autograd import Entry
from ...autograd.extend import Op
from ..numbers import Array

_MOST_NUMBERS = 200_000
"""Rules are run again, to show local gradients, only where their arrays are no larger than this."""


def run_again(entry: Entry, operation: Op, name: str, slot: int) -> tuple[Array, Array] | None:
    """A rule's own results, before they are brought to the operand's shape: for the gradient, and for ones."""
    gradient = entry.gradient
    if operation.joint is not None or operation.outputs or gradient is None:
        return None
    values = [operand.value for operand in entry.inputs]
    sizes = [gradient.size, *(value.size for value in values if value is not None)]
    if any(value is None for value in values) or max(sizes) > _MOST_NUMBERS:
        return None
    if operation.complex == "holomorphic" and gradient.dtype.kind == "c":
        return None  # the engine conjugates
    given: dict[str, Any] = {
        **dict.fromkeys(operation.inputs),
        **entry.parameters,
        "out": entry.value,
        "i": slot,
    }
    if operation.variadic:
        given[operation.inputs[0]] = tuple(values)
        given[f"{operation.inputs[0]}_shape"] = tuple(operand.shape for operand in entry.inputs)
        given[f"{operation.inputs[0]}_dtype"] = tuple(operand.dtype for operand in entry.inputs)
    else:
        for place, operand in zip(entry.slots, entry.inputs, strict=True):
            own = operation.inputs[place]
            given |= {own: operand.value, f"{own}_shape": operand.shape, f"{own}_dtype": operand.dtype}
    try:
        with np.errstate(all="ignore"):
            results = [
                operation.rules[name](*(({**given, "g": g})[key] for key in operation.rule_arguments[name]))
                for g in (gradient, np.ones_like(gradient))
            ]
        whole, local = (np.asarray(result) for result in results)
    except Exception:  # a rule that needs more than was recorded: its result alone is shown
        return None
    return (whole, local) if whole.dtype.kind in "biufc" else None


def is_product(local: Array, upstream: Array | None, whole: Array) -> bool:
    """Whether a gradient is the upstream one times the local one, element by element."""
    if upstream is None or local.dtype.kind == "c":
        return False
    try:
        with np.errstate(all="ignore"):
            return near(
                local * upstream, np.broadcast_to(whole, np.broadcast_shapes(local.shape, upstream.shape))
            )
    except ValueError:
        return False


def projected(whole: Array, shape: tuple[int, ...]) -> Array:
    """A gradient in the shape of its operand: summed over the axes along which that was broadcast."""
    if whole.shape == shape:
        return whole
    axes = stretched(whole.shape, shape)
    return np.asarray(whole.sum(axis=axes, keepdims=True)).reshape(shape) if axes else whole


def stretched(whole: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    """The axes along which a shape was broadcast to another."""
    extra = len(whole) - len(shape)
    return (*range(extra), *(extra + i for i, n in enumerate(shape) if n != whole[extra + i]))


def near(one: Any, other: Array) -> bool:
    """Whether numbers are the same but for rounding; nan equals nan."""
    one, other = np.asarray(one), np.asarray(other)
    if one.shape != other.shape:
        return False
    finite = np.abs(other[np.isfinite(other)])
    floats = [array.dtype for array in (one, other) if array.dtype.kind in "fc"]
    eps = max((float(np.finfo(dtype).eps) for dtype in floats), default=0.0)
    return bool(
        np.allclose(one, other, rtol=64 * eps, atol=64 * eps * float(finite.max(initial=0.0)), equal_nan=True)
    )
