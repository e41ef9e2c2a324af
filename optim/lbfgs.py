"""L-BFGS: a quasi-Newton method that remembers the last steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..autograd import Tensor
from . import vector
from .checks import require, require_not_negative
from .line_search import Point, strong_wolfe
from .program import Array
from .vector import VectorOptimizer


def lbfgs_direction(gradient: Any, steps: Sequence[Any], changes: Sequence[Any], scale: Any) -> Any:
    """−H·g, where H is the approximate inverse of the Hessian after given steps.

    The two loops of Nocedal and Wright, "Numerical Optimization", algorithm 7.4, with sᵢ the steps, yᵢ the changes of
    the gradient in them, ρᵢ = 1/(sᵢ·yᵢ) and γ the scale of the first H::

        q = −g;   from the newest to the oldest:  αᵢ = ρᵢ·sᵢ·q,  q = q − αᵢ·yᵢ
        r = γ·q;  from the oldest to the newest:  r = r + (αᵢ − ρᵢ·yᵢ·r)·sᵢ

    Args:
        gradient: the gradient as one vector.
        steps: the last steps, oldest first.
        changes: the changes of the gradient in these steps.
        scale: the first H is this number times the identity.
    """
    direction = -gradient
    pairs = [(s, y, 1.0 / np.dot(y, s)) for s, y in zip(steps, changes, strict=True)]
    shares = []
    for s, y, rho in reversed(pairs):
        share = rho * np.dot(s, direction)
        shares.append(share)
        direction = direction - share * y
    direction = scale * direction
    for (s, y, rho), share in zip(pairs, reversed(shares), strict=True):
        direction = direction + (share - rho * np.dot(y, direction)) * s
    return direction


class LBFGS(VectorOptimizer):
    """L-BFGS for whole batches: each step runs up to `max_iter` iterations, and needs a closure.

    Liu and Nocedal, "On the limited memory BFGS method for large scale optimization", Mathematical Programming 45
    (1989). It holds 2·history_size vectors as long as all parameters, and has one parameter group only.

    Args:
        params: an iterable of tensors.
        lr: the length of the first try in each iteration.
        max_iter: iterations in a step.
        max_eval: evaluations of the closure in a step; 5/4 of max_iter if not given.
        tolerance_grad: a step ends when no element of the gradient is larger.
        tolerance_change: a step ends when no parameter, or the loss, changes by more.
        history_size: how many steps are remembered.
        line_search_fn: "strong_wolfe" to search along each direction, None to go by lr.

    Raises:
        ValueError: for options out of range, and for several groups.

    >>> import pullback as pb
    >>> w = pb.tensor([-1.0, 1.5], requires_grad=True, dtype="float64")
    >>> optimizer = pb.optim.LBFGS([w], max_iter=100, line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = (1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2  # Rosenbrock's valley
    ...     loss.backward()
    ...     return loss
    >>> optimizer.step(closure).item()
    29.0
    >>> w.detach().round(4)
    tensor([1., 1.], dtype=float64)
    """

    vectors = ("d", "old_dirs", "old_stps", "prev_flat_grad")

    def __init__(
        self,
        params: Any,
        lr: float = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        options = {"lr": lr, "max_iter": max_iter}
        options |= {"max_eval": max_iter * 5 // 4 if max_eval is None else max_eval}
        options |= {"tolerance_grad": tolerance_grad, "tolerance_change": tolerance_change}
        super().__init__(params, options | {"history_size": history_size, "line_search_fn": line_search_fn})

    def check(self, options: Mapping[str, Any]) -> None:
        """Raise ValueError for options out of range."""
        require_not_negative(options, "lr", "max_iter", "max_eval", "tolerance_grad", "tolerance_change")
        require(options["history_size"] >= 1, "history_size", options["history_size"], "one or more")
        search = options["line_search_fn"]
        require(search in (None, "strong_wolfe"), "line_search_fn", search, "None or 'strong_wolfe'")

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Run up to `max_iter` iterations.

        Args:
            closure: computes the loss anew, with its gradients (after `zero_grad()`), and returns it.

        Returns:
            The loss before the step.

        Raises:
            TypeError: without a closure.
        """
        evaluate = self.evaluation(closure)
        parameters = self.param_groups[0]["params"]
        first = evaluate()
        gradients = [self.gradients_of(parameters)]
        self.require_some(gradients)
        if self.skip_nonfinite and self.report_nonfinite(gradients):
            return first
        before = vector.values(parameters)
        with np.errstate(all="ignore"):
            self._iterate(evaluate, parameters, float(first))
        self.note_step(parameters, before)
        return first

    def _iterate(self, evaluate: Callable[[], Any], parameters: list[Tensor], loss: float) -> None:
        options, state = self.param_groups[0], self.whole_state
        gradient, evaluations = vector.gradient(parameters), 1
        state["func_evals"] = state.get("func_evals", 0) + 1
        state.setdefault("n_iter", 0)
        if np.abs(gradient).max(initial=0) <= options["tolerance_grad"]:
            return
        for iteration in range(1, options["max_iter"] + 1):
            state["n_iter"] += 1
            direction = self._direction(gradient, options["history_size"])
            rate = float(options["lr"])
            step = min(1.0, 1.0 / float(np.abs(gradient).sum())) * rate if state["n_iter"] == 1 else rate
            last = loss
            state |= {"d": direction, "t": step, "prev_flat_grad": gradient, "prev_loss": last}
            slope = float(np.dot(gradient, direction))
            if slope > -options["tolerance_change"]:
                return
            place = vector.values(parameters)

            def at(step: float, place: Array = place, direction: Array = direction) -> Point:
                vector.assign(parameters, place + step * direction)
                loss = float(evaluate())
                gradient = vector.gradient(parameters)
                return Point(step, loss, float(np.dot(gradient, direction)), gradient)

            tried = 0
            if options["line_search_fn"] is not None:
                start = Point(0.0, loss, slope, gradient)
                length = float(np.abs(direction).max())
                most = options["max_eval"] - evaluations
                point, tried = strong_wolfe(at, start, step, length, most=most)
                state["t"], loss, gradient = point.step, point.loss, point.gradient
                vector.assign(parameters, place + point.step * direction)
            elif iteration == options["max_iter"]:
                vector.assign(parameters, place + step * direction)
            else:
                point, tried = at(step), 1
                loss, gradient = point.loss, point.gradient
            evaluations += tried
            state["func_evals"] += tried
            if (
                evaluations >= options["max_eval"]
                or np.abs(gradient).max() <= options["tolerance_grad"]
                or np.abs(direction * state["t"]).max() <= options["tolerance_change"]
                or abs(loss - last) < options["tolerance_change"]
            ):
                return

    def _direction(self, gradient: Array, most: int) -> Array:
        """Remember the last step, and find the next direction."""
        state = self.whole_state
        if state["n_iter"] == 1:
            state |= {"old_dirs": [], "old_stps": [], "ro": [], "H_diag": 1.0}
            return -gradient
        change, step = gradient - state["prev_flat_grad"], state["d"] * state["t"]
        product = float(np.dot(change, step))
        if product > 1e-10:
            for name, entry in (("old_dirs", change), ("old_stps", step), ("ro", 1.0 / product)):
                state[name] = [*state[name][-(most - 1) :], entry] if most > 1 else [entry]
            state["H_diag"] = product / float(np.dot(change, change))
        direction: Array = lbfgs_direction(gradient, state["old_stps"], state["old_dirs"], state["H_diag"])
        return direction
