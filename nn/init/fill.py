"""Initialisers that fill a tensor with numbers that do not depend on each other."""

from __future__ import annotations

import math
from typing import Any, TypeVar

import numpy as np

from ...autograd import Tensor
from ...autograd.extend import generator_of, writable

T = TypeVar("T", bound=Tensor)

_GAINS = {
    "linear": 1.0,
    "sigmoid": 1.0,
    "tanh": 5 / 3,
    "relu": math.sqrt(2),
    "selu": 3 / 4,
}
_CONVOLUTIONS = tuple(f"conv{transposed}{d}d" for transposed in ("", "_transpose") for d in (1, 2, 3))


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor by which weights are scaled so that a nonlinearity keeps the size of what passes through it.

    Args:
        nonlinearity: "linear" (also for convolutions), "sigmoid", "tanh" (5/3), "relu" (√2), "selu" (3/4) or
            "leaky_relu" (√(2/(1 + slope²))).
        param: the negative slope of leaky_relu, 0.01 if not given.

    Raises:
        ValueError: for an unknown nonlinearity.

    >>> from pullback import nn
    >>> round(nn.init.calculate_gain("relu"), 4)
    1.4142
    """
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        if isinstance(slope, bool) or not isinstance(slope, (int, float)):
            raise ValueError(f"the negative slope of leaky_relu is a number, not {slope!r}")
        return math.sqrt(2 / (1 + slope**2))
    if nonlinearity in _CONVOLUTIONS:
        return 1.0
    if nonlinearity not in _GAINS:
        raise ValueError(
            f"unknown nonlinearity {nonlinearity!r}; known are leaky_relu, {', '.join(_GAINS)} and "
            "convolutions"
        )
    return _GAINS[nonlinearity]


def uniform_(tensor: T, a: float = 0.0, b: float = 1.0, *, rng: np.random.Generator | None = None) -> T:
    """Fill with numbers from the uniform distribution on [a, b).

    >>> import pullback as pb
    >>> x = pb.nn.init.uniform_(pb.zeros(100), -1, 1)
    >>> bool((pb.abs(x) <= 1).all())
    True
    """
    return write(tensor, lambda: generator_of(rng).uniform(a, b, tensor.shape))


def normal_(tensor: T, mean: float = 0.0, std: float = 1.0, *, rng: np.random.Generator | None = None) -> T:
    """Fill with numbers from the normal distribution with this mean and standard deviation.

    >>> import pullback as pb
    >>> pb.nn.init.normal_(pb.zeros((2, 3))).shape
    (2, 3)
    """
    if std < 0:
        raise ValueError(f"a standard deviation cannot be negative, and this one is {std}")
    return write(tensor, lambda: generator_of(rng).normal(mean, std, tensor.shape))


def trunc_normal_(
    tensor: T,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    *,
    rng: np.random.Generator | None = None,
) -> T:
    """Fill from the normal distribution, cut off outside [a, b].

    The cuts are values and not multiples of the standard deviation, as in PyTorch. The samples are exact: proposals
    that are rejected, also far out in a tail (Robert, "Simulation of truncated normal variables", 1995).

    Raises:
        ValueError: for a negative standard deviation, or a > b.

    >>> import pullback as pb
    >>> x = pb.nn.init.trunc_normal_(pb.zeros(1000), std=2.0)
    >>> bool((pb.abs(x) <= 2).all())
    True
    """
    if std < 0:
        raise ValueError(f"a standard deviation cannot be negative, and this one is {std}")
    if not a <= b:
        raise ValueError(f"the cuts are a ≤ b, not a={a} and b={b}")
    if std == 0 or a == b:
        return constant_(tensor, min(max(mean, a), b))
    low, high = (a - mean) / std, (b - mean) / std

    def draw() -> np.ndarray[Any, Any]:
        values = np.empty(tensor.size)
        done = 0
        while done < values.size:
            accepted = _proposals(low, high, max(values.size - done, 16), generator_of(rng))[
                : values.size - done
            ]
            values[done : done + accepted.size] = accepted
            done += accepted.size
        return np.clip(mean + std * values, a, b).reshape(tensor.shape)

    return write(tensor, draw)


def _proposals(low: float, high: float, size: int, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """Samples of the standard normal distribution on [low, high]; as many of `size` as are accepted."""
    if low > 0 or high < 0:  # a tail: an exponential distribution that touches the density at the near end
        sign, near, far = (1, low, high) if low > 0 else (-1, -high, -low)
        above = -np.log1p(rng.random(size) * np.expm1(-near * (far - near))) / near
        accepted: np.ndarray[Any, Any] = sign * (near + above)[rng.random(size) < np.exp(-(above**2) / 2)]
        return accepted
    if high - low < 2.5:
        x = rng.uniform(low, high, size)
        return x[rng.random(size) < np.exp(-(x**2) / 2)]
    x = rng.standard_normal(size)
    return x[(low <= x) & (x <= high)]


def constant_(tensor: T, val: float) -> T:
    """Fill with one value.

    >>> import pullback as pb
    >>> pb.nn.init.constant_(pb.zeros(2), 0.5)
    tensor([0.5, 0.5], dtype=float32)
    """
    return write(tensor, lambda: val)


def ones_(tensor: T) -> T:
    """Fill with ones.

    >>> import pullback as pb
    >>> pb.nn.init.ones_(pb.zeros(2))
    tensor([1., 1.], dtype=float32)
    """
    return constant_(tensor, 1.0)


def zeros_(tensor: T) -> T:
    """Fill with zeros.

    >>> import pullback as pb
    >>> pb.nn.init.zeros_(pb.ones(2))
    tensor([0., 0.], dtype=float32)
    """
    return constant_(tensor, 0.0)


def xavier_uniform_(tensor: T, gain: float = 1.0, *, rng: np.random.Generator | None = None) -> T:
    """Fill from U(−b, b) with b = gain·√(6/(fan_in + fan_out)).

    Raises:
        ValueError: for a tensor of fewer than two axes, which has no fans.

    >>> import pullback as pb
    >>> w = pb.nn.init.xavier_uniform_(pb.zeros((20, 10)))
    >>> bool(pb.abs(w).max() <= (6 / 30) ** 0.5)
    True
    """
    bound = gain * math.sqrt(6 / sum(_fans(tensor)))
    return uniform_(tensor, -bound, bound, rng=rng)


def xavier_normal_(tensor: T, gain: float = 1.0, *, rng: np.random.Generator | None = None) -> T:
    """Fill from the normal distribution with standard deviation gain·√(2/(fan_in + fan_out)).

    Raises:
        ValueError: for a tensor of fewer than two axes, which has no fans.

    >>> import pullback as pb
    >>> pb.nn.init.xavier_normal_(pb.zeros((20, 10))).shape
    (20, 10)
    """
    return normal_(tensor, 0.0, gain * math.sqrt(2 / sum(_fans(tensor))), rng=rng)


def kaiming_uniform_(
    tensor: T,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    *,
    rng: np.random.Generator | None = None,
) -> T:
    """Fill from U(−b, b) with b = gain·√(3/fan).

    Args:
        tensor: what to fill, of two axes or more.
        a: the negative slope of the leaky_relu behind the layer.
        mode: "fan_in" keeps the size of the values forward, "fan_out" that of the gradients backward.
        nonlinearity: what `calculate_gain` takes.
        rng: a NumPy generator; the default one if not given.

    Raises:
        ValueError: for fewer than two axes, an unknown mode or nonlinearity.

    >>> import pullback as pb
    >>> w = pb.nn.init.kaiming_uniform_(pb.zeros((20, 10)), nonlinearity="relu")
    >>> bool(pb.abs(w).max() <= (6 / 10) ** 0.5)
    True
    """
    bound = math.sqrt(3) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, rng=rng)


def kaiming_normal_(
    tensor: T,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    *,
    rng: np.random.Generator | None = None,
) -> T:
    """Fill from the normal distribution with standard deviation gain/√fan; see `kaiming_uniform_`.

    >>> import pullback as pb
    >>> pb.nn.init.kaiming_normal_(pb.zeros((20, 10)), mode="fan_out").shape
    (20, 10)
    """
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity), rng=rng)


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"mode must be 'fan_in' or 'fan_out', not {mode!r}")
    fan_in, fan_out = _fans(tensor)
    return calculate_gain(nonlinearity, a) / math.sqrt(fan_in if mode == "fan_in" else fan_out)


def _fans(tensor: Tensor) -> tuple[int, int]:
    if tensor.ndim < 2 or tensor.size == 0:
        raise ValueError(
            "fans are counted for weights of shape (out, in, ...), and this tensor has shape "
            f"{tensor.shape}; use uniform_, normal_ or zeros_ for it"
        )
    kernel = math.prod(tensor.shape[2:])
    return tensor.shape[1] * kernel, tensor.shape[0] * kernel


def write(tensor: T, values: Any) -> T:
    """Fill a floating tensor in place with what `values()` gives; nothing is drawn if it cannot be filled."""
    if not isinstance(tensor, Tensor):
        raise TypeError(f"initialisers fill Tensors in place, not {type(tensor).__name__}")
    if tensor.dtype.kind != "f":
        raise TypeError(f"initialisers fill floating tensors, and this one is {tensor.dtype}")
    if not tensor.is_leaf:
        raise RuntimeError(
            "initialisers fill tensors in place, and this one was computed from others: fill those; they are the "
            "originals of a parametrised weight, for example"
        )
    writable(tensor)[...] = values()
    return tensor
