"""Smooth activations, each one operation, and those that join or compare whole slices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...autograd import Tensor, asarray, max, sigmoid
from ...autograd.extend import SCALER, SingularPoint, elementwise, kernel, op, select
from ...autograd.special import ndtr
from .check import check_floating, whole

Array = np.ndarray[Any, Any]

_ROOT_TWO_PI = math.sqrt(2 * math.pi)
_ROOT_TWO_BY_PI = math.sqrt(2 / math.pi)
_CUBIC = 0.044715


def _gelu_slope(input: Any, cdf: Any, approximate: str) -> Any:
    if approximate == "none":
        return cdf + input * np.exp(-0.5 * input * input) / _ROOT_TWO_PI
    inner = _ROOT_TWO_BY_PI * (1 + 3 * _CUBIC * input * input)
    return cdf + input * 2 * cdf * (1 - cdf) * inner


def _gelu_composed(input: Any, *, approximate: str = "none") -> Any:
    if approximate == "none":
        return input * ndtr(input)
    return input * sigmoid(2 * _ROOT_TWO_BY_PI * (input + _CUBIC * input * input * input))


@kernel("elementwise.gelu", over=1 << 12)
def _gelu(input: Any, *, approximate: str = "none") -> Any:
    """x·Φ(x), element by element, where Φ is the normal distribution function.

    Hendrycks and Gimpel, "Gaussian error linear units (GELUs)", 2016, arXiv:1606.08415.

    Args:
        input: any shape, floating.
        approximate: "none", or "tanh" for x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³))).

    Raises:
        ValueError: for another `approximate`.

    >>> import pullback as pb
    >>> round(pb.nn.functional.gelu(pb.tensor(1.0)).item(), 4)
    0.8413
    """
    check_floating("gelu", "the input", input)
    if approximate == "none":
        cdf = ndtr.raw(input)
    elif approximate == "tanh":
        with np.errstate(over="ignore"):  # far out the cube is infinite, and the tanh ±1 all the same
            cdf = 0.5 + 0.5 * np.tanh(_ROOT_TWO_BY_PI * (input + _CUBIC * input * input * input))
    else:
        raise ValueError(f"gelu: approximate must be 'none' or 'tanh', not {approximate!r}")
    return input * cdf, cdf


@kernel("elementwise.gelu_slopes", over=1 << 12)
def _gelu_rule(g: Any, input: Any, cdf: Any, approximate: str) -> Any:
    return g * _gelu_slope(input, cdf, approximate)


gelu = op(
    _gelu,
    "input",
    input=_gelu_rule,
    residuals="cdf",
    composed=_gelu_composed,
    name="gelu",
    gate=SCALER,
    samples=lambda rng: (
        sample._replace(parameters={"approximate": approximate})
        for approximate in ("none", "tanh")
        for sample in elementwise(1)(rng)
    ),
)


def _silu_slope(input: Any) -> Any:
    s = sigmoid.raw(input)
    return s * (1 + input * (1 - s))


@kernel("elementwise.silu_slopes", over=1 << 12)
def _silu_rule(g: Any, input: Any) -> Any:
    return g * _silu_slope(input)


@op(
    "input",
    input=_silu_rule,
    gate=SCALER,
    symbol="x·σ",
    samples=elementwise(1),
    reference=lambda x: x / (1 + np.exp(-x)),
)
@kernel("elementwise.silu", over=1 << 12)
def silu(input: Any) -> Any:
    """x·σ(x), element by element, also known as swish; the gradient is g·σ·(1 + x·(1 − σ)).

    Ramachandran, Zoph and Le, "Searching for activation functions", 2017, arXiv:1710.05941.

    >>> import pullback as pb
    >>> pb.nn.functional.silu(pb.tensor([0.0, 10000.0])).tolist()
    [0.0, 10000.0]
    """
    check_floating("silu", "the input", input)
    return input * sigmoid.raw(input)


def _softplus(x: Any) -> Any:
    """log(1 + eˣ) without overflow."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _squashed(input: Any) -> Any:
    """tanh(softplus(x)) = n/(n + 2) with n = eˣ·(eˣ + 2); from x = 20 on it is 1."""
    e = np.exp(np.minimum(input, 20))
    n = e * (e + 2)
    return n / (n + 2)


def _mish_slope(input: Any) -> Any:
    squashed = _squashed(input)
    return squashed + input * sigmoid.raw(input) * (1 - squashed * squashed)


@op(
    "input",
    input=lambda g, input: g * _mish_slope(input),
    gate=SCALER,
    samples=elementwise(1),
    reference=lambda x: x * np.tanh(np.log1p(np.exp(x))),
)
def mish(input: Any) -> Any:
    """x·tanh(softplus(x)), element by element.

    Misra, "Mish: a self regularized non-monotonic activation function", 2019, arXiv:1908.08681.

    >>> import pullback as pb
    >>> round(pb.nn.functional.mish(pb.tensor(1.0)).item(), 4)
    0.8651
    """
    check_floating("mish", "the input", input)
    return input * _squashed(input)


