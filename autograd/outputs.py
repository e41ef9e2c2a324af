"""Operations with several outputs: one node whose value is a tuple, and a small `pick` node per Tensor.

In backward each pick hands its gradient to its place in the tuple's, a `Bundle`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .bundle import Bundle
from .gate import RELAY
from .node import Node, make_node
from .op import UnlistedOp
from .tensor import Tensor


def _slot(g: Any, index: int, outputs_shape: Any, outputs_dtype: Any) -> Bundle:
    parts: list[Any] = [None] * len(outputs_shape)
    parts[index] = g
    return Bundle(tuple(parts), outputs_shape, outputs_dtype)


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
