"""Distances and angles of vectors as modules."""

from __future__ import annotations

from typing import Any

from ..autograd import Tensor
from . import functional as F  # noqa: N812 - the field's abbreviation
from .module import Module


class CosineSimilarity(Module):
    """The cosine of the angle between vectors along an axis; see `functional.cosine_similarity`.

    Args:
        dim: the axis.
        eps: a smaller length counts as this one.

    >>> import pullback as pb
    >>> pb.nn.CosineSimilarity()(pb.tensor([[3.0, 0.0]]), pb.tensor([[0.0, 2.0]])).tolist()
    [0.0]
    """

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        super().__init__()
        self.dim = dim
        self.eps = eps

    def forward(self, x1: Any, x2: Any) -> Tensor:
        """Compare the vectors of two tensors."""
        return F.cosine_similarity(x1, x2, self.dim, self.eps)


class PairwiseDistance(Module):
    """The distance of vectors along the last axis, ‖x₁ − x₂ + ε‖ₚ; see `functional.pairwise_distance`.

    Args:
        p: the norm.
        eps: is added to each difference.
        keepdim: keep the last axis with length 1.

    >>> import pullback as pb
    >>> round(pb.nn.PairwiseDistance()(pb.tensor([[3.0, 4.0]]), pb.tensor([[0.0, 0.0]])).item(), 4)
    5.0
    """

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        super().__init__()
        self.norm = p
        self.eps = eps
        self.keepdim = keepdim

    def forward(self, x1: Any, x2: Any) -> Tensor:
        """Compare the vectors of two tensors."""
        return F.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)
