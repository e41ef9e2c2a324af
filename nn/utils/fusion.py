"""Batch normalisation folded into the layer in front of it, for evaluation: one layer with equal outputs."""

from __future__ import annotations

import copy
from typing import Any, TypeVar

import numpy as np

from ...autograd import Tensor
from ..module import Module
from ..parameter import Parameter

M = TypeVar("M", bound=Module)


def fuse_conv_bn_eval(conv: M, bn: Any, transpose: bool = False) -> M:
    """A copy of a convolution that does what the convolution and the batch normalisation behind it do.

    With the running mean μ and variance σ², the weight is w·γ/√(σ² + ε) for each output channel, and the bias
    (b − μ)·γ/√(σ² + ε) + β.

    Args:
        conv: the convolution; not changed.
        bn: the batch normalisation of its output.
        transpose: whether the convolution is a transposed one, whose weight is (in, out / groups, ...).

    Returns:
        A new convolution, with a bias.

    Raises:
        ValueError: unless both are in evaluation mode, with running statistics of as many channels as come out; for an
            activation between them, or behind a convolution.

    >>> import pullback as pb
    >>> from pullback import nn
    >>> linear, bn = nn.Linear(3, 4).eval(), nn.BatchNorm1d(4).eval()
    >>> fused, x = nn.utils.fuse_linear_bn_eval(linear, bn), pb.ones((2, 3))
    >>> bool(pb.all(pb.abs(fused(x) - bn(linear(x))) < 1e-6))
    True
    """
    _check("fuse_conv_bn_eval", conv, bn)
    if getattr(bn, "activation", None) is not None:
        raise ValueError(
            f"fuse_conv_bn_eval: the {type(bn).__name__} ends in activation={bn.activation!r}, which a convolution has "
            "not; make it one without, and call the activation on the result"
        )
    fused: Any = copy.deepcopy(conv)
    fused.weight, fused.bias = fuse_conv_bn_weights(
        fused.weight,
        fused.bias,
        bn.running_mean,
        bn.running_var,
        bn.eps,
        bn.weight,
        bn.bias,
        transpose,
        fused.groups,
    )
    return fused  # type: ignore[no-any-return]  # a copy of conv


def fuse_conv_bn_weights(
    conv_w: Tensor,
    conv_b: Tensor | None,
    bn_rm: Tensor,
    bn_rv: Tensor,
    bn_eps: float,
    bn_w: Tensor | None,
    bn_b: Tensor | None,
    transpose: bool = False,
    groups: int = 1,
) -> tuple[Parameter, Parameter]:
    """Weight and bias of the convolution that `fuse_conv_bn_eval` describes.

    Args:
        conv_w: the convolution's weight.
        conv_b: its bias, if any.
        bn_rm: the running mean.
        bn_rv: the running variance.
        bn_eps: ε.
        bn_w: γ, if any.
        bn_b: β, if any.
        transpose: whether the weight is (in, out / groups, ...).
        groups: of the convolution; it matters for a transposed one.

    Raises:
        ValueError: for statistics of another number of channels.
    """
    weight = conv_w.detach().numpy()
    out = weight.shape[1] * groups if transpose else weight.shape[0]
    scale, bias = _scale_and_bias("fuse_conv_bn_weights", out, conv_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b)
    kernel = weight.shape[2:]
    if transpose:
        by_group = weight.reshape((groups, weight.shape[0] // groups, weight.shape[1], *kernel))
        fused = by_group * scale.reshape((groups, 1, -1) + (1,) * len(kernel))
    else:
        fused = weight * scale.reshape((-1, 1) + (1,) * len(kernel))
    return _parameter(fused.reshape(weight.shape), conv_w), _parameter(
        bias, conv_b if conv_b is not None else conv_w
    )


def fuse_linear_bn_eval(linear: M, bn: Any) -> M:
    """A copy of a Linear layer that does what the layer and the batch normalisation behind it do.

    See `fuse_conv_bn_eval` for the formula, the arguments and what is refused. An activation of the batch
    normalisation becomes one of the layer.
    """
    _check("fuse_linear_bn_eval", linear, bn)
    fused: Any = copy.deepcopy(linear)
    fused.activation = getattr(bn, "activation", None)
    fused.weight, fused.bias = fuse_linear_bn_weights(
        fused.weight, fused.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias
    )
    return fused  # type: ignore[no-any-return]  # a copy of linear


def fuse_linear_bn_weights(
    linear_w: Tensor,
    linear_b: Tensor | None,
    bn_rm: Tensor,
    bn_rv: Tensor,
    bn_eps: float,
    bn_w: Tensor | None,
    bn_b: Tensor | None,
) -> tuple[Parameter, Parameter]:
    """Weight and bias of the layer that `fuse_linear_bn_eval` describes; see `fuse_conv_bn_weights`."""
    return fuse_conv_bn_weights(linear_w, linear_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b)


def _check(where: str, layer: Any, bn: Any) -> None:
    for module in (layer, bn):
        if module.training:
            raise ValueError(
                f"{where}: the {type(module).__name__} is in training, where the statistics of the batch are used; "
                "call .eval() on the model first"
            )
    if getattr(layer, "activation", None) is not None:
        raise ValueError(
            f"{where}: the {type(layer).__name__} ends in activation={layer.activation!r}, so what the "
            f"{type(bn).__name__} does cannot be folded into its weight"
        )
    if getattr(bn, "running_mean", None) is None or getattr(bn, "running_var", None) is None:
        raise ValueError(f"{where}: the {type(bn).__name__} has no running statistics to fold in")


def _scale_and_bias(
    where: str, out: int, bias: Any, mean: Any, variance: Any, eps: float, weight: Any, shift: Any
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Factor and bias of each output channel, in double precision."""
    given = ((bias, 0), (mean, 0), (variance, 1), (weight, 1), (shift, 0))
    b, mu, var, gamma, beta = (
        np.asarray(missing if x is None else x.detach().numpy(), np.float64) for x, missing in given
    )
    if mu.shape != (out,) or var.shape != (out,):
        raise ValueError(
            f"{where}: the layer gives {out} channels, and the statistics are of shape {mu.shape}"
        )
    scale = gamma / np.sqrt(var + eps)
    return scale, (b - mu) * scale + beta


def _parameter(values: np.ndarray[Any, Any], like: Tensor) -> Parameter:
    return Parameter(values.astype(like.dtype), requires_grad=like.requires_grad)
