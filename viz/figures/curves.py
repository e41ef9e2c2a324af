"""Learning curves, with the diagnoses that the CS231n notes read off them."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import Any

import numpy as np

from .diagnosis import Curves, Diagnosis, diagnose
from .plot import Look, Plot, Style, drawing, legend_below, new_figure, require_matplotlib, tidy
from .surfaces import Array


def learning_curves(history: Any, *, theme: str = "light") -> Plot[Curves]:
    """Draw the curves of a training, with what the CS231n notes would say about them.

    The diagnoses are: a loss that is flat at first and falls then (initialisation), one that has stopped falling
    far from zero (plateau: decay the rate), a growing gap between training and validation (overfitting), no gap
    and no good score either (underfitting), a loss that grows (diverging), one that falls in a straight line and
    hardly (rate too low), one that jumps about (noisy), and one that still falls at the end.
    They are rules of thumb about the shape of the curves: see `figures.diagnose`.

    Args:
        history: what `train.fit` returned; or a dict of one value per epoch by name, such as
            `{"loss": [...], "validation loss": [...], "accuracy": [...], "validation accuracy": [...]}`.
        theme: "light" or "dark".

    Returns:
        The figure, and its data: `Curves`, with its `diagnoses`.

    Raises:
        ImportError: without matplotlib.
        ValueError: for no epochs, for curves of different lengths, and for no loss.
    """
    require_matplotlib()
    data = diagnose(history)
    names = list(dict.fromkeys([*data.training, *data.validation]))
    with drawing(theme) as look:
        figure = new_figure(max(7.2, 4.9 * len(names)), 3.7 + 0.2 * len(data.diagnoses))
        first, second = (style for style, _ in zip(look.styles(), range(2), strict=False))
        for place, name in enumerate(names):
            axes = figure.add_subplot(1, len(names), place + 1)
            for label, curves, style in (
                ("training", data.training, first),
                ("validation", data.validation, second),
            ):
                if name in curves:
                    _line(axes, curves[name], label, style)
            if name == "loss":
                _mark(axes, data.diagnoses, look)
            tidy(axes, name, "epoch", "")
        legend_below(figure, figure.axes[0], 2)
        lines = [f"{d.kind}, epochs {d.first}–{d.last}: {d.advice}" for d in data.diagnoses] or [
            "nothing stands out"
        ]
        says = "\n".join(fill(line, int(14 * figure.get_figwidth())) for line in lines)
        figure.suptitle(says, fontsize=9, x=0.01, ha="left", color=look.ink)
    return Plot(figure, data)


def _line(axes: Any, values: Array, label: str, style: Style) -> None:
    axes.plot(
        np.arange(1, len(values) + 1),
        values,
        color=style.color,
        linestyle=style.linestyle,
        marker=style.marker,
        markersize=4,
        markevery=max(1, len(values) // 15),
        linewidth=1.8,
        label=label,
    )


def _mark(axes: Any, diagnoses: Sequence[Diagnosis], look: Look) -> None:
    bottom, top = axes.get_ylim()
    axes.set_ylim(bottom, top + (0.02 + 0.08 * len(diagnoses)) * (top - bottom))  # room for the names
    for number, found in enumerate(diagnoses):
        axes.axvspan(found.first - 0.4, found.last + 0.4, color=look.faint, alpha=0.14, linewidth=0)
        axes.annotate(
            found.kind,
            ((found.first + found.last) / 2, 0.985 - 0.075 * number),
            xycoords=("data", "axes fraction"),
            ha="center",
            va="top",
            fontsize=8,
            color=look.ink,
        )
