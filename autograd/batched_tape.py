"""Writes in place and gradients of tensors that stand for a batch (`batched.py`).

Both are handed on to the tensor that holds the whole batch, where the tape is the ordinary one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .batched import BatchedTensor, batched, explicit, levels_of
from .family import PerExample, padded, spread
from .tensor import Tensor

# writes in place


def write(target: Tensor, index: tuple[Any, ...], value: Any) -> None:
    """`target[index] = value` where one of them is batched: a write into the whole batch."""
    from .ops.index import axes_in_front, place_in_batch

    inner = max((level for each in (value, *index) for level, _ in levels_of(each)), default=-1)
    if not isinstance(target, BatchedTensor) or inner > target.level:
        raise RuntimeError(
            "inside vmap a value that differs from example to example, or one at an index that differs, cannot be "
            "written in place into a tensor that is the same for all of them; write into one that has the batch, such "
            "as pb.zeros_like(x) or a copy of x, or compute a new tensor: y = y + x instead of y += x"
        )
    level, size = target.level, target.value.shape[0]
    per_example = any(isinstance(part, BatchedTensor) and part.level == level for part in index)
    own = value.value if isinstance(value, BatchedTensor) and value.level == level else None
    shape = np.broadcast_to(np.False_, target.shape)[_like_one_example(index)].shape
    front = 0 if per_example else axes_in_front(index)
    if own is None and not per_example and not (front and np.ndim(value)):
        target.value[(slice(None), *index)] = value
        return
    own = spread(value, size) if own is None else own
    extra = own.ndim - 1 - len(shape)
    if extra > 0 and own.shape[1 : 1 + extra] == (1,) * extra:  # NumPy lets it have them in front
        own = own.reshape((own.shape[0], *own.shape[1 + extra :]))
    elif extra > 0:
        raise ValueError(f"values of shape {own.shape[1:]} do not fit into a part with {len(shape)} axes")
    own = padded(own, len(shape))
    if per_example:
        parts = tuple(
            PerExample(p.value) if isinstance(p, BatchedTensor) and p.level == level else p for p in index
        )
        whole, own = place_in_batch(parts, own, size, target.ndim)
        target.value[whole] = own
    else:
        target.value[(slice(None), *index)] = np.moveaxis(own, 0, front) if front else own


def _like_one_example(index: tuple[Any, ...]) -> tuple[Any, ...]:
    """An index that gives the same shape, with zeros where examples differ."""
    return tuple(np.zeros(p.shape, int) if isinstance(p, BatchedTensor) else p for p in index)


# gradients


def pull_back(
    outputs: Sequence[Tensor],
    inputs: Sequence[Tensor],
    given: Sequence[Any],
    retain_graph: bool,
    create_graph: bool,
) -> list[Tensor | None]:
    """The gradients of tensors that may be batched; None for an input that no output depends on.

    The examples do not mix, so the gradients of all of them are those of their sum.
    """
    from .tape import collect, gradients

    levels = [y.level for y in outputs if isinstance(y, BatchedTensor)]
    if not levels:
        plain = [i for i, x in enumerate(inputs) if not isinstance(x, BatchedTensor)]
        some: dict[int, Tensor | None] = {}
        if plain and outputs:
            xs = [inputs[i] for i in plain]
            found = gradients(outputs, xs, given, retain_graph, create_graph, allow_unused=True)
            some = dict(zip(plain, found, strict=True))
        return [some.get(i) for i in range(len(inputs))]
    level = max(levels)
    size = next(y.value.shape[0] for y in outputs if isinstance(y, BatchedTensor) and y.level == level)
    here = [i for i, y in enumerate(outputs) if isinstance(y, BatchedTensor) and y.level == level]
    wholes = [explicit(x, level) for x in inputs]
    reached = {node for i in here for node in collect([n for n in [outputs[i]._node] if n is not None])}
    for x, whole in zip(inputs, wholes, strict=True):
        if whole is None and x._node in reached:
            raise RuntimeError(
                "inside vmap the gradient with respect to a tensor that is the same for all examples would add up "
                "what belongs to single ones; make it an argument: grad(f)(w, x) inside vmap gives one per example"
            )
    batch = pull_back(
        [outputs[i].value for i in here],  # type: ignore[attr-defined]  # those are batched
        [whole for whole in wholes if whole is not None],
        [_whole_gradient(outputs[i], given[i], level, size) for i in here],
        True if len(here) < len(outputs) else retain_graph,
        create_graph,
    )
    others = [i for i in range(len(outputs)) if i not in here]
    rest = pull_back(
        [outputs[i] for i in others],
        [x for x, whole in zip(inputs, wholes, strict=True) if whole is None],
        [given[i] for i in others],
        retain_graph,
        create_graph,
    )
    batch_parts, other_parts = iter(batch), iter(rest)
    results: list[Tensor | None] = []
    for whole in wholes:
        part = next(other_parts) if whole is None else next(batch_parts)
        results.append(part if whole is None or part is None else implicit(part, level))
    return results


def implicit(x: Any, level: int) -> BatchedTensor:
    """The reverse of `explicit`."""
    if isinstance(x, BatchedTensor) and x.level > level:
        inner: Any = x.value
        return batched(implicit(np.moveaxis(inner, 1, 0), level), x.level)
    return batched(x, level)


def _whole_gradient(y: Tensor, gradient: Any, level: int, size: int) -> Any:
    if gradient is None:
        if y.size != 1:
            raise RuntimeError(
                f"the gradient that comes into a tensor of shape {y.shape} must be given; only a scalar has an "
                "obvious one"
            )
        gradient = np.ones(y.shape, y.dtype)
    if np.shape(gradient) != y.shape:
        raise ValueError(
            f"the gradient given has shape {np.shape(gradient)}, and the tensor has {y.shape}; they must be equal"
        )
    whole = explicit(gradient, level)
    return spread(gradient, size) if whole is None else whole
