"""Layers that multiply by a matrix, and those that only pass on or re-arrange."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd import Tensor, get_default_dtype
from . import init
from .functional import linear
from .module import Module
from .parameter import Parameter


class Linear(Module):
    """The fully-connected layer: y = x·Wᵀ + b.

    `weight` has shape (out_features, in_features), `bias` (out_features,). Both start from U(−b, b) with
    b = 1/√in_features.

    Args:
        in_features: the length of the input's last axis.
        out_features: the length of the output's.
        bias: False for a layer without b.
        dtype: of the parameters; the default dtype if not given.
        rng: the generator of the start values; the default one if not given.

    Raises:
        ValueError: for feature counts below 1.

    >>> import pullback as pb
    >>> layer = pb.nn.Linear(3, 2)
    >>> layer(pb.ones((5, 3))).shape
    (5, 2)
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        dtype: Any = None,
        rng: np.random.Generator | None = None,
    ) -> None:
        super().__init__()
        for name, count in (("in_features", in_features), ("out_features", out_features)):
            if isinstance(count, bool) or not isinstance(count, (int, np.integer)) or count < 1:
                raise ValueError(f"{name} is a whole number from 1 on, not {count!r}")
        self.in_features = int(in_features)
        self.out_features = int(out_features)
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
        return linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        """The settings."""
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"
        )


class Identity(Module):
    """Gives back what it gets; a place-holder. Takes any arguments and ignores them.

    >>> import pullback as pb
    >>> pb.nn.Identity()(pb.tensor(2.0)).item()
    2.0
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Any) -> Any:
        """Return the input."""
        return input


class Flatten(Module):
    """Joins a range of axes into one; by default all but the first, the batch.

    Args:
        start_dim: the first axis to join.
        end_dim: the last.

    >>> import pullback as pb
    >>> pb.nn.Flatten()(pb.zeros((5, 8, 8))).shape
    (5, 64)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, input: Any) -> Tensor:
        """Reshape the input.

        Raises:
            IndexError: for axes that the input has not, or in the wrong order.
        """
        start, end = (axis + input.ndim if axis < 0 else axis for axis in (self.start_dim, self.end_dim))
        if not 0 <= start <= end < input.ndim:
            raise IndexError(
                f"Flatten joins the axes {self.start_dim} to {self.end_dim}, which input of shape "
                f"{input.shape} has not"
            )
        joined = math.prod(input.shape[start : end + 1])
        result: Tensor = input.reshape((*input.shape[:start], joined, *input.shape[end + 1 :]))
        return result

    def extra_repr(self) -> str:
        """The settings."""
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"
