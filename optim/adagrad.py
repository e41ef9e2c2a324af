"""Adagrad: each element's rate falls with the sum of its squared gradients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .base import Optimizer
from .checks import require_not_negative
from .program import State
from .scalars import used


def adagrad(
    parameter: Any,
    gradient: Any,
    state: State,
    *,
    lr: Any,
    lr_decay: Any,
    eps: Any,
    weight_decay: Any,
    initial_accumulator_value: Any,
    maximize: bool,
) -> tuple[Any, State]:
    """One step for one parameter: its new value, and its new state.

    With w the parameter, g its gradient and t the number of this step::

        g = -g                          if maximize
        g = g + weight_decay·w
        s = s + g²                      the sum of squares so far
        w = w − lr/(1 + (t − 1)·lr_decay) · g / (√s + ε)
    """
    if maximize:
        gradient = -gradient
    if used(weight_decay):
        gradient = gradient + weight_decay * parameter
    step = state.get("step", 0) + 1
    total = state.get("sum", initial_accumulator_value) + gradient * gradient
    rate = lr / (1 + (step - 1) * lr_decay)
    return parameter - rate * gradient / (np.sqrt(total) + eps), state | {"step": step, "sum": total}


class Adagrad(Optimizer):
    """Adagrad: w ← w − lr·g/√(sum of all g² so far), so that rarely moved elements keep a high rate.

    Duchi, Hazan and Singer, "Adaptive subgradient methods for online learning and stochastic optimization",
    JMLR 12 (2011), https://jmlr.org/papers/v12/duchi11a.html.

    Args:
        params: an iterable of tensors, or of dicts that give groups of them their own options.
        lr: the learning rate.
        lr_decay: divides the rate of step t by 1 + (t − 1)·lr_decay.
        weight_decay: adds weight_decay·w to the gradient.
        initial_accumulator_value: where the sums of squares begin.
        eps: added to the denominator.
        maximize: climb instead of descending.

    Raises:
        ValueError: for a negative option.

    >>> import pullback as pb
    >>> w = pb.tensor([1.0, -3.0], requires_grad=True)
    >>> optimizer = pb.optim.Adagrad([w], lr=0.5)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.detach()
    tensor([ 0.5, -2.5], dtype=float32)
    """

    update = staticmethod(adagrad)
    elementwise = True
    shapes_like_parameter = ("sum",)

    def __init__(
        self,
        params: Any,
        lr: float = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
    ) -> None:
        options = {"lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay}
        super().__init__(
            params, options | {"initial_accumulator_value": initial_accumulator_value, "maximize": maximize}
        )

    def check(self, options: Mapping[str, Any]) -> None:
        """Raise ValueError for options out of range."""
        require_not_negative(options, "lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps")
