"""Normalisation over the last axes: each row by its own statistics."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...autograd import Tensor, asarray, mean, sqrt
from ...autograd.extend import MIXER, given, kernel, op
from .activated import activated
from .blocks import blocks, row_sums
from .check import check_dtypes, check_positive, check_shape, whole

Array = np.ndarray[Any, Any]


def layer_norm(
    input: Any,
    normalized_shape: Any,
    weight: Any = None,
    bias: Any = None,
    eps: float = 1e-5,
    *,
    activation: str | None = None,
) -> Tensor:
    """Normalise over the last axes: (x − mean)/√(variance + ε)·weight + bias.

    Mean and variance (of the population, divided by the count) are those of the elements under each index of
    the leading axes. Ba, Kiros and Hinton, "Layer normalization", 2016.

    Args:
        input: shape (..., *normalized_shape), floating.
        normalized_shape: the lengths of the last axes, over which the statistics go; an int for one axis.
        weight: shape normalized_shape, of the input's dtype; ones if left out.
        bias: the same; zeros if left out.
        eps: ε, which keeps the quotient finite.
        activation: of the result: "gelu", "gelu_tanh", "relu", "sigmoid", "silu" or "tanh", in the same operation.

    Returns:
        A tensor of the input's shape.

    Raises:
        ValueError: for shapes that do not fit, and an unknown activation.
        TypeError: for dtypes that differ.

    >>> import pullback as pb
    >>> pb.nn.functional.layer_norm(pb.tensor([[1.0, 3.0]]), 2, eps=1e-12)
    tensor([[-1.,  1.]], dtype=float32)
    >>> pb.nn.functional.layer_norm(pb.tensor([[1.0, 3.0]]), 2, eps=1e-12, activation="relu")
    tensor([[0., 1.]], dtype=float32)
    """
    layer_norm_op = _layer_norm_and(activation)
    shape = shape_of_rows(normalized_shape)
    input, weight, bias = (x if x is None else asarray(x) for x in (input, weight, bias))
    _check("layer_norm", input, shape, weight, bias, eps)
    result: Tensor = layer_norm_op(input, weight, bias, axes=len(shape), eps=eps)
    return result


def rms_norm(input: Any, normalized_shape: Any, weight: Any = None, eps: float | None = None) -> Tensor:
    """Divide by the root mean square over the last axes: x/√(mean(x²) + ε)·weight.

    Zhang and Sennrich, "Root mean square layer normalization", NeurIPS 2019.

    Args:
        input: shape (..., *normalized_shape), floating.
        normalized_shape: the lengths of the last axes, over which the mean goes; an int for one axis.
        weight: shape normalized_shape, of the input's dtype; ones if left out.
        eps: ε; the machine precision of the input's dtype if left out.

    Returns:
        A tensor of the input's shape.

    Raises:
        ValueError: for shapes that do not fit.
        TypeError: for dtypes that differ.

    >>> import pullback as pb
    >>> pb.nn.functional.rms_norm(pb.tensor([[3.0, -3.0]]), 2)
    tensor([[ 1., -1.]], dtype=float32)
    """
    shape = shape_of_rows(normalized_shape)
    input, weight = asarray(input), weight if weight is None else asarray(weight)
    _check("rms_norm", input, shape, weight, None, 1.0 if eps is None else eps)
    eps = float(np.finfo(input.dtype).eps) if eps is None else eps
    return _rms_norm_op(input, weight, axes=len(shape), eps=eps)


def shape_of_rows(normalized_shape: Any) -> tuple[int, ...]:
    """The setting `normalized_shape` as a tuple.

    Raises:
        ValueError: for anything but a whole number or some of them.
    """
    if isinstance(normalized_shape, Sequence) and len(normalized_shape) > 0:
        return tuple(whole("normalized_shape", length) for length in normalized_shape)
    return (whole("normalized_shape", normalized_shape),)


def _check(where: str, input: Any, shape: tuple[int, ...], weight: Any, bias: Any, eps: float) -> None:
    if input.ndim < len(shape) or input.shape[input.ndim - len(shape) :] != shape:
        raise ValueError(
            f"{where}: the last axes of the input, which has shape {input.shape}, must have the lengths "
            f"{shape} (normalized_shape)"
        )
    check_shape(where, "weight", weight, shape, "normalized_shape")
    check_shape(where, "bias", bias, shape, "normalized_shape")
    check_dtypes(where, input, weight=weight, bias=bias)
    check_positive(where, "eps", eps)


def _rows(x: Array, axes: int) -> Array:
    """The array as a matrix, with all that is normalised together in one contiguous row."""
    split = x.ndim - axes
    return np.ascontiguousarray(x).reshape(math.prod(x.shape[:split]), math.prod(x.shape[split:]))


@kernel("rows.layer_norm", over=1 << 12)
def _layer_norm(
    input: Array, weight: Array | None = None, bias: Array | None = None, *, axes: int, eps: float
) -> Any:
    """(x − mean)/√(variance + ε)·weight + bias, with the statistics of each row over the last axes.

    `layer_norm` is the function that checks; `axes` says over how many axes the statistics go.
    """
    x = _rows(input, axes)
    out, means, scales = np.empty_like(x), np.empty(len(x), x.dtype), np.empty(len(x), x.dtype)
    for part in blocks(len(x), x.nbytes // max(len(x), 1)):
        y = out[part]
        means[part] = row_sums(x[part]) / x.shape[1]
        np.subtract(x[part], means[part, None], out=y)
        slip = row_sums(y) / x.shape[1]  # what rounding took from the mean, which counts if it is large
        means[part] += slip
        scales[part] = 1 / np.sqrt(np.maximum(row_sums(y, y) / x.shape[1] - slip * slip, 0) + eps)
        if (np.abs(slip) * scales[part] > 8 * np.finfo(x.dtype).eps).any():
            np.subtract(x[part], means[part, None], out=y)
        y *= scales[part, None]
        if weight is not None:
            y *= weight.ravel()
        if bias is not None:
            y += bias.ravel()
    return out.reshape(input.shape), means, scales


@kernel("rows.layer_norm_slopes", over=1 << 12)
def _layer_norm_rule(
    g: Any, input: Any, weight: Any, means: Array, scales: Array, axes: int, needs: Any
) -> tuple[Any, ...]:
    """With y the normal form: d_x = h − mean(h) − y·mean(h·y), where h = g·weight·scale."""
    return _rows_rule(g, input, weight, means, scales, axes, needs, needs.bias)


def _rms_norm_rule(g: Any, input: Any, weight: Any, scales: Array, axes: int, needs: Any) -> tuple[Any, ...]:
    """With y the normal form: d_x = h − y·mean(h·y), where h = g·weight·scale."""
    return _rows_rule(g, input, weight, None, scales, axes, needs, False)[:2]


def _rows_rule(
    g: Any,
    input: Any,
    weight: Any,
    means: Array | None,
    scales: Array,
    axes: int,
    needs: Any,
    needs_bias: bool,
) -> tuple[Any, ...]:
    x, upstream = _rows(input, axes), _rows(g, axes)
    count = x.shape[1]
    d_input = np.empty_like(x) if needs.input else None
    d_weight = np.zeros(count, x.dtype) if needs.weight else None
    d_bias = np.zeros(count, x.dtype) if needs_bias else None
    for part in blocks(len(x), x.nbytes // max(len(x), 1)):
        h, scale = upstream[part] * scales[part, None], scales[part]
        centred = x[part] if means is None else x[part] - means[part, None]
        if d_bias is not None:
            d_bias += np.ones(len(h), h.dtype) @ upstream[part]
        if d_weight is not None:
            d_weight += np.einsum("ij,ij->j", h, centred)
        if d_input is not None:
            if weight is not None:
                h *= weight.ravel()
            slope = row_sums(h, centred) * (scale * scale / -count)
            d = np.multiply(centred, slope[:, None], out=d_input[part])
            if means is not None:
                d -= (row_sums(h) / count)[:, None]
            d += h
    d_input = None if d_input is None else d_input.reshape(np.shape(input))
    d_weight = None if d_weight is None else d_weight.reshape(weight.shape)
    return d_input, d_weight, None if d_bias is None else d_bias.reshape(np.shape(input)[-axes:])


def _composed_layer_norm(input: Any, weight: Any = None, bias: Any = None, *, axes: int, eps: float) -> Any:
    over = tuple(range(-axes, 0))
    centred = input - mean(input, axis=over, keepdims=True)
    y = centred / sqrt(mean(centred * centred, axis=over, keepdims=True) + eps)
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


_layer_norm_op: Callable[..., Tensor] = op(
    _layer_norm,
    "input weight bias",
    joint=_layer_norm_rule,
    residuals="means scales",
    composed=_composed_layer_norm,
    gate=MIXER,
    name="layer_norm",
    symbol="layer norm",
    samples=given(
        (((4, 3), (3,), (3,)), {"axes": 1, "eps": 1e-5}),
        (((2, 2, 3), (2, 3), (2, 3)), {"axes": 2, "eps": 0.1}),
        (((2, 4),), {"axes": 1, "eps": 1e-5}),
        (((3,), (3,)), {"axes": 1, "eps": 1e-5}),
        (((0, 3), (3,), (3,)), {"axes": 1, "eps": 1e-5}),
    ),
)

_layer_norm_and = activated(_layer_norm_op)


def _rms_norm(input: Array, weight: Array | None = None, *, axes: int, eps: float) -> Any:
    """x/√(mean(x²) + ε)·weight, with the mean of each row over the last axes.

    `rms_norm` is the function that checks; `axes` says over how many axes the mean goes.
    """
    x = _rows(input, axes)
    out, scales = np.empty_like(x), np.empty(len(x), x.dtype)
    for part in blocks(len(x), x.nbytes // max(len(x), 1)):
        scales[part] = 1 / np.sqrt(row_sums(x[part], x[part]) / x.shape[1] + eps)
        y = np.multiply(x[part], scales[part, None], out=out[part])
        if weight is not None:
            y *= weight.ravel()
    return out.reshape(input.shape), scales


def _composed_rms_norm(input: Any, weight: Any = None, *, axes: int, eps: float) -> Any:
    y = input / sqrt(mean(input * input, axis=tuple(range(-axes, 0)), keepdims=True) + eps)
    return y if weight is None else y * weight


_rms_norm_op: Callable[..., Tensor] = op(
    _rms_norm,
    "input weight",
    joint=_rms_norm_rule,
    residuals="scales",
    composed=_composed_rms_norm,
    gate=MIXER,
    name="rms_norm",
    symbol="rms norm",
    samples=given(
        (((4, 3), (3,)), {"axes": 1, "eps": 1e-5}),
        (((2, 2, 3), (2, 3)), {"axes": 2, "eps": 0.1}),
        (((3,),), {"axes": 1, "eps": 1e-5}),
        (((0, 3), (3,)), {"axes": 1, "eps": 1e-5}),
    ),
)
