"""Values, settings and laws in few words, for titles, formulas and sentences."""

from __future__ import annotations

import numpy as np

from ...autograd import Entry
from ...autograd.extend import Gate, Op
from ..graph import GraphNode
from ..numbers import Array, bad_numbers, exact, number, numbers
from ..shapes import parameter_text


def law_of(node: GraphNode, operation: Op) -> str:
    """What the gate does, in words; of a folded constant's gate as its role says."""
    roles = [gate for gate in Gate if gate.label == node.role]
    gates = roles or [gate for gate in dict.fromkeys(operation.gates.values()) if gate is not Gate.BLOCK]
    return "; ".join(gate.value for gate in gates)


def settings(node: GraphNode) -> str:
    """The parameters that can be written; an object would say nothing in a formula."""
    texts = [parameter_text({key: value}) for key, value in node.parameters.items()]
    return ", ".join(text for text in texts if "=<" not in text)


def short(value: object) -> str:
    """A parameter's value as it stands in a formula."""
    return parameter_text({"": value}).removeprefix("=").replace("-", "−")


def listing(items: list[str]) -> str:
    """The first of many, with how many more there are."""
    return ", ".join(items[:12]) + (f", and {len(items) - 12} more" if len(items) > 12 else "")


def times(count: int) -> str:
    """How often, in words."""
    return "twice" if count == 2 else f"{count} times"


def axes_text(axes: tuple[int, ...]) -> str:
    """Axes in words."""
    return f"axis {axes[0]}" if len(axes) == 1 else f"axes {', '.join(map(str, axes))}"


def literal(value: Array) -> str:
    """A constant in a formula: exact if that is short."""
    text = exact(value[()])
    return text if len(text) <= 8 else number(value[()])


def several(item: GraphNode | Entry) -> bool:
    """Whether an operation has several results, each of which is a value of its own."""
    return bool(item.shape) and isinstance(item.shape[0], tuple)


def spoken(array: Array | None) -> str:
    """An array in few words."""
    if array is None:
        return "not recorded"
    if 0 < array.size <= 6:
        return numbers(array)
    if array.size and array.dtype.kind in "fc" and not np.isfinite(array).all():
        return f"an array of shape {array.shape} with {bad_numbers(array)}"
    return f"an array of shape {array.shape}"
