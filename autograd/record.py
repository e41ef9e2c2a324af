"""The recorder: everything that was computed, with its values and gradients, for pictures and checks.

The tape keeps only what the gradient rules need. A `Recording` keeps every value, the constants too, and
notes the user's source line; `trace` gives the same structure from the tape alone, with the values that
it happens to have.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .bundle import Bundle
from .location import user_line
from .mode import Scope, current_mode, observing
from .module_calls import ModuleCall, ModuleNames
from .node import Freed, Node
from .op import Op
from .outputs import PICK
from .tape import collect, described
from .tensor import Tensor


@dataclass(eq=False)
class Entry:
    """One value of a computation: a leaf, a constant, or the result of an operation."""

    operation: Op | None
    inputs: tuple[Entry, ...]
    parameters: dict[str, Any]
    shape: Any
    """Of the value; a tuple of shapes for an operation with several outputs, whose values follow as picks."""
    dtype: Any
    requires_grad: bool
    value: np.ndarray | None = None
    """None: not known, because the computation was not recorded."""
    gradient: np.ndarray | None = None
    """That of the last backward which came here. None: not computed; backward has not run, or did not come here."""
    contributions: tuple[np.ndarray | None, ...] = ()
    """What went to each of `inputs` in backward; empty before."""
    slots: tuple[int, ...] = ()
    """Which of the operation's arguments each of `inputs` is: some may be left out, or not be on the tape."""
    name: str | None = None
    calls: tuple[ModuleCall, ...] = ()
    """The modules that were running when it was computed, the outermost first."""
    owned: bool = False
    """Whether it is a parameter or buffer of the outermost module."""
    buffer: bool = False
    """Whether it is a buffer of a module, such as a running mean."""
    saved: dict[str, int] | None = None
    """What the tape keeps of it until backward, by name, in bytes; None: not known, or freed since."""
    error: str | None = None
    """What went wrong in its backward, if something did."""
    source: str | None = None
    """The user's line, as in "model.py:12"."""

    @property
    def scope(self) -> str:
        """The path of the module that computed it, "" at the top."""
        return self.calls[-1].path if self.calls else ""


@dataclass(eq=False)
class Recording:
    """Entries in the order of their creation, so that inputs come before what was computed from them."""

    entries: list[Entry] = field(default_factory=list)
    _by_node: dict[Node, Entry] = field(default_factory=dict, repr=False)
    _by_id: dict[int, tuple[Any, Entry]] = field(default_factory=dict, repr=False)  # keeps the object alive
    _names: ModuleNames = field(default_factory=ModuleNames, repr=False)

    def find(self, tensor: Tensor) -> Entry:
        """The entry of a tensor.

        Raises:
            KeyError: if the tensor was not seen while recording.
        """
        found = self._known(tensor)
        if found is None:
            raise KeyError(f"this tensor of shape {tensor.shape} was not part of what was recorded")
        return found

    # the engine calls these two

    def on_forward(self, op: Op, inputs: tuple[Any, ...], parameters: tuple[Any, ...], output: Any) -> None:
        """Note an operation, its result and, where they are new, its inputs."""
        scope = current_mode().scope
        slots = tuple(i for i, value in enumerate(inputs) if value is not None)
        several = isinstance(output, tuple)
        entry = Entry(
            op,
            tuple(self._input(inputs[i], scope) for i in slots),
            dict(zip(op.parameters, parameters, strict=True)),
            tuple(x.shape for x in output) if several else output.shape,
            tuple(x.dtype for x in output) if several else output.dtype,
            any(x.requires_grad for x in output) if several else output.requires_grad,
            None if several else np.array(output._array),
            name=None if several else output.name,
            calls=self._names.calls(scope),
            source=user_line(),
            slots=slots,
            saved=_bytes_saved(output[0]._node.parents[0] if several and output[0]._node else output._node),
        )
        if several:
            self._add_outputs(entry, output)
        else:
            self._add(entry, output)

    def on_replace(self, old: Tensor, new: Tensor) -> None:
        """Let a tensor that is about to be written be known by what it was."""
        known = self._by_id.get(id(old))
        if known is not None and old._node is None:
            self._by_id[id(new)] = (new, known[1])

    def on_backward(self, node: Node, gradient: Any, contributions: tuple[Any, ...]) -> None:
        """Note a gradient and what went to the inputs."""
        entry = self._by_node.get(node)
        if entry is not None:
            entry.saved = _bytes_saved(node)  # a Function has saved only after it was seen in forward
            entry.gradient = _copied(gradient)
            entry.contributions = (
                tuple(_copied(contributions[i]) for i in entry.slots) if contributions else ()
            )

    def on_backward_error(self, node: Node, gradient: Any, error: BaseException) -> None:
        """Note that the rules of a node have failed, and at which gradient."""
        entry = self._by_node.get(node)
        if entry is not None:
            entry.gradient = _copied(gradient)
            entry.error = described(error)

    def _add_outputs(self, entry: Entry, outputs: tuple[Tensor, ...]) -> None:
        """The tuple of an operation with several outputs, and each of them as a pick from it."""
        self.entries.append(entry)
        for i, output in enumerate(outputs):
            node = output._node
            if node is not None and node.parents[0] is not None:
                self._by_node[node.parents[0]] = entry
            pick = Entry(
                PICK,
                (entry,),
                {"index": i},
                output.shape,
                output.dtype,
                output.requires_grad,
                np.array(output._array),
                calls=entry.calls,
                source=entry.source,
                slots=(0,),
            )
            self._add(pick, output)

    def _known(self, value: Any) -> Entry | None:
        if isinstance(value, Tensor) and value._node is not None:
            return self._by_node.get(value._node)
        found = self._by_id.get(id(value))
        return found[1] if found is not None else None

    def _input(self, value: Any, scope: Scope | None) -> Entry:
        known = self._known(value)
        if known is not None:
            return known
        array = np.array(value._array if isinstance(value, Tensor) else value)
        entry = Entry(None, (), {}, array.shape, array.dtype, False, array, saved={})
        if isinstance(value, Tensor):
            entry.requires_grad = value.requires_grad
            path = self._names.of_tensor(value, scope)
            entry.name, entry.owned = path or value.name, path is not None
            entry.buffer = self._names.is_buffer(value, scope)
        return self._add(entry, value)

    def _add(self, entry: Entry, value: Any) -> Entry:
        self.entries.append(entry)
        if isinstance(value, Tensor) and value._node is not None:
            self._by_node[value._node] = entry
        elif isinstance(value, (Tensor, np.ndarray)):
            self._by_id[id(value)] = (value, entry)  # Python numbers are each a constant of their own
        return entry


