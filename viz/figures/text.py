"""Text coloured by what a hidden unit thinks of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...autograd import Tensor
from .plot import Plot, drawing, new_figure, require_matplotlib
from .surfaces import Array


@dataclass(frozen=True)
class Shading:
    """Characters, and the activation of a unit at each of them."""

    text: str
    values: Array
    lines: tuple[tuple[int, int], ...]
    """Where each line of the picture starts and ends in the text."""


def hidden_text(
    text: str, values: Any, *, width: int = 80, title: str = "", theme: str = "light"
) -> Plot[Shading]:
    """Draw text with each character on the colour of a hidden unit's activation: blue below zero, red above.

    Units that follow quotations, line lengths or nesting can be found like this. Karpathy, Johnson and Li,
    "Visualizing and understanding recurrent networks", 2015 (https://arxiv.org/abs/1506.02078).

    Args:
        text: the characters that the network was given.
        values: the activation at each of them, of shape (len(text),).
        width: characters in a line of the picture.
        title: what to write above, such as the number of the unit.
        theme: "light" or "dark".

    Returns:
        The figure, and its data: `Shading`.

    Raises:
        ImportError: without matplotlib.
        ValueError: for no text, another number of values, and a width below 1.
    """
    require_matplotlib()
    data = shade(text, values, width)
    most = float(np.max(np.abs(data.values))) or 1.0
    cell, height = 0.098, 0.2
    with drawing(theme) as look:
        colors = look.map(signed=True)
        columns = max(end - start for start, end in data.lines)
        wide, high = max(columns * cell, 2.4) + 0.2, len(data.lines) * height + (0.45 if title else 0.2)
        figure = new_figure(wide, high)
        figure.set_layout_engine("none")
        axes = figure.add_axes((0.1 / wide, 0.1 / high, 1 - 0.2 / wide, len(data.lines) * height / high))
        axes.set_xlim(0, (wide - 0.2) / cell)
        axes.set_ylim(len(data.lines), 0)
        axes.axis("off")
        for row, (start, end) in enumerate(data.lines):
            for column, place in enumerate(range(start, end)):
                color = colors(0.5 + 0.5 * data.values[place] / most)
                axes.fill_between([column, column + 1], row + 0.04, row + 0.96, color=color, linewidth=0)
                letter = {"\n": "⏎", "\t": "→"}.get(text[place], text[place])
                ink = look.on(color)
                axes.text(
                    column + 0.5,
                    row + 0.52,
                    letter,
                    ha="center",
                    va="center",
                    family="monospace",
                    size=9,
                    color=ink,
                )
        if title:
            figure.suptitle(title, x=0.1 / wide, ha="left", size=11)
    return Plot(figure, data)


def shade(text: str, values: Any, width: int = 80) -> Shading:
    """Text in lines, with a value for each character; the data of `viz.hidden_text`.

    >>> from pullback.viz.figures import shade
    >>> shade("one two\\nthree", range(13), width=10).lines
    ((0, 8), (8, 13))
    """
    array = np.asarray(values.detach().numpy() if isinstance(values, Tensor) else values, np.float64)
    if not text or array.shape != (len(text),):
        raise ValueError(f"{len(text)} characters have values of shape ({len(text)},), not {array.shape}")
    if width < 1:
        raise ValueError(f"a line has at least one character, not {width}")
    lines, start = [], 0
    for place, letter in enumerate(text, 1):
        if letter == "\n" or place - start == width or place == len(text):
            lines.append((start, place))
            start = place
    return Shading(text, array, tuple(lines))
