"""Adam and AdamW, with the variant AMSGrad."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .base import Optimizer
from .checks import require_betas, require_not_negative
from .program import State
from .scalars import used


def adam(
    parameter: Any,
    gradient: Any,
    state: State,
    *,
    lr: Any,
    betas: tuple[Any, Any],
    eps: Any,
    weight_decay: Any,
    amsgrad: bool,
    maximize: bool,
    decoupled_weight_decay: bool,
) -> tuple[Any, State]:
    """One step for one parameter: its new value, and its new state.

    With w the parameter, g its gradient and t the number of this step::

        g = -g                          if maximize
        g = g + weight_decay·w          or, if decoupled, w = w − lr·weight_decay·w
        m = β₁·m + (1 − β₁)·g           the running mean
        v = β₂·v + (1 − β₂)·g²          the running mean of squares
        s = max(s, v) if amsgrad, else v
        w = w − lr · m/(1 − β₁ᵗ) / (√(s/(1 − β₂ᵗ)) + ε)

    in the order that the paper recommends at the end of its section 2: the corrections of the bias go into the rate.
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
    state = state | {"step": step, "exp_avg": mean, "exp_avg_sq": square}
    if amsgrad:
        square = np.maximum(state.get("max_exp_avg_sq", 0), square)
        state = state | {"max_exp_avg_sq": square}
    correction = (1 - beta2**step) ** 0.5
    rate = lr * correction / (1 - beta1**step)
    return parameter - rate * (mean / (np.sqrt(square) + eps * correction)), state


class Adam(Optimizer):
    """Adam: steps along the running mean of the gradient, scaled by its running size.

    Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015 (https://arxiv.org/abs/1412.6980).

    Args:
        params: an iterable of tensors, or of dicts that give groups of them their own options.
        lr: the learning rate, about the size of a step for each element.
        betas: the decay rates of the running means of the gradient and of its square, in [0, 1).
        eps: added to the denominator.
        weight_decay: adds weight_decay·w to the gradient, which Adam then scales like the rest of it; see `AdamW`.
        amsgrad: scale by the largest running square so far (Reddi et al., "On the convergence of Adam and
            beyond", ICLR 2018).
        maximize: climb instead of descending.
        decoupled_weight_decay: shrink the parameter instead, as `AdamW` does.

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

    update = staticmethod(adam)
    elementwise = True
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
        decoupled_weight_decay: bool = False,
    ) -> None:
        options = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad}
        super().__init__(
            params, options | {"maximize": maximize, "decoupled_weight_decay": decoupled_weight_decay}
        )

    def check(self, options: Mapping[str, Any]) -> None:
        """Raise ValueError for options out of range."""
        require_not_negative(options, "lr", "eps", "weight_decay")
        require_betas(options)


class AdamW(Adam):
    """Adam with decoupled weight decay: w is multiplied by 1 − lr·weight_decay before each step.

    In Adam, a decay in the gradient is divided by the gradient's size like all of it, so that weights with large
    gradients hardly decay; decoupled, all decay alike. For SGD both are the same up to the scale of the decay.
    Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019 (https://arxiv.org/abs/1711.05101).

    Args:
        params: an iterable of tensors, or of dicts that give groups of them their own options.
        lr: the learning rate, about the size of a step for each element.
        betas: the decay rates of the running means of the gradient and of its square, in [0, 1).
        eps: added to the denominator.
        weight_decay: the share, times lr, by which a parameter shrinks in each step.
        amsgrad: scale by the largest running square so far.
        maximize: climb instead of descending.

    Raises:
        ValueError: for a negative rate, decay or eps, and for betas outside of [0, 1).

    >>> import pullback as pb
    >>> w = pb.tensor([1.0, -3.0], requires_grad=True)
    >>> optimizer = pb.optim.AdamW([w], lr=0.5, weight_decay=0.2)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.detach().round(2)
    tensor([ 0.4, -2.2], dtype=float32)
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize, decoupled_weight_decay=True
        )
