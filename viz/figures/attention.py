"""Where attention looked: what was written against what was read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...autograd import Tensor
from .plot import Plot, drawing, new_figure, require_matplotlib
from .surfaces import Array


@dataclass(frozen=True)
class Attention:
    """Weights of attention, and the tokens that they belong to."""

    weights: Array
    """A row for each token that was written, a column for each that was read."""
    written: tuple[str, ...]
    read: tuple[str, ...]


def attention_map(
    weights: Any, written: Sequence[Any], read: Sequence[Any], *, title: str = "", theme: str = "light"
) -> Plot[Attention]:
    """Draw where each token that was written looked, among the tokens that were read: white for 0, dark for 1.

    As in figure 3 of Bahdanau, Cho and Bengio, "Neural machine translation by jointly learning to align and
    translate", 2014 (https://arxiv.org/abs/1409.0473).

    Args:
        weights: shape (written, read), values in [0, 1], such as the `weights` of what `Seq2Seq.generate` gives.
        written: a label for each row; a text has one for each character.
        read: a label for each column.
        title: what to write above.
        theme: "light" or "dark".

    Returns:
        The figure, and its data: `Attention`.

    Raises:
        ImportError: without matplotlib.
        ValueError: for other shapes, another number of labels, and weights outside of [0, 1].

    >>> from pullback import viz
    >>> viz.attention_map([[0.0, 1.0], [0.9, 0.1]], "ba", "ab").data.read
    ('a', 'b')
    """
    require_matplotlib()
    data = attended(weights, written, read)
    rows, columns = data.weights.shape
    cell = max(0.08, min(0.34, 8.6 / columns, 8.6 / rows))
    with drawing(theme) as look:
        figure = new_figure(cell * columns + 0.9, cell * rows + (1.0 if title else 0.7))
        axes = figure.add_subplot()
        axes.imshow(data.weights, cmap=look.map(signed=False), vmin=0, vmax=1, aspect="equal")
        axes.set_xticks(range(columns), [_shown(token) for token in data.read])
        axes.set_yticks(range(rows), [_shown(token) for token in data.written])
        if max(map(len, data.read)) > 2:
            axes.tick_params("x", labelrotation=90)
        axes.set_xticks(np.arange(columns + 1) - 0.5, minor=True)
        axes.set_yticks(np.arange(rows + 1) - 0.5, minor=True)
        axes.grid(which="minor", linewidth=0.5)
        axes.tick_params(which="both", length=0)
        axes.set_xlabel("read")
        axes.set_ylabel("written")
        if title:
            axes.set_title(title)
    return Plot(figure, data)


def attended(weights: Any, written: Sequence[Any], read: Sequence[Any]) -> Attention:
    """Weights with their labels; the data of `viz.attention_map`.

    >>> from pullback.viz.figures import attended
    >>> attended([[0.25, 0.75]], ["yes"], ["ja", "wohl"]).weights.shape
    (1, 2)
    """
    array = np.asarray(weights.detach().numpy() if isinstance(weights, Tensor) else weights, np.float64)
    rows, columns = tuple(map(str, written)), tuple(map(str, read))
    if array.ndim != 2 or not array.size or array.shape != (len(rows), len(columns)):
        raise ValueError(
            f"attention has a row for each token that was written and a column for each that was read: shape "
            f"({len(rows)}, {len(columns)}) for these labels, not {array.shape}"
        )
    if not (array.min() >= -1e-3 and array.max() <= 1 + 1e-3):
        raise ValueError(
            f"weights of attention are in [0, 1], and these go from {array.min():g} to {array.max():g}"
        )
    return Attention(array, rows, columns)


def _shown(token: str) -> str:
    """What stands for a token at the edge; a blank can be seen."""
    return {" ": "␣", "\n": "⏎", "\t": "→", "": "∅"}.get(token, token)
