"""Normalisation of groups of channels in each example, and of each channel by itself."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...autograd import Tensor, asarray, mean, reshape, sqrt
from ...autograd.extend import MIXER, given, op
from .activated import Written, activated
from .batch_norm import batch_norm_by_and
from .channel_norm import Normalized, affine, check, move, normalize, pull
from .check import whole

Array = np.ndarray[Any, Any]


def group_norm(
    input: Any,
    num_groups: int,
    weight: Any = None,
    bias: Any = None,
    eps: float = 1e-5,
    *,
    activation: str | None = None,
) -> Tensor:
    """Normalise groups of channels in each example: (x − mean)/√(variance + ε)·weight + bias.

    Wu and He, "Group normalization", ECCV 2018.

    Args:
        input: shape (N, C) or (N, C, *), floating.
        num_groups: how many groups of C/num_groups channels share their statistics; it divides C.
        weight: shape (C,); ones if left out.
        bias: shape (C,); zeros if left out.
        eps: ε, which keeps the quotient finite.
        activation: of the result: "gelu", "gelu_tanh", "relu", "sigmoid", "silu" or "tanh", in the same operation.

    Returns:
        A tensor of the input's shape.

    Raises:
        ValueError: for shapes that do not fit, and an unknown activation.
        TypeError: for dtypes that differ.

    >>> import pullback as pb
    >>> pb.nn.functional.group_norm(pb.tensor([[1.0, 3.0, 5.0, 5.0]]), 2, eps=1e-12)
    tensor([[-1.,  1.,  0.,  0.]], dtype=float32)
    >>> pb.nn.functional.group_norm(pb.tensor([[1.0, 3.0, 5.0, 5.0]]), 2, eps=1e-12, activation="relu")
    tensor([[0., 1., 0., 0.]], dtype=float32)
    """
    group_norm_op = _group_norm_and(activation)
    input, weight, bias = (x if x is None else asarray(x) for x in (input, weight, bias))
    check("group_norm", input, weight, bias, eps)
    groups = whole("num_groups", num_groups)
    if input.shape[1] % groups:
        raise ValueError(
            f"group_norm: {input.shape[1]} channels do not divide into {groups} groups (num_groups)"
        )
    result: Tensor = group_norm_op(input, weight, bias, groups=groups, eps=eps)
    return result


def _group_norm(
    input: Array, weight: Array | None = None, bias: Array | None = None, *, groups: int, eps: float
) -> Any:
    """(x − mean)/√(variance + ε)·weight + bias, with the statistics of each group of channels of an example.

    `group_norm` is the function that checks.
    """
    return normalize(input, weight, bias, groups, eps)


def _group_norm_rule(
    g: Any, input: Any, weight: Any, means: Array, variances: Array, groups: int, eps: float, needs: Any
) -> tuple[Any, ...]:
    return pull(g, 0, 0, input, weight, means, variances, groups, eps, needs)


def _group_norm_relu(
    input: Array, weight: Array | None = None, bias: Array | None = None, *, groups: int, eps: float
) -> Any:
    return normalize(input, weight, bias, groups, eps, rectified=True)


def _group_norm_relu_rule(
    g: Any,
    input: Any,
    weight: Any,
    bias: Any,
    means: Array,
    variances: Array,
    groups: int,
    eps: float,
    needs: Any,
) -> tuple[Any, ...]:
    rest = (input, weight, means, variances, groups, eps, needs)
    return pull(g, 0, 0, *rest, bias=bias, rectified=True)


def _composed_group_norm(input: Any, weight: Any = None, bias: Any = None, *, groups: int, eps: float) -> Any:
    n, c = input.shape[:2]
    x = reshape(input, (n, groups, (c // groups) * math.prod(input.shape[2:])))
    centred = x - mean(x, axis=2, keepdims=True)
    y = centred / sqrt(mean(centred * centred, axis=2, keepdims=True) + eps)
    return affine(reshape(y, input.shape), weight, bias)


_group_norm_op: Callable[..., Tensor] = op(
    _group_norm,
    "input weight bias",
    joint=_group_norm_rule,
    residuals="means variances",
    composed=_composed_group_norm,
    gate=MIXER,
    name="group_norm",
    symbol="group norm",
    samples=given(
        (((2, 4), (4,), (4,)), {"groups": 2, "eps": 1e-5}),
        (((2, 4, 3), (4,), (4,)), {"groups": 2, "eps": 0.1}),
        (((2, 2, 2, 2),), {"groups": 1, "eps": 1e-5}),
        (((0, 2, 3), (2,), (2,)), {"groups": 2, "eps": 1e-5}),
    ),
)

_group_norm_and = activated(_group_norm_op, relu=Written(_group_norm_relu, _group_norm_relu_rule))


def instance_norm(
    input: Any,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Any = None,
    bias: Any = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
    *,
    activation: str | None = None,
) -> Tensor:
    """Normalise each channel of each example: (x − mean)/√(variance + ε)·weight + bias.

    Ulyanov, Vedaldi and Lempitsky, "Instance normalization", 2016. Running statistics, if given, move towards
    the batch's average of mean and unbiased variance as in `batch_norm`.

    Args:
        input: shape (N, C, *), floating.
        running_mean: shape (C,), changed in place if `use_input_stats`; None for none.
        running_var: the same.
        weight: shape (C,); ones if left out.
        bias: shape (C,); zeros if left out.
        use_input_stats: use the statistics of the input, and not the running ones.
        momentum: how far the running statistics move.
        eps: ε, which keeps the quotient finite.
        activation: of the result: "gelu", "gelu_tanh", "relu", "sigmoid", "silu" or "tanh", in the same operation.

    Returns:
        A tensor of the input's shape.

    Raises:
        ValueError: for shapes that do not fit; for one element per channel, which has no variance; without
            running statistics where they are to be used; for an unknown activation.
        TypeError: for dtypes that differ.

    >>> import pullback as pb
    >>> pb.nn.functional.instance_norm(pb.tensor([[[1.0, 3.0]]]), eps=1e-12)
    tensor([[[-1.,  1.]]], dtype=float32)
    """
    by_input, by_running = _instance_norm_and(activation), batch_norm_by_and(activation)
    input, weight, bias = (x if x is None else asarray(x) for x in (input, weight, bias))
    check("instance_norm", input, weight, bias, eps, running_mean, running_var)
    if not use_input_stats:
        if running_mean is None or running_var is None:
            raise ValueError(
                "instance_norm: without use_input_stats it needs running_mean and running_var; give them"
            )
        result: Tensor = by_running(input, running_mean, running_var, weight, bias, eps=eps)
        return result
    count = math.prod(input.shape[2:])
    if count == 1:
        raise ValueError(
            f"instance_norm: input of shape {input.shape} has one element per channel, whose variance is always "
            "zero; it needs larger spatial axes"
        )
    found: Normalized = by_input(input, weight, bias, eps=eps)
    if input.size:
        move(running_mean, running_var, found, count, momentum)
    return found.output


def _instance_norm(
    input: Array, weight: Array | None = None, bias: Array | None = None, *, eps: float
) -> Any:
    """(x − mean)/√(variance + ε)·weight + bias for each channel of each example, by its own statistics.

    `instance_norm` is the function that checks, and keeps running statistics.
    """
    return _by_example(input, weight, bias, eps)


def _by_example(
    input: Array, weight: Array | None, bias: Array | None, eps: float, rectified: bool = False
) -> Any:
    output, means, variances = normalize(input, weight, bias, input.shape[1], eps, rectified)
    return (output, means.copy(), variances.copy()), means, variances


def _instance_norm_rule(
    g: Any, input: Any, weight: Any, means: Array, variances: Array, eps: float, needs: Any
) -> tuple[Any, ...]:
    count = max(math.prod(input.shape[2:]), 1)
    groups = input.shape[1]
    return pull(g[0], g[1] / count, g[2] / count, input, weight, means, variances, groups, eps, needs)


def _instance_norm_relu(
    input: Array, weight: Array | None = None, bias: Array | None = None, *, eps: float
) -> Any:
    return _by_example(input, weight, bias, eps, rectified=True)


def _instance_norm_relu_rule(
    g: Any, input: Any, weight: Any, bias: Any, means: Array, variances: Array, eps: float, needs: Any
) -> tuple[Any, ...]:
    count = max(math.prod(input.shape[2:]), 1)
    rest = (input, weight, means, variances, input.shape[1], eps, needs)
    return pull(g[0], g[1] / count, g[2] / count, *rest, bias=bias, rectified=True)


def _composed_instance_norm(input: Any, weight: Any = None, bias: Any = None, *, eps: float) -> Normalized:
    over = tuple(range(2, input.ndim))
    m = mean(input, axis=over, keepdims=True)
    centred = input - m
    v = mean(centred * centred, axis=over, keepdims=True)
    shape = input.shape[:2]
    return Normalized(affine(centred / sqrt(v + eps), weight, bias), reshape(m, shape), reshape(v, shape))


_instance_norm_op: Callable[..., Normalized] = op(
    _instance_norm,
    "input weight bias",
    joint=_instance_norm_rule,
    residuals="means variances",
    composed=_composed_instance_norm,
    outputs=Normalized,
    gate=MIXER,
    name="instance_norm",
    symbol="instance norm",
    samples=given(
        (((2, 2, 3), (2,), (2,)), {"eps": 1e-5}),
        (((2, 1, 2, 2),), {"eps": 0.1}),
        (((0, 2, 3), (2,), (2,)), {"eps": 1e-5}),
    ),
)

_instance_norm_and = activated(_instance_norm_op, relu=Written(_instance_norm_relu, _instance_norm_relu_rule))
