"""Covariances and correlations of several variables."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..convert import asarray
from ..tensor import Tensor
from .complex import conj
from .elementwise import sqrt
from .linalg import matmul
from .reduce import sum
from .shape import swapaxes


def cov(x: Any, /, *, correction: float = 1, fweights: Any = None, aweights: Any = None) -> Tensor:
    """The covariances of variables, of which each row of x has the observations.

    Args:
        x: of shape (variables, observations), or the observations of one variable.
        correction: what is taken off the number of observations.
        fweights: how often each observation was made; whole numbers.
        aweights: how much each observation counts.

    Returns:
        A tensor of shape (variables, variables), of shape () for one variable.

    Raises:
        ValueError: if x has more than two axes.

    >>> import pullback as pb
    >>> pb.cov(pb.tensor([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]])).tolist()
    [[1.0, -1.0], [-1.0, 1.0]]
    """
    x = asarray(x)
    if x.ndim > 2:
        raise ValueError(f"cov needs a row of observations for each variable, and x has shape {x.shape}")
    rows = x if x.ndim == 2 else x.reshape(1, -1)
    count: Any = rows.shape[1]
    if fweights is None and aweights is None:
        centred = rows - sum(rows, axis=1, keepdims=True) / count
        product = matmul(centred, conj(swapaxes(centred, 0, 1))) / max(count - correction, 0)
    else:
        real = rows.real.dtype
        often, heavy = (
            np.ones(count, real) if x is None else asarray(x, dtype=None if isinstance(x, Tensor) else real)
            for x in (fweights, aweights)
        )
        weights = asarray(often * heavy).astype(real, copy=False)
        total = sum(weights)
        centred = rows - sum(rows * weights, axis=1, keepdims=True) / total
        off = correction if aweights is None else correction * sum(weights * heavy) / total
        product = matmul(centred * weights, conj(swapaxes(centred, 0, 1))) / (total - off)
    result: Tensor = product.reshape(()) if rows.shape[0] == 1 else product
    return result


def corrcoef(x: Any, /) -> Tensor:
    """The correlations of variables, of which each row of x has the observations: covariances of size at most 1.

    >>> import pullback as pb
    >>> pb.corrcoef(pb.tensor([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]))[0, 1].item()
    -1.0
    """
    products = cov(x)
    if products.ndim == 0:
        return products / products
    spread = sqrt(products.diagonal().real)
    return products / spread[:, None] / spread[None, :]
