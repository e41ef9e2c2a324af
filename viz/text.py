"""Graphs as text: DOT for Graphviz's own programs, and an outline to be read or heard."""

from __future__ import annotations

from .graph import Graph, GraphEdge, GraphNode
from .numbers import brief, numbers, small
from .shapes import gradient_text, group_facts, kept_text, paint, parameter_text, spelled
from .theme import LIGHT

SPOKEN_LINES = 60
"""Of a long outline so many lines are the description of a picture."""

_DOT_SHAPES = {
    "parameter": "box",
    "buffer": "cylinder",
    "input": "parallelogram",
    "constant": "note",
    "operation": "ellipse",
    "output": "doubleoctagon",
    "adder": "circle",
    "copy": "point",
    "module": "box3d",
}


def dot(graph: Graph) -> str:
    """The graph in the DOT language, with the same texts as the picture; Graphviz's programs draw it."""
    import graphviz  # type: ignore[import-untyped]  # it ships no types

    circuit = graph.style == "circuit"
    paper = graphviz.Digraph(
        graph_attr={"rankdir": "LR" if circuit else "TB"},
        node_attr={"fontname": "Helvetica", "style": "filled"},
        edge_attr={"fontname": "Helvetica", "fontsize": "10"},
    )
    if graph.title:
        paper.attr(label=graphviz.escape(graph.title), labelloc="t")
    for node in graph.nodes:
        colours = LIGHT.paints[paint(node)]
        lines = label_lines(node, circuit)
        paper.node(
            f"n{node.key}",
            label="\\n".join(graphviz.escape(line).replace("\n", " ") for line in lines),
            shape=_DOT_SHAPES[node.kind],
            fillcolor=colours.fill,
            color=colours.stroke,
        )
    for edge in graph.edges:
        label = ""
        if circuit:
            value = brief(edge.value) if edge.value is not None else ""
            label = f"{value}\\n{gradient_text(edge)}"
        back = {"style": "dotted", "constraint": "false", "label": f"{edge.loop} ×"} if edge.loop else {}
        paper.edge(f"n{edge.tail}", f"n{edge.head}", **{"label": label, **back})
    return str(paper.source)


def label_lines(node: GraphNode, circuit: bool) -> list[str]:
    """What stands in the box of a node, where a program without our layout draws it."""
    if node.kind in ("adder", "copy"):
        return ["+"]
    lines = [node.symbol if circuit and node.operation else spelled(node)]
    if node.group:
        lines = [" · ".join(filter(None, (node.group.title, node.group.kind))), group_facts(node.group)]
    lines[0] += f" × {node.times}" if node.times > 1 else ""
    lines += [node.role] if node.role else []
    lines += [node.error] if node.error else []
    if not circuit:
        lines.append(f"{node.shape} {node.dtype_text}")
        lines += [f"in {node.scope}"] if node.scope else []
        lines += [kept_text(node)] if kept_text(node) else []
    if not circuit or node.final:
        if node.value is not None and small(node.value):
            lines.append(numbers(node.value))
        lines.append(f"gradient {gradient_text(node)}")
    return lines


def outline(graph: Graph, limit: int | None = None) -> str:
    """The graph in words, one line for each value in the order of computation, at most `limit` of them."""
    inputs = graph.incoming()
    names: list[str] = []
    lines: list[str] = []
    count = 0
    for node in graph.nodes:
        operands = [_operand(edge, names) for edge in inputs[node.key]]
        if node.kind in ("adder", "copy") or (node.kind == "output" and node.operation is None):
            names.append(operands[0])  # another place of the same value
            continue
        count += 1
        names.append(
            node.name or (spelled(node) if node.kind in ("constant", "module") else f"value {count}")
        )
        if limit is None or len(lines) < limit:
            lines.append(_sentence(node, names[-1], operands))
    if count > len(lines):
        lines.append(f"and {count - len(lines)} more values.")
    return "\n".join(lines)


def _operand(edge: GraphEdge, names: list[str]) -> str:
    if edge.loop:
        return f"from the {'part' if edge.loop == 1 else f'{edge.loop} parts'} before"
    return names[edge.tail]


def _sentence(node: GraphNode, name: str, operands: list[str]) -> str:
    text = f"{name}"
    if node.group:
        what = node.group.kind or node.group.what
        text += f" = {what}({', '.join(operands)}), {group_facts(node.group)}"
        text += f" ({node.group.contents})" if node.group.operations > 1 else ""
        text += f", {node.group.outputs} outputs, of which the last" if node.group.outputs > 1 else ""
    elif node.operation:
        arguments = ", ".join(filter(None, (*operands, parameter_text(node.parameters))))
        symbol = f" [{node.symbol}]" if node.symbol != node.operation else ""
        text += f" = {node.operation}{symbol}({arguments})"
    else:
        text += f", {node.kind}"
    if node.wrong:
        text += ", whose gradient is wrong"
    if node.error:
        text += f", whose backward failed ({node.error})"
    if node.times > 1:
        text += f", {node.times} times"
    if node.shape:
        text += f", shape {node.shape}"
    if node.value is not None and small(node.value):
        text += f", value {numbers(node.value)}"
    if kept_text(node):
        text += f", {kept_text(node)}"
    if node.group and node.group.alarms:
        text += f", {node.group.alarms} values inside not finite or failed"
    if not node.gradients_known:
        return f"{text}, {node.state.value}."
    return f"{text}, gradient {gradient_text(node)}."
