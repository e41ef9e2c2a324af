"""Losses of regression: the distance of numbers from numbers, and the likelihood of numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ....autograd import Tensor
from ....autograd.extend import BLOCK, SCALER, given, op
from ..check import check_floating, check_positive
from .reduction import check_reduction, pointwise, pointwise_batch, reduced, share, size_of

Array = np.ndarray[Any, Any]

_GATES = {"input": SCALER, "target": SCALER, "weight": BLOCK}
_TARGET = np.array([[0.3, -1.2, 2.0], [0.1, 0.0, -0.7]])
_INPUT = np.array([[0.6, 1.2, -2.1], [0.9, -0.3, 0.2]])


def _samples(*parameters: dict[str, Any]) -> Any:
    """A pair of matrices, with each set of parameters and each reduction, and pairs of other shapes."""
    cases = [
        ((_INPUT, _TARGET), {"reduction": reduction, **options})
        for options in parameters or ({},)
        for reduction in ("mean", "sum", "none")
    ]
    return given(*cases, ((np.array(0.3), np.array(-1.0)), {}), (((0, 2), (0, 2)), {"reduction": "sum"}))


def _weight_count(input: Any, weight: Any) -> Any:
    """What the weighted mean divides by."""
    return size_of(input.shape) if weight is None else np.sum(weight)


def _mse_rule(g: Any, input: Any, target: Any, weight: Any, reduction: str) -> Any:
    return share(g, _weight_count(input, weight), reduction, weight) * 2 * (input - target)


@op(
    "input target weight",
    input=_mse_rule,
    target=lambda g, input, target, weight, reduction: -_mse_rule(g, input, target, weight, reduction),
    gate=_GATES,
    symbol="mse",
    batch=pointwise_batch,
    samples=given(
        (((2, 3), (2, 3)), {}),
        (((2, 3), (2, 3)), {"reduction": "sum"}),
        (((2, 3), (2, 3)), {"reduction": "none"}),
        (((), ()), {}),
        (((0, 2), (0, 2)), {"reduction": "sum"}),
    ),
)
def mse_loss(input: Any, target: Any, weight: Any = None, *, reduction: str = "mean") -> Any:
    """The mean squared error, (x − y)² for each element.

    Args:
        input: x, any shape, floating.
        target: y, of the same shape.
        weight: what each element counts, of the same shape; the mean then divides by the sum of the weights.
        reduction: "mean", "sum", or "none" for the losses themselves.

    Returns:
        A scalar, or with "none" a tensor of the input's shape, in the input's dtype.

    Raises:
        ValueError: for shapes that differ, and an unknown reduction.
        TypeError: for an input that is not floating.

    >>> import pullback as pb
    >>> pb.nn.functional.mse_loss(pb.tensor([1.0, 2.0]), pb.tensor([1.0, 4.0])).item()
    2.0
    """
    check_reduction(reduction)
    input, target, weight = pointwise("mse_loss", input, target, weight)
    losses = np.square(input - target)
    return _weighted(losses, weight, reduction)


def _weighted(losses: Any, weight: Any, reduction: str) -> Any:
    if weight is None:
        return reduced(losses, reduction)
    return reduced(losses * weight, reduction, float(np.sum(weight)))


def _l1_rule(g: Any, input: Any, target: Any, weight: Any, reduction: str) -> Any:
    return share(g, _weight_count(input, weight), reduction, weight) * np.sign(input - target)


@op(
    "input target weight",
    input=_l1_rule,
    target=lambda g, input, target, weight, reduction: -_l1_rule(g, input, target, weight, reduction),
    gate=_GATES,
    symbol="|x−y|",
    batch=pointwise_batch,
    samples=_samples(),
)
def l1_loss(input: Any, target: Any, weight: Any = None, *, reduction: str = "mean") -> Any:
    """The mean absolute error, |x − y| for each element; where the two are equal the gradient is 0.

    Args:
        input: x, any shape, floating.
        target: y, of the same shape.
        weight: what each element counts, of the same shape; the mean then divides by the sum of the weights.
        reduction: "mean", "sum", or "none" for the losses themselves.

    Returns:
        A scalar, or with "none" a tensor of the input's shape, in the input's dtype.

    Raises:
        ValueError: for shapes that differ, and an unknown reduction.
        TypeError: for an input that is not floating.

    >>> import pullback as pb
    >>> pb.nn.functional.l1_loss(pb.tensor([1.0, 2.0]), pb.tensor([1.0, 4.0])).item()
    1.0
    """
    check_reduction(reduction)
    input, target, weight = pointwise("l1_loss", input, target, weight)
    return _weighted(np.abs(input - target), weight, reduction)


def _smooth_l1_rule(g: Any, input: Any, target: Any, beta: float, reduction: str) -> Any:
    difference = input - target
    slope = np.sign(difference) if beta == 0 else np.clip(difference / beta, -1, 1)
    return share(g, size_of(input.shape), reduction) * slope


@op(
    "input target",
    input=_smooth_l1_rule,
    target=lambda g, input, target, beta, reduction: -_smooth_l1_rule(g, input, target, beta, reduction),
    gate=SCALER,
    batch=pointwise_batch,
    samples=_samples({}, {"beta": 0.5}, {"beta": 0}),
)
def smooth_l1_loss(input: Any, target: Any, *, reduction: str = "mean", beta: float = 1.0) -> Any:
    """A squared error near the target and an absolute one far from it.

    With d = |x − y| it is d²/(2β) where d is below β, else d − β/2: the Huber loss divided by β.
    Girshick, "Fast R-CNN", 2015, arXiv:1504.08083.

    Args:
        input: x, any shape, floating.
        target: y, of the same shape.
        reduction: "mean", "sum", or "none" for the losses themselves.
        beta: β; 0 gives the absolute error.

    Returns:
        A scalar, or with "none" a tensor of the input's shape, in the input's dtype.

    Raises:
        ValueError: for shapes that differ, an unknown reduction, and a negative β.
        TypeError: for an input that is not floating.

    >>> import pullback as pb
    >>> pb.nn.functional.smooth_l1_loss(pb.tensor([0.0, 0.0]), pb.tensor([1.0, 3.0]), reduction="none").tolist()
    [0.5, 2.5]
    """
    check_reduction(reduction)
    if not beta >= 0:
        raise ValueError(f"smooth_l1_loss: beta must not be negative, and it is {beta!r}")
    input, target, _ = pointwise("smooth_l1_loss", input, target)
    distance = np.abs(input - target)
    if beta:
        near = np.minimum(distance, float(beta))
        distance = near * (distance - 0.5 * near) / float(beta)
    return reduced(distance, reduction)


def _huber_rule(g: Any, input: Any, target: Any, weight: Any, delta: float, reduction: str) -> Any:
    return share(g, size_of(input.shape), reduction, weight) * np.clip(input - target, -delta, delta)


def _huber(
    input: Any, target: Any, weight: Any = None, *, delta: float = 1.0, reduction: str = "mean"
) -> Any:
    check_reduction(reduction)
    delta = check_positive("huber_loss", "delta", delta)
    input, target, weight = pointwise("huber_loss", input, target, weight)
    distance = np.abs(input - target)
    near = np.minimum(distance, delta)
    losses = near * (distance - 0.5 * near)
    return reduced(losses if weight is None else losses * weight, reduction)


_huber_op = op(
    _huber,
    "input target weight",
    input=_huber_rule,
    target=lambda g, input, target, weight, delta, reduction: (
        -_huber_rule(g, input, target, weight, delta, reduction)
    ),
    gate=_GATES,
    name="huber_loss",
    symbol="huber",
    batch=pointwise_batch,
    samples=_samples({}, {"delta": 0.5}),
    doc="A squared error near the target and an absolute one far from it; see `nn.functional.huber_loss`.",
)


def huber_loss(
    input: Any, target: Any, reduction: str = "mean", delta: float = 1.0, weight: Any = None
) -> Tensor:
    """A squared error near the target and an absolute one far from it, so that outliers pull no harder.

    With d = |x − y| it is d²/2 up to d = δ, and δ·(d − δ/2) beyond.
    Huber, "Robust estimation of a location parameter", 1964.

    Args:
        input: x, any shape, floating.
        target: y, of the same shape.
        reduction: "mean", "sum", or "none" for the losses themselves.
        delta: δ, above 0.
        weight: what each element counts, of the same shape; the mean still divides by the number of elements.

    Returns:
        A scalar, or with "none" a tensor of the input's shape, in the input's dtype.

    Raises:
        ValueError: for shapes that differ, an unknown reduction, and a δ that is not positive.
        TypeError: for an input that is not floating.

    >>> import pullback as pb
    >>> pb.nn.functional.huber_loss(pb.tensor([0.0, 0.0]), pb.tensor([1.0, 3.0]), "none", 2.0).tolist()
    [0.5, 4.0]
    """
    result: Tensor = _huber_op(input, target, weight, delta=delta, reduction=reduction)
    return result


def _stirling(target: Any) -> Any:
    """log y! by Stirling's formula where y is above 1, else 0."""
    safe = np.where(target > 1, target, 1)
    return np.where(target > 1, safe * np.log(safe) - safe + 0.5 * np.log(2 * math.pi * safe), 0)


