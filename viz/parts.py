"""A graph as a tree of parts, each of which can be shown as one: modules, repetitions, stretches of operations."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from .fanout import Wire
from .graph import GraphNode, ModuleScope
from .repetition import runs

_FEWEST = {"node": 4, "part": 2}  # so many equal ones in a row are a repetition


@dataclass(eq=False)
class Part:
    """A node, or several parts in the order of computation that can be shown as one.

    A repetition holds its first unit as its parts, and all units, which are equal in structure.
    """

    what: Literal["node", "module", "repetition", "stretch"]
    name: str = ""  # tells it from the others that lie in the same part
    caption: str = ""
    single: str = ""  # the caption of this one alone, where it stands for several
    kind: str = ""  # the class of the module
    node: int = -1
    parts: list[Part] = field(default_factory=list)
    units: list[list[Part]] = field(default_factory=list)
    scope: ModuleScope | None = None
    signature: int = -1

    @property
    def times(self) -> int:
        """How many units there are."""
        return len(self.units) or 1

    def boxes(self) -> Iterator[Part]:
        """The parts inside that can be opened."""
        return (part for part in self.parts if part.what != "node")

    def all_units(self) -> list[list[Part]]:
        """The units; a part that is no repetition is one."""
        return self.units or [self.parts]


def flat(parts: Sequence[Part]) -> list[int]:
    """All nodes inside, in the order of the parts; corresponding ones of equal units stand at equal places."""
    found: list[int] = []
    stack = list(reversed(parts))
    while stack:
        part = stack.pop()
        if part.what == "node":
            found.append(part.node)
        else:
            for unit in reversed(part.all_units()):
                stack += reversed(unit)
    return found


class Tree:
    """Makes the tree of one graph.

    Args:
        nodes: the values, in the order of computation.
        wires: between them.
        scopes: the modules, each after the one around it.
        fold: whether equal neighbours become repetitions.
        longest: a part of more parts than this is divided into stretches; None divides nothing.
    """

    def __init__(
        self,
        nodes: Sequence[GraphNode],
        wires: Sequence[Wire],
        scopes: Sequence[ModuleScope],
        *,
        fold: bool,
        longest: int | None,
    ) -> None:
        self.nodes = nodes
        self.incoming: list[list[tuple[int, int]]] = [[] for _ in nodes]
        self.outgoing: list[list[tuple[int, int]]] = [[] for _ in nodes]
        for wire in wires:
            self.incoming[wire.head].append((wire.slot, wire.tail))
            self.outgoing[wire.tail].append((wire.slot, wire.head))
        self._signatures: dict[Any, int] = {}
        self._fold = fold
        self._longest = longest
        self.root = Part("module")
        self._fill(scopes)
        for part in self._inner_first():
            self._finish(part)

    def _fill(self, scopes: Sequence[ModuleScope]) -> None:
        known = {scope.path: scope for scope in scopes}
        found = {"": self.root}
        for key, node in enumerate(self.nodes):
            path, missing = node.scope, []
            while path not in found:
                missing.append(path)
                path = known[path].parent
            for path in reversed(missing):
                scope = known[path]
                name = path.rpartition(".")[2]
                found[path] = Part("module", name, scope.caption, scope.caption, scope.kind, scope=scope)
                found[scope.parent].parts.append(found[path])
            found[node.scope].parts.append(Part("node", node=key, signature=self._sign(_look(node))))

    def _inner_first(self) -> list[Part]:
        order = [self.root]
        for part in order:  # grows while it is read
            order += part.boxes()
        return order[::-1]

    def _finish(self, part: Part) -> None:
        """Sign a part, then fold and divide what it holds; all inside it is finished."""
        inside = flat(part.parts)
        part.signature = self._sign((part.kind, tuple(p.signature for p in part.parts), self._wiring(inside)))
        if self._fold:
            part.parts = min((self._folded(order) for order in self._orders(part.parts)), key=len)
            for repeated in part.boxes():
                for place, first in enumerate(repeated.parts):  # the first unit is shown, and stands for all
                    if repeated.what == "repetition":
                        first.caption = name_range([unit[place].single for unit in repeated.units])
        if self._longest is not None:
            part.parts = self._divided(part.parts, self._longest)

    def _orders(self, parts: list[Part]) -> list[list[Part]]:
        """Orders in which repetitions may show: leaves that the first unit alone uses first hide that it is one.

        Leaves stand where they were first used; or all in front; or those of one user just before it, the first
        operand last, so that the values which are there at the beginning stand outside of the units.
        """
        leaves = [part for part in parts if part.what == "node" and not self.nodes[part.node].operation]
        others = [part for part in parts if part.what != "node" or self.nodes[part.node].operation]
        if not leaves or not others:
            return [parts]
        owner = {key: place for place, part in enumerate(others) for key in flat([part])}
        front: list[Part] = []
        before: list[list[tuple[int, Part]]] = [[] for _ in others]
        for leaf in leaves:
            users = [(owner[head], slot) for slot, head in self.outgoing[leaf.node] if head in owner]
            if len({place for place, _ in users}) == 1:
                before[users[0][0]].append((-users[0][1], leaf))
            else:
                front.append(leaf)
        attached = [
            item
            for part, own in zip(others, before, strict=True)
            for item in (*(leaf for _, leaf in sorted(own, key=lambda pair: pair[0])), part)
        ]
        return [parts, leaves + others, front + attached]

    def _sign(self, what: Any) -> int:
        return self._signatures.setdefault(what, len(self._signatures))

    def _wiring(self, inside: Sequence[int]) -> tuple[tuple[tuple[int, int], ...], ...]:
        """For each node the places of its operands among these nodes, −1 for those from elsewhere."""
        place = {key: i for i, key in enumerate(inside)}
        return tuple(
            tuple((slot, place.get(tail, -1)) for slot, tail in self.incoming[key]) for key in inside
        )

    def _folded(self, parts: list[Part]) -> list[Part]:
        found: list[Part] = []
        number = 0
        for run in runs([part.signature for part in parts]):
            units = [
                parts[run.start + i * run.length : run.start + (i + 1) * run.length] for i in range(run.times)
            ]
            count = self._equal_units(units)
            fewest = _FEWEST["node" if all(part.what == "node" for part in units[0]) else "part"]
            if count < fewest or run.times < 2:
                found += [part for unit in units for part in unit]
                continue
            number += 1
            found.append(_repetition(units[:count], number, self.nodes))
            found += [part for unit in units[count:] for part in unit]
        return found

    def _equal_units(self, units: list[list[Part]]) -> int:
        """How many of the first units are wired alike inside."""
        if len(units) < 2:
            return len(units)
        first = self._wiring(flat(units[0]))
        return next((i for i, unit in enumerate(units) if self._wiring(flat(unit)) != first), len(units))

    def _divided(self, parts: list[Part], longest: int) -> list[Part]:
        while len(parts) > max(longest, 2):
            size = -(-len(parts) // max(longest, 2))
            chunks = [parts[i : i + size] for i in range(0, len(parts), size)]
            parts = [
                chunk[0] if len(chunk) == 1 else _stretch(chunk, number)
                for number, chunk in enumerate(chunks, 1)
            ]
        return parts


def _look(node: GraphNode) -> tuple[Any, ...]:
    """What equal nodes have in common."""
    kind = "operation" if node.operation else node.kind
    parameters = sorted(item for item in node.parameters.items() if item[0] != "index")  # steps differ in it
    plain = tuple((name, _plain(value)) for name, value in parameters)
    return (kind, node.operation, node.symbol if node.operation else "", node.shape, str(node.dtype), plain)


def _plain(value: object) -> str:
    return (
        repr(value)
        if isinstance(value, (bool, int, float, str, tuple, list, type(None)))
        else type(value).__name__
    )


def _repetition(units: list[list[Part]], number: int, nodes: Sequence[GraphNode]) -> Part:
    first = units[0]
    if len(first) == 1 and first[0].what == "module":  # the module itself is what repeats
        caption = name_range([unit[0].single for unit in units])
        return Part(
            "repetition", first[0].name, caption, caption, first[0].kind, -1, first[0].parts,
            [unit[0].parts for unit in units], first[0].scope,
        )  # fmt: skip
    named = [part.name.partition(":")[0] or _called(nodes[part.node]) for part in first]
    shown = named if len(named) <= 3 else [named[0], "…", named[-1]]
    caption = ", ".join(shown)
    return Part("repetition", f"repetition {number}", caption, caption, "", -1, first, units)


def name_range(names: Sequence[str]) -> str:
    """One name for several: where they differ, from the first to the last.

    >>> name_range(["layer9.bias", "layer10.bias", "layer11.bias"])
    'layer9…11.bias'
    """
    first, last = (re.split(r"(\d+)", name) for name in (names[0], names[-1]))
    if len(first) != len(last):
        return f"{names[0]} … {names[-1]}"
    return "".join(one if one == other else f"{one}…{other}" for one, other in zip(first, last, strict=True))


def _called(node: GraphNode) -> str:
    return node.operation or node.name or node.kind


def _stretch(parts: list[Part], number: int) -> Part:
    return Part("stretch", f"stretch {number}", f"stretch {number}", f"stretch {number}", "", -1, parts)


def contents(nodes: Sequence[GraphNode]) -> str:
    """The operations among nodes, counted: "3 convolution, 3 relu"."""
    counts = Counter(node.operation for node in nodes if node.operation and node.operation != "pick")
    return ", ".join(f"{count} {name}" if count > 1 else str(name) for name, count in counts.most_common())
