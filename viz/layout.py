"""Positions for a graph: Graphviz arranges where it is at hand, else our own layers; wires are routed by us.

An *arrangement* is a column for every block, its place across the columns, and the places where a long
wire passes the columns between its ends. Graphviz and `layers` both make one; `assemble` turns it into
coordinates, so the two look alike, and nothing in the drawing depends on which was there.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from .cards import card_shapes
from .circuit import circuit_shapes
from .graph import Graph
from .layers import Arrangement, Block, Link, arrange_layers, columns
from .routing import Layout, assemble, straightened
from .shapes import WAYPOINT, Shape

GRAPHVIZ_LIMIT = 300
"""Graphviz needs seconds for a thousand nodes and minutes for some thousands; beyond this we arrange."""
GRAPHVIZ_SPAN = 1500
"""So many columns may all wires together cross; half a minute would pass for 10,000, with Ctrl-C of no use."""


def positions(graph: Graph) -> Layout:
    """Where everything in a graph stands.

    Graphviz computes the arrangement: the one that pygraphviz brings along, else a program `dot` on the
    PATH; above `GRAPHVIZ_LIMIT` blocks or `GRAPHVIZ_SPAN`, or where there is neither, a layered arrangement of
    our own does, so that a picture always comes.
    """
    node_shapes, label_shapes = circuit_shapes(graph) if graph.style == "circuit" else card_shapes(graph)
    blocks, links = _blocks(graph, node_shapes, label_shapes)
    arrangement = arrange(blocks, links, across=graph.style == "circuit")
    return assemble(graph, node_shapes, label_shapes, blocks, links, arrangement)


def _blocks(
    graph: Graph, node_shapes: list[Shape], label_shapes: dict[int, Shape]
) -> tuple[list[Block], list[Link]]:
    """What is arranged: the nodes by their keys, then the labels that stand on wires of their own."""
    circuit = graph.style == "circuit"

    def block(shape: Shape, scope: str, label: int | None = None) -> Block:
        size = (shape.width, shape.height) if circuit else (shape.height, shape.width)
        ports = tuple(port[1] if circuit else port[0] for port in shape.ports)
        return Block(*size, ports, scope, label)

    blocks = [block(shape, node.scope) for node, shape in zip(graph.nodes, node_shapes, strict=True)]
    inside = _scopes_of_leaves(graph)
    links = []
    for edge in graph.edges:
        if edge.loop:  # led around the rest when all has its place
            continue
        tail, head = graph.nodes[edge.tail], graph.nodes[edge.head]
        # a wire into a module passes beside the module's parameters, so that its frame need not step aside
        enters = tail.scope != head.scope and head.scope in inside[head.key]
        start = tail.key
        if edge.key in label_shapes or enters:
            shape = label_shapes.setdefault(edge.key, WAYPOINT)
            blocks.append(block(shape, head.scope if enters or tail.scope == head.scope else "", edge.key))
            links.append(Link(start, len(blocks) - 1, 0, edge.key))
            start = len(blocks) - 1
        links.append(Link(start, head.key, edge.slot, edge.key))
    return blocks, links


def _scopes_of_leaves(graph: Graph) -> list[set[str]]:
    """For each node the modules, if any, whose own parameters and constants it takes."""
    scopes = [set[str]() for _ in graph.nodes]
    for edge in graph.edges:
        tail = graph.nodes[edge.tail]
        if tail.operation is None and tail.scope:
            scopes[edge.head].add(tail.scope)
    return scopes


def arrange(blocks: list[Block], links: list[Link], *, across: bool) -> Arrangement:
    """Where blocks stand; `across` says that the flow runs to the right, and not downwards."""
    return straightened(blocks, links, _arrange(blocks, links, across))


def _arrange(blocks: list[Block], links: list[Link], across: bool) -> Arrangement:
    if len(blocks) <= GRAPHVIZ_LIMIT and _span(blocks, links) <= GRAPHVIZ_SPAN:
        source = _dot_source(blocks, links, across)
        for engine in (_bundled_graphviz, _system_graphviz):
            try:
                arrangement = _read_arrangement(engine(source), blocks, links, across)
                if not _runs_onwards(arrangement, links):
                    # it ranks each cluster as one, which fails where many feed the same ones; this way it does not
                    other = source.replace("digraph {", "digraph { newrank=true;", 1)
                    arrangement = _read_arrangement(engine(other), blocks, links, across)
            except Exception:  # absent, broken or too old: the next one, and at last our own, takes over
                continue
            if _runs_onwards(arrangement, links):
                return arrangement
    return arrange_layers(blocks, links)


def _span(blocks: list[Block], links: list[Link]) -> int:
    column = columns(len(blocks), links)
    return sum(column[link.head] - column[link.tail] for link in links)


def _runs_onwards(arrangement: Arrangement, links: list[Link]) -> bool:
    """Whether each link leads to a later column."""
    return all(arrangement.column[link.tail] < arrangement.column[link.head] for link in links)


def _bundled_graphviz(source: str) -> Any:
    import pygraphviz  # type: ignore[import-untyped]  # it ships no types

    return json.loads(pygraphviz.AGraph(string=source).draw(format="json0", prog="dot"))


def _system_graphviz(source: str) -> Any:
    import graphviz  # type: ignore[import-untyped]  # it ships no types

    return json.loads(graphviz.Source(source).pipe(format="json0", quiet=True))


def _dot_source(blocks: list[Block], links: list[Link], across: bool) -> str:
    """The graph for Graphviz: boxes of our sizes under names of our own, one point for each pixel."""
    lines = [
        "digraph {",
        f"rankdir={'LR' if across else 'TB'};",
        "nslimit=4; nslimit1=4;",  # without limits, some graphs of this size take it a quarter of a minute
        f"nodesep={(10 if across else 22) / 72:.4f}; ranksep={28 / 72:.4f};",
        'node [shape=box, fixedsize=true, label=""]; edge [arrowhead=none];',
    ]
    by_scope: dict[str, list[int]] = {}
    for index, block in enumerate(blocks):
        by_scope.setdefault(block.scope, []).append(index)
    lines += _cluster_lines(by_scope, lambda index: _node_line(index, blocks[index], across))
    for pin, rank in ((-1, "source"), (1, "sink")):
        pinned = [f"n{index};" for index, block in enumerate(blocks) if block.pin == pin]
        lines += [f"{{rank={rank}; {' '.join(pinned)}}}"] if pinned else []
    leave, (first, middle, last) = ("e", ("nw", "w", "sw")) if across else ("s", ("nw", "n", "ne"))
    for link in links:
        # the side or corner of a box at which a wire ends tells Graphviz the order of the operands; record
        # ports would tell more, but to measure their texts Graphviz loads fonts, and complains of them
        port = blocks[link.head].ports[link.slot]
        side = middle if port == 0 else first if port < 0 else last
        weight = 1000 if side == middle else 1  # Graphviz holds each cluster together with a weight of 128
        lines.append(f"n{link.tail}:{leave} -> n{link.head}:{side} [weight={weight}];")
    return "\n".join([*lines, "}"])


def _node_line(index: int, block: Block, across: bool) -> str:
    width, height = (block.length, block.breadth) if across else (block.breadth, block.length)
    return f"n{index} [width={width / 72:.4f}, height={height / 72:.4f}];"


def _cluster_lines(by_scope: dict[str, list[int]], node_line: Callable[[int], str]) -> list[str]:
    """Nodes inside nested clusters, one for each module path; written without recursion."""
    lines: list[str] = []
    open_scopes: list[str] = []
    for count, scope in enumerate(sorted(by_scope, key=lambda s: s.split(".") if s else [])):
        parts = scope.split(".") if scope else []
        while open_scopes != parts[: len(open_scopes)]:
            lines.append("}")
            open_scopes.pop()
        for part in parts[len(open_scopes) :]:
            open_scopes.append(part)
            lines.append(f"subgraph cluster_{count}_{len(open_scopes)} {{ margin=14;")
        lines += [node_line(index) for index in by_scope[scope]]
    return lines + ["}"] * len(open_scopes)


def _read_arrangement(answer: Any, blocks: list[Block], links: list[Link], across: bool) -> Arrangement:
    """Columns and places from Graphviz's coordinates, whose y points up."""

    def point(text: str) -> tuple[float, float]:
        x, y = (float(part) for part in text.split(","))
        return (x, -y) if across else (-y, x)

    along = [0.0] * len(blocks)
    place = [0.0] * len(blocks)
    index_of = {}
    for item in answer["objects"]:
        if item["name"].startswith("n") and "pos" in item:
            index = int(item["name"][1:])
            index_of[item["_gvid"]] = index
            along[index], place[index] = point(item["pos"])
    levels = sorted({round(u) for u in along})
    column_of = {level: number for number, level in enumerate(levels)}
    column = [column_of[round(u)] for u in along]

    # two wires between the same boxes come back in the order in which they were given
    splines: dict[tuple[int, int], list[list[tuple[float, float]]]] = {}
    for item in answer.get("edges", ()):
        curve = [point(text) for text in item["pos"].split()]
        splines.setdefault((index_of[item["tail"]], index_of[item["head"]]), []).append(curve)
    passes = []
    for link in links:
        curve = splines[link.tail, link.head].pop(0)
        between = levels[column[link.tail] + 1 : column[link.head]]
        passes.append(tuple(_place_at(curve, level) for level in between))
    return Arrangement(tuple(column), tuple(place), tuple(passes))


def _place_at(curve: list[tuple[float, float]], level: float) -> float:
    """Where a chain of cubic Bézier curves crosses a level, found by bisection."""
    segments = [curve[i : i + 4] for i in range(0, len(curve) - 3, 3)]
    segment = next((s for s in segments if s[0][0] <= level <= s[3][0]), segments[-1])
    low, high = 0.0, 1.0
    for _ in range(30):
        t = (low + high) / 2
        u, place = _bezier(segment, t)
        low, high = (t, high) if u < level else (low, t)
    return place


def _bezier(segment: list[tuple[float, float]], t: float) -> tuple[float, float]:
    s = 1 - t
    weights = (s * s * s, 3 * s * s * t, 3 * s * t * t, t * t * t)
    return (
        sum(w * p[0] for w, p in zip(weights, segment, strict=True)),
        sum(w * p[1] for w, p in zip(weights, segment, strict=True)),
    )
