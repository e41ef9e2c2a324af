"""NAdam: Adam with Nesterov's look ahead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .base import Optimizer
from .checks import require_betas, require_not_negative
from .program import State
from .scalars import rounded, times, used


def nadam(
    parameter: Any,
    gradient: Any,
    state: State,
    *,
    lr: Any,
    betas: tuple[Any, Any],
    eps: Any,
    weight_decay: Any,
    momentum_decay: Any,
    decoupled_weight_decay: bool,
    maximize: bool,
) -> tuple[Any, State]:
    """One step for one parameter: its new value, and its new state.

    With w the parameter, g its gradient, t the number of this step and ψ the momentum decay::

        g = -g                              if maximize
        g = g + weight_decay·w              or, if decoupled, w = w − lr·weight_decay·w
        μₜ = β₁·(1 − 0.96^(t·ψ)/2)          the momentum of this step, and of the next: μₜ₊₁
        p = p·μₜ                            the product of all momenta so far
        m = β₁·m + (1 − β₁)·g               the running mean
        v = β₂·v + (1 − β₂)·g²              the running mean of squares
        w = w − lr·((1 − μₜ)/(1 − p)·g + μₜ₊₁/(1 − p·μₜ₊₁)·m) / (√(v/(1 − β₂ᵗ)) + ε)
    """
    beta1, beta2 = betas
    step = state.get("step", 0) + 1
    if maximize:
        gradient = -gradient
    if used(weight_decay) and decoupled_weight_decay:
        parameter = parameter * (1 - lr * weight_decay)
    elif used(weight_decay):
        gradient = gradient + weight_decay * parameter
    now, ahead = (beta1 * (1 - 0.5 * 0.96 ** (t * momentum_decay)) for t in (step, step + 1))
    product = times(state.get("mu_product", rounded(1.0)), now)
    mean = beta1 * state.get("exp_avg", 0) + (1 - beta1) * gradient
    square = beta2 * state.get("exp_avg_sq", 0) + (1 - beta2) * gradient * gradient
    size = np.sqrt(square / (1 - beta2**step)) + eps
    direction = (1 - now) / (1 - product) * gradient + ahead / (1 - product * ahead) * mean
    new = {"step": step, "mu_product": product, "exp_avg": mean, "exp_avg_sq": square}
    return parameter - lr * direction / size, state | new


class NAdam(Optimizer):
    """NAdam: Adam that looks ahead as Nesterov's momentum does.

    Dozat, "Incorporating Nesterov momentum into Adam", ICLR 2016 workshop
    (https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ).

    Args:
        params: an iterable of tensors, or of dicts that give groups of them their own options.
        lr: the learning rate.
        betas: the decay rates of the running means of the gradient and of its square, in [0, 1).
        eps: added to the denominator.
        weight_decay: adds weight_decay·w to the gradient.
        momentum_decay: how fast the momentum grows from half of betas[0] to the whole.
        decoupled_weight_decay: shrink the parameter by lr·weight_decay instead.
        maximize: climb instead of descending.

    Raises:
        ValueError: for a negative option, and for betas outside of [0, 1).

    >>> import pullback as pb
    >>> w = pb.tensor([1.0, -3.0], requires_grad=True)
    >>> optimizer = pb.optim.NAdam([w], lr=0.5)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.detach().round(2)
    tensor([ 0.47, -2.47], dtype=float32)
    """

    update = staticmethod(nadam)
    elementwise = True
    shapes_like_parameter = ("exp_avg", "exp_avg_sq")

    def __init__(
        self,
        params: Any,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        options = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        options |= {"momentum_decay": momentum_decay, "decoupled_weight_decay": decoupled_weight_decay}
        super().__init__(params, options | {"maximize": maximize})

    def check(self, options: Mapping[str, Any]) -> None:
        """Raise ValueError for options out of range."""
        require_not_negative(options, "lr", "eps", "weight_decay", "momentum_decay")
        require_betas(options)
