"""The look of tensor style: a card for each value, with its shape, dtype, numbers and gradient."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from .glyphs import fit, text_width
from .graph import Graph, GraphNode
from .numbers import GradientState, number, numbers, small
from .shapes import (
    ADDER_RADIUS,
    ROLE_SIZE,
    SPARK_BAR,
    SPARK_BARS,
    Outline,
    Shape,
    Spark,
    Text,
    gradient_ink,
    gradient_text,
    group_facts,
    kept_text,
    paint,
    parameter_text,
    port_offset,
    role_ink,
    spelled,
    straight_slots,
)
from .summary import histogram, norm_of, spread, summary

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
    rows = _card_rows(node)
    role = Text(0.0, 0.0, _role(node), role_ink(node), ROLE_SIZE, "end", node.failed or node.times > 1)
    widths = [row.width for row in rows]
    widths[0] += role.width + 18 if role.content else 0.0
    width = max(96.0, 28 + max(widths), 20.0 * inputs)
    height = 14.0 + 17.0 * len(rows)
    left = 14 - width / 2
    levels = [20 + 17 * number - height / 2 for number in range(len(rows))]
    texts = [replace(row.text, x=left + row.indent, y=level) for row, level in zip(rows, levels, strict=True)]
    if role.content:
        texts.append(replace(role, x=width / 2 - 14, y=20 - height / 2))
    sparks = [
        Spark(left, level, row.spark, row.text.ink)
        for row, level in zip(rows, levels, strict=True)
        if row.spark
    ]
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
        sparks=tuple(sparks),
    )


class _Row(NamedTuple):
    """A line of a card, not yet in its place: perhaps a histogram, then a text."""

    text: Text
    spark: tuple[float, ...] = ()

    @property
    def indent(self) -> float:
        """How far the text stands from the left."""
        return SPARK_BAR * SPARK_BARS + 7 if self.spark else 0.0

    @property
    def width(self) -> float:
        """The width that it needs."""
        return self.indent + self.text.width


def _role(node: GraphNode) -> str:
    times = f"× {node.times}" if node.times > 1 else ""
    return " · ".join(filter(None, (node.role, times)))


def _card_rows(node: GraphNode) -> list[_Row]:
    shape = str(node.shape) if node.shape else "scalar"
    if node.group and node.group.outputs > 1:
        shape = f"{node.group.outputs} outputs, the last {shape}"
    facts = (shape, node.dtype_text, kept_text(node), parameter_text(node.parameters))
    rows = [_line(_title(node), "ink", 13.0, bold=True)]
    if node.group:
        rows.append(_line(group_facts(node.group), "muted", 11.0))
        if node.group.operations > 1:
            rows.append(_line(node.group.contents, "muted", 11.0))
    rows.append(_line(" · ".join(filter(None, facts)), "muted", 11.0))
    if node.value is not None and small(node.value):
        rows.append(_line(numbers(node.value), "value", 11.5, bold=True))
    elif node.values_known and all(part.size and part.dtype.kind in "iuf" for part in node.values_known):
        known = summary(node.values_known)
        rows.append(_line(spread(known), "value", 11.0, spark=histogram(known, SPARK_BARS)))
    rows.append(_gradient_row(node))
    if node.group and node.group.parameter_gradient is not None:
        norm_of_all = f"‖∇‖ {number(node.group.parameter_gradient)} of all its parameters"
        rows.append(_line(norm_of_all, "gradient", 11.5, bold=True))
    if node.group and node.group.alarms:
        rows.append(_line(f"! {node.group.alarms} inside not finite or failed", "alarm", 11.5, bold=True))
    if node.error:
        rows.append(_line(node.error, "gradient", 11.0))
    return [row for row in rows if row.text.content]


def _title(node: GraphNode) -> str:
    if node.group:
        return " · ".join(filter(None, (node.group.title, node.group.kind)))
    if node.operation is None:
        return spelled(node) if node.kind != "constant" or node.name else "constant"
    symbol = node.symbol if len(node.symbol) <= 2 else ""
    title = f"{node.name} = {node.operation}" if node.name else f"{symbol} {node.operation}".strip()
    return f"{title} ?" if node.incomplete else title


def _line(content: str, ink: str, size: float, *, bold: bool = False, spark: tuple[float, ...] = ()) -> _Row:
    return _Row(Text(0.0, 0.0, fit(content, size, _WIDEST_LINE, bold=bold), ink, size, "start", bold), spark)


def _gradient_row(node: GraphNode) -> _Row:
    """What is known of the gradient, in words or signs of its own for each state."""
    known = bool(node.gradients_known)
    content = gradient_text(node)
    spark: tuple[float, ...] = ()
    if node.state is GradientState.NUMBER and known:
        whole = f"∇ {numbers(node.gradient)}" if node.gradient is not None and small(node.gradient) else ""
        fits = whole and text_width(whole, 11.5, bold=True) <= _WIDEST_LINE
        content = whole if fits else f"‖∇‖ {number(norm_of(node.gradients_known))}"
        if not fits and node.gradients_known[0].dtype.kind == "f":
            spark = histogram(summary(node.gradients_known), SPARK_BARS)
    elif node.state is GradientState.ZERO:
        content = "∇ 0"
    elif node.state is GradientState.NOT_FINITE:
        content = f"{content} in ∇"
    return _line(content, gradient_ink(node.state), 11.5, bold=known, spark=spark)
