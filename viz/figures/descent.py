"""The paths that optimisers take over a surface, as numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...autograd import Tensor, tensor
from .surfaces import Array, Surface, surface_of


@dataclass(frozen=True)
class Path:
    """Where one optimiser was: `points[0]` is the start, and `points[t]` where it stood after t steps.

    It ends early where the next point, or the loss there, was not finite.
    """

    points: Array
    """Shape (steps + 1, 2)."""
    losses: Array
    """The loss at each point."""
    gradients: Array
    """The gradient at each point, of shape (steps + 1, 2)."""

    @property
    def steps(self) -> Array:
        """What was added at each step, of shape (steps, 2)."""
        return np.diff(self.points, axis=0)


@dataclass(frozen=True)
class Trajectories:
    """The paths of several optimisers over one surface, from one start."""

    surface: Surface
    start: tuple[float, float]
    paths: dict[str, Path]


def descend(
    optimizers: Mapping[str, Callable[[list[Tensor]], Any]],
    surface: Any = "taco shell",
    *,
    start: tuple[float, float] | None = None,
    steps: int = 60,
) -> Trajectories:
    """Let optimisers walk over a surface, all from the same start; the data of `viz.trajectory`.

    Args:
        optimizers: by name, functions that make an optimiser of a list of parameters, such as
            `lambda params: optim.SGD(params, lr=0.03)`. It needs `zero_grad()` and `step(closure)`. The one
            parameter is a float64 tensor of shape (2,).
        surface: a name of `SURFACES`, a `Surface`, or a function of x and y.
        start: where to begin; the surface's start if not given.
        steps: how many steps to take.

    Raises:
        TypeError: for optimisers that are no dict of functions, and what is no surface.
        ValueError: for no optimisers, an unknown surface, less than one step, and a start that is no point.

    >>> from pullback import optim, viz
    >>> walk = viz.figures.descend({"SGD": lambda params: optim.SGD(params, lr=0.5)}, lambda x, y: x**2 + y**2,
    ...     start=(1.0, 2.0), steps=2)
    >>> walk.paths["SGD"].points.tolist(), walk.paths["SGD"].losses.tolist()
    ([[1.0, 2.0], [0.0, 0.0], [0.0, 0.0]], [5.0, 0.0, 0.0])
    """
    if not isinstance(optimizers, Mapping) or not all(map(callable, optimizers.values())):
        raise TypeError(
            "optimisers are given by name, as functions of their parameters: "
            '{"SGD": lambda params: optim.SGD(params, lr=0.03)}'
        )
    if not optimizers:
        raise ValueError("there is no optimiser to follow")
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise ValueError(f"steps is a whole number from 1 on, not {steps!r}")
    point = None if start is None else np.asarray(start, np.float64)
    if point is not None and (point.shape != (2,) or not np.isfinite(point).all()):
        raise ValueError(f"a start is a point (x, y), not {start!r}")
    ground = surface_of(surface, None if point is None else (float(point[0]), float(point[1])))
    first = ground.start if point is None else (float(point[0]), float(point[1]))
    paths = {name: _walk(ground, make, first, steps) for name, make in optimizers.items()}
    return Trajectories(ground, first, paths)


def _walk(
    surface: Surface, make: Callable[[list[Tensor]], Any], start: tuple[float, float], steps: int
) -> Path:
    place = tensor(start, dtype="float64", requires_grad=True)
    optimizer = make([place])

    def closure() -> Any:
        optimizer.zero_grad()
        loss = surface.function(place[0], place[1])
        loss.backward(retain_graph=True)  # Newton's method differentiates it once more
        return loss

    points = [np.array(start)]
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(steps):
            optimizer.step(closure)
            point = place.detach().numpy().copy()
            if not (np.isfinite(point).all() and np.isfinite(surface(*point))):
                break
            points.append(point)
        walked = np.array(points)
        both = tensor(walked, requires_grad=True)
        losses = surface.function(both[:, 0], both[:, 1])
        losses.sum().backward()
    assert both.grad is not None
    return Path(walked, losses.detach().numpy().copy(), both.grad.numpy().copy())
