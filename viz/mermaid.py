"""The graph in Mermaid's language, which web pages of many code hosts draw from the text itself."""

from __future__ import annotations

import re
from collections.abc import Iterable

from .glyphs import clean
from .graph import Graph, GraphNode
from .numbers import brief
from .shapes import gradient_text, paint
from .text import label_lines
from .theme import LIGHT

_SHAPES = {
    "parameter": ("[", "]"),
    "buffer": ("[(", ")]"),
    "input": ("[/", "/]"),
    "constant": ("[", "]"),
    "operation": ("([", "])"),
    "output": ("[[", "]]"),
    "adder": ("((", "))"),
    "copy": ("((", "))"),
    "module": ("{{", "}}"),
}
# what Mermaid, Markdown or HTML would read as more than a sign
_SPECIAL = re.compile(r"[\"#&<>`*_~+\-\\$;|{}@%]|(?<=^\d)\.(?=\s)")


def mermaid(graph: Graph) -> str:
    """A flow chart with the same nodes, wires, texts and modules as the picture."""
    circuit = graph.style == "circuit"
    lines = ["---", f"title: {_yaml(graph.title)}", "---"] if graph.title else []
    lines.append(f"flowchart {'LR' if circuit else 'TD'}")
    lines += _boxes(graph, circuit)
    for edge in graph.edges:
        label = ""
        if circuit:
            value = brief(edge.value) if edge.value is not None else ""
            label = f'|"{_label((value, gradient_text(edge)))}"|'
        if edge.loop:
            label = f'|"{_label((f"{edge.loop} ×",))}"|'
        lines.append(f"  n{edge.tail} {'-.->' if edge.loop else '-->'}{label} n{edge.head}")
    for name in dict.fromkeys(paint(node) for node in graph.nodes):
        fill, stroke = LIGHT.paints[name]
        lines.append(f"  classDef {name} fill:{fill},stroke:{stroke},color:{LIGHT.inks['ink']}")
    return "\n".join(lines) + "\n"


def _boxes(graph: Graph, circuit: bool) -> list[str]:
    """The nodes, those of a module in a frame inside the frame of the module around it."""
    members: dict[str, list[GraphNode]] = {"": []}
    inner: dict[str, list[str]] = {}
    for node in graph.nodes:
        scope = node.scope
        while scope and scope not in members:
            members[scope] = []
            outer = scope.rpartition(".")[0]
            inner.setdefault(outer, []).append(scope)
            scope = outer
        members[node.scope].append(node)
    known = {scope.path: scope for scope in graph.scopes}
    keys = {scope: key for key, scope in enumerate(members)}
    lines: list[str] = []
    waiting: list[tuple[str, int] | str] = [("", 1)]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            lines.append(item)
            continue
        scope, depth = item
        pad = "  " * depth
        if scope:
            info = known[scope]
            title = f"{info.caption} × {info.times}" if info.times > 1 else f"module {scope}"
            lines.append(f'{"  " * (depth - 1)}subgraph m{keys[scope]}["{_label((title,))}"]')
            waiting.append("  " * (depth - 1) + "end")
        lines += [pad + _box(node, circuit) for node in members[scope]]
        waiting += [(name, depth + 1) for name in reversed(inner.get(scope, []))]
    return lines


def _box(node: GraphNode, circuit: bool) -> str:
    start, end = ("((", "))") if circuit and node.kind == "operation" else _SHAPES[node.kind]
    return f'n{node.key}{start}"{_label(label_lines(node, circuit))}"{end}:::{paint(node)}'


def _label(lines: Iterable[str]) -> str:
    return "<br/>".join(_SPECIAL.sub(lambda sign: f"#{ord(sign[0])};", clean(line)) for line in lines if line)


def _yaml(title: str) -> str:
    return '"' + title.replace("\\", "\\\\").replace('"', '\\"') + '"'
