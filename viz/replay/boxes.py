"""Modules as boxes in boxes, each with its own arrangement, so that a browser can open and close them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal, NamedTuple

from ..budget import opened_within
from ..cards import card_shapes
from ..circuit import circuit_shapes
from ..fanout import is_place, without_fan_outs
from ..glyphs import fit, text_width
from ..graph import Graph, GraphEdge, GraphNode
from ..layers import Block, Link
from ..layout import arrange
from ..parts import Part, Tree, flat
from ..shapes import Shape

_PORT_STEP = 14.0
_WIDEST_NAME = 260.0
_SHORTEST = 20  # so few values in a row are never divided into stretches


class Item(NamedTuple):
    """What stands in a box: a node, a box, the label of a wire, or the place where a wire enters or leaves."""

    kind: Literal["node", "box", "label", "enter", "leave"]
    key: int


class Run(NamedTuple):
    """A piece of wire inside one box, by the places of its ends among the items, for all edges that share it."""

    tail: int
    head: int
    edges: tuple[int, ...]
    passes: tuple[float, ...]


@dataclass(eq=False)
class Box:
    """One run of a module, or a stretch of operations, with what is in it; the first box is the whole picture."""

    key: int
    parent: int
    name: str
    path: str
    what: str
    kind: str = ""  # the class of the module
    opened: bool = False  # at first
    items: list[Item] = field(default_factory=list)
    column: tuple[int, ...] = ()
    place: tuple[float, ...] = ()
    runs: list[Run] = field(default_factory=list)
    operations: int = 0
    width: float = 0.0  # while it is closed
    height: float = 0.0
    enters: dict[int, float] = field(default_factory=dict)  # where ways enter it while it is closed
    leaves: dict[int, float] = field(default_factory=dict)


class Boxes(NamedTuple):
    """All boxes, outer ones first, and the shapes of what is in them.

    Edges that carry the same value go the same way across the borders of boxes.
    """

    boxes: tuple[Box, ...]
    box_of: tuple[int, ...]  # by node
    shapes: tuple[Shape, ...]  # by node
    labels: dict[int, Shape]  # by edge
    ways: tuple[int, ...]  # by edge


def boxed(graph: Graph, max_nodes: int) -> Boxes:
    """The boxes of a graph, arranged; as many are open at first as `draw` would open."""
    circuit = graph.style == "circuit"
    shapes, labels = circuit_shapes(graph) if circuit else card_shapes(graph)
    boxes, box_of = _boxes(graph, max_nodes)
    # a wire with a label of its own goes a way of its own
    ways = [len(graph.nodes) + edge.key if edge.key in labels else edge.tail for edge in graph.edges]
    pieces = _wired(graph, boxes, box_of, labels, ways)
    for box in reversed(boxes):  # inner ones first: the order of their wires is needed around them
        _arranged(box, boxes, pieces[box.key], shapes, labels, ways, circuit)
    return Boxes(tuple(boxes), tuple(box_of), tuple(shapes), labels, tuple(ways))


def _boxes(graph: Graph, max_nodes: int) -> tuple[list[Box], list[int]]:
    """A box for each part of the graph that `draw` would open or close, and for each node the box it stands in."""
    nodes, wires = without_fan_outs(graph)
    tree = Tree(nodes, wires, graph.scopes, fold=False, longest=max(max_nodes, _SHORTEST))
    opened = opened_within(graph, nodes, wires, tree.root, max_nodes)
    boxes = [Box(0, 0, "", "", "whole", opened=True)]
    place = [0] * len(nodes)
    waiting: list[tuple[Part, int, str, str]] = [(tree.root, 0, "", "")]
    while waiting:
        part, outer, around, prefix = waiting.pop()
        for inner in part.parts:
            if inner.what == "node":
                place[inner.node] = outer
                continue
            path, name = f"{around}{inner.name}", f"{prefix}{inner.caption}"
            if _is_whole(inner, nodes):
                boxes.append(Box(len(boxes), outer, name, path, inner.what, inner.kind, inner in opened))
                waiting.append((inner, boxes[-1].key, f"{path}.", ""))
            else:
                waiting.append((inner, outer, f"{path}.", f"{name}."))
    box_of: list[int] = []
    own = iter(place)
    tails = {edge.head: edge.tail for edge in graph.edges}
    for node in graph.nodes:  # a fan-out stands beside what it belongs to
        box_of.append(box_of[tails[node.key]] if is_place(node) else next(own))
        for outside in _chain(boxes, box_of[-1]) if node.operation else ():
            boxes[outside].operations += 1
    return boxes, box_of


def _is_whole(part: Part, nodes: Sequence[GraphNode]) -> bool:
    """Whether all that is in a part was computed without a break.

    A list of modules is no such thing if others run between them: as one box it would come before and after those.
    """
    inside = [key for key in flat([part]) if nodes[key].operation]
    between = range(min(inside, default=0), max(inside, default=-1) + 1)
    return sum(nodes[key].operation is not None for key in between) == len(inside)


def _chain(boxes: list[Box], key: int) -> list[int]:
    """A box and those around it, up to the whole picture."""
    chain = [key]
    while chain[-1]:
        chain.append(boxes[chain[-1]].parent)
    return chain


def _wired(
    graph: Graph, boxes: list[Box], box_of: list[int], labels: dict[int, Shape], ways: list[int]
) -> list[list[tuple[Item, Item, GraphEdge]]]:
    """The pieces of all wires, by box."""
    for node in graph.nodes:
        boxes[box_of[node.key]].items.append(Item("node", node.key))
    for box in boxes[1:]:
        boxes[box.parent].items.append(Item("box", box.key))
    runs: list[list[tuple[Item, Item, GraphEdge]]] = [[] for _ in boxes]
    for edge in graph.edges:
        outward, inward = _chain(boxes, box_of[edge.tail]), _chain(boxes, box_of[edge.head])
        meeting = next(key for key in outward if key in inward)
        start = Item("node", edge.tail)
        if edge.key in labels:
            label = Item("label", edge.key)
            boxes[outward[0]].items.append(label)
            runs[outward[0]].append((start, label, edge))
            start = label
        for key in outward[: outward.index(meeting)]:
            end = Item("leave", ways[edge.key])
            boxes[key].items.append(end)
            runs[key].append((start, end, edge))
            start = Item("box", key)
        for key, inner in pairwise(reversed(inward[: inward.index(meeting) + 1])):
            runs[key].append((start, Item("box", inner), edge))
            start = Item("enter", ways[edge.key])
            boxes[inner].items.append(start)
        runs[box_of[edge.head]].append((start, Item("node", edge.head), edge))
    for box in boxes:
        box.items = list(dict.fromkeys(box.items))
    return runs


def _arranged(
    box: Box,
    boxes: list[Box],
    pieces: list[tuple[Item, Item, GraphEdge]],
    shapes: list[Shape],
    labels: dict[int, Shape],
    ways: list[int],
    circuit: bool,
) -> None:
    """Let the shared layout find columns and places for what is in a box, its inner boxes closed."""

    def block(item: Item) -> Block:
        if item.kind in ("enter", "leave"):
            return Block(1.0, 10.0, (0.0,), "", None, -1 if item.kind == "enter" else 1)
        if item.kind == "box":
            inner = boxes[item.key]
            width, height, ports = inner.width, inner.height, tuple(inner.enters.values())
        else:
            shape = shapes[item.key] if item.kind == "node" else labels[item.key]
            width, height = shape.width, shape.height
            ports = tuple(port[1] if circuit else port[0] for port in shape.ports)
        return Block(*((width, height) if circuit else (height, width)), ports, "", None)

    blocks = [block(item) for item in box.items]
    index = {item: place for place, item in enumerate(box.items)}
    shared: dict[tuple[Item, Item, int, int], list[int]] = {}
    for tail, head, edge in pieces:
        way = ways[edge.key]
        slot = list(boxes[head.key].enters).index(way) if head.kind == "box" else 0
        slot = edge.slot if head.kind == "node" else slot
        shared.setdefault((tail, head, slot, way), []).append(edge.key)
    links = [Link(index[tail], index[head], slot, way) for tail, head, slot, way in shared]
    box.column, box.place, passes = arrange(blocks, links, across=circuit)
    box.runs = [
        Run(link.tail, link.head, tuple(edges), passing)
        for link, edges, passing in zip(links, shared.values(), passes, strict=True)
    ]
    _close(box, circuit)
    _sort_leaves(box, boxes, links)


def _close(box: Box, circuit: bool) -> None:
    """Its size while it is closed, and where its wires then end: in the order in which they stand inside."""
    ends = {kind: [i for i, item in enumerate(box.items) if item.kind == kind] for kind in ("enter", "leave")}
    crowd = max(map(len, ends.values()))
    width = max(text_width(closed_name(box), 13.0, bold=True), text_width(closed_text(box), 11.0)) + 44
    breadth = _PORT_STEP * crowd + 12
    box.width = width if circuit else max(width, breadth)
    box.height = max(46.0, breadth) if circuit else 46.0
    step = min(_PORT_STEP, ((box.height if circuit else box.width) - 16) / max(crowd, 1))
    for kind, places in (("enter", box.enters), ("leave", box.leaves)):
        ordered = sorted(ends[kind], key=box.place.__getitem__)
        for rank, i in enumerate(ordered):
            places[box.items[i].key] = (rank - (len(ordered) - 1) / 2) * step


def _sort_leaves(box: Box, boxes: list[Box], links: list[Link]) -> None:
    """Let wires leave the closed boxes inside in the order of what they lead to, so that they cross less."""
    ahead: dict[int, dict[int, list[float]]] = {}
    for link in links:
        tail, head = box.items[link.tail], box.items[link.head]
        if tail.kind == "box":
            at = box.place[link.head] + (boxes[head.key].enters[link.edge] if head.kind == "box" else 0.0)
            ahead.setdefault(tail.key, {}).setdefault(link.edge, []).append(at)
    for key, ways in ahead.items():
        inner = boxes[key]
        ordered = sorted(inner.leaves, key=lambda way: sum(ways[way]) / len(ways[way]))
        inner.leaves = dict(zip(ordered, sorted(inner.leaves.values()), strict=True))


def closed_name(box: Box) -> str:
    """The name on a closed box."""
    return fit(f"{box.name} · {box.kind}" if box.kind else box.name, 13.0, _WIDEST_NAME, bold=True)


def closed_text(box: Box) -> str:
    """What a closed box says that it holds."""
    return "1 operation" if box.operations == 1 else f"{box.operations} operations"
