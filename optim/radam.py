"""RAdam: Adam whose first steps are not scaled until their scale is known well enough."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .base import Optimizer
from .checks import require_betas, require_not_negative
from .program import State
from .scalars import used


def radam(
    parameter: Any,
    gradient: Any,
    state: State,
    *,
    lr: Any,
    betas: tuple[Any, Any],
    eps: Any,
    weight_decay: Any,
    maximize: bool,
    decoupled_weight_decay: bool,
) -> tuple[Any, State]:
    """One step for one parameter: its new value, and its new state.

    With w the parameter, g its gradient and t the number of this step::

        g = -g                              if maximize
        g = g + weight_decay·w              or, if decoupled, w = w − lr·weight_decay·w
        m = β₁·m + (1 − β₁)·g               the running mean
        v = β₂·v + (1 − β₂)·g²              the running mean of squares
        ρ∞ = 2/(1 − β₂) − 1                 the most terms that v averages, and so far:
        ρ = ρ∞ − 2·t·β₂ᵗ/(1 − β₂ᵗ)
        d = m/(1 − β₁ᵗ)
        if ρ > 5:  d = d · √(1 − β₂ᵗ)/(√v + ε) · √((ρ−4)·(ρ−2)·ρ∞ / ((ρ∞−4)·(ρ∞−2)·ρ))
        w = w − lr·d
    """
    beta1, beta2 = betas
    step = state.get("step", 0) + 1
    if maximize:
        gradient = -gradient
    if used(weight_decay) and decoupled_weight_decay:
        parameter = parameter * (1 - lr * weight_decay)
    elif used(weight_decay):
        gradient = gradient + weight_decay * parameter
    mean = beta1 * state.get("exp_avg", 0) + (1 - beta1) * gradient
    square = beta2 * state.get("exp_avg_sq", 0) + (1 - beta2) * gradient * gradient
    rate = lr / (1 - beta1**step)
    most = 2 / (1 - beta2) - 1
    terms = most - 2 * step * beta2**step / (1 - beta2**step)
    if terms > 5:
        trust = (terms - 4) * (terms - 2) * most / ((most - 4) * (most - 2) * terms)
        rate = rate * (1 - beta2**step) ** 0.5 * trust**0.5
        change = rate * mean / (np.sqrt(square) + eps)
    else:
        change = rate * mean
    return parameter - change, state | {"step": step, "exp_avg": mean, "exp_avg_sq": square}


class RAdam(Optimizer):
    """RAdam: Adam with the variance of its scaling rectified, which does what a warm-up does.

    Liu et al., "On the variance of the adaptive learning rate and beyond", ICLR 2020
    (https://arxiv.org/abs/1908.03265).

    Args:
        params: an iterable of tensors, or of dicts that give groups of them their own options.
        lr: the learning rate.
        betas: the decay rates of the running means of the gradient and of its square, in [0, 1).
        eps: added to the denominator.
        weight_decay: adds weight_decay·w to the gradient.
        decoupled_weight_decay: shrink the parameter by lr·weight_decay instead.
        maximize: climb instead of descending.

    Raises:
        ValueError: for a negative option, and for betas outside of [0, 1).

    >>> import pullback as pb
    >>> w = pb.tensor([1.0, -3.0], requires_grad=True)
    >>> optimizer = pb.optim.RAdam([w], lr=0.25)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.detach()
    tensor([ 0.5, -1.5], dtype=float32)
    """

    update = staticmethod(radam)
    elementwise = True
    shapes_like_parameter = ("exp_avg", "exp_avg_sq")

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        options = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(
            params, options | {"maximize": maximize, "decoupled_weight_decay": decoupled_weight_decay}
        )

    def check(self, options: Mapping[str, Any]) -> None:
        """Raise ValueError for options out of range."""
        require_not_negative(options, "lr", "eps", "weight_decay")
        require_betas(options)
