"""Batch normalisation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...autograd import Tensor, asarray, mean, reshape, sqrt
from ...autograd.extend import MIXER, SCALER, given, op
from .activated import Written, activated
from .channel_norm import (
    OVER_BATCH,
    Normalized,
    affine,
    centred_sums,
    channel_sums,
    check,
    move,
    normalize,
    pull,
    standardised,
)

Array = np.ndarray[Any, Any]


def batch_norm(
    input: Any,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
    *,
    activation: str | None = None,
) -> Tensor:
    """Normalise each channel: (x − mean)/√(variance + ε)·weight + bias.

    In training, mean and variance are those of the channel's elements in the batch, and the running statistics
    move towards them: running ← (1 − momentum)·running + momentum·new, with the unbiased variance. Otherwise
    the running statistics are used. Ioffe and Szegedy, "Batch normalization", ICML 2015.

    Args:
        input: shape (N, C) or (N, C, *), floating.
        running_mean: shape (C,), changed in place in training; None in training for none.
        running_var: the same.
        weight: shape (C,); ones if left out.
        bias: shape (C,); zeros if left out.
        training: use the statistics of the batch.
        momentum: how far the running statistics move.
        eps: ε, which keeps the quotient finite.
        activation: of the result: "gelu", "gelu_tanh", "relu", "sigmoid", "silu" or "tanh", in the same operation.

    Returns:
        A tensor of the input's shape.

    Raises:
        ValueError: for shapes that do not fit; in training for one element per channel, which has no variance;
            without running statistics outside of training; for an unknown activation.
        TypeError: for dtypes that differ.

    >>> import pullback as pb
    >>> pb.nn.functional.batch_norm(pb.tensor([[1.0], [3.0]]), None, None, training=True, eps=1e-12)
    tensor([[-1.],
            [ 1.]], dtype=float32)
    >>> pb.nn.functional.batch_norm(
    ...     pb.tensor([[1.0], [3.0]]), None, None, training=True, eps=1e-12, activation="relu"
    ... )
    tensor([[0.],
            [1.]], dtype=float32)
    """
    by_batch, by_running = _batch_norm_and(activation), batch_norm_by_and(activation)
    input, weight, bias = (x if x is None else asarray(x) for x in (input, weight, bias))
    check("batch_norm", input, weight, bias, eps, running_mean, running_var)
    if not training:
        if running_mean is None or running_var is None:
            raise ValueError(
                "batch_norm: outside of training it needs running_mean and running_var; give them, or "
                "training=True for the statistics of the batch"
            )
        result: Tensor = by_running(input, running_mean, running_var, weight, bias, eps=eps)
        return result
    count = input.size // max(input.shape[1], 1)
    if count == 1:
        raise ValueError(
            f"batch_norm: input of shape {input.shape} has one element per channel, and in training the variance "
            "needs more; give a larger batch, or call .eval() for the running statistics"
        )
    found: Normalized = by_batch(input, weight, bias, eps=eps)
    if count:
        move(running_mean, running_var, found, count, momentum)
    return found.output


def _batch_norm(input: Array, weight: Array | None = None, bias: Array | None = None, *, eps: float) -> Any:
    """(x − mean)/√(variance + ε)·weight + bias for each channel, with the statistics of the batch.

    `batch_norm` is the function that checks, and keeps running statistics.
    """
    return _by_batch(input, weight, bias, eps)


def _by_batch(
    input: Array, weight: Array | None, bias: Array | None, eps: float, rectified: bool = False
) -> Any:
    output, means, variances = normalize(input, weight, bias, OVER_BATCH, eps, rectified)
    if not len(means):
        nothing = np.zeros(input.shape[1], input.dtype)
        return (output, nothing, nothing.copy()), means, variances
    return (output, means[0].copy(), variances[0].copy()), means, variances


def _batch_norm_rule(
    g: Any, input: Any, weight: Any, means: Array, variances: Array, eps: float, needs: Any
) -> tuple[Any, ...]:
    count = max(np.size(input) // max(input.shape[1], 1), 1)
    return pull(g[0], g[1] / count, g[2] / count, input, weight, means, variances, OVER_BATCH, eps, needs)


def _batch_norm_relu(
    input: Array, weight: Array | None = None, bias: Array | None = None, *, eps: float
) -> Any:
    return _by_batch(input, weight, bias, eps, rectified=True)


def _batch_norm_relu_rule(
    g: Any, input: Any, weight: Any, bias: Any, means: Array, variances: Array, eps: float, needs: Any
) -> tuple[Any, ...]:
    count = max(np.size(input) // max(input.shape[1], 1), 1)
    rest = (input, weight, means, variances, OVER_BATCH, eps, needs)
    return pull(g[0], g[1] / count, g[2] / count, *rest, bias=bias, rectified=True)


def _composed_batch_norm(input: Any, weight: Any = None, bias: Any = None, *, eps: float) -> Normalized:
    over = (0, *range(2, input.ndim))
    if 0 in (input.shape[axis] for axis in over):
        nothing = input.sum(axis=over)
        return Normalized(affine(input, weight, bias), nothing, nothing * 1)
    m = mean(input, axis=over, keepdims=True)
    centred = input - m
    v = mean(centred * centred, axis=over, keepdims=True)
    return Normalized(
        affine(centred / sqrt(v + eps), weight, bias),
        reshape(m, input.shape[1:2]),
        reshape(v, input.shape[1:2]),
    )


_batch_norm_op: Callable[..., Normalized] = op(
    _batch_norm,
    "input weight bias",
    joint=_batch_norm_rule,
    residuals="means variances",
    composed=_composed_batch_norm,
    outputs=Normalized,
    gate=MIXER,
    name="batch_norm",
    symbol="batch norm",
    samples=given(
        (((4, 3), (3,), (3,)), {"eps": 1e-5}),
        (((3, 2, 2, 2), (2,), (2,)), {"eps": 0.1}),
        (((2, 2, 3),), {"eps": 1e-5}),
        (((0, 3), (3,), (3,)), {"eps": 1e-5}),
    ),
)

_batch_norm_and = activated(_batch_norm_op, relu=Written(_batch_norm_relu, _batch_norm_relu_rule))


def _by_shape(values: Any, input: Any) -> Any:
    return np.reshape(values, (-1,) + (1,) * (input.ndim - 2))


def _normalize_by(
    input: Array,
    mean: Array,
    variance: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    *,
    eps: float,
) -> Any:
    """(x − mean)/√(variance + ε)·weight + bias for each channel, with the given statistics."""
    return standardised(input, mean, variance, weight, bias, eps)


def _normalize_by_relu(
    input: Array,
    mean: Array,
    variance: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    *,
    eps: float,
) -> Any:
    """The same with a ReLU behind it."""
    return standardised(input, mean, variance, weight, bias, eps, rectified=True)


def _over_channels(g: Any) -> Any:
    return channel_sums(g) if type(g) is np.ndarray else np.sum(g, axis=(0, *range(2, g.ndim)))


def _by_slope(variance: Any, weight: Any, eps: float) -> Any:
    slope = (variance + eps) ** -0.5
    return slope if weight is None else slope * weight


def _centred_sum(g: Any, input: Any, mean: Any) -> Any:
    if not any(isinstance(x, Tensor) for x in (g, input, mean)):
        return centred_sums(g, input, mean)
    return _over_channels(g * (input - _by_shape(mean, input)))


def _variance_rule(g: Any, input: Any, mean: Any, variance: Any, weight: Any, eps: float) -> Any:
    slope = -0.5 * (variance + eps) ** -1.5
    return _centred_sum(g, input, mean) * (slope if weight is None else slope * weight)


def _batch(call: Any, batched: tuple[bool, ...], input: Any, *others: Any, eps: float) -> Any:
    """The examples are more of what already stands in the first axis."""
    if any(batched[1:]):
        return NotImplemented
    whole = input.reshape((input.shape[0] * input.shape[1], *input.shape[2:]))
    return call(whole, *others, eps=eps).reshape(input.shape)


batch_norm_by: Callable[..., Tensor] = op(
    _normalize_by,
    "input mean variance weight bias",
    input=lambda g, variance, weight, eps: g * _by_shape(_by_slope(variance, weight, eps), g),
    mean=lambda g, variance, weight, eps: -_over_channels(g) * _by_slope(variance, weight, eps),
    variance=_variance_rule,
    weight=lambda g, input, mean, variance, eps: _centred_sum(g, input, mean) * (variance + eps) ** -0.5,
    bias=lambda g: _over_channels(g),
    gate=SCALER,
    name="batch_norm_by",
    batch=_batch,
    symbol="batch norm",
    samples=given(
        (((4, 3), (3,), np.array([1.0, 0.5, 2.0]), (3,), (3,)), {"eps": 1e-5}),
        (((2, 3, 2), (3,), np.array([1.0, 0.5, 2.0])), {"eps": 0.1}),
        (((0, 1, 2, 2), (1,), np.array([1.0]), (1,), (1,)), {"eps": 1e-5}),
    ),
)

batch_norm_by_and: Callable[[str | None], Any] = activated(batch_norm_by, relu=Written(_normalize_by_relu))
