"""The fully-connected layer as one operation."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...autograd import Tensor
from ...autograd.extend import DISTRIBUTOR, SWITCHER, given, matrix_product, op, padded
from .activated import Written, activated
from .check import check_dtypes

Array = np.ndarray[Any, Any]


def _rows(x: Any) -> Any:
    """All leading axes as one; written out, since reshape cannot infer a length beside a zero."""
    return np.reshape(x, (math.prod(x.shape[:-1]), x.shape[-1]))


def linear(input: Any, weight: Any, bias: Any = None, *, activation: str | None = None) -> Tensor:
    """The affine map input·weightᵀ + bias along the last axis, and an activation of it, if one is named.

    With an activation f it is f(input·weightᵀ + bias) as one operation, which keeps no more for backward than the
    gradient needs: for "relu", "sigmoid" and "tanh" only the result.

    Args:
        input: shape (..., in), floating.
        weight: shape (out, in), of the same dtype.
        bias: shape (out,), of the same dtype; none if left out.
        activation: "gelu", "gelu_tanh", "relu", "sigmoid", "silu" or "tanh"; none if left out.

    Returns:
        A tensor of shape (..., out).

    Raises:
        ValueError: for shapes that do not fit, and an unknown activation.
        TypeError: for dtypes that differ, and complex numbers before an activation.

    >>> import pullback as pb
    >>> from pullback.nn import functional as F
    >>> x, w = pb.tensor([1.0, -2.0]), pb.tensor([[1.0, 1.0], [0.0, -3.0]])
    >>> F.linear(x, w, pb.tensor([0.5, 0.0]))
    tensor([-0.5,  6. ], dtype=float32)
    >>> F.linear(x, w, pb.tensor([0.5, 0.0]), activation="relu")
    tensor([0., 6.], dtype=float32)
    """
    result: Tensor = _linear_and(activation)(input, weight, bias)
    return result


def _linear(input: Array, weight: Array, bias: Array | None = None) -> Array:
    """The affine map input·weightᵀ + bias along the last axis."""
    _check(np.asarray(input), np.asarray(weight), None if bias is None else np.asarray(bias))
    return _mapped(input, weight.T, bias)


def _linear_relu(input: Array, weight: Array, bias: Array | None = None) -> Array:
    _check(np.asarray(input), np.asarray(weight), None if bias is None else np.asarray(bias))
    return _mapped(input, weight.T, bias, rectified=True)


def _mapped(x: Any, matrix: Any, added: Any = None, rectified: bool = False) -> Any:
    """x·matrix + added along the last axis, as one product for all leading axes; if rectified, max(0, that)."""
    if x.ndim == 2:
        return matrix_product(x, matrix, added, rectified=rectified)
    product = matrix_product(_rows(x), matrix, added, rectified=rectified)
    return np.reshape(product, (*x.shape[:-1], matrix.shape[1]))


def _check(input: Array, weight: Array, bias: Array | None) -> None:
    if weight.ndim != 2 or input.ndim == 0 or input.shape[-1] != weight.shape[1]:
        raise ValueError(
            f"linear: input of shape {input.shape} does not fit weight of shape {weight.shape}; the input's "
            "last axis must be as long as the weight's last"
        )
    if bias is not None and bias.shape != weight.shape[:1]:
        raise ValueError(f"linear: bias of shape {bias.shape} does not fit weight of shape {weight.shape}")
    check_dtypes("linear", input, kinds="fc", weight=weight, bias=bias)


def _batch(call: Any, batched: tuple[bool, ...], input: Any, weight: Any, bias: Any) -> Any:
    """One product where the weight is shared; with a weight for each example, products in parallel."""
    if not batched[1] and not batched[2] and input.ndim > 1:
        return call(input, weight, bias)
    given = zip((input, weight, bias), batched, strict=True)
    _check(*(None if x is None else np.broadcast_to(np.zeros((), x.dtype), x.shape[b:]) for x, b in given))
    ndim = input.ndim - batched[0]
    rows = max(ndim, 2)
    if ndim == 1:
        input = np.expand_dims(input, -2)
    transposed = np.swapaxes(weight, -1, -2)
    result = np.matmul(
        padded(input, rows) if batched[0] else input, padded(transposed, rows) if batched[1] else transposed
    )
    result = np.squeeze(result, -2) if ndim == 1 else result
    return result if bias is None else result + (padded(bias, ndim) if batched[2] else bias)


_linear_op: Callable[..., Tensor] = op(
    _linear,
    "input weight bias",
    input=lambda g, weight: _mapped(g, weight),
    weight=lambda g, input: matrix_product(_rows(g).T, _rows(input)),
    bias=lambda g: g,
    gate={"input": SWITCHER, "weight": SWITCHER, "bias": DISTRIBUTOR},
    complex="holomorphic",
    name="linear",
    symbol="x·Wᵀ+b",
    batch=_batch,
    samples=given(
        (((4, 3), (2, 3), (2,)), {}),
        (((4, 3), (2, 3)), {}),
        (((3,), (2, 3), (2,)), {}),
        (((2, 4, 3), (1, 3), (1,)), {}),
        (((0, 3), (2, 3), (2,)), {}),
    ),
)

_linear_and = activated(_linear_op, relu=Written(_linear_relu))
