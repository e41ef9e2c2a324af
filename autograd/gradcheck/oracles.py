"""Other ways to a derivative than central differences.

The complex step: for a function that is analytic, f(x + i·h·u) has the imaginary part h·f'(x)·u with an error of
order h², and no difference is taken, so that h may be as small as one likes and nothing is lost to rounding
(W. Squire and G. Trapp, "Using complex variables to estimate derivatives of real functions", SIAM Review, 1998).

The double backward: the gradient, as a function, is checked in its turn (`order=2`).

Forward mode is no oracle here: it is derived from the reverse rules, so the adjoint identity ⟨v, J·u⟩ = ⟨Jᵀ·v, u⟩
holds by algebra, for a wrong rule too.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..gate import Gate
from ..mode import enable_grad, no_grad, observing
from ..tape import gradients
from ..tensor import Tensor
from .problem import Array, Problem

TINY = 1e-30
MOVING = {Gate.DISTRIBUTOR, Gate.SWITCHER, Gate.RELAY, Gate.ADDER}


class _Operations:
    """An observer that notes which operations ran on what depends on complex inputs."""

    def __init__(self) -> None:
        self.unfit: str | None = None

    def on_forward(self, op: Any, inputs: tuple[Any, ...], parameters: tuple[Any, ...], output: Any) -> None:
        """Note the first that is not analytic."""
        moves = set(op.gates.values()) <= MOVING or op.name == "getitem"
        linear = op.complex == "written" and moves and not op.module.endswith("ops.complex")
        tracked = isinstance(output, tuple) or output.requires_grad
        if self.unfit is None and tracked and not linear and op.complex != "holomorphic":
            self.unfit = repr(op.name)

    def on_replace(self, old: Any, new: Any) -> None:
        """Writes in place are operations too."""

    def on_backward(self, node: Any, gradient: Any, contributions: tuple[Any, ...]) -> None:
        """Nothing runs backward here."""


def analytic_line(problem: Problem) -> str | None:
    """None if the complex step serves the function, else the operation that is not analytic."""
    if any(x.dtype.kind == "c" for x in problem.point):
        return "a complex input"
    seen = _Operations()
    with enable_grad(), observing(seen), np.errstate(all="ignore"):
        problem.outputs(problem.leaves(problem.point))
    return seen.unfit


def complex_step(problem: Problem, direction: Sequence[Array]) -> float:
    """The slope along a direction by the complex step; nan where the function does not take complex numbers."""
    shifted = [x + 1j * TINY * u for x, u in zip(problem.point, direction, strict=True)]
    try:
        with no_grad(), np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("error", np.exceptions.ComplexWarning)
            outputs = problem.outputs(problem.leaves(shifted, tracked=False))
    except (TypeError, ValueError, RuntimeError, np.exceptions.ComplexWarning):
        return float("nan")
    total = 0.0
    for y, weight in zip(outputs, problem.weights, strict=True):
        if y.dtype.kind == "c":
            total += float(np.sum(weight * np.imag(y.numpy()))) / TINY
    return total


def double_backward(problem: Problem) -> Problem | None:
    """The gradients of a problem as a function of its inputs and of the weights; None if they are constant."""
    kept = [i for i, y in enumerate(_tracked_outputs(problem)) if y]
    if not kept:
        return None

    def pulled(*arguments: Tensor) -> list[Tensor]:
        weights, leaves = arguments[: len(kept)], arguments[len(kept) :]
        with enable_grad():
            tracked = [x if x.requires_grad else x.detach().requires_grad_() for x in leaves]
            outputs = problem.outputs(tracked)
            found = gradients(
                [outputs[i] for i in kept], tracked, weights, create_graph=True, allow_unused=True
            )
        return [g for g in found if g is not None]

    weights = [problem.weights[i] for i in kept]
    second = Problem(pulled, [*weights, *problem.point], problem.rng, problem.dtype)
    second.names = [*(f"the gradient of output {i}" for i in kept), *problem.names]
    return second


def _tracked_outputs(problem: Problem) -> list[bool]:
    with enable_grad(), np.errstate(all="ignore"):
        return [y.requires_grad for y in problem.outputs(problem.leaves(problem.point))]
