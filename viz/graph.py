"""What a picture shows, as plain data: values, the operations between them, and the wires that join them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

import numpy as np

from ..autograd import Entry, GradcheckResult, Recording, Tensor, trace
from .folding import fold_constants
from .glyphs import clean
from .numbers import Array, GradientState, gradient_state

Kind: TypeAlias = Literal["parameter", "input", "constant", "operation", "output", "adder", "copy"]
"""What a node is.

* parameter: a leaf that requires a gradient; input: data that does not; constant: a number in the formula
* operation: a gate; in tensor style an operation whose result nothing consumes is an output
* output (circuit style): the name at the end of an output wire
* adder: the fan-out of a value, whose gradients add in backward; copy: a fan-out that needs no gradient
"""
Style: TypeAlias = Literal["circuit", "tensor"]


class _WithGradient:
    """What nodes and edges share."""

    state: GradientState

    @property
    def required(self) -> bool:
        """Whether a gradient is wanted here."""
        return self.state is not GradientState.NOT_REQUIRED


@dataclass(frozen=True, eq=False)
class GraphNode(_WithGradient):
    """One node of the picture, with the value that it puts out and what is known of its gradient."""

    key: int
    kind: Kind
    symbol: str  # what stands in the circle: "×", "exp", "+1"
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    value: Array | None
    gradient: Array | None
    state: GradientState
    operation: str | None = None  # its name: "multiply"
    name: str | None = None
    role: str | None = None  # the gate: "switcher"
    parameters: Mapping[str, object] = field(default_factory=dict)
    scope: str = ""
    source: str | None = None
    final: bool = False  # nothing consumes its value
    incomplete: bool = False  # the tape does not know all of its operands
    wrong: bool = False  # a gradient check has found its gradient wrong


@dataclass(frozen=True, eq=False)
class GraphEdge(_WithGradient):
    """One wire: the value it carries forward and the gradient that comes back along it."""

    key: int
    tail: int
    head: int
    slot: int  # which input of the head it is, from 0
    value: Array | None
    gradient: Array | None
    state: GradientState


@dataclass(frozen=True, eq=False)
class Graph:
    """A computational graph, ready to be laid out: nodes in the order of computation, and their edges.

    The keys of nodes and edges are their places in the two tuples.
    """

    style: Style
    title: str | None
    nodes: tuple[GraphNode, ...]
    edges: tuple[GraphEdge, ...]
    entries: tuple[tuple[Entry, str | None], ...] = field(default=(), repr=False)
    """What was captured, constants that a gate has taken in too, each with its name."""

    def incoming(self) -> tuple[tuple[GraphEdge, ...], ...]:
        """For each node the wires that end at it, by input slot."""
        lists: list[list[GraphEdge]] = [[] for _ in self.nodes]
        for edge in self.edges:
            lists[edge.head].append(edge)
        return tuple(tuple(sorted(edges, key=lambda edge: edge.slot)) for edges in lists)


WRONG = "✗ wrong gradient"  # takes the place of the role of an operation that failed a gradient check
Target: TypeAlias = Recording | Tensor | GradcheckResult


def capture(
    target: Target,
    *,
    style: Literal["auto", "circuit", "tensor"] = "auto",
    title: str | None = None,
    names: Mapping[str, object] | None = None,
    max_nodes: int = 2000,
) -> Graph:
    """The graph of a recording, of all that leads to a Tensor, or of a failed check; see `draw`.

    >>> import pullback as pb
    >>> with pb.viz.record() as recording:
    ...     x = pb.tensor(2.0, requires_grad=True, name="x")
    ...     y = x * x
    >>> graph = pb.viz.capture(recording)
    >>> [(node.kind, node.symbol) for node in graph.nodes]
    [('parameter', 'x'), ('adder', '+'), ('operation', '×')]
    """
    if style not in ("auto", "circuit", "tensor"):
        raise ValueError(f"style must be 'auto', 'circuit' or 'tensor', not {style!r}")
    wrong = target.entry if isinstance(target, GradcheckResult) else None
    recording = _recording(target)
    entries = recording.entries
    if len(entries) > max_nodes:
        raise ValueError(
            f"the graph has {len(entries):,} values, more than max_nodes={max_nodes:,}: "
            "record or draw a smaller part of the computation, or pass a larger max_nodes"
        )
    chosen = _style(entries, style)
    given = _names(recording, names)
    builder = _Builder(entries, given, chosen, wrong)
    graph = builder.graph(None if title is None else clean(title))
    if len(graph.nodes) > max_nodes:
        raise ValueError(
            f"the picture would have {len(graph.nodes):,} nodes, more than max_nodes={max_nodes:,}: "
            "record or draw a smaller part of the computation, or pass a larger max_nodes"
        )
    return graph


def _recording(target: Target) -> Recording:
    if isinstance(target, GradcheckResult):
        if target.recording is None:
            raise ValueError(
                "the gradient check has not failed, so there is nothing to show; draw the computation"
            )
        target = target.recording
    if isinstance(target, Tensor):
        recording = trace(target)
        if all(entry.operation is None for entry in recording.entries):
            raise ValueError(
                "this Tensor has no graph to draw: compute it from Tensors that have requires_grad=True, or "
                "compute it inside `with pb.record() as recording:` and draw the recording"
            )
        return recording
    if isinstance(target, Recording):
        if not target.entries:
            raise ValueError(
                "the recording is empty: nothing was computed inside `with pb.record() as recording:`"
            )
        return target
    raise TypeError(
        f"draw takes a Tensor, a Recording or the result of a gradient check, not {type(target).__name__}"
    )


def _style(entries: Sequence[Entry], style: Literal["auto", "circuit", "tensor"]) -> Style:
    large = next((entry for entry in entries if entry.shape != ()), None)
    if style == "circuit" and large is not None:
        what = repr(large.name) if large.name else f"a value of {_label(large)}"
        raise ValueError(
            f"circuit style writes one number on each wire, but {what} has shape {large.shape}; "
            "use style='tensor'"
        )
    return style if style != "auto" else "circuit" if large is None else "tensor"


def _set_parameters(entry: Entry) -> dict[str, object]:
    """The parameters of an operation that differ from their defaults, but for the dtype of the result."""
    if entry.operation is None:
        return {}
    declared = entry.operation.signature.parameters
    return {
        name: value
        for name, value in entry.parameters.items()
        if value is not declared[name].default
        and not (isinstance(value, (bool, int, float, str, tuple)) and value == declared[name].default)
        and not (name == "dtype" and value == entry.dtype)
    }


def _incomplete(entry: Entry) -> bool:
    """Whether operands are missing: the tape alone does not keep those that need no gradient."""
    operation = entry.operation
    if operation is None or operation.variadic:
        return False
    return len(entry.inputs) < sum(not operation.optional(name) for name in operation.inputs)


def _label(entry: Entry) -> str:
    return entry.operation.name if entry.operation is not None else "a leaf"


def _names(recording: Recording, names: Mapping[str, object] | None) -> dict[int, str]:
    """Names given by the caller, by the identity of the entry; so `names=locals()` works."""
    given: dict[int, str] = {}
    for name, tensor in (names or {}).items():
        if isinstance(tensor, Tensor):
            entry = _find(recording, tensor)
            if entry is not None:
                given.setdefault(id(entry), name)
    return given


def _find(recording: Recording, tensor: Tensor) -> Entry | None:
    try:
        return recording.find(tensor)
    except LookupError:
        return None


class _Builder:
    """Turns entries into nodes and edges, in their order."""

    def __init__(
        self, entries: Sequence[Entry], given: Mapping[int, str], style: Style, wrong: Entry | None
    ) -> None:
        self.entries = entries
        self.wrong = wrong
        self.given = given
        self.style = style
        self.consumers: dict[int, list[tuple[Entry, int]]] = {id(entry): [] for entry in entries}
        for entry in entries:
            for slot, operand in enumerate(entry.inputs):
                self.consumers[id(operand)].append((entry, slot))
        uses = Counter({identity: len(users) for identity, users in self.consumers.items()})
        self.folded = fold_constants(entries, uses, self.name) if style == "circuit" else {}
        self.hidden = {id(fold.constant) for fold in self.folded.values()}
        self.nodes: list[GraphNode] = []
        self.edges: list[GraphEdge] = []

    def name(self, entry: Entry) -> str | None:
        name = self.given.get(id(entry)) or entry.name
        return clean(name) or None if name else None

    def graph(self, title: str | None) -> Graph:
        sources: dict[int, int] = {}  # identity of an entry -> the node from which its consumers are wired
        for entry in self.entries:
            if id(entry) in self.hidden:
                continue
            node = self._add_node(entry)
            for slot, operand in enumerate(self._visible_inputs(entry)):
                self._add_edge(sources[id(operand[0])], node.key, slot, *operand)
            sources[id(entry)] = self._add_fan_out(entry, node)
        entries = tuple((entry, self.name(entry)) for entry in self.entries)
        return Graph(self.style, title, tuple(self.nodes), tuple(self.edges), entries)

    def _visible_inputs(self, entry: Entry) -> list[tuple[Entry, Array | None]]:
        """The operands that get a wire, each with the gradient that the operation sent back to it."""
        sent = entry.contributions or (None,) * len(entry.inputs)
        return [
            (operand, gradient)
            for operand, gradient in zip(entry.inputs, sent, strict=True)
            if id(operand) not in self.hidden
        ]

    def _add_node(self, entry: Entry) -> GraphNode:
        name = self.name(entry)
        final = not self.consumers[id(entry)]
        fold = self.folded.get(id(entry))
        operation = entry.operation
        kind: Kind
        if operation is not None:
            kind = "output" if final and self.style == "tensor" else "operation"
            symbol = fold.symbol if fold else clean(operation.symbol)
            role = WRONG if entry is self.wrong else fold.role if fold else operation.gate_label
        else:
            kind = "parameter" if entry.requires_grad else "input" if name or entry.shape else "constant"
            symbol = name or ""
            role = None
        node = GraphNode(
            key=len(self.nodes),
            kind=kind,
            symbol=symbol,
            shape=entry.shape,
            dtype=entry.dtype,
            value=entry.value,
            gradient=entry.gradient,
            state=gradient_state(entry.gradient, entry.requires_grad),
            operation=operation.name if operation is not None else None,
            name=name,
            role=role,
            parameters=_set_parameters(entry),
            scope=self._scope(entry),
            source=entry.source,
            final=final,
            incomplete=_incomplete(entry),
            wrong=entry is self.wrong,
        )
        self.nodes.append(node)
        return node

    def _scope(self, entry: Entry) -> str:
        """The module a value belongs to; a module's parameters and constants stand beside their users."""
        if entry.operation is None and not entry.scope:
            users = {consumer.scope for consumer, _ in self.consumers[id(entry)]}
            if len(users) == 1:
                (scope,) = users
                name = self.name(entry)
                if scope and (name is None or name.startswith(f"{scope}.")) and (name or not entry.shape):
                    return scope
        return entry.scope

    def _add_edge(self, tail: int, head: int, slot: int, operand: Entry, sent: Array | None) -> None:
        # where a value has one consumer, its wire shows the gradient of the value itself
        gradient = sent if self._fans_out(operand) or operand.gradient is None else operand.gradient
        state = gradient_state(gradient, operand.requires_grad)
        self.edges.append(GraphEdge(len(self.edges), tail, head, slot, operand.value, gradient, state))

    def _fans_out(self, entry: Entry) -> bool:
        return len(self.consumers[id(entry)]) > 1

    def _add_fan_out(self, entry: Entry, node: GraphNode) -> int:
        """Where wires to the consumers start: at the node, or at the adder that joins their gradients."""
        final_name = node.name if node.final and self.style == "circuit" and entry.operation else None
        adder = self._fans_out(entry) and (entry.requires_grad or self.style == "circuit")
        if final_name is None and not adder:
            return node.key
        extra = replace(
            node,
            key=len(self.nodes),
            kind="output" if final_name else "adder" if entry.requires_grad else "copy",
            symbol=final_name or "+",
            operation=None,
            role="adder" if adder and entry.requires_grad else None,
            parameters={},
            final=bool(final_name),
            incomplete=False,
            wrong=False,
        )
        if final_name:
            self.nodes[node.key] = replace(node, final=False)
        self.nodes.append(extra)
        self.edges.append(
            GraphEdge(len(self.edges), node.key, extra.key, 0, entry.value, entry.gradient, node.state)
        )
        return extra.key
