"""Rprop: only the signs of gradients count; each element has a step size of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .base import Optimizer
from .checks import require, require_not_negative
from .program import State


def rprop(
    parameter: Any,
    gradient: Any,
    state: State,
    *,
    lr: Any,
    etas: tuple[Any, Any],
    step_sizes: tuple[Any, Any],
    maximize: bool,
) -> tuple[Any, State]:
    """One step for one parameter: its new value, and its new state.

    With w the parameter, g its gradient, h the last one and s the step size (lr at first)::

        g = -g                              if maximize
        s = s·η⁺ where g·h > 0,  s·η⁻ where g·h < 0,  within step_sizes
        g = 0 where g·h < 0                 the step back is left out
        w = w − s·sign(g)
        h = g
    """
    shrink, grow = etas
    if maximize:
        gradient = -gradient
    agreement = gradient * state.get("prev", 0)
    size = state.get("step_size")
    if size is None:
        size = np.abs(np.copysign(lr, gradient))  # lr everywhere, in the gradient's dtype
    size = np.where(agreement > 0, grow * size, np.where(agreement < 0, shrink * size, size))
    size = np.minimum(np.maximum(size, step_sizes[0]), step_sizes[1])
    gradient = np.where(agreement < 0, 0.0, gradient)
    new = {"step": state.get("step", 0) + 1, "prev": gradient, "step_size": size}
    return parameter - size * np.sign(gradient), state | new


class Rprop(Optimizer):
    """Resilient backpropagation, for full batches: sizes of gradients do not matter, only changes of their signs.

    Riedmiller and Braun, "A direct adaptive method for faster backpropagation learning: the RPROP algorithm",
    IEEE ICNN 1993; here without the step back ("Rprop−" with the gradient set to zero after a change of sign).

    Args:
        params: an iterable of tensors, or of dicts that give groups of them their own options.
        lr: the first step size.
        etas: the factors by which a step size shrinks after a change of sign, and grows otherwise.
        step_sizes: the smallest and the largest step size.
        maximize: climb instead of descending.

    Raises:
        ValueError: for a negative rate, and unless 0 < etas[0] < 1 < etas[1].

    >>> import pullback as pb
    >>> w = pb.tensor([1.0, -3.0], requires_grad=True)
    >>> optimizer = pb.optim.Rprop([w], lr=0.5)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.detach()
    tensor([ 0.5, -2.5], dtype=float32)
    """

    update = staticmethod(rprop)
    elementwise = True
    shapes_like_parameter = ("prev", "step_size")

    def __init__(
        self,
        params: Any,
        lr: float = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, {"lr": lr, "etas": etas, "step_sizes": step_sizes, "maximize": maximize})

    def check(self, options: Mapping[str, Any]) -> None:
        """Raise ValueError for options out of range."""
        require_not_negative(options, "lr")
        etas = tuple(options["etas"])
        fit = len(etas) == 2 and 0 < etas[0] < 1 < etas[1]
        require(fit, "etas", etas, "two numbers, one in (0, 1) and one above 1")