def _stirling_slope(target: Any) -> Any:
    safe = np.where(target > 1, target, 1)
    return np.where(target > 1, np.log(safe) + 0.5 / safe, 0)


def _poisson_rule(g: Any, input: Any, target: Any, log_input: bool, eps: float, reduction: str) -> Any:
    slope = np.exp(input) - target if log_input else 1 - target / (input + eps)
    return share(g, size_of(input.shape), reduction) * slope


def _poisson_target_rule(
    g: Any, input: Any, target: Any, log_input: bool, full: bool, eps: float, reduction: str
) -> Any:
    slope = -input if log_input else -np.log(input + eps)
    slope = slope + _stirling_slope(target) if full else slope
    return share(g, size_of(input.shape), reduction) * slope


@op(
    "input target",
    input=_poisson_rule,
    target=_poisson_target_rule,
    gate=SCALER,
    batch=pointwise_batch,
    samples=given(
        ((_INPUT, np.array([[0.0, 1.5, 2.0], [3.0, 0.5, 7.0]])), {"full": True}),
        ((np.abs(_INPUT), np.array([[0.0, 1.5, 2.0], [3.0, 0.5, 7.0]])), {"log_input": False, "full": True}),
        ((_INPUT, np.abs(_TARGET)), {"reduction": "none"}),
        ((_INPUT, np.abs(_TARGET)), {"reduction": "sum"}),
    ),
)
def poisson_nll_loss(
    input: Any,
    target: Any,
    log_input: bool = True,
    full: bool = False,
    *,
    eps: float = 1e-8,
    reduction: str = "mean",
) -> Any:
    """The negative log likelihood of counts under Poisson distributions, without the constant log y!.

    eˣ − y·x for x the logarithm of the expected count, or x − y·log(x + ε) for x the expected count itself.

    Args:
        input: x, any shape, floating.
        target: y, the counts, of the same shape.
        log_input: whether x is the logarithm.
        full: add log y! by Stirling's formula, y·log y − y + log(2πy)/2, where y is above 1.
        eps: keeps log(x + ε) finite where x is 0.
        reduction: "mean", "sum", or "none" for the losses themselves.

    Returns:
        A scalar, or with "none" a tensor of the input's shape, in the input's dtype.

    Raises:
        ValueError: for shapes that differ, and an unknown reduction.
        TypeError: for an input that is not floating.

    >>> import pullback as pb
    >>> pb.nn.functional.poisson_nll_loss(pb.tensor([0.0, 0.0]), pb.tensor([1.0, 3.0])).item()
    1.0
    """
    check_reduction(reduction)
    input, target, _ = pointwise("poisson_nll_loss", input, target)
    if log_input:
        with np.errstate(over="ignore"):  # an infinite loss is the right one
            losses = np.exp(input) - target * input
    else:
        losses = input - target * np.log(input + float(eps))
    return reduced(losses + _stirling(target).astype(losses.dtype) if full else losses, reduction)


