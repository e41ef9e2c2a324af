"""SparseAdam: Adam for the rows of a table that were read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ..autograd import Tensor
from ..autograd.extend import SparseGradient, sparse_grad, writable
from .base import Optimizer
from .checks import require, require_betas
from .program import State


def sparse_adam(
    parameter: Any,
    gradient: Any,
    state: State,
    *,
    lr: Any,
    betas: tuple[Any, Any],
    eps: Any,
    maximize: bool,
) -> tuple[Any, State]:
    """One step for the rows that have a gradient: their new values, and their new state.

    With w these rows, g their gradient and t the number of this step (of all rows)::

        g = -g                          if maximize
        m = m + (1 − β₁)·(g − m)        the running mean
        v = v + (1 − β₂)·(g² − v)       the running mean of squares
        w = w − lr · √(1 − β₂ᵗ)/(1 − β₁ᵗ) · m / (√v + ε)
    """
    beta1, beta2 = betas
    if maximize:
        gradient = -gradient
    step = state.get("step", 0) + 1
    mean, square = state.get("exp_avg", 0), state.get("exp_avg_sq", 0)
    mean = mean + (1 - beta1) * (gradient - mean)
    square = square + (1 - beta2) * (gradient * gradient - square)
    rate = lr * (1 - beta2**step) ** 0.5 / (1 - beta1**step)
    new = {"step": step, "exp_avg": mean, "exp_avg_sq": square}
    return parameter - rate * mean / (np.sqrt(square) + eps), new


class SparseAdam(Optimizer):
    """Adam that updates only the rows that were read, with their running means; for embeddings.

    The gradients are those that backward keeps by rows, when a parameter was only read by rows, as an embedding is:
    `autograd.extend.sparse_grad` gives them. Reading `.grad` makes a gradient whole, and then it is refused here.

    Args:
        params: an iterable of tensors, or of dicts that give groups of them their own options.
        lr: the learning rate, about the size of a step for each element.
        betas: the decay rates of the running means of the gradient and of its square, in [0, 1).
        eps: added to the denominator.
        maximize: climb instead of descending.

    Raises:
        ValueError: for a rate or eps that is not above zero, and for betas outside of [0, 1).

    >>> import pullback as pb
    >>> table = pb.tensor([[1.0], [2.0], [3.0]], requires_grad=True)
    >>> optimizer = pb.optim.SparseAdam([table], lr=0.5)
    >>> table[pb.tensor([2, 0, 2])].sum().backward()
    >>> optimizer.step()
    >>> table.detach().flatten().round(2)
    tensor([0.5, 2. , 2.5], dtype=float32)
    """

    update = staticmethod(sparse_adam)
    shapes_like_parameter = ("exp_avg", "exp_avg_sq")

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "maximize": maximize})

    def check(self, options: Mapping[str, Any]) -> None:
        """Raise ValueError for options out of range."""
        for name in ("lr", "eps"):
            require(options[name] > 0, name, options[name], "above zero")
        require_betas(options)

    def gradients_of(self, parameters: Iterable[Tensor]) -> list[Any]:
        """The rows of the gradients.

        Raises:
            RuntimeError: for a gradient that is whole.
        """
        found: list[SparseGradient | None] = []
        for parameter in parameters:
            rows = sparse_grad(parameter) if parameter.requires_grad else None
            if rows is None and parameter.requires_grad and parameter.grad is not None:
                raise RuntimeError(
                    f"SparseAdam updates rows, and the gradient of a parameter of shape {parameter.shape} is a whole "
                    "array: something else than rows of it was read, or .grad has been read since backward; use Adam"
                )
            found.append(rows)
        return found

    def step_alone(self, parameter: Tensor, gradient: SparseGradient, options: Mapping[str, Any]) -> None:
        """Update the rows that have a gradient."""
        target, state, rows = writable(parameter), self.state[parameter], gradient.indices
        for name in self.shapes_like_parameter:
            state.setdefault(name, np.zeros_like(target))
        part = {
            name: entry[rows] if name in self.shapes_like_parameter else entry
            for name, entry in state.items()
        }
        value, new = self.update(target[rows], gradient.values, part, **options)
        self.note(parameter, target[rows], value, target)
        target[rows] = value
        for name in self.shapes_like_parameter:
            state[name][rows] = new.pop(name)
        self.state[parameter] = new | state | new
