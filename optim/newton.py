"""Newton's method, for models of a few hundred parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from . import vector
from .checks import require_not_negative
from .vector import Slope, VectorOptimizer


def newton_direction(gradient: Any, hessian: Any, damping: Any) -> Any:
    """−(H + λ·I)⁻¹·g: where the quadratic model of the loss is lowest, within reach of the damping λ.

    Args:
        gradient: g as one vector.
        hessian: H, a square matrix.
        damping: λ; the larger, the shorter the step and the nearer to −g.
    """
    return -np.linalg.solve(hessian + damping * np.eye(len(gradient), dtype=gradient.dtype), gradient)


class Newton(VectorOptimizer):
    """Newton's method: w ← w − lr·(H + damping·I)⁻¹·g, with the whole Hessian H of the loss.

    One step reaches the bottom of a quadratic bowl of any shape. The Hessian of n parameters takes n backward passes
    and n² numbers, so this is for small models and whole batches. Without damping it goes to the nearest point where
    the gradient is zero, be it a saddle; a damping above the size of the most negative eigenvalue makes it descend.

    Args:
        params: an iterable of tensors.
        lr: the share of the step that is taken.
        damping: added to the Hessian's diagonal.

    Raises:
        ValueError: for a negative option, and for several groups.

    >>> import pullback as pb
    >>> w = pb.tensor([4.0, -1.0], requires_grad=True, dtype="float64")
    >>> optimizer = pb.optim.Newton([w])
    >>> optimizer.step(lambda: (w[0] - 1) ** 2 + 64 * (w[0] + w[1]) ** 2).item()
    585.0
    >>> w.detach().round(6)
    tensor([ 1., -1.], dtype=float64)
    """

    def __init__(self, params: Any, lr: float = 1.0, damping: float = 0.0) -> None:
        super().__init__(params, {"lr": lr, "damping": damping})

    def check(self, options: Mapping[str, Any]) -> None:
        """Raise ValueError for options out of range."""
        require_not_negative(options, "lr", "damping")

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Go one step.

        Args:
            closure: computes the loss and returns it, without calling backward.

        Returns:
            The loss before the step.

        Raises:
            TypeError: without a closure.
            RuntimeError: the Hessian with its damping is singular.
        """
        options, parameters = self.param_groups[0], self.param_groups[0]["params"]
        slope = Slope(self.evaluation(closure), parameters)
        if self.skip_nonfinite and self.report_nonfinite([slope.by_parameter(parameters)]):
            return slope.loss
        rows = np.eye(slope.vector.size, dtype=slope.vector.dtype)
        hessian = np.stack([slope.hessian_times(row) for row in rows])
        try:
            direction = newton_direction(slope.vector, (hessian + hessian.T) / 2, float(options["damping"]))
        except np.linalg.LinAlgError:
            raise RuntimeError(
                f"the Hessian with damping {options['damping']!r} is singular, so Newton's step is nowhere; give some "
                "damping: Newton(params, damping=1e-3)"
            ) from None
        before = vector.values(slope.parameters)
        vector.assign(slope.parameters, before + float(options["lr"]) * direction)
        self.note_step(slope.parameters, before)
        return slope.loss
