"""The SVG of a laid-out graph: texts sit on their wires, and colours follow the reader's theme."""

from __future__ import annotations

import hashlib
from xml.sax.saxutils import escape, quoteattr

from .glyphs import clean, text_width
from .graph import Graph, GraphEdge, GraphNode
from .layout import positions
from .legend import Item, legend_items
from .numbers import in_bytes
from .routing import Frame, Point
from .shapes import (
    SPARK_BAR,
    SPARK_HEIGHT,
    Shape,
    Spark,
    Text,
    group_facts,
    kept_text,
    parameter_text,
    spelled,
)
from .summary import described
from .text import SPOKEN_LINES, outline
from .theme import FONTS, LIGHT, dark_rules

_MARGIN = 20.0
_ROW = 22.0  # of the legend
_CORNERS = {"stack": 9.0, "pill": 22.0, "box": 7.0, "bar": 4.0, "dashed": 4.0, "round": 14.0, "double": 14.0}
PREFIX = "\x00"  # stands for the prefix of ids and classes until the content is known; no text holds it


def svg(graph: Graph) -> str:
    """A graph as an SVG document.

    The same graph gives the same bytes under the same Graphviz. Ids and classes begin with a hash of the
    content, so that pictures on one page leave each other alone.
    """
    body = Writer(graph).document()
    return body.replace(PREFIX, "pb" + hashlib.sha256(body.encode()).hexdigest()[:10])


def picture_title(graph: Graph) -> str:
    """The given title, or one made of the names of the results."""
    if graph.title:
        return graph.title
    names = [node.name for node in graph.nodes if node.final and node.name]
    return "Computational graph" + (f" of {', '.join(names[:4])}" if names else "")


