"""The parts of a picture's look that both styles share: outlines, texts, and where wires meet them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from .glyphs import text_width
from .graph import Graph, GraphEdge, GraphNode, Group
from .numbers import GradientState, in_bytes, number, numbers, small
from .summary import bad_in, norm_of

Outline: TypeAlias = Literal[
    "circle", "pill", "box", "bar", "dashed", "slanted", "round", "double", "notched", "stack", "none"
]

ADDER_RADIUS = 12.0
ROLE_SIZE = 10.0  # the font size of a role


@dataclass(frozen=True)
class Text:
    """A line of text; the point is relative to the centre of its shape, on the base line."""

    x: float
    y: float
    content: str
    ink: str  # a name in the theme
    size: float
    anchor: Literal["start", "middle", "end"] = "middle"
    bold: bool = False

    @property
    def width(self) -> float:
        """An upper bound of its width in pixels."""
        return text_width(self.content, self.size, bold=self.bold)


@dataclass(frozen=True)
class Spark:
    """A small histogram; the point is the left end of its base line, relative to the centre of its shape."""

    x: float
    y: float
    heights: tuple[float, ...]  # shares of the full height
    ink: str


SPARK_BAR = 3.0
SPARK_BARS = 16
SPARK_HEIGHT = 11.0


@dataclass(frozen=True)
class Shape:
    """What is drawn for a node, or for the label of a wire; all points are relative to the centre.

    `width` and `height` bound everything, so that a layout which keeps these boxes apart keeps all apart.
    """

    width: float
    height: float
    outline: Outline
    paint: str  # a name in the theme
    centre: tuple[float, float]  # of the outline
    extent: tuple[float, float]  # width and height of the outline
    texts: tuple[Text, ...]
    ports: tuple[tuple[float, float], ...]  # where the wire of each input ends
    exit: tuple[float, float]  # where outgoing wires start
    stub: tuple[float, float] | None = None  # a piece of wire at the height of the centre, from x to x
    sparks: tuple[Spark, ...] = ()
    ends: bool = False  # whether the stub ends the wire, with an arrow head


WAYPOINT = Shape(8.0, 8.0, "none", "wire", (0, 0), (0, 0), (), ((0.0, 0.0),), (0.0, 0.0))
"""The place of a wire that has no label."""


def straight_slots(graph: Graph) -> list[tuple[int, float]]:
    """For each node the number of its inputs, and the slot whose wire should come in straight.

    That is the one operand that is computed, or else comes from outside the module; where there is no such
    one, the middle.
    """
    slots = []
    for node, edges in zip(graph.nodes, graph.incoming(), strict=True):
        tails = [(edge.slot, graph.nodes[edge.tail]) for edge in edges if not edge.loop]
        main = [slot for slot, tail in tails if tail.operation or tail.group or tail.role == "adder"]
        main = main or [slot for slot, tail in tails if tail.scope != node.scope]
        count = max((edge.slot + 1 for edge in edges), default=0)
        slots.append((count, float(main[0]) if len(main) == 1 else (count - 1) / 2))
    return slots


def port_offset(slot: int, inputs: int, straight: float, step: float, reach: float) -> float:
    """How far from the middle the wire of an input ends, so that all stay within reach."""
    farthest = max(straight, inputs - 1 - straight, 1.0)
    return (slot - straight) * min(step, reach / farthest)


def gradient_text(item: GraphNode | GraphEdge) -> str:
    """One gradient in a few characters; each state has words of its own, so colour is never needed."""
    state, known = item.state, item.gradients_known
    if state is GradientState.NOT_COMPUTED:
        return "∇ —"
    if state is GradientState.NOT_REQUIRED:
        return "no ∇"
    if state is GradientState.NOT_FINITE:
        return f"! {bad_in(known)}" if known else "! not finite"
    if state is GradientState.ZERO:
        return "0"
    if not known:
        return "∇ …"
    small_one = item.gradient is not None and small(item.gradient)
    return numbers(known[0]) if small_one else f"‖∇‖ {number(norm_of(known))}"


def gradient_ink(state: GradientState) -> str:
    """The theme's name for the colour of a gradient."""
    if state is GradientState.NOT_FINITE:
        return "alarm"
    return "muted" if state is GradientState.NOT_REQUIRED else "gradient"


def parameter_text(parameters: Mapping[str, object]) -> str:
    """Keyword parameters that were set, as in a call: "axis=0"; objects only by their type."""
    texts = {key: _written(value) for key, value in parameters.items()}
    return ", ".join(f"{key}={text or f'<{type(parameters[key]).__name__}>'}" for key, text in texts.items())


def _written(value: object) -> str | None:
    """A value as it is written in a call, an index as in brackets; None for objects, whose text says no more."""
    if type(value) in (tuple, list):
        parts = [_written(part) for part in value]  # type: ignore[attr-defined]  # it is one of the two
        inside = ", ".join(part or "" for part in parts)
        inside += "," if type(value) is tuple and len(parts) == 1 else ""
        return None if None in parts else f"({inside})" if type(value) is tuple else f"[{inside}]"
    if isinstance(value, slice):
        parts = ["" if part is None else _written(part) for part in (value.start, value.stop, value.step)]
        return None if None in parts else ":".join(map(str, parts)).removesuffix(":") or ":"
    if value is ...:
        return "..."
    return repr(value) if value is None or isinstance(value, (bool, int, float, str)) else None


def spelled(node: GraphNode) -> str:
    """The name of a node as the picture shows it, or what it is where it has none."""
    if node.group:
        return node.group.scope
    if node.name:
        return node.name
    if node.kind == "constant" and node.value is not None:
        return numbers(node.value)
    return node.operation or ("leaf" if node.kind == "parameter" else node.kind)


def group_facts(group: Group) -> str:
    """How much a closed part holds: "12 operations, 75,008 parameters"; in each of several equal ones."""
    what = f"{group.operations:,} operations" if group.operations > 1 else group.contents
    parameters = (
        f"{group.parameters:,} parameter{'s' if group.parameters != 1 else ''}" if group.parameters else ""
    )
    return ("each " if group.times > 1 else "") + ", ".join(filter(None, (what, parameters)))


def kept_text(node: GraphNode) -> str:
    """What the tape keeps for the backward of a node."""
    total = sum(node.saved.values()) if node.saved else 0
    return f"keeps {in_bytes(total)}" if total else ""


def paint(node: GraphNode) -> str:
    """The theme's name for the colours of a node."""
    return "wrong" if node.failed else "gate" if node.kind == "operation" else node.kind


def role_ink(node: GraphNode) -> str:
    """The theme's name for the colour of a node's role."""
    return "gradient" if node.failed else "muted"
