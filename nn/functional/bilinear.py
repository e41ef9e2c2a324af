"""The bilinear layer as one operation."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...autograd import Tensor
from ...autograd.extend import DISTRIBUTOR, SWITCHER, batch_size, given, op, spread
from .check import check_dtypes, check_shape

Array = np.ndarray[Any, Any]


def _bilinear(input1: Array, input2: Array, weight: Array, bias: Array | None = None) -> Array:
    """A form that is linear in each of two inputs: y_k = x₁ᵀ·W_k·x₂ + b_k.

    Args:
        input1: shape (..., in1), floating.
        input2: shape (..., in2), with the same leading axes.
        weight: shape (out, in1, in2).
        bias: shape (out,); none if left out.

    Returns:
        A tensor of shape (..., out).

    Raises:
        ValueError: for shapes that do not fit.
        TypeError: for dtypes that differ.

    >>> import pullback as pb
    >>> from pullback.nn import functional as F
    >>> F.bilinear(pb.tensor([1.0, 2.0]), pb.tensor([3.0]), pb.tensor([[[1.0], [10.0]]]))
    tensor([63.], dtype=float32)
    """
    _check(input1, input2, weight, bias)
    left, right = _rows(input1), _rows(input2)
    result = _pairs(left, right) @ _matrix(weight).T
    result = result if bias is None else result + bias
    return np.reshape(result, (*input1.shape[:-1], weight.shape[0]))


def _check(input1: Array, input2: Array, weight: Array, bias: Array | None) -> None:
    first, second = np.shape(input1), np.shape(input2)
    if np.ndim(weight) != 3 or not first or not second or (first[-1], second[-1]) != np.shape(weight)[1:]:
        raise ValueError(
            f"bilinear: inputs of shapes {first} and {second} do not fit weight of shape {np.shape(weight)}, which "
            "is (out, in1, in2); the inputs' last axes must be in1 and in2 long"
        )
    if first[:-1] != second[:-1]:
        raise ValueError(
            f"bilinear: the inputs have shapes {first} and {second}; all axes but the last must be the same"
        )
    check_shape("bilinear", "bias", bias, weight.shape[:1], f"weight has shape {weight.shape}")
    check_dtypes("bilinear", input1, weight=weight, bias=bias)
    check_dtypes("bilinear", input2, weight=weight)


def _rows(x: Any) -> Any:
    return np.reshape(x, (math.prod(x.shape[:-1]), x.shape[-1]))


def _matrix(weight: Any) -> Any:
    """The weight with all pairs of features in one axis."""
    return np.reshape(weight, (weight.shape[0], weight.shape[1] * weight.shape[2]))


def _pairs(left: Any, right: Any) -> Any:
    """Each row's products of all pairs of features: (N, in1·in2)."""
    return np.reshape(left[:, :, None] * right[:, None, :], (left.shape[0], left.shape[1] * right.shape[1]))


def _contracted(g: Any, weight: Any) -> Any:
    """The gradient of the products of pairs: (N, in1, in2)."""
    return np.reshape(_rows(g) @ _matrix(weight), (math.prod(g.shape[:-1]), *weight.shape[1:]))


def _batch(call: Any, batched: tuple[bool, ...], input1: Any, input2: Any, weight: Any, bias: Any) -> Any:
    """The examples are one more leading axis."""
    if batched[2] or batched[3] or np.ndim(input1) - batched[0] != np.ndim(input2) - batched[1]:
        return NotImplemented
    size = batch_size(batched, (input1, input2))
    input1, input2 = (x if b else spread(x, size) for x, b in zip((input1, input2), batched, strict=False))
    return call(input1, input2, weight, bias)


bilinear: Callable[..., Tensor] = op(
    _bilinear,
    "input1 input2 weight bias",
    input1=lambda g, input2, weight, input1_shape: np.reshape(
        (_contracted(g, weight) @ _rows(input2)[:, :, None])[:, :, 0], input1_shape
    ),
    input2=lambda g, input1, weight, input2_shape: np.reshape(
        (_rows(input1)[:, None, :] @ _contracted(g, weight))[:, 0, :], input2_shape
    ),
    weight=lambda g, input1, input2, weight_shape: np.reshape(
        _rows(g).T @ _pairs(_rows(input1), _rows(input2)), weight_shape
    ),
    bias=lambda g: g,
    gate={"input1": SWITCHER, "input2": SWITCHER, "weight": SWITCHER, "bias": DISTRIBUTOR},
    name="bilinear",
    batch=_batch,
    symbol="x₁ᵀ·W·x₂+b",
    samples=given(
        (((4, 3), (4, 2), (5, 3, 2), (5,)), {}),
        (((3,), (2,), (1, 3, 2)), {}),
        (((2, 2, 1), (2, 2, 2), (2, 1, 2), (2,)), {}),
        (((0, 3), (0, 2), (2, 3, 2), (2,)), {}),
    ),
)