class Writer:
    """Collects the lines of one picture."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.lines: list[str] = []
        self.circuit = graph.style == "circuit"
        self.scopes = {scope.path: scope for scope in graph.scopes}

    def document(self) -> str:
        """The whole picture, with `PREFIX` where ids and classes begin."""
        graph = self.graph
        layout = positions(graph)
        rows = _wrapped(legend_items(graph), max(layout.width, 480.0))
        legend_width = max((sum(item_width(item) for item in row) for row in rows), default=0.0)
        header = 34.0 if graph.title else 0.0
        title_width = text_width(graph.title, 16, bold=True) if graph.title else 0.0
        width = max(layout.width, legend_width, title_width) + 2 * _MARGIN
        height = header + layout.height + 2 * _MARGIN + 10 + _ROW * len(rows)
        left, top = (width - layout.width) / 2, _MARGIN + header

        p = PREFIX
        size = f'width="{_n(width)}" height="{_n(height)}" viewBox="0 0 {_n(width)} {_n(height)}"'
        self.lines = [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="{p}-title {p}-desc" '
            f'font-family={quoteattr(FONTS)} style="max-width:100%;height:auto">',
            f'<title id="{p}-title">{escape(picture_title(graph))}</title>',
            f'<desc id="{p}-desc">{escape(outline(graph, SPOKEN_LINES))}</desc>',
            f"<style>{dark_rules(p)}</style>",
            f'<rect {_paint("panel")} x="0.5" y="0.5" rx="10" '
            f'width="{_n(width - 1)}" height="{_n(height - 1)}"/>',
        ]
        if graph.title:
            self.text(Text(_MARGIN, _MARGIN + 14, graph.title, "ink", 16.0, "start", bold=True), (0.0, 0.0))
        self.lines.append(f'<g transform="translate({_n(left)} {_n(top)})">')
        for frame in layout.frames:
            self._frame(frame)
        for edge, wire in zip(graph.edges, layout.wires, strict=True):
            label = (
                (layout.label_shapes[edge.key], layout.labels[edge.key])
                if edge.key in layout.labels
                else None
            )
            self._edge(edge, wire, label, layout.loops.get(edge.key))
        for frame in layout.frames:
            self._caption(frame)
        for node, point, shape in zip(graph.nodes, layout.nodes, layout.shapes, strict=True):
            self.node(node, point, shape)
        self.lines.append("</g>")
        for row, items in enumerate(rows):
            self.legend_row(items, _MARGIN, height - _MARGIN - _ROW * (len(rows) - row) + 14)
        self.lines.append("</svg>")
        return "\n".join(self.lines) + "\n"

    # the pieces

    def text(self, text: Text, at: Point) -> None:
        """One line of text."""
        x, y = at[0] + text.x, at[1] + text.y
        if text.ink == "alarm":
            start = x - {"start": 0.0, "middle": 0.5, "end": 1.0}[text.anchor] * text.width
            self.lines.append(
                f'<rect {_paint("badge")} x="{_n(start - 3)}" y="{_n(y - 0.95 * text.size)}" '
                f'width="{_n(text.width + 6)}" height="{_n(1.25 * text.size)}" rx="3"/>'
            )
        anchor = f' text-anchor="{text.anchor}"' if text.anchor != "start" else ""
        weight = ' font-weight="600"' if text.bold else ""
        self.lines.append(
            f'<text class="{PREFIX}-{text.ink}" fill="{LIGHT.inks[text.ink]}" x="{_n(x)}" y="{_n(y)}" '
            f'font-size="{_n(text.size)}"{weight}{anchor}>{escape(text.content)}</text>'
        )

    def _tooltip(self, text: str) -> None:
        self.lines.append(f"<title>{escape(_clean_lines(text))}</title>")

    def _frame(self, frame: Frame) -> None:
        size = f'width="{_n(frame.right - frame.left)}" height="{_n(frame.bottom - frame.top)}"'
        self.lines.append(
            f'<rect {_paint("frame")} x="{_n(frame.left)}" y="{_n(frame.top)}" {size} rx="10"/>'
        )

    def _caption(self, frame: Frame) -> None:
        """The name of a module, with a ground of its own: a wire may pass beneath."""
        outer = frame.scope.rpartition(".")[0]
        scope = self.scopes[frame.scope]
        content = scope.caption if outer or not scope.kind else f"module {scope.caption}"
        content = " · ".join(filter(None, (content, scope.kind)))
        content += f" × {scope.times}" if scope.times > 1 else ""
        caption = Text(frame.left + 12, frame.top + 17, content, "muted", 11.0, "start", bold=True)
        self.lines.append("<g>")
        self._tooltip(f"module {frame.scope}")
        self.lines.append(
            f'<rect {_paint("caption")} x="{_n(caption.x - 4)}" y="{_n(caption.y - 12)}" '
            f'width="{_n(caption.width + 8)}" height="16"/>'
        )
        self.text(caption, (0.0, 0.0))
        self.lines.append("</g>")

    def _edge(
        self,
        edge: GraphEdge,
        wire: tuple[Point, ...],
        label: tuple[Shape, Point] | None,
        loop: tuple[Text, Point] | None,
    ) -> None:
        tip = wire[-1]
        back = (tip[0] - 5, tip[1]) if self.circuit else (tip[0], tip[1] - 5)
        pieces = " ".join(
            "C" + " ".join(f"{_n(x)},{_n(y)}" for x, y in wire[i : i + 3]) for i in range(1, len(wire) - 3, 3)
        )
        bend = wire[-2] if wire[-2] != tip else back
        path = f"M{_n(wire[0][0])},{_n(wire[0][1])} {pieces} C" + " ".join(
            f"{_n(x)},{_n(y)}" for x, y in (wire[-3], bend, back)
        )
        self.lines.append("<g>")
        self._tooltip(_edge_tooltip(self.graph, edge))
        self.lines.append(
            f'<path d="{path}" fill="none" stroke="#000" stroke-opacity="0" stroke-width="11"/>'
        )
        self._wire(path, required=edge.required, loop=bool(edge.loop))
        self._arrow(tip, edge.required)
        if loop:
            self.text(loop[0], loop[1])
        if label:
            shape, at = label
            for text in shape.texts:
                self.text(text, at)
        self.lines.append("</g>")

    def _wire(self, path: str, required: bool, loop: bool = False) -> None:
        line = "wire" if required else "faint"
        dashes = ' stroke-dasharray="1 4" stroke-linecap="round"' if loop else ""
        dashes = dashes if required or loop else ' stroke-dasharray="5 3"'
        self.lines.append(
            f'<path class="{PREFIX}-{line}" d="{path}" fill="none" stroke="{LIGHT.lines[line]}" '
            f'stroke-width="1.6"{dashes}/>'
        )

    def _arrow(self, tip: Point, required: bool) -> None:
        x, y = tip
        corners = (
            [(x, y), (x - 7.5, y - 3.7), (x - 7.5, y + 3.7)]
            if self.circuit
            else [(x, y), (x - 3.7, y - 7.5), (x + 3.7, y - 7.5)]
        )
        line = "wire" if required else "faint"
        points = " ".join(f"{_n(a)},{_n(b)}" for a, b in corners)
        self.lines.append(
            f'<polygon class="{PREFIX}-{line}-tip" fill="{LIGHT.lines[line]}" points="{points}"/>'
        )

    def node(self, node: GraphNode, at: Point, shape: Shape, *, tooltip: bool = True) -> None:
        """One node with its texts and the piece of wire that goes with it."""
        self.lines.append("<g>")
        if tooltip:
            self._tooltip(_node_tooltip(node))
        if shape.stub:
            start, end = at[0] + shape.stub[0], at[0] + shape.stub[1]
            stop = end - 5 if shape.ends else end
            self._wire(f"M{_n(start)},{_n(at[1])} H{_n(stop)}", node.required)
            if shape.ends:
                self._arrow((end, at[1]), node.required)
        self._outline(shape, at)
        for text in shape.texts:
            self.text(text, at)
        for spark in shape.sparks:
            self._spark(spark, at)
        self.lines.append("</g>")

    def _spark(self, spark: Spark, at: Point) -> None:
        """A histogram as one area, with a base line."""
        x, y = at[0] + spark.x, at[1] + spark.y
        steps = "".join(f"V{_n(y - SPARK_HEIGHT * height)}h{_n(SPARK_BAR)}" for height in spark.heights)
        self.lines.append(
            f'<path class="{PREFIX}-{spark.ink}" fill="{LIGHT.inks[spark.ink]}" d="M{_n(x)},{_n(y)}{steps}V{_n(y)}'
            f'V{_n(y + 0.8)}H{_n(x)}Z"/>'
        )

    def _outline(self, shape: Shape, at: Point) -> None:
        x, y = at[0] + shape.centre[0], at[1] + shape.centre[1]
        width, height = shape.extent
        left, top, right, bottom = x - width / 2, y - height / 2, x + width / 2, y + height / 2
        paint = _paint(shape.paint)
        box = f'x="{_n(left)}" y="{_n(top)}" width="{_n(width)}" height="{_n(height)}"'
        if shape.outline == "circle":
            self.lines.append(f'<circle {paint} cx="{_n(x)}" cy="{_n(y)}" r="{_n(width / 2)}"/>')
        elif shape.outline == "slanted":
            corners = ((left + 9, top), (right, top), (right - 9, bottom), (left, bottom))
            points = " ".join(f"{_n(a)},{_n(b)}" for a, b in corners)
            self.lines.append(f'<polygon {paint} stroke-linejoin="round" points="{points}"/>')
        elif shape.outline == "notched":
            notched = (
                (left, top), (right - 10, top), (right, top + 10),
                (right, bottom), (left + 10, bottom), (left, bottom - 10),
            )  # fmt: skip
            points = " ".join(f"{_n(a)},{_n(b)}" for a, b in notched)
            self.lines.append(f'<polygon {paint} stroke-linejoin="round" points="{points}"/>')
        else:
            if shape.outline == "stack":  # a second sheet looks out beneath
                back = (
                    f'x="{_n(left + 6)}" y="{_n(top + 6)}" width="{_n(width - 12)}" height="{_n(height - 2)}"'
                )
                self.lines.append(f'<rect {paint} {back} rx="9"/>')
            radius = min(_CORNERS[shape.outline], height / 3 if height < 20 else height / 2)
            dashes = ' stroke-dasharray="4 3"' if shape.outline == "dashed" else ""
            self.lines.append(f'<rect {paint} {box} rx="{_n(radius)}"{dashes}/>')
            if shape.outline == "double":
                self.lines.append(
                    f'<rect {paint} x="{_n(left + 3.5)}" y="{_n(top + 3.5)}" rx="{_n(0.75 * radius)}" '
                    f'width="{_n(width - 7)}" height="{_n(height - 7)}"/>'
                )
            if shape.outline == "bar":
                edge = f'class="{PREFIX}-{shape.paint}-edge" fill="{LIGHT.paints[shape.paint].stroke}"'
                bar = f'x="{_n(left)}" y="{_n(top)}" width="5" height="{_n(height)}" rx="2.5"'
                self.lines.append(f"<rect {edge} {bar}/>")

    def legend_row(self, items: list[Item], x: float, y: float) -> None:
        """Signs with their meanings, side by side."""
        for item in items:
            if item.sample is not None:
                self.text(Text(x, y, item.sample, item.ink, 11.5, "start", bold=True), (0.0, 0.0))
            else:
                swatch = Shape(22, 13, item.outline, item.ink, (0, 0), (22, 13), (), (), (0, 0))
                if item.outline == "circle":
                    swatch = Shape(14, 14, "circle", item.ink, (0, 0), (14, 14), (), (), (0, 0))
                self._outline(swatch, (x + 11, y - 4))
            self.text(Text(x + item.sample_width + 7, y, item.text, "muted", 11.0, "start"), (0.0, 0.0))
            x += item_width(item)


def item_width(item: Item) -> float:
    """The width of a piece of the legend."""
    return item.sample_width + 7 + text_width(item.text, 11.0) + 22


def _wrapped(items: list[Item], limit: float) -> list[list[Item]]:
    rows: list[list[Item]] = []
    used = 0.0
    for item in items:
        width = item_width(item)
        if not rows or used + width > limit:
            rows.append([])
            used = 0.0
        rows[-1].append(item)
        used += width
    return rows


def _paint(name: str) -> str:
    fill, stroke = LIGHT.paints[name]
    width = {"panel": 1, "frame": 1.2, "wrong": 3}.get(name, 1.6)
    return f'class="{PREFIX}-{name}" fill="{fill}" stroke="{stroke}" stroke-width="{_n(width)}"'


def _n(x: float) -> str:
    """A coordinate to a tenth of a pixel, as short as can be."""
    text = f"{x:.1f}"
    return "0" if text == "-0.0" else text.removesuffix(".0")


def _clean_lines(text: str) -> str:
    """Cleaned text that keeps its line breaks, for tooltips."""
    return "\n".join(clean(line) for line in text.splitlines())


def _node_tooltip(node: GraphNode) -> str:
    if node.kind == "adder":
        head = "copy: forward hands the value on to each consumer; backward adds their gradients"
    elif node.kind == "copy":
        head = "copy: hands the value on to each consumer"
    elif node.operation:
        head = f"{node.operation}: {node.role}" if node.role else node.operation
        head = f"{node.name} = {head}" if node.name else head
    elif node.group:
        title = " ".join(filter(None, (node.group.kind, node.group.scope)))
        times = f", {node.times} times" if node.times > 1 else ""
        head = f"{title}{times}: {group_facts(node.group)}\n{node.group.contents}"
    else:
        head = f"{spelled(node)} ({node.kind})"
    if node.group is None and node.times > 1:
        head += f", {node.times} times"
    if node.error:
        head += f"\nbackward failed here: {node.error}"
    if node.incomplete:
        head += "; an operand that needs no gradient is not on the tape"
    lines = [head, f"shape {node.shape}, {node.dtype_text}"]
    if node.parameters:
        lines.append(parameter_text(node.parameters))
    if node.values_known:
        lines.append(f"value {described(node.values_known)}")
    lines.append(_gradient_line(node))
    lines += [_kept_line(node)]
    lines += [f"module {node.scope}"] if node.scope else []
    lines += [f"at {node.source}"] if node.source else []
    return "\n".join(filter(None, lines))


def _kept_line(node: GraphNode) -> str:
    parts = ", ".join(f"{name} {in_bytes(size)}" for name, size in (node.saved or {}).items())
    return f"{kept_text(node)} for backward ({parts})" if kept_text(node) else ""


def _edge_tooltip(graph: Graph, edge: GraphEdge) -> str:
    head = graph.nodes[edge.head]
    target = spelled(head) if head.kind != "adder" else "adder"
    lines = [f"{spelled(graph.nodes[edge.tail])} → {target}"]
    if edge.loop:
        lines.append(f"from one part of the repetition to the next, {edge.loop} times")
    if edge.values > 1:
        return "\n".join([*lines, f"{edge.values} values"])
    if edge.values_known:
        lines.append(f"value {described(edge.values_known)}")
    return "\n".join([*lines, _gradient_line(edge)])


def _gradient_line(item: GraphNode | GraphEdge) -> str:
    if not item.gradients_known:
        return item.state.value
    return f"{item.state.value}: {described(item.gradients_known)}"
