"""The shown graph: some parts of the whole are closed to one node each, repetitions are drawn once."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeAlias

import numpy as np

from .fanout import Wire, with_fan_outs
from .graph import Graph, GraphNode, Group, ModuleScope, Style
from .numbers import Array, GradientState, gradient_state
from .parts import Part, contents, flat, name_range
from .summary import norm_of

BundleKey: TypeAlias = tuple[int, int, int, int, bool]
"""The cells at the ends of a shown wire, the value, the operand, whether it loops.

The value is the key of a node of the first unit, or negative for many; the operand is −1 where a closed part
takes it.
"""
Bundles: TypeAlias = "dict[BundleKey, list[Wire]]"
_LARGEST_STACK = 100_000  # numbers
_IN_ORDER = (
    GradientState.NOT_FINITE, GradientState.NUMBER, GradientState.ZERO, GradientState.NOT_COMPUTED,
    GradientState.NOT_REQUIRED,
)  # fmt: skip
"""Of several gradients together the first of these that one is in is told."""
_MOST_VALUES = 4  # more between the same two closed parts are one wire


@dataclass(eq=False)
class Cell:
    """What one node of the shown graph stands for."""

    path: str  # of the frame that it stands in; of a closed part, its own
    part: Part | None = None  # the closed part; None: a single node
    keys: list[int] = field(default_factory=list)  # the nodes of the first unit
    copies: list[list[int]] = field(default_factory=list)  # the nodes of all units, this one's first


class View:
    """Which cell each node is in, when these parts are open.

    Nodes at equal places of the units of an open repetition are in one cell.
    """

    def __init__(self, root: Part, opened: set[Part], count: int) -> None:
        self.opened = frozenset(opened)
        self.cells: list[Cell] = []
        self.scopes: list[ModuleScope] = []
        self.cell = [-1] * count
        self.model = list(range(count))
        """For each node the one of the first unit that corresponds to it."""
        self.unit: dict[int, dict[int, int]] = {}
        """By the open repetitions around a node, in which of their units it is."""
        mirrors: list[tuple[int, Part]] = []
        stack: list[tuple[Part, str]] = [(root, "")]
        while stack:
            part, path = stack.pop()
            for inner in part.parts:
                if inner.what == "node":
                    self._add(Cell(path, None, [inner.node]))
                    continue
                own = f"{path}.{inner.name}" if path else inner.name
                if inner not in opened:
                    self._add(Cell(own, inner, flat(inner.parts if inner.what != "repetition" else [inner])))
                    continue
                self.scopes.append(ModuleScope(own, path, inner.caption, inner.kind, inner.times))
                stack.append((inner, own))
                if inner.what == "repetition":
                    mirrors.append((len(mirrors), inner))
        for number, part in reversed(mirrors):  # inner ones first
            self._mirror(number, part)
        self.scopes.sort(key=lambda scope: scope.path.split("."))

    def _add(self, cell: Cell) -> None:
        for key in cell.keys:
            self.cell[key] = len(self.cells)
        cell.copies = [cell.keys]
        self.cells.append(cell)

    def _mirror(self, number: int, part: Part) -> None:
        units = [flat(unit) for unit in part.units]
        cells = dict.fromkeys(self.cell[key] for key in units[0])
        place = {key: i for i, key in enumerate(units[0])}
        for index in cells:
            copies = self.cells[index].copies
            self.cells[index].copies = copies + [
                [unit[place[key]] for key in keys] for unit in units[1:] for keys in copies
            ]
        for i, unit in enumerate(units):
            for first, key in zip(units[0], unit, strict=True):
                self.cell[key] = self.cell[first]
                self.model[key] = self.model[first]
                self.unit.setdefault(key, {})[number] = i
        # what lies in an inner repetition of the first unit lies in that of the others, too
        for unit in units[1:]:
            for first, key in zip(units[0], unit, strict=True):
                for other, i in self.unit[first].items():
                    self.unit[key].setdefault(other, i)

    def loops(self, wire: Wire) -> bool:
        """Whether a wire leads from one unit of an open repetition to another."""
        tail, head = self.unit.get(wire.tail), self.unit.get(wire.head)
        return bool(tail and head) and any(head.get(number, i) != i for number, i in tail.items())  # type: ignore[union-attr]  # there is a head

    def bundles(self, wires: Iterable[Wire]) -> Bundles:
        """The wires of the shown graph, each with those that it stands for.

        The key is the cells at its ends, the value that it carries, the operand that it is, and whether it loops.
        """
        found: Bundles = {}
        first: dict[tuple[int, int, int], int] = {}
        for wire in wires:
            tail, head = self.cell[wire.tail], self.cell[wire.head]
            loops = bool(self.unit) and self.loops(wire)
            if tail == head and not loops and self.cells[tail].part is not None:
                continue
            slot = wire.slot if self.cells[head].part is None else -1
            if slot >= 0 and not loops and len(self.cells[tail].copies) > len(self.cells[head].copies):
                # as where steps are stacked: each of the copies is another operand of the one that uses them all
                slot = first.setdefault((tail, head, self.model[wire.tail]), slot)
            found.setdefault((tail, head, self.model[wire.tail], slot, loops), []).append(wire)
        return self._thinned(found)

    def _thinned(self, bundles: Bundles) -> Bundles:
        """Many values between the same two closed parts are one wire."""
        between: dict[tuple[int, int, bool], list[BundleKey]] = {}
        for key in bundles:
            tail, head, _, _, loops = key
            if self.cells[tail].part is not None and self.cells[head].part is not None:
                between.setdefault((tail, head, loops), []).append(key)
        for (tail, head, loops), keys in between.items():
            if len(keys) > _MOST_VALUES:
                bundles[tail, head, -1 - head, -1, loops] = [
                    wire for key in keys for wire in bundles.pop(key)
                ]
        return bundles

    def size(self, style: Style, nodes: Sequence[GraphNode], wires: Iterable[Wire]) -> int:
        """How many nodes the shown graph has, with its fan-outs."""
        users: dict[tuple[int, int], int] = {}
        for tail, _, model, _, _ in self.bundles(wires):
            users[tail, model] = users.get((tail, model), 0) + 1
        forks = sum(
            count > 1 and model >= 0 and (nodes[model].required or style == "circuit")
            for (_, model), count in users.items()
        )
        ends = sum(
            bool(node.final and node.name and node.operation) and self.cells[self.cell[node.key]].part is None
            for node in nodes
        )
        return len(self.cells) + forks + (ends if style == "circuit" else 0)


class _Numbers(NamedTuple):
    value: Array | None
    gradient: Array | None
    state: GradientState
    value_parts: tuple[Array, ...] = ()
    gradient_parts: tuple[Array, ...] = ()


def shown(graph: Graph, nodes: Sequence[GraphNode], wires: Sequence[Wire], view: View) -> Graph:
    """The graph that a view shows."""
    bundles = view.bundles(wires)
    leaving: dict[int, dict[int, None]] = {}
    for tail, head, model, slot, loops in bundles:
        for used in (view.model[wire.tail] for wire in bundles[tail, head, model, slot, loops]):
            leaving.setdefault(tail, {})[used] = None
    made = [
        _single(nodes, cell) if cell.part is None else _closed(nodes, cell, list(leaving.get(index, ())))
        for index, cell in enumerate(view.cells)
    ]
    order, backward = _ordered(view, bundles)
    place = {cell: i for i, cell in enumerate(order)}
    slots: dict[tuple[int, int, int], int] = {}
    arriving: dict[int, int] = {}
    result: list[Wire] = []
    for key, carried in bundles.items():
        tail, head, model, slot, loops = key
        if slot < 0:  # operands of a closed part are counted as they come
            slot = slots.setdefault((tail, head, model), arriving.get(head, 0))
            arriving[head] = max(arriving.get(head, 0), slot + 1)
        loop = _times(carried) if loops else int(key in backward)
        if model < 0:
            many = _many(carried)
            source = replace(made[tail], key=model)
            result.append(
                Wire(place[tail], place[head], slot, source, None, None, many, loop, len(_distinct(carried)))
            )
            continue
        together = _together(carried)
        source = nodes[model]
        if view.cells[tail].part is None:
            source = made[tail]
        elif len(view.cells[tail].copies) > 1:
            source = replace(source, **_stacked([nodes[wire.tail] for wire in _distinct(carried)])._asdict())
        result.append(
            Wire(
                place[tail],
                place[head],
                slot,
                replace(source, key=model),
                *together[:3],
                loop,
                1,
                *together[3:],
            )
        )
    ordered = [replace(made[cell], key=i) for i, cell in enumerate(order)]
    shown_nodes, edges = with_fan_outs(graph.style, ordered, result)
    return Graph(graph.style, graph.title, shown_nodes, edges, tuple(view.scopes), graph.entries)


def _distinct(wires: Iterable[Wire]) -> list[Wire]:
    return list({wire.tail: wire for wire in wires}.values())


def _many(wires: Sequence[Wire]) -> GradientState:
    """What is known of many values at once: the state of their gradients that matters most."""
    states = {wire.state for wire in wires}
    return next(state for state in _IN_ORDER if state in states)


def _times(wires: Sequence[Wire]) -> int:
    return len({(wire.tail, wire.head) for wire in wires})


def _together(wires: Sequence[Wire]) -> _Numbers:
    """What goes along one wire of the shown graph: contributions to one value are summed, several are stacked."""
    by_source: dict[int, list[Wire]] = {}
    for wire in wires:
        by_source.setdefault(wire.tail, []).append(wire)
    gradients = []
    for same in by_source.values():
        known = [wire.gradient for wire in same if wire.gradient is not None]
        gradients.append(sum(known[1:], start=known[0]) if known else None)
    return _combined(
        [same[0].value for same in by_source.values()],
        [None if gradient is None else np.asarray(gradient) for gradient in gradients],
        any(wire.state is not GradientState.NOT_REQUIRED for wire in wires),
    )


def _combined(values: Sequence[Array | None], gradients: Sequence[Array | None], required: bool) -> _Numbers:
    value, value_parts = _stack(values)
    gradient, gradient_parts = _stack(gradients)
    states = {gradient_state(part, required) for part in gradient_parts or (gradient,)}
    state = next(state for state in _IN_ORDER if state in states)
    return _Numbers(value, gradient, state, value_parts, gradient_parts)


def _stack(arrays: Sequence[Array | None]) -> tuple[Array | None, tuple[Array, ...]]:
    """Arrays of one shape as one, or themselves where that would be large; those that are not known are left out."""
    known = tuple(array for array in arrays if array is not None)
    if len(arrays) == 1 or not known:
        return (known[0] if known else None), ()
    if sum(array.size for array in known) > _LARGEST_STACK:
        return None, known
    return np.stack(known), ()


def _stacked(nodes: Sequence[GraphNode]) -> _Numbers:
    return _combined(
        [node.value for node in nodes],
        [node.gradient for node in nodes],
        any(node.required for node in nodes),
    )


def _single(nodes: Sequence[GraphNode], cell: Cell) -> GraphNode:
    """A node, or those at its place in all units of a repetition."""
    keys = [copy[0] for copy in cell.copies]
    node = nodes[keys[0]]
    if len(keys) == 1:
        return replace(node, scope=cell.path)
    copies = [nodes[key] for key in keys]
    names = [copy.name for copy in copies if copy.name]
    name = name_range(names) if len(names) == len(copies) else None
    merged = replace(
        node,
        **_stacked(copies)._asdict(),
        scope=cell.path,
        kind=next((copy.kind for copy in copies if copy.kind != node.kind), node.kind),
        name=name,
        symbol=node.symbol if node.operation else name or node.symbol,
        times=len(keys),
    )
    return _marked(merged, copies)


def _marked(node: GraphNode, nodes: Sequence[GraphNode]) -> GraphNode:
    """A node with what those that it stands for say of failures, and of what the tape keeps."""
    failed = next((one for one in nodes if one.failed), None)
    return replace(
        node,
        wrong=any(one.wrong for one in nodes),
        error=next((one.error for one in nodes if one.error), None),
        role=failed.role if failed else node.role,
        saved=_kept(nodes),
        final=any(one.final for one in nodes),
        incomplete=any(one.incomplete for one in nodes),
    )


def _kept(nodes: Sequence[GraphNode]) -> dict[str, int] | None:
    known = [node.saved for node in nodes if node.saved is not None]
    names = dict.fromkeys(name for saved in known for name in saved)
    return {name: sum(saved.get(name, 0) for saved in known) for name in names} if known else None


def _closed(nodes: Sequence[GraphNode], cell: Cell, leaving: list[int]) -> GraphNode:
    """The node of a closed part: it puts out the last value that is used outside, or is a result."""
    part = cell.part
    assert part is not None
    inside = [nodes[key] for copy in cell.copies for key in copy]
    place = {key: i for copy in cell.copies for i, key in enumerate(copy)}
    results = [key for key in cell.copies[-1] if nodes[key].final]
    outputs = sorted({place[key] for key in (*leaving, *results)}) or [len(cell.keys) - 1]
    main = nodes[cell.keys[outputs[-1]]]
    if len(cell.copies) > 1:
        main = replace(main, **_stacked([nodes[copy[outputs[-1]]] for copy in cell.copies])._asdict())
    unit = [nodes[key] for key in (flat(part.parts) if part.what == "repetition" else cell.keys)]
    operations = [node for node in unit if node.operation and node.operation != "pick"]
    group = Group(
        scope=cell.path,
        title=part.caption,
        kind=part.kind,
        what=part.what,
        operations=len(operations),
        contents=contents(unit),
        parameters=sum(int(np.prod(node.shape)) for node in unit if node.kind == "parameter"),
        outputs=len(outputs),
        times=part.times * (len(cell.copies) if part.what != "repetition" else 1),
        parameter_gradient=_steepness(inside),
        alarms=sum(is_alarming(node) for node in inside),
    )
    made = GraphNode(
        key=cell.keys[0],
        kind="module",
        symbol=part.caption,
        shape=main.shape,
        dtype=main.dtype,
        value=main.value,
        gradient=main.gradient,
        state=main.state,
        value_parts=main.value_parts,
        gradient_parts=main.gradient_parts,
        scope=cell.path.rpartition(".")[0],
        source=None,
        times=group.times,
        group=group,
    )
    made = _marked(made, inside)
    return replace(
        made, incomplete=False, saved=None if made.saved is None else {"inside": sum(made.saved.values())}
    )


def _steepness(nodes: Sequence[GraphNode]) -> float | None:
    gradients = [node.gradient for node in nodes if node.kind == "parameter" and node.gradient is not None]
    return float(np.hypot.reduce([norm_of([gradient]) for gradient in gradients])) if gradients else None


def is_alarming(node: GraphNode) -> bool:
    """Whether a node holds what is not finite, or has failed."""
    finite = node.value is None or node.value.dtype.kind not in "fc" or bool(np.isfinite(node.value).all())
    return node.failed or not finite or node.state is GradientState.NOT_FINITE


def _ordered(view: View, bundles: Bundles) -> tuple[list[int], set[BundleKey]]:
    """The cells, each after those that it needs, else in their order; and the wires that had to turn back."""
    first = [min(cell.keys) for cell in view.cells]
    waiting = [0] * len(view.cells)
    followers: list[list[int]] = [[] for _ in view.cells]
    onwards = {key for key in bundles if not key[4] and key[0] != key[1]}
    for tail, head, *_ in onwards:
        waiting[head] += 1
        followers[tail].append(head)
    ready = [(first[cell], cell) for cell in range(len(waiting)) if not waiting[cell]]
    heapq.heapify(ready)
    left = {cell for cell in range(len(waiting)) if waiting[cell]}
    order: list[int] = []
    while ready or left:
        if not ready:  # parts that need one another, as generators that take turns may make them
            cell = min(left, key=lambda cell: first[cell])
            left.discard(cell)
            ready.append((first[cell], cell))
        _, cell = heapq.heappop(ready)
        order.append(cell)
        for follower in followers[cell]:
            waiting[follower] -= 1
            if not waiting[follower] and follower in left:
                left.discard(follower)
                heapq.heappush(ready, (first[follower], follower))
    place = {cell: i for i, cell in enumerate(order)}
    return order, {key for key in bundles if not key[4] and place[key[0]] >= place[key[1]]}
