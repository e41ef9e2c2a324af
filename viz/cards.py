"""The look of tensor style: a card for each value, with its shape, dtype, numbers and gradient."""

from __future__ import annotations

from dataclasses import replace

from .glyphs import fit, text_width
from .graph import Graph, GraphNode
from .numbers import GradientState, norm, number, numbers, small
from .shapes import (
    ADDER_RADIUS,
    ROLE_SIZE,
    Outline,
    Shape,
    Text,
    gradient_ink,
    gradient_text,
    paint,
    parameter_text,
    port_offset,
    role_ink,
    spelled,
    straight_slots,
)

_WIDEST_LINE = 340.0

_OUTLINES: dict[str, Outline] = {
    "parameter": "bar",
    "buffer": "notched",
    "input": "slanted",
    "constant": "dashed",
    "operation": "round",
    "output": "double",
    "module": "stack",
}


def card_shapes(graph: Graph) -> tuple[list[Shape], dict[int, Shape]]:
    """The shape of every node; no wire has a label of its own."""
    slots = straight_slots(graph)
    return [_card_shape(node, *slots[node.key]) for node in graph.nodes], {}


def _card_shape(node: GraphNode, inputs: int, straight: float) -> Shape:
    if node.kind in ("adder", "copy"):
        size = 2 * ADDER_RADIUS
        return Shape(
            size, size, "circle", node.kind, (0, 0), (size, size), (Text(0, 5, "+", "ink", 15.0),),
            ((0.0, -size / 2),), (0.0, size / 2),
        )  # fmt: skip
    lines = _card_lines(node)
    role = Text(0.0, 0.0, node.role or "", role_ink(node), ROLE_SIZE, "end", node.failed)
    widths = [line.width for line in lines]
    widths[0] += role.width + 18 if role.content else 0.0
    width = max(96.0, 28 + max(widths), 20.0 * inputs)
    height = 14.0 + 17.0 * len(lines)
    texts = [replace(line, x=14 - width / 2, y=20 + 17 * row - height / 2) for row, line in enumerate(lines)]
    if role.content:
        texts.append(replace(role, x=width / 2 - 14, y=20 - height / 2))
    reach = width / 2 - 16
    ports = tuple((port_offset(slot, inputs, straight, 28.0, reach), -height / 2) for slot in range(inputs))
    return Shape(
        width,
        height,
        _OUTLINES[node.kind],
        paint(node),
        (0.0, 0.0),
        (width, height),
        tuple(texts),
        ports,
        (0.0, height / 2),
    )


def _card_lines(node: GraphNode) -> list[Text]:
    """The lines of a card, not yet in their places."""
    if node.operation is None:
        title = spelled(node) if node.kind != "constant" or node.name else "constant"
    else:
        symbol = node.symbol if len(node.symbol) <= 2 else ""
        title = f"{node.name} = {node.operation}" if node.name else f"{symbol} {node.operation}".strip()
        title += " ?" if node.incomplete else ""
    shape = str(node.shape) if node.shape else "scalar"
    facts = " · ".join(filter(None, (shape, str(node.dtype), parameter_text(node.parameters))))
    lines = [_line(title, "ink", 13.0, bold=True), _line(facts, "muted", 11.0)]
    if node.value is not None and small(node.value):
        lines.append(_line(numbers(node.value), "value", 11.5, bold=True))
    known = node.gradient is not None
    lines.append(_line(_card_gradient(node), gradient_ink(node.state), 11.5, bold=known))
    return lines


def _line(content: str, ink: str, size: float, *, bold: bool = False) -> Text:
    return Text(0.0, 0.0, fit(content, size, _WIDEST_LINE, bold=bold), ink, size, "start", bold)


def _card_gradient(node: GraphNode) -> str:
    content = gradient_text(node.state, node.gradient)
    if node.state is GradientState.NUMBER and node.gradient is not None:
        whole = f"∇ {numbers(node.gradient)}" if small(node.gradient) else ""
        fits = whole and text_width(whole, 11.5, bold=True) <= _WIDEST_LINE
        content = whole if fits else f"‖∇‖ {number(norm(node.gradient))}"
    elif node.state is GradientState.ZERO:
        content = "∇ 0"
    elif node.state is GradientState.NOT_FINITE:
        content = f"{content} in ∇"
    return content
