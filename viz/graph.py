"""What a picture shows, as plain data: values, the operations between them, and the wires that join them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np

from ..autograd import Entry
from .numbers import Array, GradientState

Kind: TypeAlias = Literal[
    "parameter", "buffer", "input", "constant", "operation", "output", "adder", "copy", "module"
]
"""What a node is.

* parameter: a leaf that requires a gradient; buffer: what a module keeps besides, such as a running mean
* input: data that needs no gradient; constant: a number in the formula
* operation: a gate; in tensor style an operation whose result nothing consumes is an output
* output (circuit style): the name at the end of an output wire
* adder: the fan-out of a value, whose gradients add in backward; copy: a fan-out that needs no gradient
* module: several nodes shown as one, which `GraphNode.group` tells of: a module, a repetition, a stretch of operations
"""
Style: TypeAlias = Literal["circuit", "tensor"]


class _WithGradient:
    """What nodes and edges share."""

    value: Array | None
    gradient: Array | None
    state: GradientState
    value_parts: tuple[Array, ...]
    gradient_parts: tuple[Array, ...]

    @property
    def values_known(self) -> tuple[Array, ...]:
        """The arrays whose numbers are its value; several, where it stands for several and they are large."""
        return self.value_parts if self.value is None else (self.value,)

    @property
    def gradients_known(self) -> tuple[Array, ...]:
        """The same of its gradient."""
        return self.gradient_parts if self.gradient is None else (self.gradient,)

    @property
    def required(self) -> bool:
        """Whether a gradient is wanted here."""
        return self.state is not GradientState.NOT_REQUIRED


@dataclass(frozen=True)
class ModuleScope:
    """One run of a module, or a repetition that is shown once: what is computed inside stands in its frame."""

    path: str
    """Tells it from all others, as in "layer1.0"; runs of one module are "cell:1", "cell:2"."""
    parent: str
    """The path of the scope around it, "" at the top."""
    caption: str
    """What the picture calls it inside of its parent: "0", "cell, call 2"."""
    kind: str
    """The class of the module; "" where none was running, as for a list of modules."""
    times: int = 1
    """How many of the same are shown by this one."""

    @property
    def depth(self) -> int:
        """1 for scopes at the top, 2 for those in them."""
        return self.path.count(".") + 1


@dataclass(frozen=True)
class Group:
    """What is hidden in a node of kind "module"."""

    scope: str
    """The path of the scope that it is the closed form of."""
    title: str
    kind: str
    """The class of the module; "" for what is no module."""
    what: str
    """"module", "repetition", or "stretch" for operations in a row."""
    operations: int
    """How many there are; where it stands for several equal parts, in one of them, and so with the next three."""
    contents: str
    """Which they are, as in "3 convolution, 2 relu"."""
    parameters: int
    """How many numbers there are in the parameters that are inside."""
    outputs: int
    """How many of its values are used outside."""
    times: int = 1
    """How many equal parts it stands for."""
    parameter_gradient: float | None = None
    """The norm of the gradients of all parameters inside, where known."""
    alarms: int = 0
    """How many nodes inside hold what is not finite, or have failed."""


@dataclass(frozen=True, eq=False)
class GraphNode(_WithGradient):
    """One node of the picture, with the value that it puts out and what is known of its gradient."""

    key: int
    kind: Kind
    symbol: str  # what stands in the circle: "×", "exp", "+1"
    shape: tuple[int, ...]
    dtype: np.dtype[Any] | tuple[np.dtype[Any], ...]  # of several results each
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
    error: str | None = None  # what went wrong in its backward
    saved: Mapping[str, int] | None = None  # what the tape keeps for its backward, in bytes; None: not known
    entry: int = -1  # the place of its value in the graph's `entries`
    times: int = 1  # how many equal nodes it stands for; value and gradient are then stacked
    value_parts: tuple[Array, ...] = ()  # if the stack were large, the arrays instead
    gradient_parts: tuple[Array, ...] = ()
    group: Group | None = None

    @property
    def dtype_text(self) -> str:
        """The dtype by its name; of several results each dtype that occurs."""
        dtypes = self.dtype if isinstance(self.dtype, tuple) else (self.dtype,)
        return ", ".join(dict.fromkeys(map(str, dtypes)))

    @property
    def failed(self) -> bool:
        """Whether it is to be marked: its gradient is wrong, or could not be computed."""
        return self.wrong or self.error is not None


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
    loop: int = 0  # how many times it leads from one part of a repetition to the next; 0: it leads onwards
    value_parts: tuple[Array, ...] = ()
    gradient_parts: tuple[Array, ...] = ()
    values: int = 1  # how many values it stands for; of many, neither values nor gradients are shown


@dataclass(frozen=True, eq=False)
class Graph:
    """A computational graph, ready to be laid out: nodes in the order of computation, and their edges.

    The keys of nodes and edges are their places in the two tuples.
    """

    style: Style
    title: str | None
    nodes: tuple[GraphNode, ...]
    edges: tuple[GraphEdge, ...]
    scopes: tuple[ModuleScope, ...] = ()
    """The modules that have nodes here, each after the one that it is in."""
    entries: tuple[tuple[Entry, str | None], ...] = field(default=(), repr=False)
    """What was captured, constants that a gate has taken in too, each with its name."""

    def incoming(self) -> tuple[tuple[GraphEdge, ...], ...]:
        """For each node the wires that end at it, by input slot."""
        lists: list[list[GraphEdge]] = [[] for _ in self.nodes]
        for edge in self.edges:
            lists[edge.head].append(edge)
        return tuple(tuple(sorted(edges, key=lambda edge: edge.slot)) for edges in lists)
