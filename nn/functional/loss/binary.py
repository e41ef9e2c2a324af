"""Losses of probabilities: binary cross entropy, divergences, and labels that do not exclude each other."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....autograd import Tensor, asarray, mean, sigmoid
from ....autograd.extend import BLOCK, SCALER, given, op
from ..activation import logsigmoid
from .reduction import (
    REDUCTIONS,
    check_reduction,
    check_same_shape,
    pointwise,
    pointwise_batch,
    reduced,
    reduced_tensor,
    share,
    size_of,
)

Array = np.ndarray[Any, Any]

_PROBABILITIES = np.array([[0.2, 0.9, 0.5], [0.4, 0.7, 0.1]])
_SHARES = np.array([[0.0, 1.0, 0.3], [0.6, 0.5, 1.0]])
_LOGITS = np.array([[-1.3, 0.4, 2.0], [0.2, -0.1, -3.0]])


def _clamped_logs(p: Any) -> tuple[Any, Any]:
    """log p and log(1 − p), but not below −100."""
    with np.errstate(divide="ignore"):
        return np.maximum(np.log(p), -100), np.maximum(np.log1p(-p), -100)


def _check_weight(where: str, name: str, weight: Any, input: Any) -> Any:
    """A weight that broadcasts to the input's shape, in its dtype."""
    if weight is None:
        return None
    weight = np.asarray(weight)
    try:
        fits = np.broadcast_shapes(weight.shape, input.shape) == input.shape
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(
            f"{where}: {name} of shape {weight.shape} does not broadcast to the input's {input.shape}"
        )
    return weight.astype(input.dtype, copy=False)


def _bce_rule(g: Any, input: Any, target: Any, weight: Any, reduction: str) -> Any:
    slope = (input - target) / np.maximum((1 - input) * input, 1e-12)
    return share(g, size_of(input.shape), reduction, weight) * slope


def _bce_target_rule(g: Any, input: Any, weight: Any, reduction: str) -> Any:
    log_p, log_q = _clamped_logs(input)
    return share(g, size_of(input.shape), reduction, weight) * (log_q - log_p)


@op(
    "input target weight",
    input=_bce_rule,
    target=_bce_target_rule,
    gate={"input": SCALER, "target": SCALER, "weight": BLOCK},
    batch=pointwise_batch,
    samples=given(
        ((_PROBABILITIES, _SHARES), {}),
        ((_PROBABILITIES, _SHARES, np.array([[0.5], [2.0]])), {"reduction": "sum"}),
        ((_PROBABILITIES, _SHARES, np.array([0.5, 2.0, 1.0])), {"reduction": "none"}),
        ((np.array(0.3), np.array(1.0)), {}),
    ),
)
def binary_cross_entropy(input: Any, target: Any, weight: Any = None, *, reduction: str = "mean") -> Any:
    """The cross entropy of probabilities, −(y·log p + (1 − y)·log(1 − p)) for each element.

    Logarithms are limited to −100 from below, so the loss is finite for p of 0 and 1; the gradient is
    (p − y)/max(p·(1 − p), 1e−12). `binary_cross_entropy_with_logits` is exact for all logits.

    Args:
        input: p, from 0 to 1, any shape, floating.
        target: y, from 0 to 1, of the same shape.
        weight: what each element counts; it broadcasts to the shape of the input.
        reduction: "mean" divides by the number of elements; "sum"; "none" gives the losses themselves.

    Returns:
        A scalar, or with "none" a tensor of the input's shape, in the input's dtype.

    Raises:
        ValueError: for p outside [0, 1], shapes that differ, and an unknown reduction.
        TypeError: for an input that is not floating.

    >>> import pullback as pb
    >>> loss = pb.nn.functional.binary_cross_entropy(pb.tensor([0.0, 1.0]), pb.tensor([0.0, 0.0]), reduction="none")
    >>> loss.tolist()
    [0.0, 100.0]
    """
    where = "binary_cross_entropy"
    check_reduction(reduction)
    input, target, _ = pointwise(where, input, target)
    weight = _check_weight(where, "weight", weight, input)
    if np.any((input < 0) | (input > 1)):
        raise ValueError(
            f"{where}: probabilities lie from 0 to 1, and the input from {np.min(input)} to {np.max(input)}; apply "
            "sigmoid, or give the logits to binary_cross_entropy_with_logits"
        )
    log_p, log_q = _clamped_logs(input)
    losses = -(target * log_p + (1 - target) * log_q)
    return reduced(losses if weight is None else losses * weight, reduction)


