"""Loss surfaces of two parameters on which optimisers show their character."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...autograd import Tensor, asarray, no_grad

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Surface:
    """A function of two parameters, and the part of it that is worth a look.

    Args:
        name: what it is called in the picture.
        function: gives the loss for x and y, element by element, as tensors.
        start: where paths begin.
        x: the range that is drawn.
        y: the range that is drawn.
        minima: the points of least loss, if they are known.
        saddles: points where the gradient is zero and the loss falls on both sides.
    """

    name: str
    function: Callable[[Any, Any], Any]
    start: tuple[float, float]
    x: tuple[float, float]
    y: tuple[float, float]
    minima: tuple[tuple[float, float], ...] = ()
    saddles: tuple[tuple[float, float], ...] = ()

    def __call__(self, x: Any, y: Any) -> Array:
        """The loss at points given by two arrays, without gradients."""
        with no_grad(), np.errstate(over="ignore", invalid="ignore"):
            result = self.function(asarray(x), asarray(y))
        return np.asarray(result.numpy() if isinstance(result, Tensor) else result)

    def grid(self, count: int = 201) -> tuple[Array, Array, Array]:
        """Count × count points over the ranges: x, y and the loss.

        Raises:
            ValueError: for a function that does not give one loss for each point.
        """
        x, y = np.meshgrid(np.linspace(*self.x, count), np.linspace(*self.y, count))
        loss = self(x, y)
        if loss.shape != x.shape:
            raise ValueError(
                f"the surface {self.name!r} gave shape {loss.shape} for {x.shape} points; write its function in "
                "operations that work element by element"
            )
        return x, y, loss


SURFACES = {
    surface.name: surface
    for surface in (
        Surface(
            "taco shell",
            lambda x, y: (x**2 + 64 * y**2) / 2,
            (-4.5, 0.9),
            (-5.5, 2.5),
            (-1.4, 1.4),
            minima=((0.0, 0.0),),
        ),
        Surface(
            "saddle",
            lambda x, y: x**2 / 2 - y**2 / 2 + y**4 / 4,
            (-1.2, 1e-3),
            (-1.6, 1.6),
            (-1.6, 1.6),
            minima=((0.0, -1.0), (0.0, 1.0)),
            saddles=((0.0, 0.0),),
        ),
        Surface(
            "Rosenbrock",
            lambda x, y: (1 - x) ** 2 + 100 * (y - x**2) ** 2,
            (-1.2, 1.0),
            (-1.8, 1.6),
            (-0.6, 1.8),
            minima=((1.0, 1.0),),
        ),
        Surface(
            "Beale",
            lambda x, y: (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2,
            (1.0, 1.5),
            (-0.5, 4.5),
            (-1.5, 2.0),
            minima=((3.0, 0.5),),
            saddles=((0.0, 1.0),),
        ),
    )
}
"""The surfaces that `trajectory` knows by name. The "taco shell" is the CS231n notes' steep valley: the curvature is
1 along x and 64 along y, so its condition number is 64. The "saddle" is level at (0, 0), with a minimum on either side.
Rosenbrock, 1960; Beale, 1958."""


def surface_of(given: Any, start: tuple[float, float] | None) -> Surface:
    """A surface from its name, from a surface, or from a function of x and y.

    Raises:
        ValueError: for an unknown name.
        TypeError: for something else.
    """
    if isinstance(given, Surface):
        return given
    if isinstance(given, str):
        known = {_plain(name): surface for name, surface in SURFACES.items()}
        if _plain(given) not in known:
            raise ValueError(f"there is no surface {given!r}; there are {', '.join(map(repr, SURFACES))}")
        return known[_plain(given)]
    if not callable(given):
        raise TypeError(
            f"a surface is a name, a Surface or a function of x and y, not a {type(given).__name__}"
        )
    x, y = start or (0.0, 0.0)
    return Surface(getattr(given, "__name__", "surface"), given, (x, y), (x - 2, x + 2), (y - 2, y + 2))


def _plain(name: str) -> str:
    return name.lower().replace("_", " ").replace("-", " ")
