"""Activations as modules."""

from __future__ import annotations

from typing import Any

from ..autograd import Tensor
from .functional import relu, sigmoid, tanh
from .module import Module


class ReLU(Module):
    """max(0, x), element by element.

    Args:
        inplace: must be False; it is there so that the argument's meaning is not guessed.

    Raises:
        ValueError: for `inplace=True`.

    >>> import pullback as pb
    >>> pb.nn.ReLU()(pb.tensor([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        if inplace:
            raise ValueError("ReLU makes a new tensor; it cannot work in place, so leave inplace=True out")

    def forward(self, input: Any) -> Tensor:
        """Apply the function."""
        return relu(input)


class Sigmoid(Module):
    """1/(1 + e⁻ˣ), element by element.

    >>> import pullback as pb
    >>> pb.nn.Sigmoid()(pb.tensor([0.0])).tolist()
    [0.5]
    """

    def forward(self, input: Any) -> Tensor:
        """Apply the function."""
        return sigmoid(input)


class Tanh(Module):
    """The hyperbolic tangent, element by element.

    >>> import pullback as pb
    >>> pb.nn.Tanh()(pb.tensor([0.0])).tolist()
    [0.0]
    """

    def forward(self, input: Any) -> Tensor:
        """Apply the function."""
        return tanh(input)
