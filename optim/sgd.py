"""Stochastic gradient descent, with momentum and Nesterov's variant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .base import Optimizer
from .checks import require_not_negative
from .program import State
from .scalars import used


def sgd(
    parameter: Any,
    gradient: Any,
    state: State,
    *,
    lr: Any,
    momentum: Any,
    dampening: Any,
    weight_decay: Any,
    nesterov: bool,
    maximize: bool,
) -> tuple[Any, State]:
    """One step for one parameter: its new value, and its new state.

    With w the parameter, g its gradient, lr the rate, μ the momentum and d the dampening::

        g = -g                   if maximize
        g = g + weight_decay·w
        v = μ·v + (1 − d)·g      (v = g in the first step)
        w = w − lr·v             or, for Nesterov, w − lr·(g + μ·v)
    """
    if maximize:
        gradient = -gradient
    if used(weight_decay):
        gradient = gradient + weight_decay * parameter
    if not used(momentum):
        return parameter - lr * gradient, state
    velocity = state.get("momentum_buffer")
    if velocity is None:
        velocity = np.positive(gradient)  # a copy
    else:
        taken = (1 - dampening) * gradient if used(dampening) else gradient
        velocity = momentum * velocity + taken
    direction = gradient + momentum * velocity if nesterov else velocity
    return parameter - lr * direction, state | {"momentum_buffer": velocity}


class SGD(Optimizer):
    """Stochastic gradient descent: w ← w − lr·g, with momentum if asked.

    Args:
        params: an iterable of tensors, or of dicts that give groups of them their own options.
        lr: the learning rate.
        momentum: the share of the running direction that is kept (0: none).
        dampening: the share of a new gradient that the running direction does not take.
        weight_decay: adds weight_decay·w to the gradient, as an L2 penalty of weight_decay/2·‖w‖² does.
        nesterov: look ahead along the running direction (Sutskever et al., "On the importance of
            initialization and momentum in deep learning", ICML 2013).
        maximize: climb instead of descending.

    Raises:
        ValueError: for a negative rate, momentum or decay, and Nesterov without momentum or with dampening.

    >>> import pullback as pb
    >>> w = pb.tensor(1.0, requires_grad=True)
    >>> optimizer = pb.optim.SGD([w], lr=0.25)
    >>> (w * w).backward()
    >>> optimizer.step()
    >>> w.item()
    0.5
    """

    update = staticmethod(sgd)
    elementwise = True
    shapes_like_parameter = ("momentum_buffer",)

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        options = {"lr": lr, "momentum": momentum, "dampening": dampening}
        super().__init__(
            params, options | {"weight_decay": weight_decay, "nesterov": nesterov, "maximize": maximize}
        )

    def check(self, options: Mapping[str, Any]) -> None:
        """Raise ValueError for options out of range."""
        require_not_negative(options, "lr", "momentum", "weight_decay")
        if options["nesterov"] and (options["momentum"] <= 0 or options["dampening"] != 0):
            raise ValueError(
                "nesterov=True needs momentum above zero and no dampening, not "
                f"momentum={options['momentum']!r} and dampening={options['dampening']!r}"
            )
