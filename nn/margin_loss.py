"""Losses with a margin as modules: hinges over classes and labels, rankings, and embeddings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..autograd import Tensor
from . import functional as F  # noqa: N812 - the field's abbreviation
from .functional.check import check_positive
from .loss import Loss


class MulticlassHingeLoss(Loss):
    """The multiclass SVM loss of Weston and Watkins, Σ_{j≠y} max(0, sⱼ − s_y + Δ).

    See `functional.multiclass_hinge_loss`; this is the SVM of the CS231n notes.

    Args:
        delta: Δ, the margin.
        reduction: "mean" over the samples, "sum" or "none".

    Raises:
        ValueError: for another reduction.

    >>> import pullback as pb
    >>> pb.nn.MulticlassHingeLoss(delta=10.0)(pb.tensor([[13.0, -7.0, 11.0]]), pb.tensor([0])).item()
    8.0
    """

    def __init__(self, delta: float = 1.0, *, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.delta = delta

    def forward(self, input: Any, target: Any) -> Tensor:
        """The loss of scores (N, C) with classes (N,)."""
        return F.multiclass_hinge_loss(input, target, self.delta, reduction=self.reduction)


class MultiMarginLoss(Loss):
    """The multiclass hinge loss, averaged over the classes; see `functional.multi_margin_loss`.

    Args:
        p: 1 or 2, the power of each violation.
        margin: how far the right class has to be ahead.
        weight: shape (C,), what each class counts; kept as the buffer `weight`.
        reduction: "mean", "sum" or "none".

    Raises:
        ValueError: for another reduction, and another p.

    >>> import pullback as pb
    >>> round(pb.nn.MultiMarginLoss()(pb.tensor([[0.1, 0.2, 0.4, 0.8]]), pb.tensor([3])).item(), 4)
    0.325
    """

    weight: Tensor | None

    def __init__(
        self, p: int = 1, margin: float = 1.0, weight: Any = None, *, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction)
        if p not in (1, 2):
            raise ValueError(f"MultiMarginLoss: p must be 1 or 2, not {p!r}")
        self.p = p
        self.margin = margin
        self.keep_weight("weight", weight)

    def forward(self, input: Any, target: Any) -> Tensor:
        """The loss of scores (N, C) with classes (N,)."""
        return F.multi_margin_loss(input, target, self.p, self.margin, self.weight, reduction=self.reduction)


class MultiLabelMarginLoss(Loss):
    """The hinge loss of several labels for each sample; see `functional.multilabel_margin_loss`.

    Args:
        reduction: "mean", "sum" or "none".

    Raises:
        ValueError: for another reduction.

    >>> import pullback as pb
    >>> scores, labels = pb.tensor([[0.1, 0.2, 0.4, 0.8]]), pb.tensor([[3, 0, -1, 1]])
    >>> round(pb.nn.MultiLabelMarginLoss()(scores, labels).item(), 4)
    0.85
    """

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__(reduction)

    def forward(self, input: Any, target: Any) -> Tensor:
        """The loss of scores (N, C) with the numbers of the labels (N, C), −1 behind the last."""
        return F.multilabel_margin_loss(input, target, reduction=self.reduction)


class MarginRankingLoss(Loss):
    """The loss of a ranking of two inputs; see `functional.margin_ranking_loss`.

    Args:
        margin: by how much the one should be greater.
        reduction: "mean", "sum" or "none".

    Raises:
        ValueError: for another reduction.

    >>> import pullback as pb
    >>> pb.nn.MarginRankingLoss()(pb.tensor([0.0]), pb.tensor([2.0]), pb.tensor([1.0])).item()
    2.0
    """

    def __init__(self, margin: float = 0.0, *, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input1: Any, input2: Any, target: Any) -> Tensor:
        """The loss of two inputs with targets of ±1, all of one shape."""
        return F.margin_ranking_loss(input1, input2, target, self.margin, reduction=self.reduction)


class HingeEmbeddingLoss(Loss):
    """The loss of distances of pairs that belong together (1) or not (−1); see `functional.hinge_embedding_loss`.

    Args:
        margin: how far apart those should be that do not belong together.
        reduction: "mean", "sum" or "none".

    Raises:
        ValueError: for another reduction.

    >>> import pullback as pb
    >>> pb.nn.HingeEmbeddingLoss()(pb.tensor([0.5, 0.25]), pb.tensor([1, -1])).item()
    0.625
    """

    def __init__(self, margin: float = 1.0, *, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input: Any, target: Any) -> Tensor:
        """The loss of distances with targets of ±1 of the same shape."""
        return F.hinge_embedding_loss(input, target, self.margin, reduction=self.reduction)


class CosineEmbeddingLoss(Loss):
    """The loss of the angles of pairs that belong together (1) or not (−1); see `functional.cosine_embedding_loss`.

    Args:
        margin: the cosine up to which pairs cost nothing that do not belong together.
        reduction: "mean", "sum" or "none".

    Raises:
        ValueError: for another reduction.

    >>> import pullback as pb
    >>> x, y = pb.tensor([[1.0, 0.0]]), pb.tensor([[0.0, 1.0]])
    >>> pb.nn.CosineEmbeddingLoss()(x, y, pb.tensor([1])).item()
    1.0
    """

    def __init__(self, margin: float = 0.0, *, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input1: Any, input2: Any, target: Any) -> Tensor:
        """The loss of two inputs (N, D) with targets of ±1, (N,)."""
        return F.cosine_embedding_loss(input1, input2, target, self.margin, reduction=self.reduction)


class TripletMarginLoss(Loss):
    """An anchor should be nearer to a positive example than to a negative one; see `functional.triplet_margin_loss`.

    Args:
        margin: by how much, above 0.
        p: the norm of the distance.
        eps: is added to each difference.
        swap: take the distance of the negative from the positive example where it is the smaller one.
        reduction: "mean", "sum" or "none".

    Raises:
        ValueError: for another reduction, and a margin that is not positive.

    >>> import pullback as pb
    >>> a, b = pb.tensor([[0.0, 0.0]]), pb.tensor([[0.0, 3.0]])
    >>> round(pb.nn.TripletMarginLoss()(a, b, a).item(), 4)
    4.0
    """

    def __init__(
        self,
        margin: float = 1.0,
        p: float = 2.0,
        eps: float = 1e-6,
        swap: bool = False,
        *,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction)
        self.margin = check_positive("TripletMarginLoss", "margin", margin)
        self.p = p
        self.eps = eps
        self.swap = swap

    def forward(self, anchor: Any, positive: Any, negative: Any) -> Tensor:
        """The loss of three tensors (N, D)."""
        return F.triplet_margin_loss(
            anchor, positive, negative, self.margin, self.p, self.eps, self.swap, reduction=self.reduction
        )


class TripletMarginWithDistanceLoss(Loss):
    """`TripletMarginLoss` with a distance of one's own; see `functional.triplet_margin_with_distance_loss`.

    Args:
        distance_function: of two tensors, a module or a function; `functional.pairwise_distance` if not given.
        margin: by how much, above 0.
        swap: take the distance of the negative from the positive example where it is the smaller one.
        reduction: "mean", "sum" or "none".

    Raises:
        ValueError: for another reduction, and a margin that is not positive.

    >>> import pullback as pb
    >>> a, b = pb.tensor([[0.0, 0.0]]), pb.tensor([[0.0, 3.0]])
    >>> loss = pb.nn.TripletMarginWithDistanceLoss(distance_function=lambda x, y: abs(x - y).max(axis=-1))
    >>> loss(a, b, a).item()
    4.0
    """

    def __init__(
        self,
        *,
        distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
        margin: float = 1.0,
        swap: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction)
        self.distance_function = distance_function
        self.margin = check_positive("TripletMarginWithDistanceLoss", "margin", margin)
        self.swap = swap

    def forward(self, anchor: Any, positive: Any, negative: Any) -> Tensor:
        """The loss of three tensors of one shape."""
        return F.triplet_margin_with_distance_loss(
            anchor,
            positive,
            negative,
            distance_function=self.distance_function,
            margin=self.margin,
            swap=self.swap,
            reduction=self.reduction,
        )