def _logits_rule(g: Any, input: Any, target: Any, weight: Any, pos_weight: Any, reduction: str) -> Any:
    if pos_weight is None:
        slope = sigmoid.raw(input) - target
    else:
        slope = (1 - target) - (1 + (pos_weight - 1) * target) * sigmoid.raw(-input)
    return share(g, size_of(input.shape), reduction, weight) * slope


def _logits_target_rule(g: Any, input: Any, weight: Any, pos_weight: Any, reduction: str) -> Any:
    slope = -input if pos_weight is None else -input - (pos_weight - 1) * logsigmoid.raw(input)
    return share(g, size_of(input.shape), reduction, weight) * slope


@op(
    "input target weight pos_weight",
    input=_logits_rule,
    target=_logits_target_rule,
    gate={"input": SCALER, "target": SCALER, "weight": BLOCK, "pos_weight": BLOCK},
    batch=pointwise_batch,
    samples=given(
        ((_LOGITS, _SHARES), {}),
        ((_LOGITS, _SHARES, np.array([[0.5], [2.0]])), {"reduction": "sum"}),
        ((_LOGITS, _SHARES, np.array([0.5, 2.0, 1.0])), {"reduction": "none"}),
        ((_LOGITS, _SHARES, np.ones(3), np.array([0.5, 2.0, 3.0])), {}),
        ((np.array(0.3), np.array(1.0)), {}),
    ),
)
def binary_cross_entropy_with_logits(
    input: Any, target: Any, weight: Any = None, pos_weight: Any = None, *, reduction: str = "mean"
) -> Any:
    """The cross entropy of sigmoid(x) with a target, from the logits x and exact for any of them.

    For each element −(w₊·y·log σ(x) + (1 − y)·log σ(−x)); the gradient is σ(x) − y for w₊ = 1.

    Args:
        input: x, any shape, floating.
        target: y, from 0 to 1, of the same shape.
        weight: what each element counts; it broadcasts to the shape of the input.
        pos_weight: w₊, what the positive answers count more than the negative; it broadcasts likewise.
        reduction: "mean" divides by the number of elements; "sum"; "none" gives the losses themselves.

    Returns:
        A scalar, or with "none" a tensor of the input's shape, in the input's dtype.

    Raises:
        ValueError: for shapes that do not fit, and an unknown reduction.
        TypeError: for an input that is not floating.

    >>> import pullback as pb
    >>> from pullback.nn import functional as F
    >>> F.binary_cross_entropy_with_logits(pb.tensor([10000.0, 10000.0]), pb.tensor([1.0, 0.0])).item()
    5000.0
    """
    where = "binary_cross_entropy_with_logits"
    check_reduction(reduction)
    input, target, _ = pointwise(where, input, target)
    weight = _check_weight(where, "weight", weight, input)
    pos_weight = _check_weight(where, "pos_weight", pos_weight, input)
    # −log σ(±x) = max(∓x, 0) + log(1 + e^−|x|), exact also where it is small
    rest = np.log1p(np.exp(-np.abs(input)))
    positive = target if pos_weight is None else pos_weight * target
    losses = positive * (np.maximum(-input, 0) + rest) + (1 - target) * (np.maximum(input, 0) + rest)
    return reduced(losses if weight is None else losses * weight, reduction)


def _kl_share(g: Any, input: Any, reduction: str) -> Any:
    if reduction == "batchmean" and input.ndim:
        return g / max(input.shape[0], 1)
    return share(g, size_of(input.shape), reduction)


def _kl_rule(g: Any, input: Any, target: Any, reduction: str, log_target: bool) -> Any:
    return _kl_share(g, input, reduction) * -(np.exp(target) if log_target else target)


def _kl_target_rule(g: Any, input: Any, target: Any, reduction: str, log_target: bool) -> Any:
    if log_target:
        slope = np.exp(target) * (target - input + 1)
    else:
        slope = np.log(target) + 1 - input
    return _kl_share(g, input, reduction) * slope


