"""Operations with several outputs: one node whose value is a tuple, and a small `pick` node per Tensor.

In backward each pick hands its gradient to its slot of the tuple's; slots into which nothing came are
zeros when the rule runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .gate import RELAY
from .node import Node, make_node
from .op import UnlistedOp
from .tensor import Tensor


class Slots:
    """The gradients of a tuple of outputs; None where nothing has come yet."""

    __slots__ = ("dtype", "parts", "shape")

    def __init__(self, parts: tuple[Any, ...], shape: Any, dtype: Any) -> None:
        self.parts = parts
        self.shape = shape
        self.dtype = dtype

    def __add__(self, other: Slots) -> Slots:
        parts = [b if a is None else a if b is None else a + b for a, b in zip(self.parts, other.parts)]  # noqa: B905 - both have a part per output
        return Slots(tuple(parts), self.shape, self.dtype)

    def filled(self) -> tuple[Any, ...]:
        """What a rule gets: zeros for outputs that nothing depends on."""
        return tuple(
            np.zeros(shape, dtype)[()] if part is None else part
            for part, shape, dtype in zip(self.parts, self.shape, self.dtype, strict=True)
        )


def _slot(g: Any, index: int, outputs_shape: Any, outputs_dtype: Any) -> Slots:
    parts: list[Any] = [None] * len(outputs_shape)
    parts[index] = g
    return Slots(tuple(parts), outputs_shape, outputs_dtype)


def _pick(outputs: Any, /, index: int) -> Any:
    return outputs[index]


PICK = UnlistedOp(
    _pick,
    "outputs",
    {"outputs": _slot},
    name="pick",
    gate=RELAY,
    doc="One of the outputs of an operation that has several. The gradient goes to its slot.",
)


def picked(node: Node, index: int, value: Any) -> Node:
    """A node for one output of a node that has several."""
    return make_node(PICK, (node,), (), (), (index,), value, node.scope)


def attach_picks(node: Node, results: Sequence[Tensor]) -> None:
    """Put the floating ones among the results on the tape."""
    for index, result in enumerate(results):
        if result.dtype.kind in "fc":
            result._node = picked(node, index, result._array)
