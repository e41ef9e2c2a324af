"""Lengths, distances and angles of vectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autograd import Tensor, asarray, broadcast_to, clip, linalg, sum
from .check import check_axes, check_floating


def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """The cosine of the angle between vectors along an axis, x₁·x₂ / (max(‖x₁‖, ε)·max(‖x₂‖, ε)).

    Args:
        x1: floating.
        x2: floating, of a shape that broadcasts with that of `x1`.
        dim: the axis of the vectors, which the result lacks.
        eps: keeps the quotient finite for vectors of length 0, whose gradient of the length is 0.

    Returns:
        A tensor of the broadcast shape without the axis.

    Raises:
        TypeError: for inputs that are not floating.

    >>> import pullback as pb
    >>> pb.nn.functional.cosine_similarity(pb.tensor([[3.0, 0.0]]), pb.tensor([[-2.0, 0.0]])).tolist()
    [-1.0]
    """
    x1, x2 = _vectors("cosine_similarity", x1, x2)
    shape = np.broadcast_shapes(x1.shape, x2.shape)
    if not -len(shape) <= dim < len(shape):
        raise ValueError(
            f"cosine_similarity: shapes {x1.shape} and {x2.shape} have no axis {dim}; give dim, for example -1"
        )
    first, second = (
        x if x.ndim == len(shape) and x.shape[dim] == shape[dim] else broadcast_to(x, shape) for x in (x1, x2)
    )
    lengths = [clip(linalg.vector_norm(x, axis=dim, keepdims=True), eps) for x in (first, second)]
    return sum((first / lengths[0]) * (second / lengths[1]), axis=dim)


def pairwise_distance(x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """The distance of vectors along the last axis, ‖x₁ − x₂ + ε‖ₚ.

    Args:
        x1: shape (N, D) or (D,), floating.
        x2: of the same shape, or one that broadcasts with it.
        p: the norm.
        eps: is added to each difference, so that vectors that are equal have a gradient.
        keepdim: keep the last axis with length 1.

    Returns:
        A tensor of the broadcast shape without the last axis.

    Raises:
        TypeError: for inputs that are not floating.

    >>> import pullback as pb
    >>> round(pb.nn.functional.pairwise_distance(pb.tensor([[3.0, 4.0]]), pb.tensor([[0.0, 0.0]])).item(), 4)
    5.0
    """
    x1, x2 = _vectors("pairwise_distance", x1, x2)
    return linalg.vector_norm(x1 - x2 + eps, axis=-1, keepdims=keepdim, ord=p)


def normalize(input: Any, p: float = 2.0, dim: int | tuple[int, ...] = 1, eps: float = 1e-12) -> Tensor:
    """Vectors along an axis scaled to length 1, x / max(‖x‖ₚ, ε).

    Args:
        input: floating.
        p: the norm.
        dim: the axis, or several.
        eps: a smaller norm counts as ε.

    Returns:
        A tensor of the same shape.

    Raises:
        TypeError: for an input that is not floating.

    >>> import pullback as pb
    >>> pb.nn.functional.normalize(pb.tensor([[3.0, 4.0], [0.0, 0.0]])).tolist()
    [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]
    """
    (x,) = _vectors("normalize", input)
    result: Tensor = x / clip(linalg.vector_norm(x, axis=dim, keepdims=True, ord=p), eps)
    return result


def pdist(input: Any, p: float = 2.0) -> Tensor:
    """The distances of all pairs of rows, ‖xᵢ − xⱼ‖ₚ for i < j, row by row; the gradient of a distance 0 is 0.

    Args:
        input: shape (N, M), floating.
        p: the norm.

    Returns:
        A tensor of shape (N·(N − 1)/2,).

    Raises:
        ValueError: for another number of axes.
        TypeError: for an input that is not floating.

    >>> import pullback as pb
    >>> pb.nn.functional.pdist(pb.tensor([[0.0], [1.0], [3.0]])).tolist()
    [1.0, 3.0, 2.0]
    """
    (x,) = _vectors("pdist", input)
    check_axes("pdist", x, ("(N, M)",))
    first, second = np.triu_indices(x.shape[0], 1)
    return linalg.vector_norm(x[first] - x[second], axis=-1, ord=p)


def _vectors(where: str, *inputs: Any) -> list[Tensor]:
    """Tensors of floating numbers; an array beside a Tensor keeps its dtype."""
    found = [asarray(x) for x in inputs]
    for i, x in enumerate(found):
        check_floating(where, "the input" if len(found) == 1 else f"x{i + 1}", x)
    return found
