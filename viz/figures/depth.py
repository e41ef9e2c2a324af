"""Networks side by side, each as a row of histograms from the first layer to the last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .layers import Layers, Spread
from .plot import Plot, drawing, new_figure, require_matplotlib


def depth_histograms(
    measured: Mapping[str, Layers], *, gradients: bool = False, theme: str = "light"
) -> Plot[dict[str, list[Spread]]]:
    """Draw several networks below each other, each as a row of histograms, one for each layer.

    The histograms of a row have one scale, so that a signal that shrinks with depth becomes a spike at zero, and one
    that is saturated stands at the ends (CS231n notes, "Neural Networks Part 2", section "Weight initialization").
    Above each stands the standard deviation, and above all the layer, by its path if it is the same in all
    networks. A bar that dwarfs all others, such as the zeros of a ReLU, is cut off at the top.

    Args:
        measured: by name, what `figures.measure` gave; its `layers=` choose which are drawn.
        gradients: of the gradients instead of the activations; these need a loss when they are measured.
        theme: "light" or "dark".

    Returns:
        The figure, and its data: by name, a `Spread` for each layer.

    Raises:
        ImportError: without matplotlib.
        ValueError: for nothing, networks of different numbers of layers, and gradients that were not measured.

    >>> import pullback as pb
    >>> from pullback import nn, viz
    >>> models = {width: nn.Sequential(nn.Linear(4, width), nn.Tanh()) for width in (3, 9)}
    >>> x = pb.randn(32, 4)
    >>> figure, data = viz.depth_histograms({
    ...     f"{width} units": viz.figures.measure(model, x) for width, model in models.items()})
    >>> len(data["9 units"])
    2
    """
    require_matplotlib()
    if not measured or not all(one.layers for one in measured.values()):
        raise ValueError("there is nothing measured to be drawn")
    depth = len(next(iter(measured.values())).layers)
    if any(len(one.layers) != depth for one in measured.values()):
        raise ValueError(
            "the networks have different numbers of layers; choose them by measure(..., layers=)"
        )
    data: dict[str, list[Spread]] = {}
    for name, network in measured.items():
        found = [layer.gradients if gradients else layer.activations for layer in network.layers.values()]
        data[name] = [one for one in found if one is not None]
        if len(data[name]) < depth:
            raise ValueError(
                f"{name!r} has no gradients in some layers; give measure() a loss, and layers= with them"
            )
    paths = {tuple(network.layers) for network in measured.values()}
    heads = [f"layer {number + 1}" for number in range(depth)] if len(paths) > 1 else list(*paths)
    with drawing(theme) as look:
        figure = new_figure(min(9.6, 1.1 + 1.4 * depth), 0.4 + 1.05 * len(data))
        color = [style.color for style, _ in zip(look.styles(), range(2), strict=False)][int(gradients)]
        for row, (name, spreads) in enumerate(data.items()):
            low, high = min(one.edges[0] for one in spreads), max(one.edges[-1] for one in spreads)
            for column, spread in enumerate(spreads):
                axes = figure.add_subplot(len(data), depth, row * depth + column + 1)
                axes.stairs(
                    spread.counts, spread.edges, fill=True, color=color, alpha=0.8, linewidth=1.2, ec=color
                )
                axes.set_xlim(low - 0.03 * (high - low), high + 0.03 * (high - low))
                axes.set_yticks([])
                axes.set_xticks([low, high], [f"{low:.3g}", f"{high:.3g}"], fontsize=7)
                axes.set_ylim(0, _height(spread))
                above = f"{heads[column]}\n" if row == 0 else ""
                axes.set_title(f"{above}std {spread.std:.3g}", fontsize=8, loc="center", pad=3)
                if column == 0:
                    _name(axes, name)
    return Plot(figure, data)


def _height(spread: Spread) -> float:
    """How much of the bars is shown: all, or somewhat more than the second if the first would hide the others."""
    second, first = np.sort(spread.counts)[-2:]
    hidden = second > 0.02 * spread.counts.sum() and first > 2 * second
    return 1.05 * float(1.5 * second if hidden else first)


def _name(axes: Any, name: str) -> None:
    axes.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