def _variance(input: Any, var: Any, eps: float) -> Any:
    """The variances from ε on, so shaped that they broadcast against the input."""
    if var.ndim and var.ndim == input.ndim - 1:
        var = np.expand_dims(var, -1)
    return np.where(var < eps, eps, var)


def _gaussian_share(g: Any, input: Any, target: Any, var: Any, eps: float, reduction: str) -> Any:
    """What comes back to each loss, the deviations, and the variances."""
    variance = _variance(input, var, eps)
    count = size_of(input.shape, target.shape, variance.shape)
    return share(g, count, reduction), input - target, variance


def _gaussian_rule(g: Any, input: Any, target: Any, var: Any, eps: float, reduction: str) -> Any:
    part, deviation, variance = _gaussian_share(g, input, target, var, eps, reduction)
    return part * (deviation / variance)


def _gaussian_var_rule(g: Any, input: Any, target: Any, var: Any, eps: float, reduction: str) -> Any:
    part, deviation, variance = _gaussian_share(g, input, target, var, eps, reduction)
    slope = part * (0.5 * (1 - np.square(deviation) / variance) / variance)
    return np.sum(slope, axis=-1) if var.ndim and var.ndim == input.ndim - 1 else slope


def _gaussian_batch(
    call: Any, batched: tuple[bool, ...], input: Any, target: Any, var: Any, **parameters: Any
) -> Any:
    """Element by element where all examples have one shape."""
    if all(batched) and input.shape == target.shape == var.shape and parameters["reduction"] == "none":
        return call(input, target, var, **parameters)
    return NotImplemented


