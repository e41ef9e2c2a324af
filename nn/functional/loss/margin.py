"""Hinge losses: a score that is right has to be ahead of the others by a margin."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....autograd import Tensor, asarray, clip, where
from ....autograd.extend import BLOCK, MIXER, given, op
from ..check import check_floating
from .classes import check_classes, check_scores, class_axis
from .reduction import check_reduction, check_same_shape, reduced, reduced_tensor, rows_batch, share

Array = np.ndarray[Any, Any]


def _is_class(input: Any, target: Any) -> Any:
    """True at the right class of each sample, along the axis of classes."""
    axis = class_axis(input)
    numbers = np.reshape(np.arange(input.shape[axis]), (-1, *(1,) * (input.ndim - 1 - axis)))
    return numbers == np.expand_dims(target, axis)


def _violations(input: Any, target: Any, margin: float) -> Any:
    """How far each wrong class comes within the margin of the right one, max(0, xⱼ − x_y + margin); 0 for y."""
    right = _is_class(input, target)
    own = np.sum(np.where(right, input, 0), axis=class_axis(input), keepdims=True)
    ahead = input - own + margin
    return np.where(right | (ahead <= 0), 0, ahead)


def _hinge_slope(input: Any, target: Any, slopes: Any) -> Any:
    """The slopes of the wrong classes, and for the right one minus their sum."""
    total = np.sum(slopes, axis=class_axis(input), keepdims=True)
    return np.where(_is_class(input, target), -total, slopes)


def _samples_count(input: Any) -> int:
    """The number of samples, at least 1."""
    return max(input.size // max(input.shape[class_axis(input)], 1), 1)


def _per_class(g: Any, input: Any, reduction: str) -> Any:
    """What comes back to each sample, with an axis of length 1 for the classes."""
    part = share(g, _samples_count(input), reduction)
    return np.expand_dims(part, class_axis(input)) if reduction == "none" else part


def _multiclass_rule(g: Any, input: Any, target: Any, delta: float, reduction: str) -> Any:
    within = (_violations(input, target, delta) > 0).astype(input.dtype)
    return _per_class(g, input, reduction) * _hinge_slope(input, target, within)


_SCORES = np.array([[0.3, -1.2, 2.0], [0.1, 0.4, -0.7], [1.5, 0.9, 1.1], [-0.2, 0.6, 0.5]])
_LABELS = np.array([2, 0, 1, 2])


@op(
    "input target",
    input=_multiclass_rule,
    gate={"input": MIXER, "target": BLOCK},
    symbol="hinge",
    batch=rows_batch,
    samples=given(
        ((_SCORES, _LABELS), {}),
        ((_SCORES, _LABELS), {"delta": 2.5, "reduction": "sum"}),
        ((_SCORES, _LABELS), {"delta": 0.25, "reduction": "none"}),
        ((_SCORES[0], np.array(1)), {}),
    ),
)
def multiclass_hinge_loss(input: Any, target: Any, delta: float = 1.0, *, reduction: str = "mean") -> Any:
    """The multiclass SVM loss of Weston and Watkins, Σ_{j≠y} max(0, sⱼ − s_y + Δ) for each sample.

    Each wrong class that comes within Δ of the right one gets the gradient 1, and the right one minus their number;
    at the margin itself the gradient is 0. `multi_margin_loss` is the same divided by the number of classes.
    Weston and Watkins, "Support vector machines for multi-class pattern recognition", 1999; the CS231n notes,
    https://cs231n.github.io/linear-classify/#svm.

    Args:
        input: s, the scores, of shape (N, C), (C,) or (N, C, d1, ...), floating.
        target: y, the classes, integers in [0, C), of the same shape without the axis C.
        delta: Δ, the margin.
        reduction: "mean" over the samples, "sum", or "none" for the loss of each.

    Returns:
        A scalar, or with "none" a tensor of the target's shape, in the input's dtype.

    Raises:
        ValueError: for shapes that do not fit, classes out of range, and an unknown reduction.
        TypeError: for an input that is not floating, and a target that is not of integers.

    >>> import pullback as pb
    >>> pb.nn.functional.multiclass_hinge_loss(pb.tensor([13.0, -7.0, 11.0]), 0, delta=10.0).item()
    8.0
    """
    check_reduction(reduction)
    input, target = np.asarray(input), np.asarray(target)
    check_scores("multiclass_hinge_loss", input, None)
    check_classes("multiclass_hinge_loss", input, target)
    losses = np.sum(_violations(input, target, float(delta)), axis=class_axis(input))
    return reduced(losses, reduction)


def _multi_margin(
    input: Any, target: Any, weight: Any = None, *, p: int = 1, margin: float = 1.0, reduction: str = "mean"
) -> Any:
    check_reduction(reduction)
    input, target = np.asarray(input), np.asarray(target)
    where_ = "multi_margin_loss"
    if p not in (1, 2):
        raise ValueError(f"{where_}: p must be 1 or 2, not {p!r}")
    check_scores(where_, input, weight)
    if input.ndim > 2:
        raise ValueError(f"{where_}: the input has shape {input.shape} and must be (N, C) or (C,)")
    check_classes(where_, input, target)
    violations = _violations(input, target, float(margin))
    violations = np.square(violations) if p == 2 else violations
    losses = np.sum(violations, axis=class_axis(input)) / max(input.shape[class_axis(input)], 1)
    if weight is not None:
        losses = losses * np.asarray(weight)[target].astype(input.dtype)
    return reduced(losses, reduction)


def _multi_margin_rule(
    g: Any, input: Any, target: Any, weight: Any, p: int, margin: float, reduction: str
) -> Any:
    violations = _violations(input, target, margin)
    slopes = 2 * violations if p == 2 else (violations > 0).astype(input.dtype)
    axis = class_axis(input)
    part = _per_class(g, input, reduction) / max(input.shape[axis], 1)
    if weight is not None:
        part = part * np.expand_dims(np.asarray(weight)[np.asarray(target)].astype(input.dtype), axis)
    return part * _hinge_slope(input, target, slopes)


_multi_margin_op = op(
    _multi_margin,
    "input target weight",
    input=_multi_margin_rule,
    gate={"input": MIXER, "target": BLOCK, "weight": BLOCK},
    name="multi_margin_loss",
    symbol="hinge",
    batch=rows_batch,
    samples=given(
        ((_SCORES, _LABELS), {}),
        ((_SCORES, _LABELS, np.array([0.5, 2.0, 1.0])), {"p": 2, "reduction": "sum"}),
        ((_SCORES, _LABELS, np.array([0.5, 2.0, 1.0])), {"margin": 0.5, "reduction": "none"}),
        ((_SCORES[0], np.array(1)), {"p": 2}),
    ),
    doc="The multiclass hinge loss, averaged over the classes; see `nn.functional.multi_margin_loss`.",
)


def multi_margin_loss(
    input: Any,
    target: Any,
    p: int = 1,
    margin: float = 1.0,
    weight: Any = None,
    *,
    reduction: str = "mean",
) -> Tensor:
    """The multiclass hinge loss, averaged over the classes: w_y·Σ_{j≠y} max(0, margin − x_y + xⱼ)ᵖ / C.

    At the margin itself the gradient is 0.

    Args:
        input: x, the scores, of shape (N, C) or (C,), floating.
        target: y, the classes, integers in [0, C), of shape (N,) or ().
        p: 1 or 2.
        margin: how far the right class has to be ahead.
        weight: w, shape (C,), what each class counts; all the same if left out.
        reduction: "mean" divides by the number of samples; "sum"; "none" gives the loss of each sample.

    Returns:
        A scalar, or with "none" a tensor of the target's shape, in the input's dtype.

    Raises:
        ValueError: for shapes that do not fit, classes out of range, another p, and an unknown reduction.
        TypeError: for an input that is not floating, and a target that is not of integers.

    >>> import pullback as pb
    >>> scores = pb.tensor([[0.1, 0.2, 0.4, 0.8]])
    >>> round(pb.nn.functional.multi_margin_loss(scores, pb.tensor([3])).item(), 4)
    0.325
    """
    result: Tensor = _multi_margin_op(input, target, weight, p=p, margin=margin, reduction=reduction)
    return result


def _labels(target: Any) -> tuple[Array, Array]:
    """Which entries of each row are labels, those in front of the first negative one; and their numbers, else 0."""
    target = np.asarray(target)
    given_ = np.cumprod(target >= 0, axis=-1).astype(bool)
    width = int(np.max(np.sum(given_, axis=-1), initial=0))  # no row has more labels
    return given_[..., :width], np.where(given_, target, 0)[..., :width]


def _label_violations(input: Any, target: Any) -> tuple[Any, Array]:
    """How far each class that is no label comes within 1 of each label, (..., label, class); the labels one-hot."""
    present, numbers = _labels(target)
    one_hot = (numbers[..., None] == np.arange(input.shape[-1])) & present[..., None]
    own = np.sum(np.where(one_hot, np.expand_dims(input, -2), 0), axis=-1, keepdims=True)
    ahead = np.expand_dims(input, -2) - own + 1
    counted = present[..., None] & ~np.any(one_hot, axis=-2, keepdims=True)
    return np.where(counted & (ahead > 0), ahead, 0), one_hot


def _multilabel_rule(g: Any, input: Any, target: Any, reduction: str) -> Any:
    violations, one_hot = _label_violations(input, target)
    within = (violations > 0).astype(input.dtype)
    slope = np.sum(within, axis=-2) - np.sum(one_hot * np.sum(within, axis=-1, keepdims=True), axis=-2)
    return _per_class(g, input, reduction) * (slope / max(input.shape[-1], 1))


@op(
    "input target",
    input=_multilabel_rule,
    gate={"input": MIXER, "target": BLOCK},
    symbol="hinge",
    batch=rows_batch,
    samples=given(
        ((_SCORES, np.array([[2, -1, 0], [0, 1, -1], [1, 0, 2], [-1, 0, 0]])), {}),
        ((_SCORES, np.array([[2, -1, 0], [0, 1, -1], [1, 0, 2], [-1, 0, 0]])), {"reduction": "none"}),
        ((_SCORES[0], np.array([1, -1, -1])), {"reduction": "sum"}),
    ),
)
def multilabel_margin_loss(input: Any, target: Any, *, reduction: str = "mean") -> Any:
    """For each sample, Σ max(0, 1 − (x_y − xⱼ)) / C over its labels y and the classes j that are none of them.

    Args:
        input: x, the scores, of shape (N, C) or (C,), floating.
        target: of the same shape, integers: the numbers of a sample's labels in any order, and −1 behind the last.
        reduction: "mean" divides by the number of samples; "sum"; "none" gives the loss of each sample.

    Returns:
        A scalar, or with "none" a tensor of shape (N,) or (), in the input's dtype.

    Raises:
        ValueError: for shapes that do not fit, labels out of range, and an unknown reduction.
        TypeError: for an input that is not floating, and a target that is not of integers.

    >>> import pullback as pb
    >>> scores, labels = pb.tensor([[0.1, 0.2, 0.4, 0.8]]), pb.tensor([[3, 0, -1, 1]])
    >>> round(pb.nn.functional.multilabel_margin_loss(scores, labels).item(), 4)
    0.85
    """
    check_reduction(reduction)
    input, target = np.asarray(input), np.asarray(target)
    where_ = "multilabel_margin_loss"
    check_floating(where_, "the input", input)
    if input.ndim not in (1, 2):
        raise ValueError(f"{where_}: the input has shape {input.shape} and must be (N, C) or (C,)")
    if target.dtype.kind not in "iu":
        raise TypeError(f"{where_}: target must be integers (the numbers of the labels), not {target.dtype}")
    check_same_shape(where_, input=input, target=target)
    if np.any(target < -1) or np.any(target >= input.shape[-1]):
        raise ValueError(
            f"{where_}: labels go from 0 to {input.shape[-1] - 1}, with -1 behind the last, and the target holds "
            f"{np.min(target)} to {np.max(target)}"
        )
    violations, _ = _label_violations(input, target)
    losses = np.sum(violations, axis=(-2, -1)) / max(input.shape[-1], 1)
    return reduced(losses, reduction)


def margin_ranking_loss(
    input1: Any, input2: Any, target: Any, margin: float = 0.0, *, reduction: str = "mean"
) -> Tensor:
    """The loss of a ranking, max(0, −y·(x₁ − x₂) + margin): for y = 1 the first should be greater, for −1 the second.

    Args:
        input1: x₁, any shape, floating.
        input2: x₂, of the same shape.
        target: y, 1 or −1, of the same shape.
        margin: by how much.
        reduction: "mean", "sum", or "none" for the losses themselves.

    Returns:
        A scalar, or with "none" a tensor of the input's shape.

    Raises:
        ValueError: for shapes that differ, and an unknown reduction.
        TypeError: for inputs that are not floating.

    >>> import pullback as pb
    >>> one = pb.tensor([1.0, 1.0])
    >>> pb.nn.functional.margin_ranking_loss(pb.tensor([3.0, 0.0]), pb.tensor([1.0, 2.0]), one).item()
    1.0
    """
    check_reduction(reduction)
    input1, input2 = asarray(input1), asarray(input2)
    target = _beside(target, input1)
    check_same_shape("margin_ranking_loss", input1=input1, input2=input2, target=target)
    for name, x in (("input1", input1), ("input2", input2)):
        check_floating("margin_ranking_loss", name, x)
    return reduced_tensor(clip(-target * (input1 - input2) + margin, 0), reduction)


def hinge_embedding_loss(input: Any, target: Any, margin: float = 1.0, *, reduction: str = "mean") -> Tensor:
    """The loss of distances: x itself for pairs that belong together (y = 1), max(0, margin − x) for others (y = −1).

    Args:
        input: x, the distances, any shape, floating.
        target: y, 1 or −1, of the same shape.
        margin: how far apart those should be that do not belong together.
        reduction: "mean", "sum", or "none" for the losses themselves.

    Returns:
        A scalar, or with "none" a tensor of the input's shape.

    Raises:
        ValueError: for shapes that differ, and an unknown reduction.
        TypeError: for an input that is not floating.

    >>> import pullback as pb
    >>> pb.nn.functional.hinge_embedding_loss(pb.tensor([0.5, 0.25]), pb.tensor([1, -1]), reduction="none").tolist()
    [0.5, 0.75]
    """
    check_reduction(reduction)
    input = asarray(input)
    check_floating("hinge_embedding_loss", "the input", input)
    target = asarray(target)
    check_same_shape("hinge_embedding_loss", input=input, target=target)
    # a target that is neither 1 nor −1 counts both, as in PyTorch
    losses = where(target != -1, input, 0.0) + where(target != 1, clip(margin - input, 0), 0.0)
    return reduced_tensor(losses, reduction)


def _beside(target: Any, input: Tensor) -> Tensor:
    """A target of ±1 in the dtype of the input."""
    result: Tensor = asarray(target)
    return result if result.dtype == input.dtype else result.astype(input.dtype)
