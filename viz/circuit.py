"""The look of circuit style: gates in circles, the numbers of a value above and below its wire."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

from .glyphs import fit, subscripted, text_width
from .graph import Graph, GraphEdge, GraphNode
from .numbers import brief
from .shapes import (
    ADDER_RADIUS,
    ROLE_SIZE,
    Outline,
    Shape,
    Text,
    gradient_ink,
    gradient_text,
    group_facts,
    paint,
    port_offset,
    role_ink,
    spelled,
    straight_slots,
)

_RADIUS = 22.0
_LABEL = 12.5  # the font size of numbers
_WIDEST_NAME = 220.0


def circuit_shapes(graph: Graph) -> tuple[list[Shape], dict[int, Shape]]:
    """The shape of every node, which takes in the first piece of its outgoing wire with the numbers on it;
    and of the labels of the wires that leave a fan-out, by the keys of the edges.
    """
    # the name of a result stands at the end of its wire
    named_at_end = {edge.tail for edge in graph.edges if graph.nodes[edge.head].kind == "output"}
    nodes = [
        _node_shape(node, inputs, straight, named=node.key not in named_at_end)
        for node, (inputs, straight) in zip(graph.nodes, straight_slots(graph), strict=True)
    ]
    # what puts out several values, or one to several, has its numbers on the wires
    forks = {node.key for node in graph.nodes if node.kind in ("adder", "copy", "module")}
    return nodes, {edge.key: _label_shape(edge) for edge in graph.edges if edge.tail in forks}


def _wire_texts(item: GraphNode | GraphEdge, name: str | None = None) -> list[Text]:
    """The value above a wire and the gradient below it."""
    texts = []
    if item.value is not None:
        shown = brief(item.value)
        content = f"{name} = {shown}" if name else shown
        texts.append(Text(0.0, -6.5, content, "value", _LABEL, bold=True))
    known = item.gradient is not None
    content = gradient_text(item)
    return [*texts, Text(0.0, 16.0, content, gradient_ink(item.state), _LABEL, bold=known)]


def _label_shape(edge: GraphEdge) -> Shape:
    texts = _wire_texts(edge)
    width = max(text.width for text in texts) + 8
    return Shape(
        width, 44.0, "none", "wire", (0, 0), (0, 0), tuple(texts), ((-width / 2, 0.0),), (width / 2, 0.0),
        stub=(-width / 2, width / 2),
    )  # fmt: skip


class _Body(NamedTuple):
    """The outline of a node and what stands in it."""

    outline: Outline
    width: float
    height: float
    symbol: str
    size: float  # of the symbol


def _body(node: GraphNode, inputs: int) -> _Body:
    if node.kind == "adder":
        return _Body("circle", 2 * ADDER_RADIUS, 2 * ADDER_RADIUS, "+", 14.0)
    if node.kind == "copy":
        return _Body("circle", 8.0, 8.0, "", 14.0)
    if node.group:
        symbol = fit(" · ".join(filter(None, (node.group.title, node.group.kind))), 14.0, _WIDEST_NAME)
        width = max(2 * _RADIUS, text_width(symbol, 14.0) + 24)
        return _Body("stack", width, max(2 * _RADIUS, 12.0 * inputs + 8), symbol, 14.0)
    if node.kind != "operation":
        symbol = fit(subscripted(node.name) if node.name else spelled(node), 14.0, _WIDEST_NAME)
        width = max(40.0, text_width(symbol, 14.0) + 18)
        return _Body("dashed" if node.kind == "constant" else "box", width, 28.0, symbol, 14.0)
    symbol = f"{node.symbol} ?" if node.incomplete else node.symbol
    size = 18.0 if len(symbol) == 1 else 14.0
    if text_width(symbol, size) <= 2 * _RADIUS - 8 and inputs <= 4:
        return _Body("circle", 2 * _RADIUS, 2 * _RADIUS, symbol, size)
    symbol = fit(symbol, size, _WIDEST_NAME)
    width = max(2 * _RADIUS, text_width(symbol, size) + 24)
    return _Body("pill", width, max(2 * _RADIUS, 12.0 * inputs + 8), symbol, size)


def _node_shape(node: GraphNode, inputs: int, straight: float, *, named: bool) -> Shape:
    body = _body(node, inputs)
    below = node.role or (group_facts(node.group) if node.group else "")
    below = " · ".join(filter(None, (below, f"× {node.times}" if node.times > 1 else "")))
    below = fit(below, ROLE_SIZE, _WIDEST_NAME, bold=True)
    role = Text(0.0, body.height / 2 + 13, below, role_ink(node), ROLE_SIZE, bold=node.failed)
    wire: list[Text] = []
    if node.kind not in ("adder", "copy", "output", "constant", "module") or (node.group and node.final):
        name = subscripted(node.name) if named and node.operation and node.name else None
        wire = _wire_texts(node, name and fit(name, _LABEL, _WIDEST_NAME, bold=True))
    stub = 16 + max((text.width for text in wire), default=0.0) if wire or node.kind == "constant" else 0.0
    left = max(body.width, role.width) / 2
    right = max(body.width / 2 + stub, left)
    end = (left + right) / 2
    x = left - end
    middle = (x + body.width / 2 + end) / 2
    texts = [Text(x, 0.35 * body.size, body.symbol, "ink", body.size), replace(role, x=x)]
    texts += [replace(text, x=middle) for text in wire]
    step = 18.0 if straight == (inputs - 1) / 2 else 15.0
    offsets = [port_offset(slot, inputs, straight, step, 0.375 * body.height) for slot in range(inputs)]
    return Shape(
        left + right,
        2 * max(body.height / 2 + (15.0 if role.content else 0.0), 22.0),
        body.outline,
        paint(node),
        (x, 0.0),
        (body.width, body.height),
        tuple(text for text in texts if text.content),
        tuple((x - _reach(body, y), y) for y in offsets),
        (end, 0.0),
        stub=(x + body.width / 2, end) if right > body.width / 2 else None,
        ends=node.final and node.kind != "output",
    )


def _reach(body: _Body, y: float) -> float:
    """How far the outline reaches to the left at a height."""
    if body.outline == "circle":
        return math.sqrt(max(body.width * body.width / 4 - y * y, 0.0))
    return body.width / 2
