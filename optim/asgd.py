"""Averaged stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .base import Optimizer
from .checks import require_not_negative
from .program import State
from .scalars import rounded, used


def asgd(
    parameter: Any,
    gradient: Any,
    state: State,
    *,
    lr: Any,
    lambd: Any,
    alpha: Any,
    t0: Any,
    weight_decay: Any,
    maximize: bool,
) -> tuple[Any, State]:
    """One step for one parameter: its new value, and its new state.

    With w the parameter, g its gradient, t the number of this step, η the rate (lr at first), a the average
    and μ the share of the newest value in it (1 at first)::

        g = -g                          if maximize
        g = g + weight_decay·w
        w = (1 − λ·η)·w − η·g
        a = a + μ·(w − a)
        η = lr / (1 + λ·lr·t)^α
        μ = 1 / max(1, t − t₀)
    """
    if maximize:
        gradient = -gradient
    if used(weight_decay):
        gradient = gradient + weight_decay * parameter
    step = state.get("step", 0) + 1
    rate, share = state.get("eta", rounded(lr)), state.get("mu", 1.0)
    value = (1 - lambd * rate) * parameter - rate * gradient
    average = np.positive(value) if share == 1 else state["ax"] + share * (value - state["ax"])
    rate = rounded(lr / (1 + lambd * lr * step) ** alpha)
    share = rounded(1 / max(1, step - t0))
    return value, state | {"step": step, "eta": rate, "mu": share, "ax": average}


class ASGD(Optimizer):
    """Averaged SGD: falling rates, and beside the parameter its average from step t0 on, `state[p]["ax"]`.

    Polyak and Juditsky, "Acceleration of stochastic approximation by averaging", SIAM J. Control Optim. 30 (1992);
    the schedule of rates is Bottou's.

    Args:
        params: an iterable of tensors, or of dicts that give groups of them their own options.
        lr: the learning rate.
        lambd: the decay of parameters, by lambd·rate in each step.
        alpha: the power with which the rate falls.
        t0: the step at which averaging begins.
        weight_decay: adds weight_decay·w to the gradient.
        maximize: climb instead of descending.

    Raises:
        ValueError: for a negative rate or weight decay.

    >>> import pullback as pb
    >>> w = pb.tensor(1.0, requires_grad=True)
    >>> optimizer = pb.optim.ASGD([w], lr=0.25, lambd=0.0)
    >>> (w * w).backward()
    >>> optimizer.step()
    >>> w.item()
    0.5
    """

    update = staticmethod(asgd)
    elementwise = True
    shapes_like_parameter = ("ax",)

    def __init__(
        self,
        params: Any,
        lr: float = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        *,
        maximize: bool = False,
    ) -> None:
        options = {"lr": lr, "lambd": lambd, "alpha": alpha, "t0": t0}
        super().__init__(params, options | {"weight_decay": weight_decay, "maximize": maximize})

    def check(self, options: Mapping[str, Any]) -> None:
        """Raise ValueError for options out of range."""
        require_not_negative(options, "lr", "weight_decay")