@op(
    "input target",
    input=_kl_rule,
    target=_kl_target_rule,
    gate=SCALER,
    symbol="KL",
    batch=pointwise_batch,
    samples=given(
        ((_LOGITS, _PROBABILITIES), {}),
        ((_LOGITS, _PROBABILITIES), {"reduction": "batchmean"}),
        ((_LOGITS, _PROBABILITIES), {"reduction": "none"}),
        ((_LOGITS, np.log(_PROBABILITIES)), {"reduction": "sum", "log_target": True}),
    ),
)
def kl_div(input: Any, target: Any, *, reduction: str = "mean", log_target: bool = False) -> Any:
    """The Kullback–Leibler divergence of a distribution q from a target p, p·(log p − log q) for each outcome.

    An outcome of p = 0 counts nothing. "batchmean" is the divergence as mathematics has it, averaged over samples;
    "mean" divides by the number of outcomes, too.

    Args:
        input: log q, any shape, floating: for example `log_softmax(x)`.
        target: p, of the same shape; with `log_target`, log p.
        reduction: "batchmean" divides by the length of the first axis; "mean"; "sum"; "none" gives each term.
        log_target: whether the target is given by its logarithm, which is exact also where p underflows.

    Returns:
        A scalar, or with "none" a tensor of the input's shape, in the input's dtype.

    Raises:
        ValueError: for shapes that differ, and an unknown reduction.
        TypeError: for an input that is not floating.

    >>> import pullback as pb
    >>> log_q = pb.log(pb.tensor([[0.5, 0.5]]))
    >>> round(pb.nn.functional.kl_div(log_q, pb.tensor([[1.0, 0.0]]), reduction="batchmean").item(), 4)
    0.6931
    """
    check_reduction(reduction, (*REDUCTIONS, "batchmean"))
    input, target, _ = pointwise("kl_div", input, target)
    if log_target:
        losses = np.exp(target) * (target - input)
    else:
        possible = target != 0
        log_p = np.log(np.where(possible, target, 1)).astype(input.dtype)
        losses = target * (log_p - np.where(possible, input, 0).astype(input.dtype))
    if reduction == "batchmean":
        return reduced(losses, "mean", input.shape[0]) if input.ndim else reduced(losses, "sum")
    return reduced(losses, reduction)


def _soft_margin_rule(g: Any, input: Any, target: Any, reduction: str) -> Any:
    return share(g, size_of(input.shape), reduction) * -(target * sigmoid.raw(-target * input))


@op(
    "input target",
    input=_soft_margin_rule,
    target=lambda g, input, target, reduction: (
        share(g, size_of(input.shape), reduction) * -(input * sigmoid.raw(-target * input))
    ),
    gate=SCALER,
    batch=pointwise_batch,
    samples=given(
        ((_LOGITS, np.sign(_LOGITS[::-1])), {}),
        ((_LOGITS, np.sign(_LOGITS[::-1])), {"reduction": "sum"}),
        ((_LOGITS, np.sign(_LOGITS[::-1])), {"reduction": "none"}),
    ),
)
def soft_margin_loss(input: Any, target: Any, *, reduction: str = "mean") -> Any:
    """The logistic loss of scores with targets of ±1, log(1 + e^(−y·x)) for each element, without overflow.

    Args:
        input: x, any shape, floating.
        target: y, 1 or −1, of the same shape.
        reduction: "mean", "sum", or "none" for the losses themselves.

    Returns:
        A scalar, or with "none" a tensor of the input's shape, in the input's dtype.

    Raises:
        ValueError: for shapes that differ, and an unknown reduction.
        TypeError: for an input that is not floating.

    >>> import pullback as pb
    >>> pb.nn.functional.soft_margin_loss(pb.tensor([10000.0, -10000.0]), pb.tensor([1.0, 1.0])).item()
    5000.0
    """
    check_reduction(reduction)
    input, target, _ = pointwise("soft_margin_loss", input, target)
    return reduced(-logsigmoid.raw(target * input), reduction)


def multilabel_soft_margin_loss(
    input: Any, target: Any, weight: Any = None, *, reduction: str = "mean"
) -> Tensor:
    """For each sample, the mean over the classes of the binary cross entropy of sigmoid(x) with the labels.

    Args:
        input: logits of shape (..., C), floating.
        target: 1 for the labels that a sample has and 0 for the others, of the same shape.
        weight: shape (C,), what each class counts.
        reduction: over the samples: "mean", "sum" or "none".

    Returns:
        A scalar, or with "none" a tensor of shape (...), in the input's dtype.

    Raises:
        ValueError: for shapes that do not fit, and an unknown reduction.
        TypeError: for an input that is not floating.

    >>> import pullback as pb
    >>> from pullback.nn import functional as F
    >>> round(F.multilabel_soft_margin_loss(pb.zeros((2, 3)), pb.ones((2, 3))).item(), 4)
    0.6931
    """
    check_reduction(reduction)
    input, target = asarray(input), asarray(target)
    check_same_shape("multilabel_soft_margin_loss", input=input, target=target)
    losses = binary_cross_entropy_with_logits(input, target, weight, reduction="none")
    return reduced_tensor(mean(losses, axis=-1) if losses.ndim else losses, reduction)
