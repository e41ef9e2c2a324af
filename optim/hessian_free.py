"""Hessian-free optimisation: Newton's method by conjugate gradients, without ever writing the Hessian down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from . import vector
from .checks import require, require_not_negative
from .program import Array
from .vector import Slope, VectorOptimizer


def conjugate_gradients(
    product: Callable[[Array], Array], right: Array, start: Array, most: int, tolerance: float
) -> tuple[Array, float]:
    """Minimise q(x) = x·A·x/2 − x·b by products with A alone.

    Hestenes and Stiefel, 1952. It ends after `most` iterations; when the last k have lowered q by less than k·tolerance
    of what has been gained, k being 10 or a tenth of the iterations (Martens, section 4.4); and at a direction along
    which A does not curve upwards, which it does not follow.

    Args:
        product: x ↦ A·x, for a symmetric A.
        right: b.
        start: where x begins.
        most: iterations.
        tolerance: of progress.

    Returns:
        x, and q(x).
    """
    x = start
    residual = right - product(x) if x.any() else right.copy()
    direction, square = residual, float(np.dot(residual, residual))
    heights: list[float] = [-float(np.dot(x, residual + right)) / 2]
    for iteration in range(1, most + 1):
        if square == 0:
            break
        turned = product(direction)
        curvature = float(np.dot(direction, turned))
        if not curvature > 0:
            if iteration == 1 and not x.any():
                x = direction  # nothing is known but that it descends
                heights.append(curvature / 2 - square)
            break
        x = x + square / curvature * direction
        residual = residual - square / curvature * turned
        before, square = square, float(np.dot(residual, residual))
        direction = residual + square / before * direction
        heights.append(-float(np.dot(x, residual + right)) / 2)
        span = max(10, iteration // 10)
        if len(heights) > span and heights[-1 - span] - heights[-1] < -heights[-1] * span * tolerance:
            break
    return x, heights[-1]


class HessianFree(VectorOptimizer):
    """Newton's method by conjugate gradients on Hessian-vector products, with Levenberg-Marquardt damping.

    Each step looks for the lowest point of the quadratic model of the loss, with damping·‖step‖²/2 added. Where the
    loss falls much less than the model said, the damping grows by half; where the model was good, it shrinks by a
    third. A step that does not lower the loss is shortened until it does, and is not made if nothing helps. Martens,
    "Deep learning via Hessian-free optimization", ICML 2010, with the Hessian itself rather than its Gauss-Newton
    part, for small models and whole batches.

    Args:
        params: an iterable of tensors.
        lr: the share of the step that is tried first.
        damping: at the beginning; `state` has the present one.
        max_iter: iterations of conjugate gradients in a step.
        tolerance: of their progress.

    Raises:
        ValueError: for options out of range, and for several groups.

    >>> import pullback as pb
    >>> w = pb.tensor([-1.0, 1.5], requires_grad=True, dtype="float64")
    >>> optimizer = pb.optim.HessianFree([w], damping=1.0)
    >>> def closure():
    ...     return (1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2  # Rosenbrock's valley
    >>> losses = [optimizer.step(closure).item() for _ in range(60)]
    >>> w.detach().round(4)
    tensor([1., 1.], dtype=float64)
    """

    def __init__(
        self, params: Any, lr: float = 1.0, damping: float = 1.0, max_iter: int = 50, tolerance: float = 5e-4
    ) -> None:
        super().__init__(params, {"lr": lr, "damping": damping, "max_iter": max_iter, "tolerance": tolerance})

    def check(self, options: Mapping[str, Any]) -> None:
        """Raise ValueError for options out of range."""
        require_not_negative(options, "lr", "damping", "tolerance")
        require(options["max_iter"] >= 1, "max_iter", options["max_iter"], "one or more")

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Go one step.

        Args:
            closure: computes the loss and returns it, without calling backward; the same loss each time it is called
                in one step.

        Returns:
            The loss before the step.

        Raises:
            TypeError: without a closure.
        """
        evaluate = self.evaluation(closure)
        options, parameters = self.param_groups[0], self.param_groups[0]["params"]
        slope = Slope(evaluate, parameters)
        if self.skip_nonfinite and self.report_nonfinite([slope.by_parameter(parameters)]):
            return slope.loss
        state = self.whole_state
        damping = float(state.get("damping", options["damping"]))
        start = state.get("direction")
        if start is None or start.shape != slope.vector.shape:
            start = np.zeros_like(slope.vector)
        before = vector.values(slope.parameters)
        loss: float = slope.loss.item()

        def gained(step: Array) -> float:
            """How far the loss falls; the parameters stay there."""
            vector.assign(slope.parameters, before + step)
            after: float = evaluate().item()
            return loss - after

        with np.errstate(all="ignore"):
            step, height = conjugate_gradients(
                lambda x: slope.hessian_times(x) + damping * x,
                -slope.vector,
                start,
                options["max_iter"],
                options["tolerance"],
            )
            share = float(options["lr"])
            gain = gained(share * step)
            quality = gain / -height if height < 0 else 0.0
            while not gain > 0 and share > 1e-4 * options["lr"]:
                share *= 0.5
                gain = gained(share * step)
        if not gain > 0:
            vector.assign(slope.parameters, before)
        if not quality >= 0.25:
            damping *= 1.5
        elif quality > 0.75:
            damping *= 2 / 3
        state |= {"damping": damping, "direction": 0.95 * step if gain > 0 else np.zeros_like(step)}
        self.note_step(slope.parameters, before)
        return slope.loss
