"""Families of operations: what their shapes obey, and how `vmap` gives them a whole batch at once.

A sample generator names the family of its operations (`samples.py`), so a declaration that has samples has its
family. The batching rule of a family, and one that an operation declares for itself (`op(batch=...)`), is a
function `rule(call, batched, *inputs, **parameters)`: `batched` says which inputs have a batch axis, always
their first one; `call` is the operation, inputs by position and parameters by name; the result has the batch
axis first, or is NotImplemented for a case that the rule leaves open. Then, and for an operation without a rule,
each example is computed by itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

BatchRule = Callable[..., Any]
Axis = int | tuple[int, ...] | None


class Family(Enum):
    """Operations that share their law of shapes and their batching rule."""

    ELEMENTWISE = "each element by itself, with broadcasting"
    REDUCTION = "takes axes away"
    ALONG = "mixes the elements along an axis and keeps the shape"
    LEADING = "works on the last axes, for any number of axes in front"

    @property
    def batch(self) -> BatchRule:
        """The family's batching rule."""
        return _RULES[self]


class PerExample:
    """An index that differs from example to example: integers with a batch axis first."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


def batch_size(batched: Sequence[bool], inputs: Sequence[Any]) -> int:
    """The number of examples."""
    length: int = next(x.shape[0] for x, b in zip(inputs, batched, strict=True) if b)
    return length


def padded(x: Any, ndim: int) -> Any:
    """A batched input with axes of length 1 behind the batch axis, so that each example has `ndim` axes."""
    missing = ndim + 1 - x.ndim
    return x.reshape((x.shape[0], *(1,) * missing, *x.shape[1:])) if missing > 0 else x


def spread(x: Any, size: int) -> Any:
    """An input without a batch axis, repeated for every example."""
    return np.broadcast_to(x, (size, *np.shape(x)))


def behind_batch(axis: int | tuple[int, ...], ndim: int) -> Any:
    """An axis (or several) of an example with `ndim` axes, as that of the batch."""
    if isinstance(axis, (tuple, list)):
        return tuple(behind_batch(a, ndim) for a in axis)
    return normalize_axis_index(axis, ndim) + 1


def _elementwise(call: Callable[..., Any], batched: Sequence[bool], *inputs: Any, **parameters: Any) -> Any:
    """The axes of the examples are aligned from behind, as broadcasting aligns them."""
    ndim = max(np.ndim(x) - b for x, b in zip(inputs, batched, strict=True) if x is not None)
    return call(*(padded(x, ndim) if b else x for x, b in zip(inputs, batched, strict=True)), **parameters)


def _reduction(
    call: Callable[..., Any], batched: Sequence[bool], x: Any, *, axis: Axis = None, **parameters: Any
) -> Any:
    shape = x.shape[1:]
    if axis is None or not shape:
        if axis is not None and not isinstance(axis, tuple):
            normalize_axis_index(axis, 1)  # NumPy reduces a 0-d array along 0 and -1
        flat = call(x.reshape((x.shape[0], math.prod(shape))), axis=1, **parameters)
        return flat.reshape((x.shape[0], *(1,) * len(shape))) if parameters.get("keepdims") else flat
    return call(x, axis=behind_batch(axis, len(shape)), **parameters)


def _along(
    call: Callable[..., Any], batched: Sequence[bool], x: Any, *, axis: Axis = -1, **parameters: Any
) -> Any:
    if axis is None and x.ndim != 2:
        return NotImplemented  # for several axes it may mean the flat array, or be an error
    if axis is None:
        return call(x, axis=1, **parameters)
    if x.ndim == 1:  # the examples are numbers
        return call(x.reshape((x.shape[0], 1)), axis=1, **parameters).reshape(x.shape)
    return call(x, axis=behind_batch(axis, x.ndim - 1), **parameters)


def _leading(call: Callable[..., Any], batched: Sequence[bool], *inputs: Any, **parameters: Any) -> Any:
    ndims = {np.ndim(x) - b for x, b in zip(inputs, batched, strict=True) if x is not None}
    if min(ndims) < 2 and (len(ndims) > 1 or ndims == {0} or ndims == {1}):
        return NotImplemented  # a vector is something else than a matrix, and the batch axis must not make it one
    most = max(ndims)
    return call(*(padded(x, most) if b else x for x, b in zip(inputs, batched, strict=True)), **parameters)


_RULES: dict[Family, BatchRule] = {
    Family.ELEMENTWISE: _elementwise,
    Family.REDUCTION: _reduction,
    Family.ALONG: _along,
    Family.LEADING: _leading,
}
