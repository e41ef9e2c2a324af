"""`draw`: the picture of a computation, and the object that shows and saves it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Literal

from ..autograd.extend import write_atomically
from .budget import collapse
from .capture import Target, capture
from .code import code
from .data import graph_json
from .graph import Graph, ModuleScope
from .mermaid import mermaid
from .page import page
from .raster import rendered
from .svg import picture_title, svg
from .text import dot, outline

MOST_NODES = 20_000
"""A picture of more has no use, and takes minutes."""


class Drawing:
    """A drawn graph: it shows itself in a notebook, and gives SVG, HTML, DOT, Mermaid, JSON, plain text
    and Python.

    >>> import pullback as pb
    >>> x = pb.tensor(3.0, requires_grad=True, name="x")
    >>> y = x * x
    >>> y.backward()
    >>> drawing = pb.viz.draw(y)
    >>> drawing
    <Drawing: Computational graph, circuit style, 3 nodes, 3 wires>
    >>> drawing.svg().startswith("<svg")
    True
    """

    graph: Graph
    """What is shown."""
    whole: Graph
    """What was captured, before anything in it was closed."""

    def __init__(self, graph: Graph, whole: Graph | None = None) -> None:
        self.graph = graph
        self.whole = graph if whole is None else whole

    @cached_property
    def _svg(self) -> str:
        return svg(self.graph)

    def svg(self) -> str:
        """The picture as the text of an SVG document."""
        return self._svg

    def dot(self) -> str:
        """The graph in Graphviz's DOT language, for further work with other programs."""
        return dot(self.graph)

    def mermaid(self) -> str:
        """The graph as a Mermaid flow chart, which code hosts and notebooks draw from the text."""
        return mermaid(self.graph)

    def json(self) -> str:
        """The graph as JSON, with all nodes and wires in the order of computation.

        * `format`, `version`, `style` ("circuit" or "tensor"), `title`
        * `scopes`: the modules, each with its `path`, the `parent` that it is in ("" at the top), its `caption`, the
          class of the `module`, and how many `times` it repeats
        * `nodes`: `key` (the place in this list), `kind`, `name`, `symbol`, `operation`, its `parameters` where
          they are not the defaults, `gate`, `shape`, `dtype`, `scope`, `source` (the user's line), `final` (nothing
          consumes it), `incomplete` (operands are missing on the tape), `wrong` (a gradient check found it so),
          `error` (what went wrong in its backward), `saved` (what the tape keeps for it, by
          name, in bytes; null where not known), `times` (how many equal nodes it stands for: their numbers are
          then stacked), `group`
        * `group` is null, or of a node of kind "module" what is closed in it: its `scope` (a path), `what` ("module",
          "repetition" or "stretch"), class of the `module`, `title`, number of `operations`, their `contents` in
          words, number of `parameters`, of `outputs`, `parameter_gradient_norm`, and of `alarms` (nodes that are
          not finite or failed); where `times` is more than 1, operations and parameters are those of one
        * `edges`: `key`, `tail` and `head` (keys of nodes), `slot` (which input of the head), `loop` (how many
          times it leads from one part of a repetition to the next; 0 for all others), `values` (how many it stands
          for, where many go from one closed part to another; their numbers are then left out)
        * nodes and edges: `value` and `gradient`, null where not known, else `data` (the numbers nested in
          lists, null for more than 6), `min`, `max` and `norm`; and `gradient_state`, one of "not_computed",
          "not_required", "zero", "number", "not_finite"

        Numbers that are not finite are the strings "nan", "inf" and "-inf"; complex ones have `re` and `im`.
        """
        return graph_json(self.graph)

    def outline(self) -> str:
        """The graph in words, one line for each value; a picture's description begins with the same lines."""
        return outline(self.graph)

    def html(self) -> str:
        """A web page with the picture and its outline: one file, without script, that loads nothing."""
        return page(self.graph)

    def code(self) -> str:
        """The computation as flat Python: forward, then backward line by line as the CS231n notes write it.

        It runs with NumPy alone and gives the same values and gradients. Each value is a variable with its own
        name where it has one, and `dx` is the gradient of `x`. The formulas are the declared ones: the gradient
        rules of the operations, put into place where they are one expression, else as functions above. Only what is
        more than some lines of NumPy, such as a convolution, is taken from pullback.

        Raises:
            ValueError: where a value is not known, because it was not recorded; for operations of one's own that use
                more than NumPy; for pooling, for operations with several results, and for what has chance in it;
                for complex numbers; for more than 100,000 numbers of parameters and data; where several results
                leave open at which backward begins.

        >>> import pullback as pb
        >>> with pb.record() as recording:
        ...     x, y, z = (pb.tensor(v, requires_grad=True, name=n) for v, n in ((-2.0, "x"), (5.0, "y"), (-4.0, "z")))
        ...     q = x + y
        ...     f = q * z
        ...     f.backward()
        >>> print(pb.viz.draw(recording, names=dict(q=q, f=f)).code())
        import numpy as np
        <BLANKLINE>
        # forward pass
        x = np.array(-2.0, dtype='float32')
        y = np.array(5.0, dtype='float32')
        q = x + y
        z = np.array(-4.0, dtype='float32')
        f = q * z
        <BLANKLINE>
        # backward pass, in the opposite order
        df = np.array(1.0, dtype='float32')
        dq = df * z
        dz = df * q
        dx = dq
        dy = dq
        <BLANKLINE>
        """
        return code(self.graph)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the graph to a file, in the form that its suffix says.

        Pictures: `.svg`, `.html`, and through CairoSVG (`pip install 'pullback[png]'`) `.png` and `.pdf`. Texts:
        `.dot`, `.mmd` (Mermaid), `.json`, `.txt` (the outline), `.py` (the code). The file is replaced in one
        step: it holds either what it held or the whole picture.

        Raises:
            ValueError: for another suffix.
            ImportError: for `.png` and `.pdf` without CairoSVG.
            OSError: where the file cannot be written.
        """
        target = Path(path)
        face = _FACES.get(target.suffix.lower())
        if face is None:
            *most, last = _FACES
            raise ValueError(
                f"cannot tell the format of {str(target)!r}: the name must end in {', '.join(most)} or {last}"
            )
        write(target, face(self))
        return target

    def _repr_svg_(self) -> str:
        return self.svg()

    def __repr__(self) -> str:
        graph = self.graph
        title = picture_title(graph)
        whole = f" (of {len(self.whole.nodes):,})" if self.whole is not graph else ""
        return f"<Drawing: {title}, {graph.style} style, {len(graph.nodes)} nodes{whole}, {len(graph.edges)} wires>"


def draw(
    target: Target,
    *,
    style: Literal["auto", "circuit", "tensor"] = "auto",
    title: str | None = None,
    names: Mapping[str, object] | None = None,
    max_nodes: int | None = 60,
    depth: int | None = None,
    closed: Callable[[ModuleScope], bool | None] | None = None,
    rolled: bool | None = None,
) -> Drawing:
    """Draw a computational graph with its values, gradients and gates.

    Circuit style is the notation of the CS231n notes (https://cs231n.github.io/optimization-2/), for
    scalars: above each wire its value, below it the gradient of the result, in each circle the operation
    and beneath it what it does to gradients. Tensor style shows shapes, dtypes and gradient norms on cards,
    in frames for the modules.

    Where backward has run several times, each gradient is that of the last run which came there.

    Args:
        target: a recording (`with pb.record() as recording:`) is drawn whole, with every value; of a Tensor all
            that leads to it, as far as the tape remembers: values in the middle are known only to a recording. Of
            a gradient check that has failed, the computation, with the operation marked whose rule is wrong.
        style: "circuit", "tensor", or "auto", which takes the circuit where every value is a scalar.
        title: written above the picture.
        names: names for values by Tensor, besides those that Tensors have; other things in it are passed over,
            so that `names=locals()` works.
        max_nodes: a larger graph is collapsed to this number of nodes: modules, repetitions and, where there are no
            modules, stretches of operations become one node each, with what they hold. Those are open that matter
            first: what holds something not finite or failed, then outer modules before inner ones. None draws
            every node.
        depth: modules that lie deeper are closed: 0 shows the outermost module's parts as one node each, 1 also
            what is in those.
        closed: asked for each module that could be shown, with its `ModuleScope`: True closes it, False opens it
            even beyond `max_nodes`, None leaves it to the rest.
        rolled: True draws equal neighbours, such as the steps of a recurrent network or the layers of a
            transformer, once, in a frame with their number, and with dotted wires from one to the next; False never
            does; None where the graph would be too large.

    Raises:
        TypeError: if the target is none of these.
        ValueError: if there is nothing to draw, or more than 20,000 nodes, or circuit style is asked for where
            values are not scalars.

    >>> import pullback as pb
    >>> with pb.viz.record() as recording:
    ...     x, y, z = (pb.tensor(v, requires_grad=True) for v in (-2.0, 5.0, -4.0))
    ...     f = (x + y) * z
    ...     f.backward()
    >>> picture = pb.viz.draw(recording, names=dict(x=x, y=y, z=z, f=f))
    >>> print(picture.svg().split("<desc")[1].split(">", 1)[1].split("</desc>")[0])
    x, parameter, value −2.00, gradient −4.00.
    y, parameter, value 5.00, gradient −4.00.
    value 3 = add [+](x, y), value 3.00, gradient −4.00.
    z, parameter, value −4.00, gradient 3.00.
    f = multiply [×](value 3, z), value −12.00, gradient 1.00.
    """
    whole = capture(target, style=style, title=title, names=names)
    graph = collapse(whole, max_nodes=max_nodes, depth=depth, closed=closed, rolled=rolled)
    if len(graph.nodes) > MOST_NODES:
        raise ValueError(
            f"the picture would have {len(graph.nodes):,} nodes, more than {MOST_NODES:,}: draw it within a number "
            "of nodes, as in max_nodes=200, or only so many modules deep, as in depth=2"
        )
    return Drawing(graph, whole)


_FACES: dict[str, Callable[[Drawing], str | bytes]] = {
    ".svg": Drawing.svg,
    ".html": Drawing.html,
    ".dot": Drawing.dot,
    ".mmd": Drawing.mermaid,
    ".json": Drawing.json,
    ".txt": lambda drawing: drawing.outline() + "\n",
    ".py": Drawing.code,
    ".png": lambda drawing: rendered(drawing.svg(), "png"),
    ".pdf": lambda drawing: rendered(drawing.svg(), "pdf"),
}
"""What is written, by suffix."""


def write(target: Path, content: str | bytes) -> None:
    """Write a picture's file in one step; what goes wrong names the file."""
    try:
        write_atomically(target, content.encode() if isinstance(content, str) else content)
    except OSError as error:
        reason = error.strerror or str(error)
        raise type(error)(f"cannot write the picture to {str(target)!r}: {reason}") from error
