"""Layers without parameters that only pass on or re-arrange."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..autograd import Tensor
from .functional.check import count
from .module import Module


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


class Unflatten(Module):
    """Splits one axis into several; what `Flatten` did, taken back.

    Args:
        dim: the axis to split.
        unflattened_size: the lengths of the axes that it becomes; one of them may be −1, which is then computed.

    Raises:
        ValueError: for lengths that are not whole numbers from 0 on, or more than one −1.

    >>> import pullback as pb
    >>> pb.nn.Unflatten(1, (2, -1))(pb.zeros((5, 6))).shape
    (5, 2, 3)
    """

    def __init__(self, dim: int, unflattened_size: Sequence[int]) -> None:
        super().__init__()
        size = tuple(unflattened_size)
        if not size or size.count(-1) > 1 or not all(isinstance(n, int) and n >= -1 for n in size):
            raise ValueError(
                f"unflattened_size holds the lengths of the new axes, at most one of them −1, not {unflattened_size!r}"
            )
        self.dim = dim
        self.unflattened_size = size

    def forward(self, input: Any) -> Tensor:
        """Reshape the input.

        Raises:
            IndexError: for an axis that the input has not.
            ValueError: for an axis of another length than the new ones make.
        """
        dim = self.dim + input.ndim if self.dim < 0 else self.dim
        if not 0 <= dim < input.ndim:
            raise IndexError(
                f"Unflatten splits the axis {self.dim}, and the input has shape {input.shape}, "
                f"{count(input.ndim, 'axis', 'axes')}"
            )
        length, known = input.shape[dim], math.prod(n for n in self.unflattened_size if n >= 0)
        rest = length // known if known else 0
        size = tuple(rest if n < 0 else n for n in self.unflattened_size)
        if math.prod(size) != length or (not known and -1 in self.unflattened_size):
            raise ValueError(
                f"Unflatten: the axis {self.dim} of input of shape {input.shape} has length {length}, which is not "
                f"{' × '.join(map(str, self.unflattened_size))}"
            )
        result: Tensor = input.reshape((*input.shape[:dim], *size, *input.shape[dim + 1 :]))
        return result

    def extra_repr(self) -> str:
        """The settings."""
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
