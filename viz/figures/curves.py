"""Learning curves, with the diagnoses that the CS231n notes read off them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import Any

import numpy as np

from .plot import Look, Plot, Style, drawing, legend_below, new_figure, require_matplotlib, tidy
from .surfaces import Array


@dataclass(frozen=True)
class Diagnosis:
    """What a pair of curves says."""

    kind: str
    """"initialisation", "plateau", "overfitting", "underfitting", "diverging" or "still improving"."""
    advice: str
    first: int
    last: int
    """The epochs from which and to which it is seen, from 1 on."""


@dataclass(frozen=True)
class Curves:
    """The curves of a training, one value per epoch, and what they say."""

    training: dict[str, Array]
    """By the name of the score: "loss", and the metrics."""
    validation: dict[str, Array]
    diagnoses: tuple[Diagnosis, ...]


def learning_curves(history: Any, *, theme: str = "light") -> Plot[Curves]:
    """Draw the curves of a training, with what the CS231n notes would say about them.

    The diagnoses are: a loss that is flat at first and falls then (initialisation), one that has stopped falling
    far from zero (plateau: decay the rate), a growing gap between training and validation (overfitting), no gap
    and no good score either (underfitting), a loss that grows (diverging), and one that still falls at the end.
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


def diagnose(history: Any) -> Curves:
    """The curves of a training and what they say; the data of `viz.learning_curves`.

    With L the training loss, smoothed a little, and D how far it has fallen in all:

    - initialisation: it falls by less than 5 % of D in the first fifth (at least 3 epochs), and much later;
    - diverging: it ends above its start, or is no longer finite;
    - plateau: it falls by less than 2 % of D in the last third, and is still above 5 % of its start;
    - still improving: it falls by more than 5 % of D in the last fifth;
    - overfitting: the gap between validation and training loss grows through the last half, and the validation loss
      is above its best by more than 5 %;
    - underfitting: validation and training loss differ by less than 5 % of the training loss at the end, which is
      above a third of its start.

    Raises:
        ValueError: for no epochs, for curves of different lengths, and for no loss.

    >>> from pullback.viz.figures import diagnose
    >>> curves = diagnose({"loss": [2.3] * 10 + [2.3 * 0.7**t for t in range(30)]})
    >>> [(found.kind, found.first, found.last) for found in curves.diagnoses]
    [('initialisation', 1, 11)]
    """
    training, validation = _series(history)
    loss = training["loss"]
    found = _training_shape(loss)
    if (
        "loss" in validation
        and len(loss) >= 5
        and np.isfinite(loss).all()
        and np.isfinite(validation["loss"]).all()
    ):
        found += _gap(loss, validation["loss"])
    return Curves(training, validation, tuple(found))


def _series(history: Any) -> tuple[dict[str, Array], dict[str, Array]]:
    if isinstance(history, Mapping):
        named = {str(name): np.asarray(values, np.float64) for name, values in history.items()}
    else:
        epochs = list(history)
        named = {"loss": np.array([epoch.loss for epoch in epochs], np.float64)}
        # A metric of several numbers, such as a confusion matrix, is no curve.
        metrics = [name for name, value in epochs[0].metrics.items() if np.ndim(value) == 0] if epochs else []
        named |= {name: np.array([epoch.metrics[name] for epoch in epochs], np.float64) for name in metrics}
        if epochs and all(epoch.validation is not None for epoch in epochs):
            named["validation loss"] = np.array([epoch.validation.loss for epoch in epochs], np.float64)
            for name in metrics:
                values = [epoch.validation.metrics[name] for epoch in epochs]
                named[f"validation {name}"] = np.array(values, np.float64)
    prefix = "validation "
    training = {name: values for name, values in named.items() if not name.startswith(prefix)}
    validation = {
        name.removeprefix(prefix): values for name, values in named.items() if name.startswith(prefix)
    }
    lengths = {values.shape for values in named.values()}
    if "loss" not in training:
        raise ValueError(
            f"curves of a training have a 'loss', and these have {', '.join(map(repr, named)) or 'none'}"
        )
    if len(lengths) != 1 or len(next(iter(lengths))) != 1 or not training["loss"].size:
        raise ValueError(f"each curve has one value per epoch, and these have shapes {sorted(lengths)}")
    return training, validation


def _training_shape(loss: Array) -> list[Diagnosis]:
    count = len(loss)
    if not np.isfinite(loss).all():
        first = int(np.argmin(np.isfinite(loss))) + 1
        return [Diagnosis("diverging", "the loss is not finite: lower the learning rate", first, count)]
    if count < 5:
        return []
    smooth = _smoothed(loss)
    fallen = smooth[0] - smooth.min()
    if smooth[-1] > smooth[0] or fallen <= 0:
        return [
            Diagnosis(
                "diverging", "the loss grows: lower the learning rate", int(np.argmin(smooth)) + 1, count
            )
        ]
    found = []
    early = max(3, count // 5)
    if count > early and smooth[0] - smooth[:early].min() < 0.05 * fallen:
        flat = int(np.argmax(smooth[0] - smooth >= 0.05 * fallen))
        found.append(
            Diagnosis("initialisation", "flat first and falling then: initialise better", 1, max(1, flat))
        )
    third, fifth = count - max(2, count // 3), count - max(2, count // 5)
    if smooth[third] - smooth[-1] < 0.02 * fallen and smooth[-1] > 0.05 * smooth[0]:
        level = smooth[third:].mean()
        start = int(np.argmax(smooth - level < 0.02 * fallen + 1e-12))
        found.append(Diagnosis("plateau", "it no longer falls: decay the learning rate", start + 1, count))
    elif smooth[fifth] - smooth[-1] > 0.05 * fallen:
        found.append(Diagnosis("still improving", "it still falls: train longer", fifth + 1, count))
    return found


def _gap(training: Array, validation: Array) -> list[Diagnosis]:
    count = len(training)
    loss, checked = _smoothed(training), _smoothed(validation)
    gap, best = checked - loss, int(np.argmin(checked))
    half = max(count // 2, best) if best < count - 2 else count // 2
    if gap[-1] > gap[half] and gap[-1] > 0.1 * loss[0] and checked[-1] > 1.05 * checked[best]:
        advice = "the gap grows: regularise more, get more data, or stop at the best epoch"
        return [Diagnosis("overfitting", advice, best + 1, count)]
    if abs(gap[-1]) < 0.05 * abs(loss[-1]) and loss[-1] > loss[0] / 3:
        return [
            Diagnosis(
                "underfitting", "no gap and no good loss: a larger model", max(1, count - count // 3), count
            )
        ]
    return []


def _smoothed(values: Array) -> Array:
    """The running mean over about a twentieth of the curve, which leaves short curves as they are."""
    width = max(1, len(values) // 20)
    padded = np.pad(values, (width // 2, width - 1 - width // 2), mode="edge")
    return np.convolve(padded, np.ones(width) / width, mode="valid")
