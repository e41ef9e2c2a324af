"""Losses as single operations."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...autograd import Tensor, asarray, log_softmax
from ...autograd.extend import BLOCK, MIXER, batch_size, given, op, spread

Array = np.ndarray[Any, Any]

REDUCTIONS = ("mean", "sum", "none")


def _logits_rule(
    g: Any,
    input: Any,
    target: Any,
    weight: Any,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
) -> Any:
    """Softmax minus target, each sample by its weight."""
    axis = _class_axis(input)
    wanted = _wanted(input, target, weight, ignore_index, label_smoothing)
    softmax = np.exp(log_softmax.raw(input, axis=axis))
    slope = softmax * np.sum(wanted, axis=axis, keepdims=True) - wanted
    return _per_sample(g, input, target, weight, ignore_index, reduction) * slope


def _probabilities_rule(
    g: Any,
    input: Any,
    target: Any,
    weight: Any,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
) -> Any:
    """−log softmax: how much the loss grows with a target's probability."""
    slope = -log_softmax.raw(input, axis=_class_axis(input)) * _class_weights(input, weight)
    return _per_sample(g, input, target, weight, ignore_index, reduction) * slope * (1 - label_smoothing)


def _cross_entropy(
    input: Array,
    target: Array,
    weight: Array | None = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Array:
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
    input, target = np.asarray(input), np.asarray(target)
    _check(input, target, weight, ignore_index, reduction, label_smoothing)
    axis = _class_axis(input)
    log_p = log_softmax.raw(input, axis=axis)
    if target.dtype.kind == "f" or label_smoothing:
        wanted = _wanted(input, target, weight, ignore_index, label_smoothing)
        # Classes that are not wanted count nothing, also where log p is −inf.
        losses = -np.sum(np.multiply(wanted, log_p, out=np.zeros_like(log_p), where=wanted != 0), axis=axis)
    else:
        kept = target != ignore_index
        picked = np.expand_dims(np.where(kept, target, 0), axis)
        losses = np.where(kept, -np.squeeze(np.take_along_axis(log_p, picked, axis), axis), 0)
        if weight is not None:
            losses = losses * _target_weights(input, target, weight, ignore_index)
    losses = losses.astype(input.dtype, copy=False)
    if reduction == "none":
        return losses
    total: Array = np.sum(losses)
    if reduction == "sum":
        return total
    count = _count(input, target, weight, ignore_index)
    return np.asarray(total / count if count else np.nan, input.dtype)[()]


def _class_axis(input: Any) -> int:
    return 1 if input.ndim > 1 else 0


def _along_classes(input: Any, values: Any) -> Array:
    """One value per class, shaped so that it broadcasts against the input."""
    axis = _class_axis(input)
    return np.reshape(values, [-1 if i == axis else 1 for i in range(input.ndim)])


def _class_weights(input: Any, weight: Array | None) -> Array:
    """What each class counts."""
    values = np.ones(1) if weight is None else weight
    return _along_classes(input, values).astype(input.dtype)


def _target_weights(input: Any, target: Any, weight: Array | None, ignore_index: int) -> Array:
    """What each class target counts: the weight of its class, and nothing if it is to be ignored."""
    kept = np.asarray(target != ignore_index)
    if weight is None:
        return kept.astype(input.dtype)
    return np.where(kept, np.asarray(weight)[np.where(kept, target, 0)], 0).astype(input.dtype)


def _wanted(input: Any, target: Any, weight: Array | None, ignore_index: int, label_smoothing: float) -> Any:
    """What −log p of each class counts in each sample's loss: the (smoothed) target, by class weight."""
    axis = _class_axis(input)
    if hasattr(target, "dtype") and target.dtype.kind == "f":
        shares = target.astype(input.dtype)
        kept: Any = 1
    else:
        kept = np.expand_dims(np.asarray(target != ignore_index), axis)
        classes = _along_classes(input, np.arange(input.shape[axis]))
        shares = (classes == np.expand_dims(target, axis)).astype(input.dtype) * kept
    if label_smoothing:
        shares = (1 - label_smoothing) * shares + label_smoothing / input.shape[axis] * kept
    return shares * _class_weights(input, weight)


def _count(input: Any, target: Any, weight: Array | None, ignore_index: int) -> float:
    """What the mean divides by."""
    if hasattr(target, "dtype") and target.dtype.kind == "f":
        return float(input.size // input.shape[_class_axis(input)])
    return float(np.sum(_target_weights(input, target, weight, ignore_index)))


def _per_sample(
    g: Any, input: Any, target: Any, weight: Array | None, ignore_index: int, reduction: str
) -> Any:
    """The gradient of each sample's loss, with an axis of length 1 for the classes."""
    if reduction == "none":
        return np.expand_dims(g, _class_axis(input))
    if reduction == "sum":
        return g
    return g / (_count(input, target, weight, ignore_index) or 1.0)


def check_options(reduction: str, label_smoothing: float) -> None:
    """Raise ValueError for options out of range."""
    if reduction not in REDUCTIONS:
        raise ValueError(f"reduction must be 'mean', 'sum' or 'none', not {reduction!r}")
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"label_smoothing must lie in [0, 1], not {label_smoothing!r}")


def _check(
    input: Array,
    target: Array,
    weight: Array | None,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
) -> None:
    check_options(reduction, label_smoothing)
    if input.ndim == 0 or input.dtype.kind != "f":
        raise TypeError(
            "cross_entropy: input must be floating logits of shape (N, C) or (C,), not "
            f"{input.dtype}{list(input.shape)}"
        )
    axis = _class_axis(input)
    classes = input.shape[axis]
    if weight is not None and np.shape(weight) != (classes,):
        raise ValueError(f"cross_entropy: weight must have shape ({classes},), not {np.shape(weight)}")
    if target.dtype.kind == "f":
        if target.shape != input.shape:
            raise ValueError(
                "cross_entropy: a floating target holds the probabilities of all classes and has the input's "
                f"shape {input.shape}, not {target.shape}; class numbers are integers: target.astype('int64')"
            )
        return
    if target.dtype.kind not in "iu":
        raise TypeError(f"cross_entropy: target must be integers (classes) or floating, not {target.dtype}")
    expected = input.shape[:axis] + input.shape[axis + 1 :]
    if target.shape != expected:
        hint = "; it has one axis too many: target[:, 0]" if target.shape == (*expected, 1) else ""
        hint = "; give one-hot rows as floating numbers" if target.shape == input.shape else hint
        raise ValueError(
            f"cross_entropy: class targets for input of shape {input.shape} have shape {expected}, not "
            f"{target.shape}{hint}"
        )
    wrong = target[(target != ignore_index) & ((target < 0) | (target >= classes))]
    if wrong.size:
        raise ValueError(
            f"cross_entropy: target {int(wrong.flat[0])} is not a class: the input has {classes} of them, "
            f"0 to {classes - 1} (ignore_index is {ignore_index})"
        )


def _batch(
    call: Any,
    batched: tuple[bool, ...],
    input: Any,
    target: Any,
    weight: Any,
    *,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
) -> Any:
    """The samples of all examples in one row; each example takes its own mean of its losses."""
    if batched[2]:
        raise RuntimeError("cross_entropy: inside vmap the class weights must be the same for all examples")
    size = batch_size(batched, (input, target, weight))
    input, target = (x if b else spread(x, size) for x, b in zip((input, target), batched[:2], strict=True))
    several = input.ndim > 2  # samples in each example, and not one alone
    rows = [np.reshape(x, (size * x.shape[1], *x.shape[2:])) if several else x for x in (input, target)]
    losses = call(*rows, weight, ignore_index=ignore_index, reduction="none", label_smoothing=label_smoothing)
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
    gate={"input": MIXER, "target": MIXER, "weight": BLOCK},
    name="cross_entropy",
    symbol="cross entropy",
    batch=_batch,
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
