"""How a classifier decides: its confusion matrix, and its regions in the plane."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...autograd import Tensor, no_grad, tensor
from .capture import fitting, unmoved
from .plot import Plot, drawing, legend_below, new_figure, require_matplotlib, tidy
from .surfaces import Array


@dataclass(frozen=True)
class Confusion:
    """How often each class was taken for each other: `counts[true, predicted]`."""

    counts: Array
    classes: tuple[str, ...]

    @property
    def accuracy(self) -> float:
        """The share that was right."""
        return float(np.trace(self.counts) / max(1, self.counts.sum()))


def confusion_matrix(
    predicted: Any, target: Any, classes: Sequence[str] | None = None, *, theme: str = "light"
) -> Plot[Confusion]:
    """Draw how often each class was taken for each other, as shares of the true class, with the counts in them.

    Args:
        predicted: the numbers of the classes, of shape (N,), or scores of shape (N, classes).
        target: the true numbers, of shape (N,).
        classes: their names; the numbers if not given.
        theme: "light" or "dark".

    Returns:
        The figure, and its data: `Confusion`.

    Raises:
        ImportError: without matplotlib.
        ValueError: for shapes that do not fit, for no examples, and for a class without a name.
    """
    require_matplotlib()
    data = confuse(predicted, target, classes)
    count = len(data.classes)
    shares = data.counts / np.maximum(1, data.counts.sum(1, keepdims=True))
    with drawing(theme) as look:
        side = 2.2 + 0.42 * count
        figure = new_figure(side + 0.6, side)
        axes = figure.add_subplot()
        axes.imshow(shares, cmap=look.map(signed=False), vmin=0, vmax=1)
        for (row, column), number in np.ndenumerate(data.counts):
            if number:
                color = look.on(look.map(signed=False)(shares[row, column]))
                axes.text(column, row, str(number), ha="center", va="center", fontsize=8, color=color)
        axes.set_xticks(range(count), data.classes, rotation=45 if max(map(len, data.classes)) > 3 else 0)
        axes.set_yticks(range(count), data.classes)
        tidy(axes, f"accuracy {data.accuracy:.1%}", "predicted", "true")
        axes.grid(False)
    return Plot(figure, data)


def confuse(predicted: Any, target: Any, classes: Sequence[str] | None = None) -> Confusion:
    """Count the pairs of true and predicted classes; the data of `viz.confusion_matrix`.

    >>> from pullback.viz.figures import confuse
    >>> confuse([0, 1, 1, 1], [0, 0, 1, 1]).counts.tolist()
    [[1, 1], [0, 2]]
    """
    guess, truth = (
        np.asarray(x.detach().numpy() if isinstance(x, Tensor) else x) for x in (predicted, target)
    )
    width = guess.shape[1] if guess.ndim == 2 else 0
    guess = guess.argmax(1) if guess.ndim == 2 and guess.size else guess
    if guess.shape != truth.shape or guess.ndim != 1 or not guess.size:
        raise ValueError(
            f"predictions of shape {np.shape(predicted)} and targets of shape {truth.shape} are no pairs; "
            "(N,) or (N, classes) and (N,) are"
        )
    if guess.dtype.kind not in "iu" or truth.dtype.kind not in "iu" or min(guess.min(), truth.min()) < 0:
        raise ValueError("classes are whole numbers from 0 on")
    count = max(width, int(guess.max()) + 1, int(truth.max()) + 1)
    names = [str(number) for number in range(count)] if classes is None else list(classes)
    if len(names) < count:
        raise ValueError(f"there are {count} classes and {len(names)} names")
    counts = np.zeros((len(names), len(names)), np.int64)
    np.add.at(counts, (truth, guess), 1)
    return Confusion(counts, tuple(names))


@dataclass(frozen=True)
class Regions:
    """What a model decides over a part of the plane."""

    x: Array
    """Shape (rows, columns)."""
    y: Array
    scores: Array
    """Shape (rows, columns, classes)."""
    decisions: Array
    """The class at each place, of shape (rows, columns)."""


def decision_boundary(
    model: Callable[[Any], Any],
    points: Any,
    labels: Any,
    *,
    classes: Sequence[str] | None = None,
    resolution: int = 200,
    theme: str = "light",
) -> Plot[Regions]:
    """Draw which class a model gives to each place of the plane, with the points that it learned from.

    Args:
        model: gives scores of shape (N, classes) for a tensor of shape (N, 2), or (N,) or (N, 1) for two classes,
            with the boundary at zero; run as it is, without gradients.
        points: of shape (N, 2).
        labels: their classes, of shape (N,).
        classes: names for the legend; the numbers if not given.
        resolution: the number of places along each side.
        theme: "light" or "dark".

    Returns:
        The figure, and its data: `Regions`.

    Raises:
        ImportError: without matplotlib.
        ValueError: for shapes that do not fit.
    """
    require_matplotlib()
    places, truth = (np.asarray(a.detach().numpy() if isinstance(a, Tensor) else a) for a in (points, labels))
    data = decide(model, places, resolution)
    if truth.shape != (len(places),):
        raise ValueError(f"{len(places)} points have labels of shape ({len(places)},), not {truth.shape}")
    kinds = np.unique(np.concatenate([np.unique(truth), np.unique(data.decisions)])).astype(int)
    with drawing(theme) as look:
        figure = new_figure(5.6, 5.2)
        axes = figure.add_subplot()
        for kind, style in zip(kinds, look.styles(), strict=False):
            inside = (data.decisions == kind).astype(float)
            if inside.mean() > 0:
                axes.contourf(data.x, data.y, inside, levels=[0.5, 1.5], colors=[style.color], alpha=0.18)
            if 0 < inside.mean() < 1:
                axes.contour(data.x, data.y, inside, levels=[0.5], colors=[look.ink], linewidths=1.0)
            mine = places[truth == kind]
            name = str(kind) if classes is None else classes[kind]
            axes.scatter(
                mine[:, 0],
                mine[:, 1],
                s=24,
                c=style.color,
                marker=style.marker,
                edgecolors=look.paper,
                linewidths=0.6,
                label=name,
            )
        tidy(axes, "decision regions", "x₀", "x₁")
        axes.grid(False)
        legend_below(figure, axes, 6)
    return Plot(figure, data)


def decide(model: Callable[[Any], Any], points: Any, resolution: int = 200) -> Regions:
    """What a model decides around some points; the data of `viz.decision_boundary`."""
    places = np.asarray(points)
    if places.ndim != 2 or places.shape[1] != 2 or not len(places):
        raise ValueError(f"a boundary is drawn in the plane, for points of shape (N, 2), not {places.shape}")
    if not np.isfinite(places).all():
        raise ValueError("a boundary is drawn around points, and some of these are not finite")
    low, high = places.min(0), places.max(0)
    margin = 0.08 * np.where(high > low, high - low, 1.0)
    sides = [np.linspace(a, b, resolution) for a, b in zip(low - margin, high + margin, strict=True)]
    x, y = np.meshgrid(*sides)
    with no_grad(), unmoved(model):
        result = model(tensor(fitting(model, np.stack([x.ravel(), y.ravel()], 1))))
    scores = np.asarray(result.numpy() if isinstance(result, Tensor) else result)
    if scores.ndim not in (1, 2) or len(scores) != x.size:
        raise ValueError(
            f"the model must give scores (N, classes) for {x.size} points, and gave shape {scores.shape}"
        )
    scores = scores.reshape(resolution, resolution, -1)
    decisions = (scores[..., 0] > 0).astype(int) if scores.shape[-1] == 1 else scores.argmax(-1)
    return Regions(x, y, scores, decisions)
