"""Cross entropy, and what the losses of class numbers share."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ....autograd import Tensor, asarray, log_softmax, where
from ....autograd.extend import BLOCK, MIXER, batch_size, given, kernel, op, select, spread
from .reduction import check_reduction, reduced

Array = np.ndarray[Any, Any]


@kernel("losses.logit_slopes", over=1 << 9, by=1)
def _logits_rule(
    g: Any,
    input: Any,
    target: Any,
    weight: Any,
    peak: Any,
    log_sum: Any,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
) -> Any:
    """Softmax minus target, each sample by its weight; in one array of the input's size for plain classes."""
    axis = class_axis(input)
    part = per_sample(g, input, target, weight, ignore_index, reduction)
    slope = np.exp(input - peak - log_sum)  # in this order: a large peak would swallow the logarithm
    if _is_soft(target) or label_smoothing:
        wanted = wanted_shares(input, target, weight, ignore_index, label_smoothing)
        slope *= np.sum(wanted, axis=axis, keepdims=True)
        slope -= wanted
    else:
        place = picked(target, ignore_index, axis)
        np.put_along_axis(slope, place, np.take_along_axis(slope, place, axis) - 1, axis)
        part = part * np.expand_dims(target_weights(input, target, weight, ignore_index), axis)
    slope *= part
    return slope


def _probabilities_rule(
    g: Any,
    input: Any,
    target: Any,
    weight: Any,
    peak: Any,
    log_sum: Any,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
) -> Any:
    """−log softmax: how much the loss grows with a target's probability."""
    slope = (log_sum - (input - peak)) * class_weights(input, weight)
    return per_sample(g, input, target, weight, ignore_index, reduction) * slope * (1 - label_smoothing)


def _composed(
    input: Any,
    target: Any,
    weight: Any = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    """The same in operations."""
    log_p = log_softmax(input, class_axis(input))
    return in_operations(log_p, target, weight, ignore_index, reduction, label_smoothing)


def in_operations(
    log_p: Any, target: Any, weight: Any, ignore_index: int, reduction: str, label_smoothing: float = 0.0
) -> Any:
    """The loss of log probabilities in operations: −log p, weighted by what is wanted."""
    wanted = wanted_shares(log_p, target, weight, ignore_index, label_smoothing)
    losses = -np.sum(where(wanted != 0, log_p, 0.0) * wanted, axis=class_axis(log_p))
    if reduction == "none":
        return losses
    total = np.sum(losses)
    if reduction == "sum":
        return total
    return total / (target_count(log_p, target, weight, ignore_index) or np.nan)


def _is_soft(target: Any) -> bool:
    """Whether a target holds probabilities and not class numbers."""
    return bool(target.dtype.kind == "f")


def picked(target: Any, ignore_index: int, axis: int) -> Any:
    """The place of each sample's class along the axis of classes; 0 for those that count nothing."""
    return np.expand_dims(np.where(target != ignore_index, target, 0), axis)


def _cross_entropy(
    input: Array,
    target: Array,
    weight: Array | None = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    """The cross entropy between a target and the softmax of logits; the loss of classification.

    For sample n with logits x and class y: −w_y·log(eˣʸ / Σ eˣᶜ), computed without overflow for logits of any
    size. Its gradient for the logits is w_y·(softmax(x) − onehot(y)).

    Args:
        input: logits, of shape (N, C), (C,) or (N, C, d1, ...), floating.
        target: the classes, integers in [0, C), of the same shape without the axis C; or the probabilities of
            all classes, floating, of the same shape as the input.
        weight: shape (C,), what each class counts; all the same if left out.
        ignore_index: a class target of this value counts nothing.
        reduction: "mean" divides the sum by the total weight of the targets (by the number of samples if they
            are probabilities); "sum"; "none" gives the loss of each sample.
        label_smoothing: the share of each target, from 0 to 1, that is spread over all classes.

    Returns:
        A scalar; with "none", a tensor of the shape of class targets. The mean of no samples is nan.

    Raises:
        ValueError: for shapes that do not fit, classes out of range, and options out of range.
        TypeError: for integer logits and boolean targets.

    >>> import pullback as pb
    >>> from pullback.nn import functional as F
    >>> logits = pb.tensor([[0.0, 0.0], [10000.0, 0.0]], requires_grad=True)
    >>> loss = F.cross_entropy(logits, pb.tensor([0, 0]))
    >>> round(loss.item(), 4)
    0.3466
    >>> loss.backward()
    >>> logits.grad.tolist()
    [[-0.25, 0.25], [0.0, 0.0]]
    """
    check_options(reduction, label_smoothing)
    losses, peak, log_sum, count = _losses(
        np.asarray(input), np.asarray(target), weight, ignore_index, label_smoothing
    )
    return reduced(losses, reduction, count), peak, log_sum


@kernel("losses.class_losses", over=1 << 9)
def _losses(
    input: Array, target: Array, weight: Array | None, ignore_index: int, label_smoothing: float
) -> tuple[Array, Array, Array, float]:
    """The loss of each sample, the largest x of each and log Σ eˣ less that, both with the axis of classes, and what a
    mean divides by."""
    _check(input, target, weight, ignore_index)
    axis = class_axis(input)
    peak = np.max(input, axis=axis, keepdims=True)
    shifted = input - peak
    if _is_soft(target) or label_smoothing:
        log_sum = np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))
        wanted = wanted_shares(input, target, weight, ignore_index, label_smoothing)
        # Classes that are not wanted count nothing, also where log p is −inf.
        losses = np.sum(select(wanted != 0, log_sum - shifted, 0) * wanted, axis=axis)
    else:
        place = picked(target, ignore_index, axis)
        own = np.take_along_axis(shifted, place, axis)
        log_sum = np.log(np.sum(np.exp(shifted, out=shifted), axis=axis, keepdims=True))
        losses = np.where(target != ignore_index, np.squeeze(log_sum - own, axis), 0)
        if weight is not None:
            losses = losses * target_weights(input, target, weight, ignore_index)
    count = target_count(input, target, weight, ignore_index)
    return losses.astype(input.dtype, copy=False), peak, log_sum, count


