"""What passes through the layers of a model: histograms of activations and gradients, and units that are dead."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...autograd import Tensor, asarray, enable_grad, gradients, no_grad
from .capture import array, hook, leaves, unmoved
from .plot import Look, Plot, drawing, new_figure, require_matplotlib, tidy
from .surfaces import Array


@dataclass(frozen=True)
class Spread:
    """How the values of an array are spread, by a histogram."""

    counts: Array
    edges: Array
    mean: float
    std: float
    finite: float
    """The share of the values that are finite."""


@dataclass(frozen=True)
class Layer:
    """What one layer gave for a batch."""

    kind: str
    activations: Spread
    gradients: Spread | None
    """Of the loss with respect to the activations, if a loss was given."""
    dead: float
    """The share of the units (features, or channels) that gave the same for every example and place: those of a
    ReLU that never fires give zero."""


@dataclass(frozen=True)
class Layers:
    """What all layers of a model gave for a batch."""

    layers: dict[str, Layer]
    loss: float | None


def measure(
    model: Any,
    input: Any,
    loss: Callable[[Any], Any] | None = None,
    *,
    layers: Sequence[str] | None = None,
    bins: int = 41,
) -> Layers:
    """Look at what passes through the layers of a model for one batch; the data of the figures of layers.

    The model is run once, in the mode that it is in; its parameters' gradients and its buffers stay as they are.

    Args:
        model: a module.
        input: a batch.
        loss: a function of the output that gives a scalar, for the gradients.
        layers: paths of modules; those without modules within, if not given.
        bins: the number of bins of the histograms.

    Raises:
        ValueError: for a layer that the model has not, and a model in which no layer gave a tensor.

    >>> import pullback as pb
    >>> from pullback.viz.figures import measure
    >>> model = pb.nn.Sequential(pb.nn.Linear(2, 8), pb.nn.ReLU())
    >>> _ = pb.nn.init.constant_(model[0].bias, -100.0)
    >>> measure(model, pb.randn(4, 2)).layers["1"].dead
    1.0
    """
    caught: dict[str, Tensor] = {}
    paths = leaves(model) if layers is None else list(layers)
    with ExitStack() as stack, unmoved(model):
        for path in paths:
            stack.enter_context(hook(model, path, caught))
        stack.enter_context(no_grad() if loss is None else enable_grad())
        output = model(asarray(input))
        value = None if loss is None else loss(output)
    if not caught:
        raise ValueError("no layer of the model gave a tensor, so there is nothing to measure")
    slopes: dict[str, Array] = {}
    if value is not None:
        tracked = {path: tensor for path, tensor in caught.items() if tensor.requires_grad}
        found = gradients(value, list(tracked.values()), allow_unused=True) if tracked else ()
        for path, gradient in zip(tracked, found, strict=True):
            if gradient is not None:
                slopes[path] = array(gradient)
    kinds = {path: type(module).__name__ for path, module in model.named_modules()}
    result: dict[str, Layer] = {}
    axis = -1
    for path in paths:
        if path in caught:
            values = array(caught[path]).astype(np.float64)
            slope = spread(slopes[path], bins) if path in slopes else None
            axis = _unit_axis(kinds[path], values.ndim, axis)
            result[path] = Layer(kinds[path], spread(values, bins), slope, _dead(values, axis))
    return Layers(result, None if value is None else float(value.item()))


def spread(values: Array, bins: int = 41) -> Spread:
    """The histogram of an array; values that are not finite are counted apart."""
    flat = np.asarray(values, np.float64).ravel()
    good = flat[np.isfinite(flat)]
    low, high = (float(good.min()), float(good.max())) if good.size else (0.0, 0.0)
    if low == high:
        low, high = low - 0.5, high + 0.5
    counts, edges = np.histogram(good, bins, (low, high))
    mean, std = (float(good.mean()), float(good.std())) if good.size else (np.nan, np.nan)
    return Spread(counts, edges, mean, std, good.size / flat.size if flat.size else 1.0)


def _unit_axis(kind: str, ndim: int, before: int) -> int:
    """Where the units of a layer's output stand: channels behind the batch, features at the end.

    An activation of three axes says neither; its units stand where those of the layer before it do.
    """
    if ndim >= 4 or (ndim == 3 and kind.endswith("1d")):
        return 1
    if ndim < 3 or "Linear" in kind or "LayerNorm" in kind or "RMSNorm" in kind or "Embedding" in kind:
        return -1
    return before


def _dead(values: Array, axis: int) -> float:
    if values.ndim < 2 or not values.size:
        return 0.0
    units = np.moveaxis(values, axis, 0).reshape(values.shape[axis], -1)
    return float(np.mean(np.ptp(units, axis=1) == 0)) if units.shape[1] > 1 else 0.0


def histograms(measured: Layers | Sequence[Layers], *, theme: str = "light") -> Plot[list[Layers]]:
    """Draw how activations and gradients are spread in each layer, for one batch or along a training.

    In a healthy network the spread is about the same in all layers. Activations that shrink from layer to layer,
    or sit at the ends of a tanh, mean an initialisation too small or too large (CS231n notes, "Neural Networks
    Part 2", section "Weight initialization").

    Args:
        measured: what `figures.measure` gave; or several of them, one for each step that was looked at, which are
            drawn from left to right as mean ± standard deviation and range.
        theme: "light" or "dark".

    Returns:
        The figure, and its data: the list of what was measured.

    Raises:
        ImportError: without matplotlib.
        ValueError: for nothing, and for measurements of different layers.
    """
    require_matplotlib()
    data = [measured] if isinstance(measured, Layers) else list(measured)
    if not data or not data[0].layers:
        raise ValueError("there is nothing measured to be drawn")
    names = list(data[0].layers)
    if any(list(other.layers) != names for other in data):
        raise ValueError("the measurements are of different layers; they must be of one model")
    sloped = any(layer.gradients for one in data for layer in one.layers.values())
    columns = 2 if sloped else 1
    with drawing(theme) as look:
        figure = new_figure(4.6 * columns + 0.4, 0.6 + 1.35 * len(names))
        for row, name in enumerate(names):
            for column in range(columns):
                axes = figure.add_subplot(len(names), columns, row * columns + column + 1)
                spreads = [
                    one.layers[name].gradients if column else one.layers[name].activations for one in data
                ]
                _draw_spreads(axes, spreads, look, column)
                kind = f"{name}  {data[0].layers[name].kind}"
                title = f"{kind}, gradient" if column else kind
                tidy(axes, title + (f": {_summary(spreads[0])}" if len(data) == 1 else ""), "", "")
                axes.title.set_fontsize(9)
                axes.grid(axis="x", visible=False)
                if len(data) > 1 and row == len(names) - 1:
                    axes.set_xlabel("measurement")
    return Plot(figure, data)


def _summary(one: Spread | None) -> str:
    if one is None:
        return "none"
    text = f"mean {one.mean:.2g}, std {one.std:.2g}"
    return text if one.finite == 1 else f"{text}, {1 - one.finite:.0%} not finite"


def _draw_spreads(axes: Any, spreads: Sequence[Spread | None], look: Look, column: int) -> None:
    known = [(place, one) for place, one in enumerate(spreads) if one is not None]
    color = [style.color for style, _ in zip(look.styles(), range(2), strict=False)][column]
    if not known:
        axes.text(
            0.5, 0.5, "no gradient", transform=axes.transAxes, ha="center", va="center", color=look.muted
        )
        axes.set_yticks([])
        return
    if len(spreads) == 1:
        [(_, one)] = known
        axes.stairs(one.counts, one.edges, fill=True, color=color, alpha=0.75)
        axes.set_yticks([])
        axes.ticklabel_format(axis="x", style="sci", scilimits=(-2, 3))
        return
    places = [place for place, _ in known]
    means, stds = (np.array([getattr(one, field) for _, one in known]) for field in ("mean", "std"))
    axes.fill_between(
        places,
        [one.edges[0] for _, one in known],
        [one.edges[-1] for _, one in known],
        color=color,
        alpha=0.15,
        linewidth=0,
    )
    axes.fill_between(places, means - stds, means + stds, color=color, alpha=0.35, linewidth=0)
    axes.plot(places, means, color=color, linewidth=1.6)
    axes.ticklabel_format(axis="y", style="sci", scilimits=(-2, 3))


def dead_units(measured: Layers | Sequence[Layers], *, theme: str = "light") -> Plot[dict[str, Array]]:
    """Draw which share of each layer's units is dead: gives the same for every example, and so learns nothing.

    Up to 40 % of a network's ReLUs can die when the rate is too high (CS231n notes, "Neural Networks Part 1",
    section "Commonly used activation functions").

    Args:
        measured: what `figures.measure` gave, for a batch of many examples; or several of them, one for each step
            that was looked at.
        theme: "light" or "dark".

    Returns:
        The figure, and its data: the shares by layer, of shape (measurements,).

    Raises:
        ImportError: without matplotlib.
        ValueError: for nothing, and for measurements of different layers.
    """
    require_matplotlib()
    several = [measured] if isinstance(measured, Layers) else list(measured)
    if not several or not several[0].layers:
        raise ValueError("there is nothing measured to be drawn")
    names = list(several[0].layers)
    if any(list(other.layers) != names for other in several):
        raise ValueError("the measurements are of different layers; they must be of one model")
    data = {name: np.array([one.layers[name].dead for one in several]) for name in names}
    with drawing(theme) as look:
        figure = new_figure(6.4, 1.2 + 0.34 * len(names) if len(several) == 1 else 3.8)
        axes = figure.add_subplot()
        if len(several) == 1:
            kinds = [f"{name}  {several[0].layers[name].kind}" for name in names]
            shares = [float(values[0]) for values in data.values()]
            bars = axes.barh(kinds, shares, color=next(look.styles()).color, height=0.7)
            axes.bar_label(bars, [f"{share:.0%}" for share in shares], padding=4, color=look.ink, fontsize=9)
            axes.invert_yaxis()
            axes.set_xlim(0, 1.12)
            tidy(axes, "dead units", "share of the layer's units", "")
            axes.grid(axis="y", visible=False)
        else:
            for (name, values), style in zip(data.items(), look.styles(), strict=False):
                axes.plot(
                    values,
                    color=style.color,
                    linestyle=style.linestyle,
                    marker=style.marker,
                    markersize=4,
                    label=name,
                )
            axes.set_ylim(-0.03, 1.03)
            tidy(axes, "dead units", "measurement", "share of the layer's units")
            axes.legend(ncols=3)
    return Plot(figure, data)
