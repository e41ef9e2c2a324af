"""Fan-outs: where a value has several consumers, an adder joins the gradients that come back from them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from .graph import Graph, GraphEdge, GraphNode, Style
from .numbers import Array, GradientState


class Wire(NamedTuple):
    """An edge before fan-outs have nodes of their own: it runs from what computes a value to what uses it."""

    tail: int
    head: int
    slot: int
    source: GraphNode
    """The node whose value it carries; where several are shown as one, one of those inside of the tail."""
    value: Array | None
    gradient: Array | None
    state: GradientState
    loop: int = 0
    values: int = 1
    value_parts: tuple[Array, ...] = ()
    gradient_parts: tuple[Array, ...] = ()

    @property
    def carries(self) -> tuple[int, int]:
        """Equal for wires that carry the same value."""
        return self.tail, self.source.key


def with_fan_outs(
    style: Style, nodes: Sequence[GraphNode], wires: Iterable[Wire]
) -> tuple[tuple[GraphNode, ...], tuple[GraphEdge, ...]]:
    """Nodes and edges of the picture: adders are put in, and in circuit style names at the ends of wires.

    The keys of the nodes given are their places; in the result they are those of the larger graph.
    """
    circuit = style == "circuit"
    incoming: list[list[Wire]] = [[] for _ in nodes]
    leaving: list[dict[tuple[int, int], list[Wire]]] = [{} for _ in nodes]
    for wire in wires:
        incoming[wire.head].append(wire)
        leaving[wire.tail].setdefault(wire.carries, []).append(wire)
    made: list[GraphNode] = []
    places: list[int] = []
    starts: dict[tuple[int, int], int] = {}  # where the wires of a value begin
    stems: dict[int, list[tuple[int, GraphNode]]] = {}  # by node, the fan-outs that follow it
    for key, node in enumerate(nodes):
        places.append(len(made))
        named = circuit and node.final and node.name and node.operation
        made.append(replace(node, key=len(made), final=node.final and not named))
        for carries, users in leaving[key].items():
            source = users[0].source
            starts[carries] = places[key]
            if len(users) > 1 and (source.required or circuit):
                starts[carries] = len(made)
                stems.setdefault(key, []).append((len(made), source))
                made.append(_fan_out(node, source, len(made)))
        if named:
            stems.setdefault(key, []).append((len(made), node))
            made.append(
                replace(
                    _fan_out(node, node, len(made)),
                    kind="output",
                    symbol=node.name or "",
                    role=None,
                    final=True,
                )
            )
    edges: list[GraphEdge] = []
    for key in range(len(nodes)):
        for wire in sorted(incoming[key], key=lambda wire: wire.slot):
            edges.append(
                GraphEdge(
                    len(edges), starts[wire.carries], places[key], wire.slot, wire.value, wire.gradient,
                    wire.state, wire.loop, wire.value_parts, wire.gradient_parts, wire.values,
                )
            )  # fmt: skip
        for place, source in stems.get(key, ()):
            edges.append(
                GraphEdge(
                    len(edges), places[key], place, 0, source.value, source.gradient, source.state,
                    value_parts=source.value_parts, gradient_parts=source.gradient_parts,
                )
            )  # fmt: skip
    return tuple(made), tuple(edges)


def _fan_out(node: GraphNode, source: GraphNode, key: int) -> GraphNode:
    return replace(
        source,
        key=key,
        kind="adder" if source.required else "copy",
        symbol="+",
        operation=None,
        role="adder" if source.required else None,
        parameters={},
        scope=node.scope,
        final=False,
        incomplete=False,
        wrong=False,
        error=None,
        saved=None,
        group=None,
    )


def without_fan_outs(graph: Graph) -> tuple[list[GraphNode], list[Wire]]:
    """The values of a graph and the wires between those that compute them and those that use them."""
    extra = {node.key for node in graph.nodes if is_place(node)}
    origin = {edge.head: edge.tail for edge in graph.edges if edge.head in extra}
    ended = {edge.tail for edge in graph.edges if _is_end(graph.nodes[edge.head])}
    nodes: list[GraphNode] = []
    place: dict[int, int] = {}
    for node in graph.nodes:
        if node.key not in extra:
            place[node.key] = len(nodes)
            nodes.append(replace(node, key=len(nodes), final=node.final or node.key in ended))
    wires = []
    for edge in graph.edges:
        if edge.head not in extra:
            tail = place[origin.get(edge.tail, edge.tail)]
            wires.append(
                Wire(
                    tail,
                    place[edge.head],
                    edge.slot,
                    nodes[tail],
                    edge.value,
                    edge.gradient,
                    edge.state,
                    edge.loop,
                    edge.values,
                )
            )
    return nodes, wires


def is_place(node: GraphNode) -> bool:
    """Whether a node is one more place of a value that another node has put out."""
    return node.kind in ("adder", "copy") or _is_end(node)


def _is_end(node: GraphNode) -> bool:
    return node.kind == "output" and node.operation is None
