"""Adafactor: Adam's scaling with the memory of a row and a column for each matrix."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..autograd import Tensor
from .base import Optimizer
from .checks import require, require_not_negative
from .program import State
from .scalars import used


def adafactor(
    parameter: Any,
    gradient: Any,
    state: State,
    *,
    lr: Any,
    beta2_decay: Any,
    eps: tuple[Any, Any],
    d: Any,
    weight_decay: Any,
    maximize: bool,
) -> tuple[Any, State]:
    """One step for one parameter: its new value, and its new state.

    With w the parameter, g its gradient, t the number of this step and rms(x) = √mean(x²)::

        g = -g                                      if maximize
        ρ = t^beta2_decay                           the share of the new squares
        α = max(ε₂, rms(w))·min(lr, 1/√t)           a step relative to the parameter
        w = w − lr·weight_decay·w
        r = r + ρ·(mean of g² over columns − r)     for a vector instead: v = v + ρ·(g² − v)
        c = c + ρ·(mean of g² over rows − c)
        v = r·cᵀ / max(mean(r), ε₁)
        u = g / √max(v, ε₁²)
        w = w − α·u / max(1, rms(u)/d)
    """
    eps1, eps2 = eps
    if eps1 is None:
        eps1 = float(np.finfo(parameter.dtype).eps)
    if maximize:
        gradient = -gradient
    step = state.get("step", 0) + 1
    share = float(step) ** beta2_decay
    rate = np.maximum(_rms(parameter), eps2) * min(lr, 1 / step**0.5)
    if used(weight_decay):
        parameter = parameter * (1 - lr * weight_decay)
    square = gradient * gradient
    if gradient.ndim > 1:
        row, column = (
            _moved(state.get(name, 0), share, np.mean(square, axis=axis, keepdims=True))
            for name, axis in (("row_var", -1), ("col_var", -2))
        )
        variance = row @ column / np.maximum(np.mean(row, axis=-2, keepdims=True), eps1)
        new = {"step": step, "row_var": row, "col_var": column}
    else:
        variance = _moved(state.get("variance", 0), share, square)
        new = {"step": step, "variance": variance}
    update = gradient / np.sqrt(np.maximum(variance, eps1 * eps1))
    clipped = np.maximum(_rms(update) / d, 1.0)
    return parameter - rate / clipped * update, state | new


def _rms(x: Any) -> Any:
    return np.sqrt(np.mean(x * x))


def _moved(average: Any, share: Any, towards: Any) -> Any:
    return average + share * (towards - average)


class Adafactor(Optimizer):
    """Adafactor: steps relative to each parameter's size, scaled by a product of row and column statistics.

    Shazeer and Stern, "Adafactor: adaptive learning rates with sublinear memory cost", ICML 2018
    (https://arxiv.org/abs/1804.04235), with `lr` as the largest relative step, as in PyTorch.

    Args:
        params: an iterable of tensors, or of dicts that give groups of them their own options.
        lr: the largest relative step, and the rate of the decay.
        beta2_decay: the power of t that is the share of the new squares, zero or less.
        eps: bounds below of the statistics (None: the dtype's resolution) and of the parameter's size.
        d: updates of a larger root mean square are clipped to it, one or more.
        weight_decay: the share, times lr, by which a parameter shrinks in each step.
        maximize: climb instead of descending.

    Raises:
        ValueError: for options out of range.

    >>> import pullback as pb
    >>> w = pb.tensor([[1.0, -3.0]], requires_grad=True)
    >>> optimizer = pb.optim.Adafactor([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.detach().round(2)
    tensor([[ 0.78, -2.78]], dtype=float32)
    """

    update = staticmethod(adafactor)

    def __init__(
        self,
        params: Any,
        lr: float = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        options = {"lr": lr, "beta2_decay": beta2_decay, "eps": eps, "d": d}
        super().__init__(params, options | {"weight_decay": weight_decay, "maximize": maximize})

    def check(self, options: Mapping[str, Any]) -> None:
        """Raise ValueError for options out of range."""
        require_not_negative(options, "lr", "weight_decay")
        require(options["beta2_decay"] <= 0, "beta2_decay", options["beta2_decay"], "zero or less")
        require(options["d"] >= 1, "d", options["d"], "one or more")
        eps = tuple(options["eps"])
        fit = len(eps) == 2 and (eps[0] is None or eps[0] >= 0) and eps[1] >= 0
        require(fit, "eps", eps, "two numbers of zero or more, the first of which may be None")

    def state_shapes(self, parameter: Tensor) -> dict[str, tuple[int, ...]]:
        """A row and a column for a matrix (or a stack of them), else the parameter's shape."""
        shape = parameter.shape
        if len(shape) < 2:
            return {"variance": shape}
        return {"row_var": (*shape[:-1], 1), "col_var": (*shape[:-2], 1, shape[-1])}
