"""Which way a computation went: the winners and branches that decide which formula a derivative has.

A kink lies between two points if something was decided otherwise at the one than at the other: which input a router
let through, which side of a singular point a value was on, what a comparison or a rounding gave, or which operations
ran at all (https://cs231n.github.io/neural-networks-3/#gradcheck, "kinks in the objective").
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..gate import Gate
from ..location import user_line
from ..mode import ModeContext, enable_grad, observing
from .problem import Array, Problem


class Decision(NamedTuple):
    """What one operation decided."""

    operation: str
    source: str
    pattern: bytes | None


class Decisions:
    """An observer that notes what the operations of a computation decide."""

    def __init__(self) -> None:
        self.made: list[Decision] = []

    def on_forward(self, op: Any, inputs: tuple[Any, ...], parameters: tuple[Any, ...], output: Any) -> None:
        """Note an operation."""
        found = None if isinstance(output, tuple) else _pattern(op, inputs, output)
        self.made.append(Decision(op.name, user_line(), found))

    def on_replace(self, old: Any, new: Any) -> None:
        """Writes in place decide nothing."""

    def on_backward(self, node: Any, gradient: Any, contributions: tuple[Any, ...]) -> None:
        """Nothing runs backward here."""


def decisions_at(problem: Problem, point: Sequence[Array]) -> list[Decision]:
    """What is decided at a point."""
    noted = Decisions()
    with enable_grad(), observing(noted), np.errstate(all="ignore"):
        problem.outputs(problem.leaves(point))
    return noted.made


def changed(before: Sequence[Decision], after: Sequence[Decision]) -> Decision | None:
    """The first operation that decided otherwise, or that ran in one of the two only."""
    for one, other in zip(before, after, strict=False):
        if one.operation != other.operation:
            return one._replace(operation=f"a branch before {one.operation!r}")
        if one.pattern != other.pattern:
            return one
    longer = max(before, after, key=len)
    return longer[min(len(before), len(after))] if len(before) != len(after) else None


def _pattern(op: Any, inputs: tuple[Any, ...], output: Any) -> bytes | None:
    array = np.asarray(output._array)
    gates = set(op.gates.values())
    if array.dtype.kind in "biu" or Gate.FLAT in gates:
        return array.tobytes()
    points = [
        point.inputs[0] for point in op.singular if len(op.inputs) == 1 and np.ndim(point.inputs[0]) == 0
    ]
    if points and array.dtype.kind == "f":
        x = np.asarray(getattr(inputs[0], "_array", inputs[0]))
        return b"".join(np.sign(x - point).tobytes() for point in points)
    node = output._node
    if Gate.ROUTER in gates and node is not None and op.name not in ("getitem", "assign"):
        with ModeContext(lambda mode: mode.changed(grad=False, observers=())):
            parts = op.pull(node, node.parents, node.saved, np.ones(array.shape, array.dtype)[()])
        return b"".join((np.asarray(part) != 0).tobytes() for part in parts if part is not None)
    return None
