"""Products of matrices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..gate import SWITCHER
from ..op import op
from ..samples import given


def _left_gradient(g: Any, y: Any, x_shape: tuple[int, ...]) -> Any:
    """g·yᵀ, with the axis that a vector lacks put in and taken out again."""
    if y.ndim == 1:
        g, y = g[..., None], y[:, None]
    if len(x_shape) == 1:
        return (g[..., None, :] @ np.swapaxes(y, -1, -2))[..., 0, :]
    return g @ np.swapaxes(y, -1, -2)


def _right_gradient(g: Any, x: Any, y_shape: tuple[int, ...]) -> Any:
    """xᵀ·g; a batch against one matrix is one product of long matrices, not many summed."""
    if x.ndim == 1:
        x, g = x[None, :], g[..., None, :] if len(y_shape) > 1 else g[..., None]
    if len(y_shape) == 1:
        g = g.reshape((*x.shape[:-1], 1))
        return (np.swapaxes(x, -1, -2) @ g)[..., 0]
    if len(y_shape) == 2 and x.ndim > 2:
        rows = math.prod(x.shape[:-1])  # not −1, which zero-length axes leave open
        x, g = x.reshape((rows, x.shape[-1])), g.reshape((rows, g.shape[-1]))
    return np.swapaxes(x, -1, -2) @ g


matmul = op(
    np.matmul,
    "x y",
    x=_left_gradient,
    y=_right_gradient,
    gate=SWITCHER,
    infix="@",
    symbol="@",
    method=True,
    samples=given(
        (((2, 3), (3, 4)), {}),
        (((3,), (3,)), {}),
        (((2, 3), (3,)), {}),
        (((3,), (3, 2)), {}),
        (((5, 2, 3), (3, 4)), {}),
        (((5, 2, 3), (3,)), {}),
        (((3,), (5, 3, 2)), {}),
        (((5, 1, 2, 3), (4, 3, 2)), {}),
        (((0, 3), (3, 2)), {}),
        (((2, 0), (0, 3)), {}),
    ),
    doc="""The matrix product x·y of (..., m, n) and (..., n, p), over broadcast batch axes.

    A vector on the left is a row and on the right a column, and its axis goes from the result. The
    gradients are g·yᵀ and xᵀ·g (https://cs231n.stanford.edu/handouts/linear-backprop.pdf).

    >>> import pullback as pb
    >>> pb.matmul(pb.tensor([[1.0, 2.0]]), pb.tensor([[3.0], [4.0]]))
    tensor([[11.]], dtype=float32)
    """,
)
