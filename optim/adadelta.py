"""Adadelta: steps in the unit of the parameter, from the running sizes of gradients and of steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .base import Optimizer
from .checks import require, require_not_negative
from .program import State
from .scalars import used


def adadelta(
    parameter: Any,
    gradient: Any,
    state: State,
    *,
    lr: Any,
    rho: Any,
    eps: Any,
    weight_decay: Any,
    maximize: bool,
) -> tuple[Any, State]:
    """One step for one parameter: its new value, and its new state.

    With w the parameter and g its gradient::

        g = -g                          if maximize
        g = g + weight_decay·w
        v = ρ·v + (1 − ρ)·g²            the running mean of squared gradients
        d = √((u + ε) / (v + ε)) · g
        u = ρ·u + (1 − ρ)·d²            the running mean of squared steps
        w = w − lr·d
    """
    if maximize:
        gradient = -gradient
    if used(weight_decay):
        gradient = gradient + weight_decay * parameter
    steps = state.get("acc_delta", 0)
    square = rho * state.get("square_avg", 0) + (1 - rho) * gradient * gradient
    delta = np.sqrt((steps + eps) / (square + eps)) * gradient
    steps = rho * steps + (1 - rho) * delta * delta
    new = {"step": state.get("step", 0) + 1, "square_avg": square, "acc_delta": steps}
    return parameter - lr * delta, state | new


class Adadelta(Optimizer):
    """Adadelta: the ratio of the running sizes of steps and of gradients takes the place of a learning rate.

    Zeiler, "ADADELTA: an adaptive learning rate method", 2012, https://arxiv.org/abs/1212.5701.

    Args:
        params: an iterable of tensors, or of dicts that give groups of them their own options.
        lr: scales the steps.
        rho: the share of the running means that is kept, from 0 to 1.
        eps: added below the roots; the first steps are of the order of its root.
        weight_decay: adds weight_decay·w to the gradient.
        maximize: climb instead of descending.

    Raises:
        ValueError: for a negative option, and for rho above 1.

    >>> import pullback as pb
    >>> w = pb.tensor([1.0, -3.0], requires_grad=True)
    >>> optimizer = pb.optim.Adadelta([w], lr=100.0)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.detach().round(2)
    tensor([ 0.68, -2.68], dtype=float32)
    """

    update = staticmethod(adadelta)
    elementwise = True
    shapes_like_parameter = ("square_avg", "acc_delta")

    def __init__(
        self,
        params: Any,
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        *,
        maximize: bool = False,
    ) -> None:
        options = {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, options)

    def check(self, options: Mapping[str, Any]) -> None:
        """Raise ValueError for options out of range."""
        require_not_negative(options, "lr", "eps", "weight_decay")
        require(0 <= options["rho"] <= 1, "rho", options["rho"], "between 0 and 1")
