"""RMSprop: each element's step is divided by the running size of its gradient."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .base import Optimizer
from .checks import require_not_negative
from .program import State
from .scalars import used


def rmsprop(
    parameter: Any,
    gradient: Any,
    state: State,
    *,
    lr: Any,
    momentum: Any,
    alpha: Any,
    eps: Any,
    centered: bool,
    weight_decay: Any,
    maximize: bool,
) -> tuple[Any, State]:
    """One step for one parameter: its new value, and its new state.

    With w the parameter and g its gradient::

        g = -g                          if maximize
        g = g + weight_decay·w
        v = α·v + (1 − α)·g²            the running mean of squares
        a = α·a + (1 − α)·g             if centered: the running mean; v − a² takes the place of v below
        b = momentum·b + g / (√v + ε)
        w = w − lr·b
    """
    if maximize:
        gradient = -gradient
    if used(weight_decay):
        gradient = gradient + weight_decay * parameter
    square = alpha * state.get("square_avg", 0) + (1 - alpha) * gradient * gradient
    state = state | {"step": state.get("step", 0) + 1, "square_avg": square}
    if centered:
        before = state.get("grad_avg", 0)
        mean = before + (1 - alpha) * (gradient - before)
        square = square - mean * mean
    direction = gradient / (np.sqrt(square) + eps)
    if used(momentum):
        direction = momentum * state.get("momentum_buffer", 0) + direction
        state = state | {"momentum_buffer": direction}
    if centered:
        state = state | {"grad_avg": mean}
    return parameter - lr * direction, state


class RMSprop(Optimizer):
    """RMSprop: w ← w − lr·g/√(running mean of g²).

    Tieleman and Hinton, lecture 6.5 of "Neural networks for machine learning", Coursera 2012; centred: Graves,
    "Generating sequences with recurrent neural networks", https://arxiv.org/abs/1308.0850.

    Args:
        params: an iterable of tensors, or of dicts that give groups of them their own options.
        lr: the learning rate.
        alpha: the share of the running means that is kept.
        eps: added to the denominator.
        weight_decay: adds weight_decay·w to the gradient.
        momentum: the share of the running direction that is kept (0: none).
        centered: divide by the running deviation from the mean rather than by the size.
        maximize: climb instead of descending.

    Raises:
        ValueError: for a negative option.

    >>> import pullback as pb
    >>> w = pb.tensor([1.0, -3.0], requires_grad=True)
    >>> optimizer = pb.optim.RMSprop([w], lr=0.05)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.detach()
    tensor([ 0.5, -2.5], dtype=float32)
    """

    update = staticmethod(rmsprop)
    elementwise = True
    shapes_like_parameter = ("square_avg", "momentum_buffer", "grad_avg")

    def __init__(
        self,
        params: Any,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        options = {"lr": lr, "momentum": momentum, "alpha": alpha, "eps": eps, "centered": centered}
        super().__init__(params, options | {"weight_decay": weight_decay, "maximize": maximize})

    def check(self, options: Mapping[str, Any]) -> None:
        """Raise ValueError for options out of range."""
        require_not_negative(options, "lr", "eps", "momentum", "weight_decay", "alpha")
