"""Node: one application of an operation, on the tape; or a leaf, which has no operation."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .mode import Scope
from .storage import Seal, SealGroup

if TYPE_CHECKING:
    from .op import Op
    from .tensor import Tensor

next_number = itertools.count().__next__


class Freed:
    """Takes the place of saved values that are not there."""


FREED = Freed()  # backward has used them
DROPPED = Freed()  # they can be computed again, and will be when they are needed


class Node:
    """What the tape keeps of one operation.

    A node never holds a Tensor strongly: it holds its parents' nodes, the raw values that its rules have
    named, with their seals, and its creation number, which orders the tape.
    """

    __slots__ = (
        "dtype",
        "failure",
        "handle",
        "number",
        "op",
        "parameters",
        "parents",
        "saved",
        "scope",
        "seals",
        "shape",
    )

    op: Op | None
    parents: tuple[Node | None, ...]
    saved: Any  # a tuple of values by op.saved_names, or FREED, or DROPPED
    seals: tuple[Seal | SealGroup | None, ...]
    parameters: tuple[Any, ...]
    number: int
    shape: Any  # of the result; a tuple of shapes for several outputs
    dtype: Any
    scope: Scope | None
    handle: Callable[[], Tensor | None] | None
    """A weak reference to who wants the gradient, a leaf or a tensor that retains it; with hooks, an Attachment."""
    failure: str
    """What went wrong here in backward; most nodes have no such attribute."""

    @property
    def is_leaf(self) -> bool:
        """Whether gradients end here."""
        return self.op is None

    def __repr__(self) -> str:
        name = "leaf" if self.op is None else self.op.name
        return f"<{name} node {self.number}, {self.dtype}{list(self.shape)}>"


def leaf_node(handle: Tensor) -> Node:
    """The node of a tensor that requires gradients and was not computed."""
    return make_node(None, (), (), (), (), handle._array, None, weakref.ref(handle))


def make_node(
    op: Op | None,
    parents: tuple[Node | None, ...],
    saved: tuple[Any, ...],
    seals: tuple[Seal | SealGroup | None, ...],
    parameters: tuple[Any, ...],
    value: Any,
    scope: Scope | None,
    handle: Callable[[], Tensor | None] | None = None,
) -> Node:
    """A node from its parts; the generated call path does the same in line."""
    node = Node()
    node.op = op
    node.parents = parents
    node.saved = saved
    node.seals = seals
    node.parameters = parameters
    node.number = next_number()
    node.shape = value.shape
    node.dtype = value.dtype
    node.scope = scope
    node.handle = handle
    return node
