"""Adamax: Adam with the largest gradient in place of the mean square."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .base import Optimizer
from .checks import require_betas, require_not_negative
from .program import State
from .scalars import used


def adamax(
    parameter: Any,
    gradient: Any,
    state: State,
    *,
    lr: Any,
    betas: tuple[Any, Any],
    eps: Any,
    weight_decay: Any,
    maximize: bool,
) -> tuple[Any, State]:
    """One step for one parameter: its new value, and its new state.

    With w the parameter, g its gradient and t the number of this step::

        g = -g                          if maximize
        g = g + weight_decay·w
        m = β₁·m + (1 − β₁)·g           the running mean
        u = max(β₂·u, |g| + ε)          the largest size, fading
        w = w − lr/(1 − β₁ᵗ) · m/u
    """
    beta1, beta2 = betas
    if maximize:
        gradient = -gradient
    if used(weight_decay):
        gradient = gradient + weight_decay * parameter
    step = state.get("step", 0) + 1
    mean = beta1 * state.get("exp_avg", 0) + (1 - beta1) * gradient
    largest = np.maximum(beta2 * state.get("exp_inf", 0), np.abs(gradient) + eps)
    new = {"step": step, "exp_avg": mean, "exp_inf": largest}
    return parameter - lr / (1 - beta1**step) * mean / largest, state | new


class Adamax(Optimizer):
    """Adamax: Adam with the infinity norm.

    Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015, section 7.1
    (https://arxiv.org/abs/1412.6980).

    Args:
        params: an iterable of tensors, or of dicts that give groups of them their own options.
        lr: the learning rate.
        betas: the decay rates of the running mean and of the largest gradient, in [0, 1).
        eps: added to the size of the gradient.
        weight_decay: adds weight_decay·w to the gradient.
        maximize: climb instead of descending.

    Raises:
        ValueError: for a negative rate, decay or eps, and for betas outside of [0, 1).

    >>> import pullback as pb
    >>> w = pb.tensor([1.0, -3.0], requires_grad=True)
    >>> optimizer = pb.optim.Adamax([w], lr=0.5)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.detach()
    tensor([ 0.5, -2.5], dtype=float32)
    """

    update = staticmethod(adamax)
    elementwise = True
    shapes_like_parameter = ("exp_avg", "exp_inf")

    def __init__(
        self,
        params: Any,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        *,
        maximize: bool = False,
    ) -> None:
        options = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, options)

    def check(self, options: Mapping[str, Any]) -> None:
        """Raise ValueError for options out of range."""
        require_not_negative(options, "lr", "eps", "weight_decay")
        require_betas(options)
