"""Checks of what an answer depends on: its own example and no other, and nothing that is still to come.

One input is exchanged, and what else moves is looked at (A. Karpathy, "A Recipe for Training Neural Networks", 2019:
"use backprop to chart dependencies").
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autograd import Tensor, asarray, no_grad
from .case import Array, Case, arrays_in, rows_of
from .report import Finding, fine, problem, silent

FEW = 6  # examples
SAME = 1e-4  # relative to the largest output; products of another size are rounded otherwise


def independence(case: Case) -> Finding:
    """In evaluation the answer for an example does not depend on the others of its batch."""
    name = "independence"
    size = min(case.size or 0, FEW)
    if size < 3:
        return silent(name, "this needs a batch of at least three examples")
    input, _ = case.rows(np.arange(size))
    # the first example gives way to another one; what the others get must not move
    other = rows_of(input, np.array([2, *range(1, size)]))
    first, second = _answers(case, input), _answers(case, other)
    if first is None or second is None or len(first) != size:
        return silent(name, "the output is not one floating array with a row for each example")
    if _differ(first[1:], second[1:]):
        return problem(
            name,
            "in evaluation mode the answers for some examples change when another example of the batch does",
            "look for a reshape that mixes axes, a sum or softmax over the batch axis, or an attention or recurrent "
            "layer without batch_first=True",
        )
    return fine(name, "each answer depends on its own example only")


def causality(case: Case) -> Finding:
    """What is asked to tell the next element of a sequence does not see it."""
    name = "causality"
    inputs, targets = list(arrays_in(case.input)), list(arrays_in(case.target))
    if len(inputs) != 1 or len(targets) != 1 or inputs[0].ndim != 2 or inputs[0].shape != targets[0].shape:
        return silent(name, "the targets are no sequences like the inputs")
    tokens, wanted = inputs[0], targets[0]
    if (
        tokens.dtype.kind not in "iu"
        or tokens.shape[1] < 3
        or not np.array_equal(wanted[:, :-1], tokens[:, 1:])
    ):
        return silent(name, "the targets are not the inputs one step ahead")
    few = tokens[:FEW]
    other = few.copy()
    last = other[:, -1]
    other[:, -1] = np.where(last == tokens.min(), tokens.max(), tokens.min())
    first, second = _answers(case, asarray(few)), _answers(case, asarray(other))
    if first is None or second is None or first.shape[:2] != few.shape:
        return silent(name, "the output has no answer for each element")
    if _differ(first[:, :-1], second[:, :-1]):
        return problem(
            name,
            "answers change when a later element of the sequence does: the model sees what it is asked for",
            "mask what is to come: a causal mask for attention, no bidirectional layers, and convolutions that are "
            "padded on the left only",
        )
    return fine(name, "no answer depends on what is still to come")


def _answers(case: Case, input: Any) -> Array | None:
    with case.trial(training=False), no_grad():
        output = case.model(input)
    if not isinstance(output, Tensor) or output.dtype.kind != "f" or not output.ndim:
        return None
    return np.array(output.detach().numpy(), np.float64)


def _differ(first: Array, second: Array) -> bool:
    if not np.isfinite(first).all() or not np.isfinite(second).all():
        return False
    return bool(
        np.abs(first - second).max(initial=0) > SAME * max(float(np.abs(first).max(initial=0)), 1e-12)
    )
