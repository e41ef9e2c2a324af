"""Losses as modules."""

from __future__ import annotations

from typing import Any

from ..autograd import Tensor, asarray
from .functional import cross_entropy
from .functional.loss import check_options
from .module import Module


class CrossEntropyLoss(Module):
    """The loss of classification from logits; see `functional.cross_entropy` for the formula and the shapes.

    Args:
        weight: shape (C,), what each class counts; kept as the buffer `weight`.
        ignore_index: a target of this value counts nothing.
        reduction: "mean", "sum" or "none".
        label_smoothing: the share of each target, from 0 to 1, that is spread over all classes.

    Raises:
        ValueError: for options out of range.

    >>> import pullback as pb
    >>> loss = pb.nn.CrossEntropyLoss()
    >>> round(loss(pb.zeros((4, 10)), pb.tensor([3, 1, 4, 1])).item(), 4)
    2.3026
    """

    weight: Tensor | None

    def __init__(
        self,
        weight: Any = None,
        *,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__()
        check_options(reduction, label_smoothing)
        self.register_buffer("weight", None if weight is None else asarray(weight))
        self.ignore_index = ignore_index
        self.reduction = reduction
        self.label_smoothing = label_smoothing

    def forward(self, input: Any, target: Any) -> Tensor:
        """The loss of logits (N, C) with targets (N,)."""
        return cross_entropy(
            input,
            target,
            self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )

    def extra_repr(self) -> str:
        """The settings that are not the usual ones."""
        usual = {"ignore_index": -100, "reduction": "mean", "label_smoothing": 0.0}
        return ", ".join(
            f"{name}={getattr(self, name)!r}" for name, value in usual.items() if getattr(self, name) != value
        )
