"""Losses of classes and labels as modules; those of numbers: `regression_loss.py`, with margins: `margin_loss.py`."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from ..autograd import Tensor, asarray
from . import functional as F  # noqa: N812 - the field's abbreviation
from .functional.loss import check_options
from .functional.loss.reduction import REDUCTIONS, check_reduction
from .module import Module


class Loss(Module):
    """The base of losses: compares an input with a target, and reduces the losses to one number or not.

    Args:
        reduction: "mean", "sum" or "none".
        allowed: what else it may be.

    Raises:
        ValueError: for another reduction.
    """

    def __init__(self, reduction: str = "mean", allowed: Sequence[str] = REDUCTIONS) -> None:
        super().__init__()
        check_reduction(reduction, allowed)
        self.reduction = reduction

    def keep_weight(self, name: str, weight: Any) -> None:
        """Keep a weight, if there is one, as a buffer of this name."""
        self.register_buffer(name, None if weight is None else asarray(weight))

    def extra_repr(self) -> str:
        """The settings that are not the usual ones."""
        parameters = inspect.signature(type(self).__init__).parameters.values()
        usual = {p.name: p.default for p in parameters if p.name in vars(self)}
        return ", ".join(
            f"{name}={getattr(self, name)!r}"
            for name, value in usual.items()
            if not isinstance(getattr(self, name), Tensor) and getattr(self, name) != value
        )


class CrossEntropyLoss(Loss):
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
        super().__init__(reduction)
        check_options(reduction, label_smoothing)
        self.keep_weight("weight", weight)
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing

    def forward(self, input: Any, target: Any) -> Tensor:
        """The loss of logits (N, C, ...) with targets (N, ...)."""
        return F.cross_entropy(
            input,
            target,
            self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )


class NLLLoss(Loss):
    """The loss of classification from log probabilities; see `functional.nll_loss`.

    Args:
        weight: shape (C,), what each class counts; kept as the buffer `weight`.
        ignore_index: a target of this value counts nothing.
        reduction: "mean", "sum" or "none".

    Raises:
        ValueError: for another reduction.

    >>> import pullback as pb
    >>> loss = pb.nn.NLLLoss()
    >>> round(loss(pb.nn.LogSoftmax(1)(pb.zeros((4, 10))), pb.tensor([3, 1, 4, 1])).item(), 4)
    2.3026
    """

    weight: Tensor | None

    def __init__(self, weight: Any = None, *, ignore_index: int = -100, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.keep_weight("weight", weight)
        self.ignore_index = ignore_index

    def forward(self, input: Any, target: Any) -> Tensor:
        """The loss of log probabilities (N, C, ...) with targets (N, ...)."""
        return F.nll_loss(
            input, target, self.weight, ignore_index=self.ignore_index, reduction=self.reduction
        )


class BCELoss(Loss):
    """The binary cross entropy of probabilities; see `functional.binary_cross_entropy`.

    Args:
        weight: what each element counts; it broadcasts to the input. Kept as the buffer `weight`.
        reduction: "mean", "sum" or "none".

    Raises:
        ValueError: for another reduction.

    >>> import pullback as pb
    >>> round(pb.nn.BCELoss()(pb.tensor([0.5, 0.5]), pb.tensor([1.0, 0.0])).item(), 4)
    0.6931
    """

    weight: Tensor | None

    def __init__(self, weight: Any = None, *, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.keep_weight("weight", weight)

    def forward(self, input: Any, target: Any) -> Tensor:
        """The loss of probabilities with a target of the same shape."""
        return F.binary_cross_entropy(input, target, self.weight, reduction=self.reduction)


class BCEWithLogitsLoss(Loss):
    """The binary cross entropy of logits; see `functional.binary_cross_entropy_with_logits`.

    Args:
        weight: what each element counts; it broadcasts to the input. Kept as the buffer `weight`.
        reduction: "mean", "sum" or "none".
        pos_weight: what the positive answers count more than the negative; kept as the buffer `pos_weight`.

    Raises:
        ValueError: for another reduction.

    >>> import pullback as pb
    >>> round(pb.nn.BCEWithLogitsLoss()(pb.tensor([0.0, 0.0]), pb.tensor([1.0, 0.0])).item(), 4)
    0.6931
    """

    weight: Tensor | None
    pos_weight: Tensor | None

    def __init__(self, weight: Any = None, *, reduction: str = "mean", pos_weight: Any = None) -> None:
        super().__init__(reduction)
        self.keep_weight("weight", weight)
        self.keep_weight("pos_weight", pos_weight)

    def forward(self, input: Any, target: Any) -> Tensor:
        """The loss of logits with a target of the same shape."""
        return F.binary_cross_entropy_with_logits(
            input, target, self.weight, reduction=self.reduction, pos_weight=self.pos_weight
        )


class KLDivLoss(Loss):
    """The Kullback–Leibler divergence of log probabilities from a target; see `functional.kl_div`.

    Args:
        reduction: "batchmean" for the divergence of mathematics; "mean" divides by the number of outcomes, too;
            "sum" or "none".
        log_target: whether the target is given by its logarithm.

    Raises:
        ValueError: for another reduction.

    >>> import pullback as pb
    >>> loss = pb.nn.KLDivLoss(reduction="batchmean")
    >>> round(loss(pb.log(pb.tensor([[0.5, 0.5]])), pb.tensor([[1.0, 0.0]])).item(), 4)
    0.6931
    """

    def __init__(self, *, reduction: str = "mean", log_target: bool = False) -> None:
        super().__init__(reduction, (*REDUCTIONS, "batchmean"))
        self.log_target = log_target

    def forward(self, input: Any, target: Any) -> Tensor:
        """The divergence of log probabilities from a target of the same shape."""
        return F.kl_div(input, target, reduction=self.reduction, log_target=self.log_target)


class SoftMarginLoss(Loss):
    """The logistic loss of scores with targets of ±1; see `functional.soft_margin_loss`.

    Args:
        reduction: "mean", "sum" or "none".

    Raises:
        ValueError: for another reduction.

    >>> import pullback as pb
    >>> round(pb.nn.SoftMarginLoss()(pb.tensor([0.0]), pb.tensor([-1.0])).item(), 4)
    0.6931
    """

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__(reduction)

    def forward(self, input: Any, target: Any) -> Tensor:
        """The loss of scores with a target of the same shape."""
        return F.soft_margin_loss(input, target, reduction=self.reduction)


class MultiLabelSoftMarginLoss(Loss):
    """The binary cross entropy of logits with labels, averaged over the classes.

    See `functional.multilabel_soft_margin_loss`.

    Args:
        weight: shape (C,), what each class counts; kept as the buffer `weight`.
        reduction: "mean", "sum" or "none".

    Raises:
        ValueError: for another reduction.

    >>> import pullback as pb
    >>> round(pb.nn.MultiLabelSoftMarginLoss()(pb.zeros((2, 3)), pb.ones((2, 3))).item(), 4)
    0.6931
    """

    weight: Tensor | None

    def __init__(self, weight: Any = None, *, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.keep_weight("weight", weight)

    def forward(self, input: Any, target: Any) -> Tensor:
        """The loss of logits (N, C) with labels (N, C)."""
        return F.multilabel_soft_margin_loss(input, target, self.weight, reduction=self.reduction)


class CTCLoss(Loss):
    """The negative log likelihood of sequences of labels, over all alignments; see `functional.ctc_loss`.

    Args:
        blank: the number of the blank.
        reduction: "mean", "sum" or "none".
        zero_infinity: losses of sequences without an alignment are 0 instead of infinite.

    Raises:
        ValueError: for another reduction.

    >>> import pullback as pb
    >>> even = pb.log(pb.full((2, 1, 3), 1 / 3))
    >>> round(pb.exp(-pb.nn.CTCLoss()(even, [[1]], [2], [1])).item(), 4)
    0.3333
    """

    def __init__(self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False) -> None:
        super().__init__(reduction)
        self.blank = blank
        self.zero_infinity = zero_infinity

    def forward(self, log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any) -> Tensor:
        """The loss of log probabilities (T, N, C) with labels (N, S)."""
        return F.ctc_loss(
            log_probs, targets, input_lengths, target_lengths, self.blank, self.reduction, self.zero_infinity
        )
