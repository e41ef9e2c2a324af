"""Activations made of pieces: rectifiers and their relatives, shrinkage, and the piecewise-linear stand-ins.

At a corner the gradient is PyTorch's choice, which each docstring states.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autograd import Tensor, asarray, where
from ...autograd.extend import SCALER, SingularPoint, elementwise, generator_of, given, op, select
from .check import check_dtypes, check_floating

Array = np.ndarray[Any, Any]

_SELU_ALPHA = 1.6732632423543772
_SELU_SCALE = 1.0507009873554805


@op(
    "input",
    input=lambda g, input, negative_slope: select(input > 0, g, g * negative_slope),
    gate=SCALER,
    symbol="leaky relu",
    samples=elementwise(1, avoid=(0,)),
    reference=lambda x: np.maximum(x, 0) + 0.01 * np.minimum(x, 0),
    singular=[SingularPoint((0.0,), (0.01,))],
)
def leaky_relu(input: Any, negative_slope: float = 0.01) -> Any:
    """x where it is positive, else `negative_slope`·x, element by element; the gradient at 0 is `negative_slope`.

    Maas, Hannun and Ng, "Rectifier nonlinearities improve neural network acoustic models", 2013.

    >>> import pullback as pb
    >>> pb.nn.functional.leaky_relu(pb.tensor([-1.0, 2.0]), 0.1).tolist()
    [-0.10000000149011612, 2.0]
    """
    check_floating("leaky_relu", "the input", input)
    return select(input > 0, input, input * float(negative_slope))


def _prelu_batch(call: Any, batched: tuple[bool, ...], input: Any, weight: Any) -> Any:
    """With one weight for all examples, they are rows of one batch."""
    if batched[1]:
        return NotImplemented
    shape = input.shape
    if len(shape) > 2:  # the examples have a channel axis of their own
        input = np.reshape(input, (shape[0] * shape[1], *shape[2:]))
    return np.reshape(call(input, weight), shape)


def _per_channel(input: Any, weight: Any) -> Any:
    """The weights so that they broadcast along the channels, the second axis."""
    if input.ndim < 2:
        return weight if input.ndim else np.reshape(weight, ())
    return np.reshape(weight, (1, -1, *(1,) * (input.ndim - 2)))


def _prelu_weight_rule(g: Any, input: Any, weight_shape: tuple[int, ...]) -> Any:
    """g·x where x is negative, summed over everything that shares a weight."""
    parts = select(input > 0, 0, g * input)
    if weight_shape in ((), (1,)):
        return np.reshape(np.sum(parts), weight_shape)
    return np.sum(parts, axis=tuple(axis for axis in range(parts.ndim) if axis != 1))


@op(
    "input weight",
    input=lambda g, input, weight: select(input > 0, g, g * _per_channel(input, weight)),
    weight=_prelu_weight_rule,
    gate=SCALER,
    symbol="prelu",
    batch=_prelu_batch,
    samples=given(
        ((np.array([[-1.5, 0.5, 2.0], [0.3, -0.4, -1.0]]), (3,)), {}),
        ((np.array([[[-1.5, 0.5], [2.0, -0.2]]]), (2,)), {}),
        ((np.array([-1.5, 0.5, 2.0]), (1,)), {}),
        (((0, 3), (3,)), {}),
    ),
    singular=[SingularPoint((np.zeros(1), np.array([0.25])), (np.array([0.25]), np.zeros(1)))],
)
def prelu(input: Any, weight: Any) -> Any:
    """x where it is positive, else weight·x, with a weight that is learned: one for all, or one per channel.

    At 0 the gradient for x is the weight. He et al., "Delving deep into rectifiers", 2015, arXiv:1502.01852.

    Args:
        input: shape (N, C, ...), or any shape for a single weight.
        weight: shape (1,) or (C,).

    Raises:
        ValueError: for a number of weights that is neither 1 nor C.

    >>> import pullback as pb
    >>> pb.nn.functional.prelu(pb.tensor([[-1.0, -1.0]]), pb.tensor([0.5, 2.0])).tolist()
    [[-0.5, -2.0]]
    """
    check_dtypes("prelu", input, weight=weight)
    channels = input.shape[1] if input.ndim > 1 else 1
    if np.shape(weight) not in ((), (1,), (channels,)):
        raise ValueError(
            f"prelu: weight has shape {np.shape(weight)}, and input of shape {input.shape} wants (1,)"
            + (f" or ({channels},), one per channel" if input.ndim > 1 else "")
        )
    return select(input > 0, input, input * _per_channel(input, weight))


def rrelu(
    input: Any,
    lower: float = 1 / 8,
    upper: float = 1 / 3,
    training: bool = False,
    *,
    rng: np.random.Generator | None = None,
) -> Tensor:
    """The leaky rectifier with a random slope for each element that is not positive, drawn from U(lower, upper).

    Without `training` the slope is the mean, (lower + upper)/2.
    Xu et al., "Empirical evaluation of rectified activations in convolution network", 2015, arXiv:1505.00853.

    Args:
        input: any shape, floating.
        lower: the least slope.
        upper: the greatest.
        training: whether to draw; inside `vmap` the slopes are the same for all examples.
        rng: the generator; the program's if not given.

    Raises:
        ValueError: for `lower` above `upper`.

    >>> import pullback as pb
    >>> round(pb.nn.functional.rrelu(pb.tensor(-24.0)).item(), 4)
    -5.5
    """
    if not lower <= upper:
        raise ValueError(f"rrelu: lower must not be above upper, and they are {lower!r} and {upper!r}")
    if not training:
        return leaky_relu(input, (lower + upper) / 2)
    input = asarray(input)
    check_floating("rrelu", "the input", input)
    slopes = generator_of(rng).uniform(lower, upper, input.shape).astype(input.dtype)
    result: Tensor = input * where(input.detach() > 0, 1.0, slopes)
    return result


def _left(input: Any) -> Any:
    """The input where it is not positive, else 0, so that no exponential overflows."""
    return select(input > 0, 0, input)


@op(
    "input",
    input=lambda g, input, alpha: g * select(input > 0, 1, alpha * np.exp(_left(input))),
    gate=SCALER,
    samples=elementwise(1, avoid=(0,)),
    reference=lambda x: np.where(x > 0, x, np.exp(x) - 1),
    singular=[SingularPoint((0.0,), (1.0,))],
)
def elu(input: Any, alpha: float = 1.0) -> Any:
    """x where it is positive, else α·(eˣ − 1), element by element; the gradient at 0 is α.

    Clevert, Unterthiner and Hochreiter, "Fast and accurate deep network learning by exponential linear units
    (ELUs)", 2015, arXiv:1511.07289.

    >>> import pullback as pb
    >>> pb.nn.functional.elu(pb.tensor([-10000.0, 2.0])).tolist()
    [-1.0, 2.0]
    """
    check_floating("elu", "the input", input)
    return np.maximum(input, 0) + float(alpha) * np.expm1(np.minimum(input, 0))


@op(
    "input",
    input=lambda g, input: (
        g * select(input > 0, _SELU_SCALE, _SELU_SCALE * _SELU_ALPHA * np.exp(_left(input)))
    ),
    gate=SCALER,
    samples=elementwise(1, avoid=(0,)),
    reference=lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * (np.exp(x) - 1)),
    singular=[SingularPoint((0.0,), (_SELU_SCALE * _SELU_ALPHA,))],
)
def selu(input: Any) -> Any:
    """1.0507·x where x is positive, else 1.0507·1.6733·(eˣ − 1): activations drift to mean 0 and variance 1.

    The gradient at 0 is that of the left side. Klambauer et al., "Self-normalizing neural networks", 2017,
    arXiv:1706.02515.

    >>> import pullback as pb
    >>> round(pb.nn.functional.selu(pb.tensor(1.0)).item(), 4)
    1.0507
    """
    check_floating("selu", "the input", input)
    return _SELU_SCALE * (np.maximum(input, 0) + _SELU_ALPHA * np.expm1(np.minimum(input, 0)))


@op(
    "input",
    input=lambda g, input, alpha: g * np.exp(_left(input) / alpha),
    gate=SCALER,
    samples=elementwise(1, alpha=0.7),
    reference=lambda x, alpha: np.maximum(x, 0) + np.minimum(0, alpha * (np.exp(x / alpha) - 1)),
    singular=[SingularPoint((0.0,), (1.0,))],
)
def celu(input: Any, alpha: float = 1.0) -> Any:
    """x where it is positive, else α·(e^(x/α) − 1), element by element: an ELU whose slope is continuous.

    Barron, "Continuously differentiable exponential linear units", 2017, arXiv:1704.07483.

    >>> import pullback as pb
    >>> round(pb.nn.functional.celu(pb.tensor(-1.0), 2.0).item(), 4)
    -0.7869
    """
    check_floating("celu", "the input", input)
    if not alpha:
        raise ValueError("celu: alpha must not be 0")
    alpha = float(alpha)
    return np.maximum(input, 0) + alpha * np.expm1(np.minimum(input, 0) / alpha)


@op(
    "input",
    input=lambda g, input, threshold: select(input <= threshold, 0, g),
    gate=SCALER,
    samples=elementwise(1, avoid=(0.5,), threshold=0.5, value=-3.0),
    reference=lambda x, threshold, value: np.where(x > threshold, x, value),
)
def threshold(input: Any, threshold: float, value: float) -> Any:
    """x where it is above a threshold, else a value, element by element; the gradient at the threshold is 0.

    >>> import pullback as pb
    >>> pb.nn.functional.threshold(pb.tensor([0.5, 1.0, 2.0]), 1.0, -1.0).tolist()
    [-1.0, -1.0, 2.0]
    """
    check_floating("threshold", "the input", input)
    return select(input <= threshold, float(value), input)


@op(
    "input",
    input=lambda g, input, min_val, max_val: select((input > min_val) & (input < max_val), g, 0),
    gate=SCALER,
    samples=elementwise(1, avoid=(-1, 1)),
    reference=lambda x: np.clip(x, -1, 1),
    singular=[SingularPoint((-1.0,), (0.0,)), SingularPoint((1.0,), (0.0,))],
)
def hardtanh(input: Any, min_val: float = -1.0, max_val: float = 1.0) -> Any:
    """x limited to [min_val, max_val], element by element; the gradient on the limits is 0.

    >>> import pullback as pb
    >>> pb.nn.functional.hardtanh(pb.tensor([-3.0, 0.5, 3.0])).tolist()
    [-1.0, 0.5, 1.0]
    """
    check_floating("hardtanh", "the input", input)
    if min_val > max_val:
        raise ValueError(
            f"hardtanh: min_val must not be above max_val, and they are {min_val!r} and {max_val!r}"
        )
    return np.clip(input, float(min_val), float(max_val))


@op(
    "input",
    input=lambda g, input: select((input > 0) & (input < 6), g, 0),
    gate=SCALER,
    samples=elementwise(1, (-2, 8), avoid=(0, 6)),
    reference=lambda x: np.clip(x, 0, 6),
    singular=[SingularPoint((0.0,), (0.0,)), SingularPoint((6.0,), (0.0,))],
)
def relu6(input: Any) -> Any:
    """min(max(0, x), 6), element by element; the gradient at 0 and 6 is 0.

    Krizhevsky, "Convolutional deep belief networks on CIFAR-10", 2010.

    >>> import pullback as pb
    >>> pb.nn.functional.relu6(pb.tensor([-1.0, 5.0, 7.0])).tolist()
    [0.0, 5.0, 6.0]
    """
    check_floating("relu6", "the input", input)
    return np.clip(input, 0, 6)


@op(
    "input",
    input=lambda g, input: select((input > -3) & (input < 3), g / 6, 0),
    gate=SCALER,
    samples=elementwise(1, (-5, 5), avoid=(-3, 3)),
    reference=lambda x: np.clip(x / 6 + 0.5, 0, 1),
    singular=[SingularPoint((-3.0,), (0.0,)), SingularPoint((3.0,), (0.0,))],
)
def hardsigmoid(input: Any) -> Any:
    """0 up to −3, 1 from 3 on, and x/6 + 1/2 between, element by element; the gradient at −3 and 3 is 0.

    >>> import pullback as pb
    >>> pb.nn.functional.hardsigmoid(pb.tensor([-4.0, 0.0, 4.0])).tolist()
    [0.0, 0.5, 1.0]
    """
    check_floating("hardsigmoid", "the input", input)
    return np.clip(input + 3, 0, 6) / 6


@op(
    "input",
    input=lambda g, input: g * select(input < 3, select(input > -3, input / 3 + 0.5, 0), 1),
    gate=SCALER,
    samples=elementwise(1, (-5, 5), avoid=(-3, 3)),
    reference=lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    singular=[SingularPoint((-3.0,), (0.0,)), SingularPoint((3.0,), (1.0,))],
)
def hardswish(input: Any) -> Any:
    """0 up to −3, x from 3 on, and x·(x + 3)/6 between; the gradient at −3 is 0 and at 3 it is 1.

    Howard et al., "Searching for MobileNetV3", 2019, arXiv:1905.02244.

    >>> import pullback as pb
    >>> pb.nn.functional.hardswish(pb.tensor([0.0, 1.5, 4.0])).tolist()
    [0.0, 1.125, 4.0]
    """
    check_floating("hardswish", "the input", input)
    return input * (np.clip(input + 3, 0, 6) / 6)


@op(
    "input",
    input=lambda g, input, lambd: select((input >= -lambd) & (input <= lambd), 0, g),
    gate=SCALER,
    samples=elementwise(1, avoid=(-0.5, 0.5)),
    reference=lambda x: x * (np.abs(x) > 0.5),
    singular=[SingularPoint((0.5,), (0.0,)), SingularPoint((-0.5,), (0.0,))],
)
def hardshrink(input: Any, lambd: float = 0.5) -> Any:
    """x where |x| is above λ, else 0, element by element; the gradient at ±λ is 0.

    >>> import pullback as pb
    >>> pb.nn.functional.hardshrink(pb.tensor([-1.0, 0.5, 2.0])).tolist()
    [-1.0, 0.0, 2.0]
    """
    check_floating("hardshrink", "the input", input)
    return select((input >= -lambd) & (input <= lambd), 0.0, input)


@op(
    "input",
    input=lambda g, input, lambd: select((input >= -lambd) & (input <= lambd), 0, g),
    gate=SCALER,
    samples=elementwise(1, avoid=(-0.5, 0.5)),
    reference=lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0),
    singular=[SingularPoint((0.5,), (0.0,)), SingularPoint((-0.5,), (0.0,))],
)
def softshrink(input: Any, lambd: float = 0.5) -> Any:
    """x drawn towards 0 by λ, and 0 where |x| is at most λ, element by element; the gradient at ±λ is 0.

    >>> import pullback as pb
    >>> pb.nn.functional.softshrink(pb.tensor([-1.0, 0.5, 2.0])).tolist()
    [-0.5, 0.0, 1.5]
    """
    check_floating("softshrink", "the input", input)
    if not lambd >= 0:
        raise ValueError(f"softshrink: lambd must not be negative, and it is {lambd!r}")
    return input - np.clip(input, -float(lambd), float(lambd))
