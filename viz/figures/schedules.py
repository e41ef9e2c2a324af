"""Learning-rate schedules as a figure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .plot import Plot, drawing, legend_below, new_figure, require_matplotlib, tidy
from .surfaces import Array


@dataclass(frozen=True)
class Rates:
    """The rates of several schedules at each step, and the momenta of those that have one."""

    steps: Array
    """0, 1, …, of shape (steps,)."""
    rates: dict[str, Array]
    momenta: dict[str, Array]


def schedule(
    schedules: Callable[[int], Any] | Mapping[str, Callable[[int], Any]],
    steps: int = 100,
    *,
    log: bool = False,
    theme: str = "light",
) -> Plot[Rates]:
    """Draw learning-rate schedules against the number of steps; below, the momenta that some of them cycle.

    Args:
        schedules: a function from the number of steps to the rate, or several by name: a schedule of
            `optim.schedules`, or a scheduler of `optim.lr_scheduler`, which gives a rate for each group.
        steps: how many steps to draw, from step 0 on.
        log: a logarithmic axis of rates.
        theme: "light" or "dark".

    Returns:
        The figure, and its data: `Rates`. A scheduler of several groups gives several lines, "name, group 0" and
        so on.

    Raises:
        ImportError: without matplotlib.
        TypeError: for what is no function.
        ValueError: for no schedules, less than two steps, and an unknown theme.
    """
    require_matplotlib()
    data = sample(schedules, steps)
    with drawing(theme) as look:
        figure = new_figure(7.2, 5.2 if data.momenta else 3.8)
        rows = 2 if data.momenta else 1
        grid = figure.add_gridspec(rows, 1, height_ratios=(2, 1)[:rows])
        panels = [figure.add_subplot(grid[0, 0])]
        if data.momenta:
            panels.append(figure.add_subplot(grid[1, 0], sharex=panels[0]))
        styles = dict(zip(data.rates, look.styles(), strict=False))
        for axes, series, title in zip(
            panels, (data.rates, data.momenta), ("learning rate", "momentum"), strict=False
        ):
            for name, values in series.items():
                style = styles[name]
                axes.plot(
                    data.steps,
                    values,
                    color=style.color,
                    linestyle=style.linestyle,
                    linewidth=1.8,
                    marker=style.marker,
                    markersize=4,
                    markevery=max(1, len(data.steps) // 12),
                    label=name,
                )
            tidy(axes, title, "step" if axes is panels[-1] else "", "")
        if log:
            panels[0].set_yscale("log")
        else:
            panels[0].set_ylim(bottom=min(0.0, *(float(np.min(values)) for values in data.rates.values())))
        legend_below(figure, panels[0], 5)
    return Plot(figure, data)


def sample(schedules: Callable[[int], Any] | Mapping[str, Callable[[int], Any]], steps: int = 100) -> Rates:
    """The rates of schedules at the steps 0, 1, …; the data of `viz.schedule`.

    >>> from pullback import optim, viz
    >>> viz.figures.sample(optim.schedules.Step(2, 0.5), 4).rates["Step"].tolist()
    [1.0, 1.0, 0.5, 0.5]
    """
    named = schedules if isinstance(schedules, Mapping) else {_name(schedules): schedules}
    if not named:
        raise ValueError("there is no schedule to draw")
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 2:
        raise ValueError(f"steps is a whole number from 2 on, not {steps!r}")
    rates: dict[str, Array] = {}
    momenta: dict[str, Array] = {}
    for name, function in named.items():
        if not callable(function):
            raise TypeError(
                f"a schedule is a function of the step, and {name!r} is a {type(function).__name__}"
            )
        values = np.array([function(t) for t in range(steps)], np.float64)
        if values.ndim == 1 or values.shape[1] == 1:
            rates[name] = values.reshape(steps)
        else:
            rates |= {f"{name}, group {group}": column for group, column in enumerate(values.T)}
        momentum = getattr(function, "momentum", None)
        if callable(momentum) and momentum(0) is not None and name in rates:
            momenta[name] = np.array([momentum(t) for t in range(steps)], np.float64)
    return Rates(np.arange(steps), rates, momenta)


def _name(function: Any) -> str:
    name = getattr(function, "__name__", type(function).__name__)
    return "schedule" if name == "<lambda>" else str(name)