def _bytes_saved(node: Node | None) -> dict[str, int] | None:
    """What a node keeps for backward, each array once."""
    if node is None or node.op is None:
        return {}
    if isinstance(node.saved, Freed):
        return None
    sizes = {}
    seen: set[int] = set()
    for name, value in node.op.kept(node):
        arrays = [
            part for part in (value if isinstance(value, tuple) else (value,)) if isinstance(part, np.ndarray)
        ]
        sizes[name] = sum(part.nbytes for part in arrays if id(part) not in seen)
        seen.update(map(id, arrays))
    return {name: size for name, size in sizes.items() if size}


def _copied(value: Any) -> np.ndarray | None:
    if value is None or isinstance(value, Bundle):  # the gradient of a tuple is in its parts
        return None
    return np.array(value._array if isinstance(value, Tensor) else value)


@contextmanager
def record() -> Iterator[Recording]:
    """Keep everything that is computed inside, with values, constants and, once backward runs, gradients.

    >>> import pullback as pb
    >>> x = pb.tensor(3.0, requires_grad=True, name="x")
    >>> with pb.record() as recording:
    ...     y = x * x + 1
    ...     y.backward()
    >>> [(e.operation.name if e.operation else e.name, e.value.item()) for e in recording.entries]
    [('x', 3.0), ('multiply', 9.0), (None, 1), ('add', 10.0)]
    >>> recording.find(x).gradient
    array(6., dtype=float32)
    """
    recording = Recording()
    with observing(recording):
        yield recording


def trace(*outputs: Tensor) -> Recording:
    """What the tape knows of how tensors were computed; untracked inputs and most values are not on it.

    Raises:
        ValueError: if a tensor has no graph.
    """
    recording = Recording()
    for output in outputs:
        if output._node is None:
            raise ValueError(
                "this tensor has no graph: nothing that it was computed from requires gradients, or it was computed "
                "under no_grad(); make an input with requires_grad=True, or compute it inside pb.record()"
            )
    values: dict[Node, Any] = {output._node: output._array for output in outputs if output._node is not None}
    nodes = collect(values)
    for node in nodes:
        values.update(_saved_values(node))
    consumers = {parent: node for node in reversed(nodes) for parent in node.parents if parent is not None}
    for node in reversed(nodes):
        handle = node.handle() if node.handle is not None else None
        value = handle._array if handle is not None else values.get(node)
        consumer = consumers.get(node)
        entry = Entry(
            node.op,
            tuple(recording._by_node[parent] for parent in node.parents if parent is not None),
            {} if node.op is None else dict(zip(node.op.parameters, node.parameters, strict=True)),
            node.shape,
            node.dtype,
            True,
            None if value is None else np.array(value),
            calls=recording._names.calls(node.scope),
            saved=_bytes_saved(node),
            error=getattr(node, "failure", None),
            slots=tuple(i for i, parent in enumerate(node.parents) if parent is not None),
        )
        if handle is not None:
            entry.gradient = None if handle.grad is None else np.array(handle.grad._array)
            entry.name = handle.name
            if node.op is None and consumer is not None:
                known = recording._names.of_tensor(handle, consumer.scope)
                entry.name, entry.owned = known or handle.name, known is not None
        recording.entries.append(entry)
        recording._by_node[node] = entry
    for output in outputs:
        recording.find(output).name = output.name
    return recording


def _saved_values(node: Node) -> Iterator[tuple[Node, Any]]:
    """The values of a node and of its parents that the node has saved and nobody has overwritten since."""
    op = node.op
    if op is None or isinstance(node.saved, Freed) or op.variadic:
        return
    seals = iter(node.seals)
    for name, value in zip(op.saved_names, node.saved, strict=True):
        if name != "out" and name not in op.inputs:
            continue
        seal = next(seals)
        if name == "out" and op.outputs:
            continue
        owner = node if name == "out" else node.parents[op.inputs.index(name)]
        if owner is not None and value is not None and (seal is None or not seal.broken_at):
            yield owner, value