def class_axis(input: Any) -> int:
    """The axis of the classes: the second, or the only one."""
    return 1 if input.ndim > 1 else 0


def _along_classes(input: Any, values: Any) -> Array:
    """One value per class, shaped so that it broadcasts against the input."""
    axis = class_axis(input)
    return np.reshape(values, [-1 if i == axis else 1 for i in range(input.ndim)])


def class_weights(input: Any, weight: Array | None) -> Array:
    """What each class counts."""
    values = np.ones(1) if weight is None else weight
    return _along_classes(input, values).astype(input.dtype)


def target_weights(input: Any, target: Any, weight: Array | None, ignore_index: int) -> Array:
    """What each class target counts: the weight of its class, and nothing if it is to be ignored."""
    kept = np.asarray(target != ignore_index)
    if weight is None:
        return kept.astype(input.dtype)
    return np.where(kept, np.asarray(weight)[np.where(kept, target, 0)], 0).astype(input.dtype)


def wanted_shares(
    input: Any, target: Any, weight: Array | None, ignore_index: int, label_smoothing: float
) -> Any:
    """What −log p of each class counts in each sample's loss: the (smoothed) target, by class weight."""
    axis = class_axis(input)
    if _is_soft(target):
        shares = target.astype(input.dtype)
        kept: Any = 1
    else:
        kept = np.expand_dims(np.asarray(target != ignore_index), axis)
        classes = _along_classes(input, np.arange(input.shape[axis]))
        shares = (classes == np.expand_dims(target, axis)).astype(input.dtype) * kept
    if label_smoothing:
        shares = (1 - label_smoothing) * shares + label_smoothing / input.shape[axis] * kept
    return shares * class_weights(input, weight)


def target_count(input: Any, target: Any, weight: Array | None, ignore_index: int) -> float:
    """What the mean divides by."""
    if _is_soft(target):
        return float(input.size // input.shape[class_axis(input)])
    return float(np.sum(target_weights(input, target, weight, ignore_index)))


def per_sample(
    g: Any, input: Any, target: Any, weight: Array | None, ignore_index: int, reduction: str
) -> Any:
    """The gradient of each sample's loss, with an axis of length 1 for the classes."""
    if reduction == "none":
        return np.expand_dims(g, class_axis(input))
    if reduction == "sum":
        return g
    return g / (target_count(input, target, weight, ignore_index) or 1.0)


def check_options(reduction: str, label_smoothing: float) -> None:
    """Raise ValueError for options out of range."""
    check_reduction(reduction)
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"label_smoothing must lie in [0, 1], not {label_smoothing!r}")


def _check(input: Array, target: Array, weight: Array | None, ignore_index: int) -> None:
    where = "cross_entropy"
    check_scores(where, input, weight)
    if target.dtype.kind != "f":
        check_classes(where, input, target, ignore_index, soft=True)
    elif target.shape != input.shape:
        raise ValueError(
            "cross_entropy: a floating target holds the probabilities of all classes and has the input's "
            f"shape {input.shape}, not {target.shape}; class numbers are integers: target.astype('int64')"
        )


def check_scores(where: str, input: Array, weight: Array | None) -> None:
    """Raise an error unless the input holds floating scores of classes, and the weight one number for each."""
    if input.ndim == 0 or input.dtype.kind != "f":
        raise TypeError(
            f"{where}: input must be floating logits of shape (N, C) or (C,), not "
            f"{input.dtype}{list(input.shape)}"
        )
    classes = input.shape[class_axis(input)]
    if weight is not None and np.shape(weight) != (classes,):
        raise ValueError(f"{where}: weight must have shape ({classes},), not {np.shape(weight)}")


