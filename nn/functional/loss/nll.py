"""The negative log likelihood of classes, from log probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....autograd.extend import BLOCK, MIXER, given, op
from .classes import (
    check_classes,
    check_scores,
    class_axis,
    class_batch,
    in_operations,
    per_sample,
    picked,
    target_count,
    target_weights,
)
from .reduction import check_reduction, reduced


def _nll_rule(g: Any, input: Any, target: Any, weight: Any, ignore_index: int, reduction: str) -> Any:
    """−w at the class of each sample, and 0 elsewhere."""
    axis = class_axis(input)
    part = per_sample(g, input, target, weight, ignore_index, reduction)
    values = -part * np.expand_dims(target_weights(input, target, weight, ignore_index), axis)
    slope = np.zeros_like(input)
    np.put_along_axis(slope, picked(target, ignore_index, axis), values.astype(input.dtype), axis)
    return slope, None, None


def _composed(
    input: Any, target: Any, weight: Any = None, *, ignore_index: int = -100, reduction: str = "mean"
) -> Any:
    """The same in operations."""
    return in_operations(input, target, weight, ignore_index, reduction)


_LABELS = np.array([2, 0, 1, 2])
_WEIGHTS = np.array([0.5, 2.0, 1.0])


@op(
    "input target weight",
    joint=_nll_rule,
    composed=_composed,
    gate={"input": MIXER, "target": BLOCK, "weight": BLOCK},
    symbol="nll",
    batch=class_batch,
    samples=given(
        (((4, 3), _LABELS), {}),
        (((4, 3), _LABELS, _WEIGHTS), {"reduction": "sum", "ignore_index": 1}),
        (((4, 3), _LABELS, _WEIGHTS), {}),
        (((4, 3), _LABELS), {"reduction": "none", "ignore_index": 2}),
        (((3,), np.array(1)), {}),
        (((2, 3, 2), np.array([[0, 1], [2, 2]]), _WEIGHTS), {}),
    ),
)
def nll_loss(
    input: Any, target: Any, weight: Any = None, *, ignore_index: int = -100, reduction: str = "mean"
) -> Any:
    """The negative log likelihood of class numbers, −w_y·log p_y for each sample.

    On `log_softmax(x)` it is `cross_entropy(x)`, which computes both at once.

    Args:
        input: log probabilities, of shape (N, C), (C,) or (N, C, d1, ...), floating.
        target: the classes, integers in [0, C), of the same shape without the axis C.
        weight: shape (C,), what each class counts; all the same if left out.
        ignore_index: a target of this value counts nothing.
        reduction: "mean" divides the sum by the total weight of the targets; "sum"; "none" gives the loss of each
            sample.

    Returns:
        A scalar; with "none", a tensor of the target's shape. The mean of no samples is nan.

    Raises:
        ValueError: for shapes that do not fit, classes out of range, and an unknown reduction.
        TypeError: for an input that is not floating, and a target that is not of integers.

    >>> import pullback as pb
    >>> log_p = pb.log(pb.tensor([[0.5, 0.5], [0.25, 0.75]]))
    >>> round(pb.nn.functional.nll_loss(log_p, pb.tensor([0, 0]), reduction="sum").item(), 4)
    2.0794
    """
    check_reduction(reduction)
    input, target = np.asarray(input), np.asarray(target)
    check_scores("nll_loss", input, weight)
    check_classes("nll_loss", input, target, ignore_index)
    axis = class_axis(input)
    kept = target != ignore_index
    place = picked(target, ignore_index, axis)
    losses = np.where(kept, -np.squeeze(np.take_along_axis(input, place, axis), axis), 0)
    if weight is not None:
        losses = losses * target_weights(input, target, weight, ignore_index)
    return reduced(
        losses.astype(input.dtype, copy=False), reduction, target_count(input, target, weight, ignore_index)
    )
