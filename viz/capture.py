"""From a recording or the tape to the graph: kinds, names, fan-outs, folded constants and modules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeAlias

from ..autograd import Entry, GradcheckResult, Recording, Tensor, trace
from ..autograd.extend import PICK
from .fanout import Wire, with_fan_outs
from .folding import fold_constants
from .glyphs import clean
from .graph import Graph, GraphNode, Kind, Style
from .numbers import Array, gradient_state
from .scopes import Scopes, around, common

WRONG = "✗ wrong gradient"  # takes the place of the role of an operation that failed a gradient check
FAILED = "✗ backward failed"  # and of one whose rules raised an error
Target: TypeAlias = Recording | Tensor | GradcheckResult


def capture(
    target: Target,
    *,
    style: Literal["auto", "circuit", "tensor"] = "auto",
    title: str | None = None,
    names: Mapping[str, object] | None = None,
) -> Graph:
    """The whole graph of a recording, of all that leads to a Tensor, or of a failed check; see `draw`.

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
    if title is not None and not isinstance(title, str):
        raise TypeError(f"title must be a text, not {type(title).__name__}")
    if names is not None and not isinstance(names, Mapping):
        raise TypeError(f"names must be a dict from names to Tensors, not {type(names).__name__}")
    wrong = target.entry if isinstance(target, GradcheckResult) else None
    recording = _recording(target)
    entries = recording.entries
    chosen = _style(entries, style)
    given = _names(recording, names)
    builder = _Builder(entries, given, chosen, wrong)
    return builder.graph(None if title is None else clean(title))


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
        and name != "application"  # of a Function: how it was called
    }


def _incomplete(entry: Entry) -> bool:
    """Whether operands are missing: the tape alone does not keep those that need no gradient."""
    operation = entry.operation
    if operation is None or operation.variadic:
        return False
    return len(entry.inputs) < sum(not operation.optional(name) for name in operation.inputs)


def _label(entry: Entry) -> str:
    return entry.operation.name if entry.operation is not None else "a leaf"


def _only_picks(
    entries: Sequence[Entry],
    consumers: Mapping[int, Sequence[Entry]],
    name: Callable[[Entry], str | None],
) -> dict[int, Entry]:
    """Of operations with several outputs of which one is used, that one: the others are not shown."""
    used: dict[int, list[Entry]] = {}
    for entry in entries:
        if entry.operation is PICK and (consumers[id(entry)] or name(entry)):
            used.setdefault(id(entry.inputs[0]), []).append(entry)
    return {source: picks[0] for source, picks in used.items() if len(picks) == 1}


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
    """Turns entries into nodes and wires, in their order."""

    def __init__(
        self, entries: Sequence[Entry], given: Mapping[int, str], style: Style, wrong: Entry | None
    ) -> None:
        self.entries = entries
        self.wrong = wrong
        self.given = given
        self.style = style
        self.consumers: dict[int, list[Entry]] = {id(entry): [] for entry in entries}
        for entry in entries:
            for operand in entry.inputs:
                self.consumers[id(operand)].append(entry)
        uses = Counter({identity: len(users) for identity, users in self.consumers.items()})
        self.only = _only_picks(entries, self.consumers, self.name)
        self.folded = fold_constants(entries, uses, self.name) if style == "circuit" else {}
        self.hidden = {id(fold.constant) for fold in self.folded.values()}
        self.scopes = Scopes(entries)
        self.places = {id(entry): place for place, entry in enumerate(entries)}

    def name(self, entry: Entry) -> str | None:
        name = self.given.get(id(entry)) or entry.name
        return clean(name) or None if name else None

    def graph(self, title: str | None) -> Graph:
        nodes: list[GraphNode] = []
        wires: list[Wire] = []
        places: dict[int, GraphNode] = {}
        for entry in self.entries:
            if id(entry) in self.hidden:
                continue
            if entry.operation is PICK:
                only = self.only.get(id(entry.inputs[0]))
                if only is not None:
                    if only is entry:
                        places[id(entry)] = places[id(entry.inputs[0])]
                    continue
            node = places[id(entry)] = self._node(entry, len(nodes))
            nodes.append(node)
            for slot, (operand, sent) in enumerate(self._visible_inputs(entry)):
                # where a value has one consumer, its wire shows the gradient of the value itself
                alone = len(self.consumers[id(operand)]) == 1 and operand.gradient is not None
                gradient = operand.gradient if alone else sent
                state = gradient_state(gradient, operand.requires_grad)
                source = places[id(operand)]
                wires.append(Wire(source.key, node.key, slot, source, operand.value, gradient, state))
        entries = tuple((entry, self.name(entry)) for entry in self.entries)
        used = {path for node in nodes for path in around(node.scope)}
        scopes = tuple(scope for path, scope in self.scopes.all.items() if path in used)
        return Graph(self.style, title, *with_fan_outs(self.style, nodes, wires), scopes, entries)

    def _visible_inputs(self, entry: Entry) -> list[tuple[Entry, Array | None]]:
        """The operands that get a wire, each with the gradient that the operation sent back to it."""
        sent = entry.contributions or (None,) * len(entry.inputs)
        return [
            (operand, gradient)
            for operand, gradient in zip(entry.inputs, sent, strict=True)
            if id(operand) not in self.hidden
        ]

    def _node(self, entry: Entry, key: int) -> GraphNode:
        result = self.only.get(id(entry), entry)  # what stands for an operation with several outputs
        name = self.name(result)
        final = not self.consumers[id(result)]
        fold = self.folded.get(id(entry))
        operation = entry.operation
        kind: Kind
        if operation is not None:
            kind = "output" if final and self.style == "tensor" else "operation"
            symbol = fold.symbol if fold else clean(operation.symbol)
            role = WRONG if entry is self.wrong else fold.role if fold else operation.gate_label
        else:
            kind = "buffer" if entry.buffer else "input" if name or entry.shape else "constant"
            kind = "parameter" if entry.requires_grad else kind
            symbol = name or ""
            role = None
        return GraphNode(
            key=key,
            kind=kind,
            symbol=symbol,
            shape=result.shape,
            dtype=result.dtype,
            value=result.value,
            gradient=result.gradient,
            state=gradient_state(result.gradient, result.requires_grad),
            operation=operation.name if operation is not None else None,
            name=name,
            role=FAILED if entry.error else role,
            parameters=_set_parameters(entry),
            scope=self._scope(entry),
            source=entry.source,
            final=final,
            incomplete=_incomplete(entry),
            wrong=entry is self.wrong,
            error=clean(entry.error) if entry.error else None,
            saved=entry.saved,
            entry=self.places[id(entry)],
        )

    def _scope(self, entry: Entry) -> str:
        """The module a value belongs to; a module's parameters and constants stand beside their users.

        A parameter that several parts of a module share stands in that module, beside the parts.
        """
        users = self.consumers[id(entry)]
        if entry.operation is None and users:
            path = common(self.scopes.path(user.calls) for user in users)
            nameless = not entry.shape and not self.name(entry)
            if path and (nameless or self.scopes.holds(path, entry)):
                return path
        return self.scopes.path(entry.calls)