def check_classes(
    where: str, input: Array, target: Array, ignore_index: int | None = None, soft: bool = False
) -> None:
    """Raise an error unless the target holds one class number for each sample.

    Args:
        where: the function.
        input: the scores.
        target: the class numbers.
        ignore_index: a number that is allowed though it is no class.
        soft: whether probabilities would do as well.
    """
    if target.dtype.kind not in "iu":
        kinds = "integers (classes) or floating" if soft else "integers (classes)"
        hint = "" if soft or target.dtype.kind != "f" else "; convert it: target.astype('int64')"
        raise TypeError(f"{where}: target must be {kinds}, not {target.dtype}{hint}")
    axis = class_axis(input)
    classes = input.shape[axis]
    expected = input.shape[:axis] + input.shape[axis + 1 :]
    if target.shape != expected:
        hint = "; it has one axis too many: target[:, 0]" if target.shape == (*expected, 1) else ""
        if target.shape == input.shape:
            hint = (
                "; give one-hot rows as floating numbers"
                if soft
                else "; give class numbers: target.argmax(1)"
            )
        raise ValueError(
            f"{where}: class targets for input of shape {input.shape} have shape {expected}, not "
            f"{target.shape}{hint}"
        )
    wrong = target[(target != ignore_index) & ((target < 0) | (target >= classes))]
    if wrong.size:
        also = "" if ignore_index is None else f" (ignore_index is {ignore_index})"
        raise ValueError(
            f"{where}: target {int(wrong.flat[0])} is not a class: the input has {classes} of them, "
            f"0 to {classes - 1}{also}"
        )


def class_batch(
    call: Any,
    batched: tuple[bool, ...],
    input: Any,
    target: Any,
    weight: Any,
    *,
    ignore_index: int,
    reduction: str,
    **others: Any,
) -> Any:
    """The samples of all examples in one row; each example takes its own mean of its losses."""
    if batched[2]:
        return NotImplemented  # the rows would have different class weights
    size = batch_size(batched, (input, target, weight))
    input, target = (x if b else spread(x, size) for x, b in zip((input, target), batched[:2], strict=True))
    several = input.ndim > 2  # samples in each example, and not one alone
    rows = [np.reshape(x, (size * x.shape[1], *x.shape[2:])) if several else x for x in (input, target)]
    losses = call(*rows, weight, ignore_index=ignore_index, reduction="none", **others)
    losses = np.reshape(losses, (size, *input.shape[1:2], *input.shape[3:])) if several else losses
    if reduction == "none":
        return losses
    total = np.sum(losses, axis=tuple(range(1, losses.ndim)))
    if reduction == "sum":
        return total
    counts = _counts(losses, target, weight, ignore_index)
    return np.where(counts == 0, np.nan, total / np.where(counts == 0, 1, counts))


def _counts(losses: Any, target: Any, weight: Any, ignore_index: int) -> Any:
    """What the mean of each example divides by."""
    size, samples = losses.shape[0], math.prod(losses.shape[1:])
    if target.dtype.kind == "f":
        return np.full(size, samples, losses.dtype)
    kept = target != ignore_index
    counts = kept if weight is None else np.where(kept, asarray(weight)[np.where(kept, target, 0)], 0)
    return np.sum(np.reshape(counts, (size, samples)), axis=1).astype(losses.dtype)


_LABELS = np.array([2, 0, 1, 2])
_WEIGHTS = np.array([0.5, 2.0, 1.0])

cross_entropy: Callable[..., Tensor] = op(
    _cross_entropy,
    "input target weight",
    input=_logits_rule,
    target=_probabilities_rule,
    residuals="peak log_sum",
    composed=_composed,
    gate={"input": MIXER, "target": MIXER, "weight": BLOCK},
    name="cross_entropy",
    symbol="cross entropy",
    batch=class_batch,
    samples=given(
        (((4, 3), _LABELS), {}),
        (((4, 3), _LABELS, _WEIGHTS), {"reduction": "sum", "ignore_index": 1}),
        (((4, 3), _LABELS, _WEIGHTS), {"label_smoothing": 0.2}),
        (((4, 3), _LABELS), {"reduction": "none", "label_smoothing": 0.1, "ignore_index": 2}),
        (((3,), np.array(1)), {}),
        (((2, 3, 2), np.array([[0, 1], [2, 2]]), _WEIGHTS), {}),
        (((2, 3), np.array([[0.2, 0.5, 0.3], [1.0, 0.0, 0.0]]), _WEIGHTS), {"label_smoothing": 0.1}),
    ),
)
