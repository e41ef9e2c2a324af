"""Layers that multiply by a matrix."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd import Tensor, get_default_dtype
from . import init
from .functional import bilinear, linear
from .functional.activated import check_activation, shown_activation
from .functional.check import whole
from .module import Module
from .parameter import Parameter, UninitializedParameter


class Linear(Module):
    """The fully-connected layer: y = x·Wᵀ + b, and an activation of it, if one is named.

    `weight` has shape (out_features, in_features), `bias` (out_features,). Both start from U(−b, b) with
    b = 1/√in_features.

    Args:
        in_features: the length of the input's last axis.
        out_features: the length of the output's.
        bias: False for a layer without b.
        dtype: of the parameters; the default dtype if not given.
        rng: the generator of the start values; the default one if not given.
        activation: of the result, by the name that `functional.linear` knows; none if not given.

    Raises:
        ValueError: for feature counts below 1, and an unknown activation.

    >>> import pullback as pb
    >>> layer = pb.nn.Linear(3, 2)
    >>> layer(pb.ones((5, 3))).shape
    (5, 2)
    >>> pb.nn.Linear(3, 2, activation="relu")
    Linear(in_features=3, out_features=2, bias=True, activation='relu')
    """

    activation: str | None = None  # also of a layer that was pickled without

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        dtype: Any = None,
        rng: np.random.Generator | None = None,
        activation: str | None = None,
    ) -> None:
        super().__init__()
        self.activation = check_activation("Linear", activation)
        self.in_features = whole("in_features", in_features)
        self.out_features = whole("out_features", out_features)
        dtype = get_default_dtype() if dtype is None else np.dtype(dtype)
        self.weight = Parameter(np.empty((out_features, in_features), dtype))
        self.bias = Parameter(np.empty(out_features, dtype)) if bias else None
        self.reset_parameters(rng=rng)

    def reset_parameters(self, *, rng: np.random.Generator | None = None) -> None:
        """Draw new start values."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5), rng=rng)
        if self.bias is not None:
            bound = 1 / math.sqrt(self.in_features)
            init.uniform_(self.bias, -bound, bound, rng=rng)

    def forward(self, input: Any) -> Tensor:
        """Map (..., in_features) to (..., out_features)."""
        return linear(input, self.weight, self.bias, activation=self.activation)

    def extra_repr(self) -> str:
        """The settings."""
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"
            f"{shown_activation(self.activation)}"
        )


class LazyLinear(Linear):
    """A Linear layer that takes `in_features` from the first input that it sees, and is a Linear from then on.

    Until then its parameters are empty; an optimiser may hold them already. Loading a state gives them their shapes,
    too.

    Args:
        out_features: the length of the output's last axis.
        bias: False for a layer without b.
        dtype: of the parameters; the default dtype if not given.
        rng: the generator of the start values; the default one if not given.
        activation: of the result, by the name that `functional.linear` knows; none if not given.

    Raises:
        ValueError: for a feature count below 1, and an unknown activation.

    >>> import pullback as pb
    >>> layer = pb.nn.LazyLinear(2)
    >>> layer(pb.ones((5, 3))).shape
    (5, 2)
    >>> layer
    Linear(in_features=3, out_features=2, bias=True)
    """

    def __init__(
        self,
        out_features: int,
        bias: bool = True,
        *,
        dtype: Any = None,
        rng: np.random.Generator | None = None,
        activation: str | None = None,
    ) -> None:
        Module.__init__(self)
        self.activation = check_activation("LazyLinear", activation)
        self.in_features = 0
        self.out_features = whole("out_features", out_features)
        self.weight = UninitializedParameter(dtype=dtype)
        self.bias = UninitializedParameter(dtype=dtype) if bias else None
        self._rng = rng

    def reset_parameters(self, *, rng: np.random.Generator | None = None) -> None:
        """Draw new start values, once there is something to draw."""
        if not isinstance(self.weight, UninitializedParameter):
            super().reset_parameters(rng=rng)

    def forward(self, input: Any) -> Tensor:
        """Take the shape, become a Linear, and map (..., in_features) to (..., out_features)."""
        if isinstance(self.weight, UninitializedParameter):
            if not np.ndim(input):
                raise ValueError("LazyLinear: the input is a number; its last axis must be the features")
            self.in_features = whole("in_features", np.shape(input)[-1])
            self.weight.materialize((self.out_features, self.in_features))
            if isinstance(self.bias, UninitializedParameter):
                self.bias.materialize((self.out_features,))
            self.reset_parameters(rng=self._rng)
        self.in_features = self.weight.shape[1]  # a loaded state may have given it
        del self._rng
        self.__class__ = Linear  # type: ignore[assignment]  # it has all that a Linear has
        return self.forward(input)


class Bilinear(Module):
    """A layer that is linear in each of two inputs: y_k = x₁ᵀ·W_k·x₂ + b_k.

    `weight` has shape (out_features, in1_features, in2_features), `bias` (out_features,). Both start from U(−b, b)
    with b = 1/√in1_features.

    Args:
        in1_features: the length of the first input's last axis.
        in2_features: the length of the second's.
        out_features: the length of the output's.
        bias: False for a layer without b.
        dtype: of the parameters; the default dtype if not given.
        rng: the generator of the start values; the default one if not given.

    Raises:
        ValueError: for feature counts below 1.

    >>> import pullback as pb
    >>> layer = pb.nn.Bilinear(3, 4, 2)
    >>> layer(pb.ones((5, 3)), pb.ones((5, 4))).shape
    (5, 2)
    """

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        *,
        dtype: Any = None,
        rng: np.random.Generator | None = None,
    ) -> None:
        super().__init__()
        self.in1_features = whole("in1_features", in1_features)
        self.in2_features = whole("in2_features", in2_features)
        self.out_features = whole("out_features", out_features)
        dtype = get_default_dtype() if dtype is None else np.dtype(dtype)
        self.weight = Parameter(np.empty((out_features, in1_features, in2_features), dtype))
        self.bias = Parameter(np.empty(out_features, dtype)) if bias else None
        self.reset_parameters(rng=rng)

    def reset_parameters(self, *, rng: np.random.Generator | None = None) -> None:
        """Draw new start values."""
        bound = 1 / math.sqrt(self.in1_features)
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound, rng=rng)

    def forward(self, input1: Any, input2: Any) -> Tensor:
        """Map (..., in1_features) and (..., in2_features) to (..., out_features)."""
        return bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        """The settings."""
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, "
            f"out_features={self.out_features}, bias={self.bias is not None}"
        )
