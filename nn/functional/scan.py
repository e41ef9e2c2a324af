"""What the recurrent operations share: the order of the steps, and their twins written in operations.

A batch of sequences is stored step by step, in rows: `batch_sizes` says how many sequences take part in each step,
which does not rise, the longest sequence being the first. So sequences of one length and of several are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ...autograd import concat, matmul, matrix_transpose
from ...autograd.extend import matrix_product
from .check import check_dtypes, check_one_dtype, check_shape

Array = np.ndarray[Any, Any]


def steps(batch_sizes: Sequence[int], reverse: bool) -> list[tuple[slice, int]]:
    """The rows of each step and how many they are, in the order in which they are computed."""
    ends = np.cumsum(batch_sizes)
    found = [(slice(int(end) - size, int(end)), size) for end, size in zip(ends, batch_sizes, strict=True)]
    return found[::-1] if reverse else found


def before(values: Array, first: Array, order: list[tuple[slice, int]], out: Array | None = None) -> Array:
    """The state before each step, from that behind each step and the initial one."""
    found = np.empty_like(values) if out is None else out
    size = order[0][1]
    if len(order) * size == len(values):  # all sequences are as long
        forward = order[0][0].start == 0
        found[slice(size, None) if forward else slice(-size)] = values[
            slice(-size) if forward else slice(size, None)
        ]
        found[order[0][0]] = first
        return found
    state = first.copy()
    for rows, size in order:
        found[rows] = state[:size]
        state[:size] = values[rows]
    return found


def weight_gradients(
    slopes: Array,
    input: Array,
    output: Array,
    h0: Array,
    order: list[tuple[slice, int]],
    needs_ih: bool,
    needs_hh: bool,
) -> tuple[Array | None, Array | None]:
    """Those of weight_ih and weight_hh, each None if it is not needed, from the gradients of what they add up to."""
    if not needs_hh:
        return matrix_product(slopes.T, input) if needs_ih else None, None
    if not needs_ih:
        return None, matrix_product(slopes.T, before(output, h0, order))
    features = input.shape[1]
    joint = np.empty((len(input), features + output.shape[1]), input.dtype)  # for one product in place of two
    joint[:, :features] = input
    before(output, h0, order, joint[:, features:])
    both = matrix_product(slopes.T, joint)
    return both[:, :features].copy(), both[:, features:].copy()


def sum_of(bias_ih: Array | None, bias_hh: Array | None) -> Array | None:
    """Of two biases that may be missing."""
    if bias_ih is None or bias_hh is None:
        return bias_hh if bias_ih is None else bias_ih
    total: Array = bias_ih + bias_hh
    return total


def check_layer(
    where: str,
    input: Any,
    states: dict[str, Any],
    weight_ih: Any,
    weight_hh: Any,
    biases: dict[str, Any],
    batch_sizes: Sequence[int],
    gates: int,
    weight_hr: Any = None,
) -> None:
    """Raise ValueError or TypeError for a recurrent layer's inputs that do not fit together.

    Args:
        where: the function.
        input: shape (rows, features).
        states: the initial states by name, each of shape (sequences, features).
        weight_ih: shape (gates·hidden, input features).
        weight_hh: shape (gates·hidden, features of the result).
        biases: by name, of shape (gates·hidden,), or None.
        batch_sizes: how many sequences take part in each step.
        gates: how many there are.
        weight_hr: the projection of the result, of shape (features of the result, hidden), or None.
    """
    sizes = list(batch_sizes)
    if not sizes or min(sizes) < 0 or any(a < b for a, b in pairwise(sizes)):
        raise ValueError(f"{where}: batch_sizes are at least one number and do not rise, and not {sizes}")
    if weight_ih.ndim != 2 or weight_hh.ndim != 2 or weight_ih.shape[0] % gates:
        raise ValueError(
            f"{where}: weight_ih of shape {weight_ih.shape} and weight_hh of shape {weight_hh.shape} must be matrices "
            f"with {gates}·hidden rows"
        )
    hidden = weight_ih.shape[0] // gates
    width = hidden if weight_hr is None else weight_hr.shape[0]
    check_shape(
        where, "weight_hh", weight_hh, (gates * hidden, width), f"weight_ih has {gates}·{hidden} rows"
    )
    check_shape(where, "weight_hr", weight_hr, (width, hidden))
    for name, bias in biases.items():
        check_shape(where, name, bias, (gates * hidden,), "one for each row of weight_ih")
    if input.ndim != 2 or input.shape != (sum(sizes), weight_ih.shape[1]):
        raise ValueError(
            f"{where}: the input has shape {input.shape} and must have {(sum(sizes), weight_ih.shape[1])}: a row for "
            "each step of each sequence, of as many features as weight_ih has columns"
        )
    for name, state in states.items():
        features = hidden if name == "c0" else width
        check_shape(where, name, state, (sizes[0], features), "a row for each sequence")
    parts = {"weight_ih": weight_ih, "weight_hh": weight_hh, **biases, "weight_hr": weight_hr}
    check_dtypes(where, input, **parts)
    check_one_dtype(where, input=input, **states)


def composed_scan(
    step: Callable[..., tuple[Any, ...]],
    input: Any,
    states: tuple[Any, ...],
    weight_ih: Any,
    bias_ih: Any,
    batch_sizes: Sequence[int],
    reverse: bool,
) -> tuple[Any, ...]:
    """A recurrent layer in operations: all results of `step(x, *states)`'s first state, and the last states.

    `x` is the step's part of input·weight_ihᵀ + bias_ih.
    """
    drive = matmul(input, matrix_transpose(weight_ih))
    drive = drive if bias_ih is None else drive + bias_ih
    results = []
    for rows, size in steps(batch_sizes, reverse):
        whole = size == batch_sizes[0]
        new = step(drive[rows], *(states if whole else (state[:size] for state in states)))
        results.append(new[0])
        states = (
            new
            if whole
            else tuple(concat([part, state[size:]]) for part, state in zip(new, states, strict=True))
        )
    return (concat(results[::-1] if reverse else results), *states)
