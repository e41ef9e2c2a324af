"""Lion: steps of one size along the sign of the momentum."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .base import Optimizer
from .checks import require_betas, require_not_negative
from .program import State
from .scalars import used


def lion(
    parameter: Any,
    gradient: Any,
    state: State,
    *,
    lr: Any,
    betas: tuple[Any, Any],
    weight_decay: Any,
    maximize: bool,
) -> tuple[Any, State]:
    """One step for one parameter: its new value, and its new state.

    With w the parameter and g its gradient::

        g = -g                                      if maximize
        d = sign(β₁·m + (1 − β₁)·g)
        w = (1 − lr·weight_decay)·w − lr·d
        m = β₂·m + (1 − β₂)·g                       the running mean
    """
    beta1, beta2 = betas
    if maximize:
        gradient = -gradient
    mean = state.get("exp_avg", 0)
    direction = np.sign(beta1 * mean + (1 - beta1) * gradient)
    if used(weight_decay):
        parameter = parameter * (1 - lr * weight_decay)
    mean = beta2 * mean + (1 - beta2) * gradient
    return parameter - lr * direction, state | {"exp_avg": mean}


class Lion(Optimizer):
    """Lion (evolved sign momentum): every element moves by lr; the decay is decoupled.

    Chen et al., "Symbolic discovery of optimization algorithms", NeurIPS 2023 (https://arxiv.org/abs/2302.06675),
    who advise a rate 3 to 10 times smaller than Adam's, and a decay as much larger.

    Args:
        params: an iterable of tensors, or of dicts that give groups of them their own options.
        lr: the learning rate, the size of each step.
        betas: the decay rates in the direction and of the running mean, in [0, 1).
        weight_decay: the share, times lr, by which a parameter shrinks in each step.
        maximize: climb instead of descending.

    Raises:
        ValueError: for a negative rate or decay, and for betas outside of [0, 1).

    >>> import pullback as pb
    >>> w = pb.tensor([1.0, -3.0], requires_grad=True)
    >>> optimizer = pb.optim.Lion([w], lr=0.5)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.detach()
    tensor([ 0.5, -2.5], dtype=float32)
    """

    update = staticmethod(lion)
    elementwise = True
    shapes_like_parameter = ("exp_avg",)

    def __init__(
        self,
        params: Any,
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params, {"lr": lr, "betas": betas, "weight_decay": weight_decay, "maximize": maximize}
        )

    def check(self, options: Mapping[str, Any]) -> None:
        """Raise ValueError for options out of range."""
        require_not_negative(options, "lr", "weight_decay")
        require_betas(options)
