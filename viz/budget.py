"""Which parts of a graph are open: by depth, by the caller's word, and within a number of nodes what matters first."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence

import numpy as np

from .collapse import View, shown
from .fanout import Wire, without_fan_outs
from .graph import Graph, GraphNode, ModuleScope
from .numbers import Array
from .parts import Part, Tree, flat

_REFUSALS = 24  # after so many parts in a row that were too large the rest stays closed


def collapse(
    graph: Graph,
    *,
    max_nodes: int | None = 60,
    depth: int | None = None,
    closed: Callable[[ModuleScope], bool | None] | None = None,
    rolled: bool | None = None,
) -> Graph:
    """A graph with some of its parts closed to one node each; `draw` says which.

    Returns:
        The shown graph; the given one, if nothing needs to be closed.
    """
    check_budget(max_nodes)
    if closed is not None and not callable(closed):
        raise TypeError(f"closed must be a function of a ModuleScope, not {type(closed).__name__}")
    if depth is not None and depth < 0:
        raise ValueError(f"depth must not be negative: 0 shows no module's inside; it is {depth}")
    nodes, wires = without_fan_outs(graph)
    choice = _Choice(graph, nodes, wires, depth, closed)
    view = None
    if max_nodes is None or len(nodes) <= max_nodes or depth is not None or closed is not None or rolled:
        tree = Tree(nodes, wires, graph.scopes, fold=bool(rolled), longest=None)
        view = View(tree.root, choice.all_open(tree.root), len(nodes))
    if view is None or (max_nodes is not None and view.size(graph.style, nodes, wires) > max_nodes):
        assert max_nodes is not None
        longest = max_nodes
        while True:
            tree = Tree(nodes, wires, graph.scopes, fold=rolled is not False, longest=longest)
            view = choice.within(tree.root, max_nodes)
            if longest <= 2 or choice.insists or view.size(graph.style, nodes, wires) <= max_nodes:
                break
            longest = longest * 2 // 3
    if not rolled and len(view.cells) == len(nodes):
        return graph
    return shown(graph, nodes, wires, view)


def check_budget(max_nodes: int | None) -> None:
    """Refuse what is no number of nodes."""
    if max_nodes is not None and not isinstance(max_nodes, (int, np.integer)):
        raise TypeError(f"max_nodes must be a whole number, or None for all nodes, not {max_nodes!r}")
    if max_nodes is not None and max_nodes < 1:
        raise ValueError(f"max_nodes must be at least 1, or None for all nodes, not {max_nodes}")


def opened_within(
    graph: Graph, nodes: Sequence[GraphNode], wires: Sequence[Wire], root: Part, max_nodes: int
) -> frozenset[Part]:
    """Which parts of a tree are open where a picture has at most so many nodes: all, if it has no more."""
    choice = _Choice(graph, nodes, wires, None, None)
    everything = choice.all_open(root)
    if View(root, everything, len(nodes)).size(graph.style, nodes, wires) <= max_nodes:
        return frozenset(everything)
    return choice.within(root, max_nodes).opened


class _Choice:
    """Opens parts of a tree."""

    def __init__(
        self,
        graph: Graph,
        nodes: Sequence[GraphNode],
        wires: Sequence[Wire],
        depth: int | None,
        closed: Callable[[ModuleScope], bool | None] | None,
    ) -> None:
        self.style = graph.style
        self.nodes = nodes
        self.wires = wires
        self.depth = depth
        self.closed = closed
        self.origins = _origins(nodes, wires)
        self._told: dict[str, bool | None] = {}

    @property
    def insists(self) -> bool:
        """Whether the caller wants something open, be it beyond the budget."""
        return False in self._told.values()

    def told(self, part: Part) -> bool | None:
        """What the caller says of a module: True for closed, False for open, None for either."""
        if self.closed is None or part.scope is None:
            return None
        if part.scope.path not in self._told:
            answer = self.closed(part.scope)
            self._told[part.scope.path] = None if answer is None else bool(answer)
        return self._told[part.scope.path]

    def may_open(self, part: Part) -> bool:
        """Whether neither the caller nor the depth keeps a part closed."""
        told = self.told(part)
        if told is not None:
            return not told
        return self.depth is None or part.scope is None or part.scope.depth <= self.depth

    def all_open(self, root: Part) -> set[Part]:
        """All parts that may be open and lie in open ones."""
        opened: set[Part] = set()
        waiting = list(root.boxes())
        for part in waiting:  # grows while it is read
            if self.may_open(part):
                opened.add(part)
                waiting += part.boxes()
        return opened

    def within(self, root: Part, budget: int) -> View:
        """Open one part after the other while the picture has no more nodes than the budget.

        Those that the caller wants open are open in any case. Then come what holds the origin of something that
        is not finite, or has failed, modules that hold modules before others, outer ones before inner ones, and
        small ones before large ones.
        """
        opened: set[Part] = set()
        view = View(root, opened, len(self.nodes))
        heap: list[tuple[tuple[int, ...], Part]] = []
        number = 0

        def push(parts: Sequence[Part], level: int) -> None:
            nonlocal number
            for part in parts:
                if self.may_open(part) and len(flat([part])) > 1:
                    number += 1
                    heapq.heappush(heap, ((*self._rank(part, level), number, level), part))

        insisted = self._insisted(root)
        opened |= insisted
        view = View(root, opened, len(self.nodes))
        budget = max(budget, view.size(self.style, self.nodes, self.wires)) if insisted else budget
        waiting = [root, *insisted]
        push([part for outer in waiting for part in outer.boxes() if part not in insisted], 0)
        refused = 0
        while heap and refused < _REFUSALS:
            rank, part = heapq.heappop(heap)
            wider = View(root, opened | {part}, len(self.nodes))
            if wider.size(self.style, self.nodes, self.wires) > budget:
                refused += 1
                continue
            refused = 0
            opened.add(part)
            view = wider
            push(list(part.boxes()), rank[-1] + 1)
        return view

    def _insisted(self, root: Part) -> set[Part]:
        """The parts that the caller wants open, and those around them."""
        if self.closed is None:
            return set()
        found: set[Part] = set()
        stack: list[tuple[Part, tuple[Part, ...]]] = [(root, ())]
        while stack:
            part, outer = stack.pop()
            for inner in part.boxes():
                path = (*outer, inner)
                if self.told(inner) is False:
                    found.update(path)
                if self.told(inner) is not True:
                    stack.append((inner, path))
        return found

    def _rank(self, part: Part, level: int) -> tuple[int, ...]:
        inside = flat([part])
        return (
            self.origins.isdisjoint(inside),
            not any(True for _ in part.boxes()),
            level,
            len(part.parts),
        )


def _origins(nodes: Sequence[GraphNode], wires: Sequence[Wire]) -> set[int]:
    """Where failures and what is not finite come from: the first of the values, and of the gradients, that are not."""
    values = {node.key for node in nodes if not _finite(node.value)}
    gradients = {node.key for node in nodes if not _finite(node.gradient)}
    origins = {node.key for node in nodes if node.failed}
    origins |= values - {wire.head for wire in wires if wire.tail in values}
    return origins | (gradients - {wire.tail for wire in wires if wire.head in gradients})


def _finite(array: Array | None) -> bool:
    return array is None or array.dtype.kind not in "fc" or bool(np.isfinite(array).all())
