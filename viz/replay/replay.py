"""`replay`: a computation to step through, and the object that shows and saves it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Literal

from ..budget import check_budget
from ..capture import Target, capture
from ..draw import write
from ..graph import Graph
from ..svg import picture_title
from .page import page
from .steps import Step, Told
from .telling import told

MOST_NODES = 5000
"""Each node takes some kilobytes of the page."""


class Replay:
    """A computation that can be stepped through, forward and backward; in a notebook it shows itself."""

    def __init__(self, graph: Graph, max_nodes: int = 60) -> None:
        self.graph = graph
        self.max_nodes = max_nodes

    @cached_property
    def _html(self) -> str:
        return page(self.graph, self.max_nodes)

    @cached_property
    def _told(self) -> Told:
        return told(self.graph)

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps, as plain data."""
        return self._told.steps

    def html(self) -> str:
        """The page: one HTML document that needs nothing else, no server and no network."""
        return self._html

    def outline(self) -> str:
        """The steps in words, one line for each."""
        return "\n".join(step.text for step in self.steps)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the page to a file that ends in `.html`, in one step: it then holds the whole page.

        Raises:
            ValueError: for another suffix.
            OSError: where the file cannot be written.
        """
        target = Path(path)
        if target.suffix.lower() != ".html":
            raise ValueError(f"a replay is a web page, and {str(target)!r} does not end in .html")
        write(target, self.html())
        return target

    def _repr_html_(self) -> str:
        # a frame of its own, which may run scripts and nothing else: it and the notebook cannot disturb each other
        return (
            f'<iframe sandbox="allow-scripts" title="{escape(picture_title(self.graph), quote=True)}: replay" '
            f'srcdoc="{escape(self.html(), quote=True)}" width="100%" height="760" '
            'style="border:0;border-radius:10px;color-scheme:light dark"></iframe>'
        )

    def __repr__(self) -> str:
        return f"<Replay: {picture_title(self.graph)}, {len(self.steps)} steps>"


def replay(
    target: Target,
    *,
    style: Literal["auto", "circuit", "tensor"] = "auto",
    title: str | None = None,
    names: Mapping[str, object] | None = None,
    max_nodes: int | None = 60,
) -> Replay:
    """Step through a computation: each value as it is computed, then each gradient as it comes back.

    Every step of backward shows upstream gradient × local gradient = downstream gradient, with the formula from
    the operation's declared rule and with the numbers; at a fan-out the sum of what comes back, and where an
    operand was broadcast the axes that are summed. Operations that are more than a product of elements say that
    they compute a vector–Jacobian product. The notation is that of the CS231n notes
    (https://cs231n.github.io/optimization-2/).

    The page has buttons, a slider and keys (arrows, Home, End, space), can be moved, zoomed and searched, opens
    and closes modules, and tells all steps in words as well.

    Args:
        target: a recording (`with pb.record() as recording:`) in which backward has run; or a Tensor, of which
            only is known what the tape remembers; or a gradient check that has failed.
        style: "circuit", "tensor", or "auto", as for `draw`.
        title: written above the picture.
        names: names for values by Tensor, as for `draw`.
        max_nodes: modules are closed at first as long as more nodes than this would be seen; None opens all.

    Raises:
        TypeError: if the target is none of these.
        ValueError: if there is nothing to show, or too much, or the style does not fit.

    >>> import pullback as pb
    >>> with pb.viz.record() as recording:
    ...     x, y, z = (pb.tensor(v, requires_grad=True, name=n) for v, n in ((-2.0, "x"), (5.0, "y"), (-4.0, "z")))
    ...     f = (x + y) * z
    ...     f.backward()
    >>> film = pb.viz.replay(recording, names=dict(f=f))
    >>> film
    <Replay: Computational graph of f, 7 steps>
    >>> print(film.outline().splitlines()[2])
    f = v₃ × z, which is 3.00 × (−4.00) = −12.00.
    >>> [(term.gradient, term.formula, float(term.downstream)) for term in film.steps[4].terms]
    [('∂f/∂v₃', 'z', -4.0), ('∂f/∂z', 'v₃', 3.0)]
    """
    check_budget(max_nodes)
    graph = capture(target, style=style, title=title, names=names)
    if len(graph.nodes) > MOST_NODES:
        raise ValueError(
            f"the replay would have {len(graph.nodes):,} nodes, and a page holds at most {MOST_NODES:,}: record a "
            "smaller part of the computation, such as one step or one layer"
        )
    return Replay(graph, len(graph.nodes) if max_nodes is None else max_nodes)
