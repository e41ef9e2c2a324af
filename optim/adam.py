"""Adam, and its variant AMSGrad."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .base import Array, Optimizer, State, require


def adam(parameter: Array, gradient: Array, state: State, options: Mapping[str, Any]) -> tuple[Array, State]:
    """One step for one parameter: its new value, and its new state.

    With w the parameter, g its gradient and t the number of this step::

        g = -g                          if maximize
        g = g + weight_decay·w
        m = β₁·m + (1 − β₁)·g           the running mean
        v = β₂·v + (1 − β₂)·g²          the running mean of squares
        s = max(s, v) if amsgrad, else v
        w = w − lr · m/(1 − β₁ᵗ) / (√(s/(1 − β₂ᵗ)) + ε)
    """
    beta1, beta2 = options["betas"]
    if options["maximize"]:
        gradient = -gradient
    if options["weight_decay"]:
        gradient = gradient + options["weight_decay"] * parameter
    step = state.get("step", 0) + 1
    mean = beta1 * state.get("exp_avg", 0) + (1 - beta1) * gradient
    square = beta2 * state.get("exp_avg_sq", 0) + (1 - beta2) * gradient * gradient
    new = {"step": step, "exp_avg": mean, "exp_avg_sq": square}
    if options["amsgrad"]:
        square = new["max_exp_avg_sq"] = np.maximum(state.get("max_exp_avg_sq", 0), square)
    spread = np.sqrt(square / (1 - beta2**step)) + options["eps"]
    return parameter - options["lr"] / (1 - beta1**step) * mean / spread, new


class Adam(Optimizer):
    """Adam: steps along the running mean of the gradient, scaled by its running size.

    Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015 (https://arxiv.org/abs/1412.6980).

    Args:
        params: an iterable of tensors, or of dicts that give groups of them their own options.
        lr: the learning rate, about the size of a step for each element.
        betas: the decay rates of the running means of the gradient and of its square, in [0, 1).
        eps: added to the denominator.
        weight_decay: adds weight_decay·w to the gradient.
        amsgrad: scale by the largest running square so far (Reddi et al., "On the convergence of Adam and
            beyond", ICLR 2018).
        maximize: climb instead of descending.

    Raises:
        ValueError: for a negative rate, decay or eps, and for betas outside of [0, 1).

    >>> import pullback as pb
    >>> w = pb.tensor([1.0, -3.0], requires_grad=True)
    >>> optimizer = pb.optim.Adam([w], lr=0.5)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.detach()
    tensor([ 0.5, -2.5], dtype=float32)
    """

    shapes_like_parameter = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        options = {"lr": lr, "betas": betas, "eps": eps}
        super().__init__(
            params, options | {"weight_decay": weight_decay, "amsgrad": amsgrad, "maximize": maximize}
        )

    def check(self, options: Mapping[str, Any]) -> None:
        """Raise ValueError for options out of range."""
        for option in ("lr", "eps", "weight_decay"):
            require(options[option] >= 0, option, options[option], "zero or more")
        betas = tuple(options["betas"])
        require(
            len(betas) == 2 and all(0 <= beta < 1 for beta in betas), "betas", betas, "two numbers in [0, 1)"
        )

    def update(
        self, parameter: Array, gradient: Array, state: State, options: Mapping[str, Any]
    ) -> tuple[Array, State]:
        """See `adam`."""
        return adam(parameter, gradient, state, options)
