"""Scores of several methods over seeds or folds: every value, the mean, and its standard error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...autograd import Tensor
from .plot import Plot, drawing, new_figure, require_matplotlib, tidy
from .surfaces import Array


@dataclass(frozen=True)
class Comparison:
    """Values by name, with what they come to."""

    values: dict[str, Array]
    means: dict[str, float]
    standard_errors: dict[str, float]
    """The standard deviation over the root of the count; nan for a single value."""


def comparison(
    scores: Mapping[str, Any], *, title: str = "", x: str = "", digits: int = 2, theme: str = "light"
) -> Plot[Comparison]:
    """Draw how methods compare: a row for each, with a dot for every seed or fold, the mean and its standard error.

    A mean without its error says little about two methods that lie close together. Where the same seeds or splits were
    used for all, compare their differences instead, which what they share does not blur.

    Args:
        scores: by name, the scores of one method, one for each seed or fold.
        title: what to write above.
        x: what the scores are.
        digits: how many stand behind the point of the numbers at the right edge.
        theme: "light" or "dark".

    Returns:
        The figure, and its data: `Comparison`.

    Raises:
        ImportError: without matplotlib.
        TypeError: for scores that are no dict.
        ValueError: for no scores, what is no sequence of numbers, and numbers that are not finite.

    >>> from pullback import viz
    >>> figure, data = viz.comparison({"plain": [7.0, 9.0], "ensemble": [6.5, 7.5]}, x="errors, %")
    >>> data.means["plain"], data.standard_errors["plain"]
    (8.0, 1.0)
    """
    require_matplotlib()
    data = compare(scores)
    count = len(data.values)
    with drawing(theme) as look:
        style = next(look.styles())
        figure = new_figure(7.2, 0.34 * count + (1.15 if title else 0.95))
        axes = figure.add_subplot()
        for row, (name, values) in enumerate(data.values.items()):
            mean, error = data.means[name], data.standard_errors[name]
            axes.plot(values, np.full(len(values), row), "o", markersize=4, color=look.faint, zorder=2)
            bar = 0.0 if np.isnan(error) else error
            axes.errorbar(
                mean,
                row,
                xerr=bar,
                fmt="D",
                markersize=5,
                color=style.color,
                capsize=4,
                linewidth=1.8,
                zorder=3,
            )
            said = f"{mean:.{digits}f}" + ("" if np.isnan(error) else f" ± {error:.{digits}f}")
            axes.annotate(
                said,
                (1.02, row),
                xycoords=("axes fraction", "data"),
                va="center",
                fontsize=9,
                color=look.ink,
                annotation_clip=False,
            )
        axes.set_yticks(range(count), list(data.values))
        axes.set_ylim(count - 0.4, -0.6)
        axes.tick_params("y", length=0)
        tidy(axes, title, x, "")
    return Plot(figure, data)


def compare(scores: Mapping[str, Any]) -> Comparison:
    """Means and standard errors by name; the data of `viz.comparison`.

    >>> from pullback.viz.figures import compare
    >>> compare({"a": [1, 2, 3, 6]}).standard_errors["a"].__round__(3)
    1.08
    """
    if not isinstance(scores, Mapping):
        raise TypeError(f"scores are given by name, as a dict, and not as a {type(scores).__name__}")
    if not scores:
        raise ValueError("there are no scores to be compared")
    values = {}
    for name, given in scores.items():
        array = np.asarray(given.detach().numpy() if isinstance(given, Tensor) else given, np.float64)
        if array.ndim != 1 or not array.size or not np.isfinite(array).all():
            raise ValueError(
                f"the scores of {name!r} should be some finite numbers in a row, and are {array} of shape {array.shape}"
            )
        values[str(name)] = array
    return Comparison(
        values,
        {name: float(one.mean()) for name, one in values.items()},
        {
            name: float(one.std(ddof=1) / len(one) ** 0.5) if len(one) > 1 else float("nan")
            for name, one in values.items()
        },
    )