@op(
    "input target var",
    input=_gaussian_rule,
    target=lambda g, input, target, var, eps, reduction: (
        -_gaussian_rule(g, input, target, var, eps, reduction)
    ),
    var=_gaussian_var_rule,
    gate=SCALER,
    batch=_gaussian_batch,
    samples=given(
        ((_INPUT, _TARGET, np.array([[0.5, 1.5, 0.2], [1.0, 2.0, 0.7]])), {"full": True}),
        ((_INPUT, _TARGET, np.array([[0.5, 1.5, 0.2], [1.0, 2.0, 0.7]])), {"reduction": "none"}),
        ((_INPUT, _TARGET, np.array([0.5, 1.5])), {"reduction": "sum"}),
        ((_INPUT, _TARGET, np.array([[0.5], [1.5]])), {}),
        ((_INPUT, _TARGET[:, :1], np.array(0.7)), {"eps": 1e-3}),
    ),
)
def gaussian_nll_loss(
    input: Any, target: Any, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Any:
    """The negative log likelihood of targets under normal distributions, (log v + (x − y)²/v)/2 for each element.

    Nix and Weigend, "Estimating the mean and variance of the target probability distribution", 1994.

    Args:
        input: x, the expected values, any shape, floating.
        target: y, of the same shape, or with an axis of length 1 in place of another.
        var: v, the variances: of the same shape, or with an axis of length 1, without the last axis, or one number.
        full: add the constant log(2π)/2.
        eps: smaller variances count as ε; their gradient is that at ε.
        reduction: "mean", "sum", or "none" for the losses themselves.

    Returns:
        A scalar, or with "none" a tensor of the input's shape, in the input's dtype.

    Raises:
        ValueError: for shapes that do not fit, a negative variance, an ε that is not positive, and an unknown
            reduction.
        TypeError: for an input that is not floating.

    >>> import pullback as pb
    >>> one = pb.ones(2)
    >>> pb.nn.functional.gaussian_nll_loss(pb.tensor([0.0, 0.0]), pb.tensor([1.0, 3.0]), one).item()
    2.5
    """
    check_reduction(reduction)
    where = "gaussian_nll_loss"
    eps = check_positive(where, "eps", eps)
    check_floating(where, "the input", input)
    target, var = (np.asarray(x).astype(input.dtype) for x in (target, var))
    for name, shape in (("target", target.shape), ("var", var.shape)):
        aligned = len(shape) == input.ndim and all(
            1 in pair or pair[0] == pair[1] for pair in zip(shape, input.shape, strict=True)
        )
        if not aligned and not (name == "var" and shape in ((), input.shape[:-1])):
            raise ValueError(
                f"{where}: {name} has shape {shape} and the input {input.shape}; give {name} the same shape, or "
                "axes of length 1 where it is the same for all"
            )
    if np.any(var < 0):
        raise ValueError(
            f"{where}: a variance is negative ({np.min(var)}); predict its logarithm, and give exp of it"
        )
    variance = _variance(input, var, eps).astype(input.dtype)
    losses = 0.5 * (np.log(variance) + np.square(input - target) / variance)
    return reduced(losses + 0.5 * math.log(2 * math.pi) if full else losses, reduction)
