"""Numbers as shares of a whole: softmax, its logarithm and its mirror image, with PyTorch's arguments."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autograd import Tensor, asarray
from ...autograd import log_softmax as log_shares
from ...autograd import softmax as shares


def softmax(input: Any, dim: int | None = None, *, dtype: Any = None) -> Tensor:
    """eˣ / Σ eˣ along an axis, shifted so that it does not overflow.

    Args:
        input: the array.
        dim: the axis; it may be left out for inputs of one or two axes, which are normalised along the last.
        dtype: what the input is converted to first; float32 for a float16 input, for example.

    Returns:
        A tensor of the input's shape, whose sums along the axis are 1.

    Raises:
        ValueError: for an input of more axes without `dim`.

    >>> import pullback as pb
    >>> pb.nn.functional.softmax(pb.tensor([0.0, 0.0, 10000.0, 10000.0]), dim=-1)
    tensor([0. , 0. , 0.5, 0.5], dtype=float32)
    """
    return shares(_converted(input, dtype), _axis("softmax", input, dim))


def log_softmax(input: Any, dim: int | None = None, *, dtype: Any = None) -> Tensor:
    """log softmax(x) along an axis, accurate also where softmax underflows; the arguments are those of `softmax`.

    >>> import pullback as pb
    >>> pb.nn.functional.log_softmax(pb.tensor([0.0, -10000.0]), dim=-1).tolist()
    [0.0, -10000.0]
    """
    return log_shares(_converted(input, dtype), _axis("log_softmax", input, dim))


def softmin(input: Any, dim: int | None = None, *, dtype: Any = None) -> Tensor:
    """softmax(−x) along an axis: the smallest element gets the largest share; the arguments are those of `softmax`.

    >>> import pullback as pb
    >>> pb.nn.functional.softmin(pb.tensor([0.0, 10000.0]), dim=-1).tolist()
    [1.0, 0.0]
    """
    return shares(-_converted(input, dtype), _axis("softmin", input, dim))


def _converted(input: Any, dtype: Any) -> Tensor:
    return asarray(input) if dtype is None else asarray(input).astype(dtype)


def _axis(where: str, input: Any, dim: int | None) -> int:
    """The axis; the last one of a vector or a matrix if none is given."""
    if dim is not None:
        return dim
    if np.ndim(input) > 2:
        raise ValueError(
            f"{where}: input of shape {np.shape(input)} needs its axis: dim=1 for the channels, dim=-1 for the last "
            "axis"
        )
    return -1
