"""What the signs of a picture mean: only those that occur in it."""

from __future__ import annotations

from typing import NamedTuple

from .glyphs import text_width
from .graph import Graph
from .numbers import GradientState
from .shapes import Outline, gradient_ink


class Item(NamedTuple):
    """A sample, which is a text or else an outline, and its meaning."""

    sample: str | None
    outline: Outline
    ink: str
    text: str

    @property
    def sample_width(self) -> float:
        """The width that the sample takes."""
        return 22.0 if self.sample is None else text_width(self.sample, 11.5, bold=True)


_KINDS: tuple[tuple[str, Outline, str, str], ...] = (
    ("parameter", "bar", "parameter", "leaf that wants a gradient"),
    ("buffer", "notched", "buffer", "buffer of a module"),
    ("input", "slanted", "input", "data"),
    ("constant", "dashed", "constant", "constant"),
    ("operation", "round", "gate", "operation, with its role in backward"),
    ("output", "double", "output", "result"),
    ("module", "stack", "module", "several operations shown as one"),
)
_STATES = (
    (GradientState.ZERO, "0", "gradient exactly zero"),
    (GradientState.NOT_COMPUTED, "∇ —", "gradient not computed, or not recorded"),
    (GradientState.NOT_REQUIRED, "no ∇", "no gradient required"),
    (GradientState.NOT_FINITE, "! nan", "gradient not finite"),
)


def legend_items(graph: Graph) -> list[Item]:
    """The legend of a graph."""
    circuit = graph.style == "circuit"
    kinds = {node.kind for node in graph.nodes}
    values = [node.value for node in graph.nodes if node.kind != "constant"]
    states = {node.state for node in graph.nodes if node.kind != "constant" or not circuit}
    states |= {edge.state for edge in graph.edges if graph.nodes[edge.tail].kind == "adder"}
    items = []
    if any(value is not None for value in values):
        items.append(Item("1.00", "none", "value", "forward value" + (", above the wire" if circuit else "")))
    if states & {GradientState.NUMBER, GradientState.ZERO, GradientState.NOT_FINITE}:
        what = "gradient, below the wire" if circuit else "gradient of the result, or its norm ‖∇‖"
        items.append(Item("1.00" if circuit else "∇ 1.00", "none", "gradient", what))
    items += [
        Item(sample, "none", gradient_ink(state), text) for state, sample, text in _STATES if state in states
    ]
    if any(node.wrong for node in graph.nodes):
        items.append(Item("✗", "none", "gradient", "a gradient check found this rule wrong"))
    if any(node.error for node in graph.nodes):
        items.append(Item("✗", "none", "gradient", "backward failed here, and went no further"))
    if "adder" in kinds:
        items.append(Item(None, "circle", "adder", "fan-out: the gradients add"))
    if any(edge.loop for edge in graph.edges):
        items.append(Item("┄", "none", "muted", "to the next part of the repetition"))
    if not circuit:
        items += [Item(None, shape, ink, text) for kind, shape, ink, text in _KINDS if kind in kinds]
    if any(value is None for value in values) or any(node.incomplete for node in graph.nodes):
        hint = "not all values and operands are on the tape: pb.record() keeps them"
        items.append(Item("?", "none", "muted", hint))
    return items
