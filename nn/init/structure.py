"""Initialisers that give a tensor a structure: orthogonal, sparse, the identity."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...autograd.extend import generator_of
from ..functional.check import whole
from .fill import T, write


def eye_(tensor: T) -> T:
    """Fill a matrix with the identity: ones on the diagonal, zeros elsewhere.

    Raises:
        ValueError: for anything but two axes.

    >>> import pullback as pb
    >>> pb.nn.init.eye_(pb.zeros((2, 3))).tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    """
    _check_axes("eye_", tensor, (2,))
    return write(tensor, lambda: np.eye(tensor.shape[0], tensor.shape[1]))


def dirac_(tensor: T, groups: int = 1) -> T:
    """Fill the weight of a convolution so that it passes on its input's channels, as many as there are.

    Args:
        tensor: shape (out, in / groups, *kernel), of three to five axes.
        groups: of the convolution; within each, channel i goes to channel i.

    Raises:
        ValueError: for another number of axes, or if the groups do not divide the first axis.

    >>> import pullback as pb
    >>> pb.nn.init.dirac_(pb.zeros((2, 2, 3))).tolist()
    [[[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]], [[0.0, 0.0, 0.0], [0.0, 1.0, 0.0]]]
    """
    _check_axes("dirac_", tensor, (3, 4, 5))
    out = tensor.shape[0]
    if out % whole("groups", groups):
        raise ValueError(f"dirac_: {groups} groups do not divide {out} output channels")
    values = np.zeros(tensor.shape)
    centre = tuple(length // 2 for length in tensor.shape[2:])
    each = out // groups
    for i in range(min(each, tensor.shape[1])):
        values[(slice(i, None, each), i, *centre)] = 1  # type: ignore[index]  # the starred part is of ints
    return write(tensor, lambda: values)


def orthogonal_(tensor: T, gain: float = 1.0, *, rng: np.random.Generator | None = None) -> T:
    """Fill with a random matrix whose rows, or columns if they are fewer, are orthonormal, times `gain`.

    All axes but the first are taken for one. The matrix is uniform among the orthogonal ones: the Q of a normal
    matrix, with the signs of R's diagonal. Saxe et al., "Exact solutions to the nonlinear dynamics of learning in
    deep linear neural networks", 2013.

    Raises:
        ValueError: for fewer than two axes.

    >>> import pullback as pb
    >>> w = pb.nn.init.orthogonal_(pb.zeros((2, 5)))
    >>> pb.round(w @ w.T, decimals=4).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    _check_axes("orthogonal_", tensor, None)

    def draw() -> np.ndarray[Any, Any]:
        rows, columns = tensor.shape[0], math.prod(tensor.shape[1:])
        normal = generator_of(rng).standard_normal((max(rows, columns), min(rows, columns)))
        q, r = np.linalg.qr(normal)
        q = q * np.where(np.diag(r) < 0, -1, 1)
        return gain * (q.T if rows < columns else q).reshape(tensor.shape)

    return write(tensor, draw)


def sparse_(tensor: T, sparsity: float, std: float = 0.01, *, rng: np.random.Generator | None = None) -> T:
    """Fill a matrix from N(0, std²), with a fraction of each column set to zero, at random places.

    Martens, "Deep learning via Hessian-free optimization", 2010.

    Args:
        tensor: what to fill, of two axes.
        sparsity: the fraction of zeros in each column, from 0 to 1; ⌈sparsity·rows⌉ elements.
        std: the standard deviation of the others.
        rng: a NumPy generator; the default one if not given.

    Raises:
        ValueError: for anything but two axes, or a fraction out of range.

    >>> import pullback as pb
    >>> pb.sum(pb.nn.init.sparse_(pb.zeros((10, 2)), 0.35) == 0, axis=0).tolist()
    [4, 4]
    """
    _check_axes("sparse_", tensor, (2,))
    if not 0 <= sparsity <= 1:
        raise ValueError(f"sparsity is a fraction from 0 to 1, not {sparsity!r}")
    if std < 0:
        raise ValueError(f"a standard deviation cannot be negative, and this one is {std}")

    def draw() -> np.ndarray[Any, Any]:
        values = generator_of(rng).normal(0, std, tensor.shape)
        ranks = generator_of(rng).random(tensor.shape).argsort(axis=0)
        np.put_along_axis(values, ranks[: math.ceil(sparsity * tensor.shape[0])], 0, axis=0)
        return values

    return write(tensor, draw)


def _check_axes(name: str, tensor: Any, allowed: tuple[int, ...] | None) -> None:
    if tensor.ndim not in allowed if allowed else tensor.ndim < 2:
        wanted = "two or more" if allowed is None else " or ".join(map(str, allowed))
        raise ValueError(f"{name}: the tensor has shape {tensor.shape} and must have {wanted} axes")