@op(
    "input",
    input=lambda g, input, beta, threshold: select(
        input * beta > threshold, g, g * sigmoid.raw(input * beta)
    ),
    gate=SCALER,
    samples=elementwise(1, beta=1.5, threshold=20.0),
    reference=lambda x, beta, threshold: np.log(1 + np.exp(beta * x)) / beta,
)
def softplus(input: Any, beta: float = 1.0, threshold: float = 20.0) -> Any:
    """log(1 + e^(β·x))/β, element by element, without overflow; the gradient is g·σ(β·x).

    Args:
        input: any shape, floating.
        beta: how sharp the bend is; not 0.
        threshold: where β·x is above it, the result is x itself.

    >>> import pullback as pb
    >>> pb.nn.functional.softplus(pb.tensor([-10000.0, 10000.0])).tolist()
    [0.0, 10000.0]
    """
    check_floating("softplus", "the input", input)
    if not beta:
        raise ValueError("softplus: beta must not be 0")
    beta = float(beta)
    scaled = input * beta
    return select(scaled > threshold, input, _softplus(scaled) / beta)


@op(
    "input",
    input=lambda g, input: g / np.square(1 + np.abs(input)),
    gate=SCALER,
    samples=elementwise(1, avoid=(0,)),
    reference=lambda x: x / (1 + np.abs(x)),
    singular=[SingularPoint((0.0,), (1.0,))],
)
def softsign(input: Any) -> Any:
    """x/(1 + |x|), element by element; the gradient is g/(1 + |x|)².

    >>> import pullback as pb
    >>> pb.nn.functional.softsign(pb.tensor([-1.0, 3.0])).tolist()
    [-0.5, 0.75]
    """
    check_floating("softsign", "the input", input)
    return input / (1 + np.abs(input))


@op(
    "input",
    input=lambda g, input: g * np.square(np.tanh(input)),
    gate=SCALER,
    samples=elementwise(1),
    reference=lambda x: x - np.tanh(x),
)
def tanhshrink(input: Any) -> Any:
    """x − tanh x, element by element; the gradient is g·tanh²x.

    >>> import pullback as pb
    >>> round(pb.nn.functional.tanhshrink(pb.tensor(1.0)).item(), 4)
    0.2384
    """
    check_floating("tanhshrink", "the input", input)
    return input - np.tanh(input)


@op(
    "input",
    input=lambda g, input: g * sigmoid.raw(-input),
    gate=SCALER,
    symbol="log σ",
    samples=elementwise(1),
    reference=lambda x: np.log(1 / (1 + np.exp(-x))),
)
def logsigmoid(input: Any) -> Any:
    """log σ(x) = −log(1 + e⁻ˣ), element by element, exact for any x; the gradient is g·σ(−x).

    >>> import pullback as pb
    >>> pb.nn.functional.logsigmoid(pb.tensor([-10000.0, 10000.0])).tolist()
    [-10000.0, 0.0]
    """
    check_floating("logsigmoid", "the input", input)
    return np.minimum(input, 0) - np.log1p(np.exp(-np.abs(input)))


def glu(input: Any, dim: int = -1) -> Tensor:
    """The gated linear unit a·σ(b), where a and b are the halves of the input along an axis.

    Dauphin et al., "Language modeling with gated convolutional networks", 2016, arXiv:1612.08083.

    Args:
        input: of even length along `dim`.
        dim: the axis.

    Raises:
        ValueError: for an odd length.

    >>> import pullback as pb
    >>> pb.nn.functional.glu(pb.tensor([4.0, 0.0])).tolist()
    [2.0]
    """
    input = asarray(input)
    check_floating("glu", "the input", input)
    if input.ndim == 0 or input.shape[dim] % 2:
        raise ValueError(f"glu: input of shape {input.shape} cannot be halved along axis {dim}")
    half = input.shape[dim] // 2
    front = (slice(None),) * (dim % input.ndim)
    result: Tensor = input[(*front, slice(half))] * sigmoid(input[(*front, slice(half, None))])
    return result


def maxout(input: Any, num_pieces: int, dim: int = -1) -> Tensor:
    """The largest of each group of `num_pieces` neighbours along an axis; tied ones share the gradient.

    On k linear maps of the same input, max(w₁ᵀx + b₁, ..., w_kᵀx + b_k), it is an activation that is learned: ReLU
    and its leaky kind are cases of it. Goodfellow et al., "Maxout networks", 2013, arXiv:1302.4389.

    Args:
        input: of a length along `dim` that `num_pieces` divides.
        num_pieces: k, the size of a group.
        dim: the axis.

    Returns:
        A tensor that is `num_pieces` times shorter along `dim`.

    Raises:
        ValueError: for a length that does not divide.

    >>> import pullback as pb
    >>> pb.nn.functional.maxout(pb.tensor([1.0, 3.0, -5.0, -7.0]), 2).tolist()
    [3.0, -5.0]
    """
    input = asarray(input)
    check_floating("maxout", "the input", input)
    num_pieces = whole("num_pieces", num_pieces)
    if input.ndim == 0 or input.shape[dim] % num_pieces:
        raise ValueError(
            f"maxout: the length of input of shape {input.shape} along axis {dim} is not a multiple of "
            f"num_pieces={num_pieces}"
        )
    axis = dim % input.ndim
    shape = (*input.shape[:axis], input.shape[axis] // num_pieces, num_pieces, *input.shape[axis + 1 :])
    return max(input.reshape(shape), axis=axis + 1)
