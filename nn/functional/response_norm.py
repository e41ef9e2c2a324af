"""Normalisation of a channel by its neighbours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...autograd import Tensor, pad
from ...autograd.extend import MIXER, given, op
from .check import check_floating, whole

Array = np.ndarray[Any, Any]


def _window_sums(x: Array, before: int, after: int) -> Array:
    """For each channel the sum over itself and so many channels before and after it."""
    total = x.copy()
    for shift in range(1, min(before, x.shape[1] - 1) + 1):
        total[:, shift:] += x[:, :-shift]
    for shift in range(1, min(after, x.shape[1] - 1) + 1):
        total[:, :-shift] += x[:, shift:]
    return total


def _local_response_norm(
    input: Array, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Any:
    """Divide by the size of the neighbouring channels: x/(k + α/size·Σ x²)^β, the sum over `size` channels.

    Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional neural networks", NeurIPS
    2012 (there α is not divided by the size). For an even size the window has one channel more before than after.

    Args:
        input: shape (N, C, *), floating.
        size: how many channels the sum goes over; channels beyond the first and last are zero.
        alpha: α.
        beta: β.
        k: what the sum is added to.

    Returns:
        A tensor of the input's shape.

    Raises:
        ValueError: for an input of fewer than three axes, and a size below 1.
        TypeError: for an input that is not floating.

    >>> import pullback as pb
    >>> pb.nn.functional.local_response_norm(pb.ones((1, 2, 1)), 2, alpha=2.0, beta=1.0).tolist()
    [[[0.5], [0.3333333432674408]]]
    """
    whole("local_response_norm: size", size)
    if input.ndim < 3:
        raise ValueError(f"local_response_norm: the input has shape {input.shape} and must be (N, C, *)")
    check_floating("local_response_norm", "the input", input)
    divisor = _window_sums(input * input, size // 2, (size - 1) // 2)
    divisor *= alpha / size
    divisor += k
    return input * divisor**-beta, divisor


def _rule(g: Any, input: Array, divisor: Array, size: int, alpha: float, beta: float) -> tuple[Any, ...]:
    """With d = k + α/size·Σ x²: g·d^−β, less what each x does through the sums that it is in."""
    power = divisor**-beta
    through = _window_sums(g * input * power / divisor, (size - 1) // 2, size // 2)
    return (g * power - (2 * alpha * beta / size) * input * through,)


def _composed(input: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Any:
    around = ((0, 0), (size // 2, (size - 1) // 2), *((0, 0),) * (input.ndim - 2))
    squares = pad(input * input, around)
    channels = input.shape[1]
    total = squares[:, :channels]
    for shift in range(1, size):
        total = total + squares[:, shift : shift + channels]
    return input * (total * (alpha / size) + k) ** -beta


local_response_norm: Callable[..., Tensor] = op(
    _local_response_norm,
    "input",
    joint=_rule,
    residuals="divisor",
    composed=_composed,
    gate=MIXER,
    name="local_response_norm",
    symbol="response norm",
    samples=given(
        (((2, 4, 3),), {"size": 3, "alpha": 0.5}),
        (((1, 3, 2, 2),), {"size": 2, "alpha": 1.0, "beta": 0.5, "k": 2.0}),
        (((2, 2, 1),), {"size": 5, "alpha": 0.3}),
        (((0, 2, 1),), {"size": 1}),
    ),
)
