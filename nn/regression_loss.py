"""Losses of numbers as modules: distances from a target, and likelihoods."""

from __future__ import annotations

from typing import Any

from ..autograd import Tensor
from . import functional as F  # noqa: N812 - the field's abbreviation
from .functional.check import check_positive
from .loss import Loss


class MSELoss(Loss):
    """The mean squared error; see `functional.mse_loss`.

    Args:
        reduction: "mean", "sum" or "none".

    Raises:
        ValueError: for another reduction.

    >>> import pullback as pb
    >>> pb.nn.MSELoss()(pb.tensor([1.0, 2.0]), pb.tensor([1.0, 4.0])).item()
    2.0
    """

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__(reduction)

    def forward(self, input: Any, target: Any) -> Tensor:
        """The loss of an input with a target of the same shape."""
        return F.mse_loss(input, target, reduction=self.reduction)


class L1Loss(Loss):
    """The mean absolute error; see `functional.l1_loss`.

    Args:
        reduction: "mean", "sum" or "none".

    Raises:
        ValueError: for another reduction.

    >>> import pullback as pb
    >>> pb.nn.L1Loss()(pb.tensor([1.0, 2.0]), pb.tensor([1.0, 4.0])).item()
    1.0
    """

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__(reduction)

    def forward(self, input: Any, target: Any) -> Tensor:
        """The loss of an input with a target of the same shape."""
        return F.l1_loss(input, target, reduction=self.reduction)


class SmoothL1Loss(Loss):
    """A squared error near the target and an absolute one far from it; see `functional.smooth_l1_loss`.

    Args:
        reduction: "mean", "sum" or "none".
        beta: where the one becomes the other; 0 gives the absolute error.

    Raises:
        ValueError: for another reduction, and a negative beta.

    >>> import pullback as pb
    >>> pb.nn.SmoothL1Loss()(pb.tensor([0.0, 0.0]), pb.tensor([1.0, 3.0])).item()
    1.5
    """

    def __init__(self, *, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction)
        if not beta >= 0:
            raise ValueError(f"SmoothL1Loss: beta must not be negative, and it is {beta!r}")
        self.beta = beta

    def forward(self, input: Any, target: Any) -> Tensor:
        """The loss of an input with a target of the same shape."""
        return F.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


class HuberLoss(Loss):
    """A squared error near the target and an absolute one far from it; see `functional.huber_loss`.

    Args:
        reduction: "mean", "sum" or "none".
        delta: where the one becomes the other, above 0.

    Raises:
        ValueError: for another reduction, and a delta that is not positive.

    >>> import pullback as pb
    >>> pb.nn.HuberLoss(delta=2.0)(pb.tensor([0.0, 0.0]), pb.tensor([1.0, 3.0])).item()
    2.25
    """

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction)
        self.delta = check_positive("HuberLoss", "delta", delta)

    def forward(self, input: Any, target: Any) -> Tensor:
        """The loss of an input with a target of the same shape."""
        return F.huber_loss(input, target, self.reduction, self.delta)


class PoissonNLLLoss(Loss):
    """The negative log likelihood of counts under Poisson distributions; see `functional.poisson_nll_loss`.

    Args:
        log_input: whether the input is the logarithm of the expected count.
        full: add Stirling's approximation of the constant.
        eps: keeps the logarithm finite where the input is 0, without `log_input`.
        reduction: "mean", "sum" or "none".

    Raises:
        ValueError: for another reduction.

    >>> import pullback as pb
    >>> pb.nn.PoissonNLLLoss()(pb.tensor([0.0, 0.0]), pb.tensor([1.0, 3.0])).item()
    1.0
    """

    def __init__(
        self, log_input: bool = True, full: bool = False, *, eps: float = 1e-8, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction)
        self.log_input = log_input
        self.full = full
        self.eps = eps

    def forward(self, input: Any, target: Any) -> Tensor:
        """The loss of (the logarithm of) expected counts with counts of the same shape."""
        return F.poisson_nll_loss(
            input, target, self.log_input, self.full, eps=self.eps, reduction=self.reduction
        )


class GaussianNLLLoss(Loss):
    """The negative log likelihood of targets under normal distributions; see `functional.gaussian_nll_loss`.

    Args:
        full: add the constant.
        eps: smaller variances count as this one.
        reduction: "mean", "sum" or "none".

    Raises:
        ValueError: for another reduction, and an eps that is not positive.

    >>> import pullback as pb
    >>> pb.nn.GaussianNLLLoss()(pb.tensor([0.0, 0.0]), pb.tensor([1.0, 3.0]), pb.ones(2)).item()
    2.5
    """

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.full = full
        self.eps = check_positive("GaussianNLLLoss", "eps", eps)

    def forward(self, input: Any, target: Any, var: Any) -> Tensor:
        """The loss of expected values and variances with targets."""
        return F.gaussian_nll_loss(input, target, var, self.full, self.eps, self.reduction)
