"""Series of numbers as lines: trainings side by side, a quantity against another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...autograd import Tensor
from .plot import Plot, Style, drawing, legend_below, new_figure, require_matplotlib, tidy
from .surfaces import Array


@dataclass(frozen=True)
class Lines:
    """Lines by name, in panels by title."""

    panels: dict[str, dict[str, tuple[Array, Array]]]
    """The x and y of each line, two arrays of one length."""


def lines(
    series: Mapping[str, Any],
    *,
    title: str = "",
    x: str = "",
    y: str = "",
    log: str = "",
    share: bool = True,
    theme: str = "light",
) -> Plot[Lines]:
    """Draw some series of numbers by name, in one panel or in several side by side.

    A name has the same colour, dashes and marker in every panel. Values that are not finite are gaps, and so are those
    that are not positive on a logarithmic axis: a loss that exploded ends where it did.

    Args:
        series: by name, a sequence of values, which stand at 0, 1, …, or a tuple (x, y) of two sequences; or, by the
            titles of panels, such dicts.
        title: over the figure, or over the only panel.
        x: what stands along.
        y: what stands upwards.
        log: the axes that are logarithmic: "x", "y" or "xy".
        share: whether panels have one scale upwards, so that they can be compared.
        theme: "light" or "dark".

    Returns:
        The figure, and its data: `Lines`.

    Raises:
        ImportError: without matplotlib.
        TypeError: for series that are no dict.
        ValueError: for no series, for one that is no sequence of numbers, an x and y of different lengths, and other
            axes than these.

    >>> from pullback import viz
    >>> figure, data = viz.lines({"2ᵗ": [1, 2, 4, 8], "t²": ([0, 1, 3], [0, 1, 9])}, x="t", log="y")
    >>> data.panels[""]["t²"][0].tolist()
    [0.0, 1.0, 3.0]
    """
    require_matplotlib()
    data = collect_lines(series)
    if log not in ("", "x", "y", "xy"):
        raise ValueError(f'log names logarithmic axes: "x", "y" or "xy", not {log!r}')
    panels = data.panels
    names = list(dict.fromkeys(name for one in panels.values() for name in one))
    with drawing(theme) as look:
        styles = dict(zip(names, look.styles(), strict=False))
        figure = new_figure(6.4 if len(panels) == 1 else min(9.6, 3.6 * len(panels)), 3.8)
        for place, (name, one) in enumerate(panels.items()):
            first = figure.axes[0] if figure.axes else None
            axes = figure.add_subplot(1, len(panels), place + 1, sharey=first if share else None)
            for label, points in one.items():
                _draw(axes, points, label, styles[label], log)
            if "x" in log:
                axes.set_xscale("log")
                _ticks_at_points(axes, one)
            elif all(np.array_equal(along, np.round(along)) for along, _ in one.values()):
                axes.locator_params("x", integer=True)  # there is no epoch 1.5
            if "y" in log:
                axes.set_yscale("log")
            tidy(axes, name or title, x, "" if first else y)
            if share and first:
                axes.tick_params(labelleft=False)
        if "" not in panels and title:
            figure.suptitle(title, fontsize=11, x=0.01, ha="left", color=look.ink)
        if len(names) > 1:
            for (
                label
            ) in names:  # a line that is not in the first panel has its place in the legend all the same
                if label not in next(iter(panels.values())):
                    _draw(figure.axes[0], (np.empty(0), np.empty(0)), label, styles[label], log)
            across = int(11 * figure.get_figwidth() / (max(map(len, names)) + 6))
            legend_below(figure, figure.axes[0], min(4, max(1, across)))
    return Plot(figure, data)


def collect_lines(series: Mapping[str, Any]) -> Lines:
    """Series as arrays; the data of `viz.lines`."""
    if not isinstance(series, Mapping):
        raise TypeError(f"series are given by name, as a dict, and not as a {type(series).__name__}")
    nested = [isinstance(value, Mapping) for value in series.values()]
    if any(nested) and not all(nested):
        raise ValueError("series are all sequences, or all dicts of them, one for each panel")
    panels = dict(series) if any(nested) else {"": series}
    if not all(panels.values()):
        raise ValueError("there are no series to be drawn")
    return Lines(
        {name: {key: _points(key, value) for key, value in one.items()} for name, one in panels.items()}
    )


def _points(name: str, value: Any) -> tuple[Array, Array]:
    paired = isinstance(value, tuple) and len(value) == 2 and np.ndim(_array(value[0])) == 1
    y = _array(value[1] if paired else value)
    x = _array(value[0]) if paired else np.arange(len(y) if y.ndim else 0, dtype=np.float64)
    if y.ndim != 1 or not y.size or x.shape != y.shape:
        raise ValueError(
            f"the series {name!r} should be numbers, or a tuple of two equally long sequences of them, and has "
            f"shape {y.shape}" + (f" for {x.shape} places" if paired else "")
        )
    return x, y


def _array(value: Any) -> Array:
    return np.asarray(value.detach().numpy() if isinstance(value, Tensor) else value, np.float64)


def _draw(axes: Any, points: tuple[Array, Array], label: str, style: Style, log: str) -> None:
    x, y = points
    seen = np.isfinite(y) & np.isfinite(x)
    if "y" in log:
        seen &= y > 0
    if "x" in log:
        seen &= x > 0
    axes.plot(
        x,
        np.where(seen, y, np.nan),
        color=style.color,
        linestyle=style.linestyle,
        marker=style.marker,
        markersize=4,
        markevery=max(1, len(x) // 12),
        linewidth=1.7,
        label=label,
    )


def _ticks_at_points(axes: Any, series: Mapping[str, tuple[Array, Array]], most: int = 8) -> None:
    """On a logarithmic axis, ticks where the points stand, if they are few; else those of the decades alone."""
    along = np.unique(np.concatenate([x for x, _ in series.values()]))
    along = along[np.isfinite(along) & (along > 0)]
    if 0 < len(along) <= most:
        axes.set_xticks(along, [f"{value:g}" for value in along])
        axes.set_xticks([], minor=True)
    else:
        axes.tick_params("x", which="minor", labelbottom=False)
