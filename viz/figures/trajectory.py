"""Paths of optimisers on a loss surface, as a figure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ...autograd import Tensor
from .descent import Trajectories, descend
from .plot import Look, Plot, drawing, legend_below, new_figure, require_matplotlib, tidy
from .surfaces import Surface

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def trajectory(
    optimizers: Mapping[str, Callable[[list[Tensor]], Any]],
    surface: Any = "taco shell",
    *,
    start: tuple[float, float] | None = None,
    steps: int = 60,
    theme: str = "light",
) -> Plot[Trajectories]:
    """Draw the paths of several optimisers on a loss surface of two parameters, and their losses.

    The surfaces show what tells optimisers apart: a valley that is 64 times steeper across than along ("taco
    shell", the CS231n notes' example), a "saddle", the bent valley of "Rosenbrock", and "Beale", flat with steep
    walls.

    Args:
        optimizers: by name, functions that make an optimiser of a list of parameters; see `figures.descend`.
        surface: a name of `figures.SURFACES`, a `figures.Surface`, or a function of x and y.
        start: where to begin; the surface's start if not given.
        steps: how many steps to take.
        theme: "light" or "dark".

    Returns:
        The figure, and its data: `Trajectories` with a `Path` for each optimiser.

    Raises:
        ImportError: without matplotlib.
        TypeError: for optimisers that are no dict of functions, and what is no surface.
        ValueError: for no optimisers, an unknown surface or theme, less than one step, and a start that is no
            point.

    >>> from pullback import optim, viz
    >>> figure, data = viz.trajectory({
    ...     "SGD": lambda params: optim.SGD(params, lr=0.03),
    ...     "momentum": lambda params: optim.SGD(params, lr=0.03, momentum=0.9),
    ... })
    >>> data.paths["SGD"].points.shape
    (61, 2)
    """
    require_matplotlib()
    data = descend(optimizers, surface, start=start, steps=steps)
    with drawing(theme) as look:
        figure = new_figure(9.6, 4.4)
        grid = figure.add_gridspec(1, 2, width_ratios=(1.55, 1))
        ground, losses = (figure.add_subplot(grid[0, column]) for column in (0, 1))
        _draw_contours(ground, data.surface, look)
        _draw_paths(ground, losses, data, look)
        _mark(ground, data, look)
        tidy(ground, f"{data.surface.name}, from ({data.start[0]:g}, {data.start[1]:g})", "x", "y")
        ground.grid(False)
        tidy(losses, "loss", "step", "")
        legend_below(figure, ground, 6)
    return Plot(figure, data)


def _draw_contours(axes: Axes, surface: Surface, look: Look) -> None:
    x, y, loss = surface.grid()
    known = loss[np.isfinite(loss)]
    if known.size and known.min() < known.max():
        levels = np.unique(np.quantile(known, np.linspace(0, 1, 22)[1:-1]))  # as much paper between any two
        axes.contour(
            x, y, loss, levels=levels, colors=look.faint, linewidths=0.7, linestyles="solid", alpha=0.75
        )
    axes.set_xlim(*surface.x)
    axes.set_ylim(*surface.y)


def _mark(axes: Axes, data: Trajectories, look: Look) -> None:
    """The start, and the points of interest."""
    for points, marker, size, label in (
        (data.surface.minima, "*", 130, "minimum"),
        (data.surface.saddles, "x", 60, "saddle point"),
    ):
        if points:
            x, y = np.transpose(points)
            axes.scatter(x, y, s=size, c=look.ink, marker=marker, zorder=4, label=label)
    axes.scatter(*data.start, 70, facecolors=look.paper, edgecolors=look.ink, linewidths=1.6, zorder=5)


def _draw_paths(ground: Axes, losses: Axes, data: Trajectories, look: Look) -> None:
    floor = min(float(np.min(path.losses)) for path in data.paths.values())
    for (name, path), style in zip(data.paths.items(), look.styles(), strict=False):
        every = max(1, len(path.points) // 20)
        ground.plot(
            *path.points.T,
            color=style.color,
            linestyle=style.linestyle,
            marker=style.marker,
            linewidth=1.6,
            markersize=4,
            markevery=every,
            label=name,
            zorder=3,
        )
        losses.plot(
            path.losses,
            color=style.color,
            linestyle=style.linestyle,
            marker=style.marker,
            linewidth=1.6,
            markersize=4,
            markevery=every,
        )
    if floor >= 0 and any(np.any(path.losses > 0) for path in data.paths.values()):
        losses.set_yscale("log")  # a line that reaches zero ends at the bottom
