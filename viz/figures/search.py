"""Trials of a hyper-parameter search as a scatter plot."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .plot import Plot, drawing, new_figure, require_matplotlib, tidy
from .surfaces import Array


@dataclass(frozen=True)
class Trials:
    """Trials of a search: two hyper-parameters and a score each, and which trial was best."""

    x: Array
    y: Array
    scores: Array
    best: int


def hyperparameters(
    trials: Iterable[Mapping[str, Any]],
    x: str,
    y: str,
    score: str = "score",
    *,
    larger_is_better: bool = True,
    log: bool | Collection[str] = True,
    theme: str = "light",
) -> Plot[Trials]:
    """Draw where a search has looked and what it found: two hyper-parameters, with the score as colour and size.

    A best trial at the edge of the range means that the range should move (CS231n notes, "Neural Networks Part 3",
    section "Hyperparameter optimization"); the title says so.

    Args:
        trials: dicts that hold the hyper-parameters and the score of each trial.
        x: the name of the one along.
        y: the name of the one upwards.
        score: the name of the score.
        larger_is_better: False for a loss.
        log: logarithmic axes, for positive values; or the names of those that are to be logarithmic.
        theme: "light" or "dark".

    Returns:
        The figure, and its data: `Trials`.

    Raises:
        ImportError: without matplotlib.
        KeyError: for a trial without one of the names.
        ValueError: for no trial with a finite score, and values that are not positive on logarithmic axes.
    """
    require_matplotlib()
    data = collect(trials, x, y, score, larger_is_better=larger_is_better)
    names = (x, y) if log is True else log or ()
    for name, values in ((x, data.x), (y, data.y)):
        if name in names and np.nanmin(values) <= 0:
            raise ValueError(f"a logarithmic axis needs positive values of {name!r}; pass log=False")
    finite = np.isfinite(data.scores)
    low, high = data.scores[finite].min(), data.scores[finite].max()
    rank = (data.scores - low) / ((high - low) or 1.0)
    rank = rank if larger_is_better else 1 - rank
    with drawing(theme) as look:
        figure = new_figure(6.4, 4.6)
        axes = figure.add_subplot()
        points = axes.scatter(
            data.x[finite],
            data.y[finite],
            s=30 + 90 * rank[finite],
            c=data.scores[finite],
            cmap="cividis" if larger_is_better else "cividis_r",
            edgecolors=look.ink,
            linewidths=0.6,
        )
        axes.scatter(data.x[~finite], data.y[~finite], marker="x", color=look.muted)
        best = (data.x[data.best], data.y[data.best])
        axes.scatter(*best, s=260, facecolors="none", edgecolors=look.ink, linewidths=1.8)
        if x in names:
            axes.set_xscale("log")
        if y in names:
            axes.set_yscale("log")
        edge = [name for name, values in ((x, data.x), (y, data.y)) if at_the_edge(values, data.best)]
        advice = f"; at the edge of {' and '.join(edge)}: widen the range" if edge else ""
        tidy(axes, f"best {score} {data.scores[data.best]:.4g}{advice}", x, y)
        bar = figure.colorbar(points, ax=axes, label=score)
        bar.outline.set_edgecolor(look.faint)
    return Plot(figure, data)


def collect(
    trials: Iterable[Mapping[str, Any]],
    x: str,
    y: str,
    score: str = "score",
    *,
    larger_is_better: bool = True,
) -> Trials:
    """The trials as arrays, and the best; the data of `viz.hyperparameters`."""
    listed = list(trials)
    for name in (x, y, score):
        absent = next((trial for trial in listed if name not in trial), None)
        if absent is not None:
            raise KeyError(f"a trial has no {name!r}; it has {', '.join(map(repr, absent)) or 'nothing'}")
    columns = [np.array([float(trial[name]) for trial in listed]) for name in (x, y, score)]
    if not np.isfinite(columns[2]).any():
        raise ValueError("no trial has a finite score")
    best = np.nanargmax(
        np.where(np.isfinite(columns[2]), columns[2] if larger_is_better else -columns[2], -np.inf)
    )
    along, upwards, scores = columns
    return Trials(along, upwards, scores, int(best))


def at_the_edge(values: Array, best: int) -> bool:
    """Whether the best of at least four trials has the least or the largest value."""
    return len(values) >= 4 and values.min() < values.max() and values[best] in (values.min(), values.max())
