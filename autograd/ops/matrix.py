"""Small things that the rules of linear algebra share, for arrays and Tensors, over any leading batch axes."""

from __future__ import annotations

from typing import Any

import numpy as np


def transposed(x: Any) -> Any:
    """xᵀ of each matrix."""
    return np.swapaxes(x, -1, -2)


def adjoint(x: Any) -> Any:
    """xᴴ of each matrix."""
    x = np.swapaxes(x, -1, -2)
    return np.conjugate(x) if x.dtype.kind == "c" else x


def hermitian(x: Any) -> Any:
    """(x + xᴴ)/2."""
    return (x + adjoint(x)) / 2


def lower_triangle(x: Any, k: int = 0) -> Any:
    """The lower triangle, up to the k-th diagonal."""
    return np.where(np.tri(x.shape[-2], x.shape[-1], k, dtype=bool), x, 0)


def on_diagonal(values: Any) -> Any:
    """Matrices with the values on their diagonal."""
    return np.where(np.eye(values.shape[-1], dtype=bool), values[..., None, :], 0)


def diagonal_of(x: Any) -> Any:
    """The diagonal of square matrices."""
    return np.sum(np.where(np.eye(x.shape[-1], dtype=bool), x, 0), axis=-1)


def check_square(name: str, x: Any) -> None:
    """Refuse what is no stack of square matrices.

    Raises:
        numpy.linalg.LinAlgError: with the shape.
    """
    shape = np.shape(x)
    if len(shape) < 2 or shape[-1] != shape[-2]:
        raise np.linalg.LinAlgError(
            f"{name} takes square matrices (..., M, M), and this array has shape {shape}"
        )
