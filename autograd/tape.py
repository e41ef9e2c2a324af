"""Backward: the walk over the tape that pulls gradients back to what is wanted.

The walk is iterative. It collects the nodes that lead from the outputs to what is wanted, and takes them
in descending order of creation, which is a topological order. Running gradients live in the walk and not
on the nodes, so a walk can be repeated, and two walks do not meet.
"""

from __future__ import annotations

import sys
import threading
import weakref
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any

import numpy as np

from .batched import BatchedTensor
from .batched_tape import pull_back
from .hooks import Attachment
from .mode import ModeContext, Observer, announce_backward, announce_error, current_mode
from .node import FREED, Node
from .sparse import Scattered, merged
from .tensor import Tensor, wrap

_delivering = threading.Lock()  # two threads may add to the gradient of one leaf
_failed_before = False  # whether nodes may have to be told that a walk over them has failed once

Deliver = Callable[[Node, Any], None]  # node, its gradient


def backward(
    output: Tensor,
    gradient: Any,
    retain_graph: bool,
    create_graph: bool,
    inputs: Tensor | Sequence[Tensor] | None,
) -> None:
    """See `Tensor.backward`."""
    if isinstance(gradient, BatchedTensor):
        gradient.refuse_backward()
    node, seed = _seed(output, gradient, create_graph)
    inputs = (inputs,) if isinstance(inputs, Tensor) else inputs
    wanted = None if inputs is None else {_node_of(tensor, "inputs") for tensor in inputs}
    handles: list[Tensor] = []
    found: list[Any] = []  # their gradients

    def deliver(node: Node, gradient: Any) -> None:
        handle = node.handle() if node.handle is not None else None
        if handle is not None:
            handles.append(handle)
            found.append(gradient)

    if inputs is not None:
        for tensor in inputs:
            node_of = tensor._node
            if node_of is not None and (node_of.handle is None or node_of.handle() is None):
                raise RuntimeError(
                    "inputs must be leaves, or tensors that retain their gradient (retain_grad())"
                )
    _walk([(node, seed)], wanted, deliver, retain_graph, create_graph)
    with ModeContext(lambda mode: mode.changed(observers=())), _delivering:
        for at in range(len(found)):  # before any .grad changes, in which the gradient of another may lie
            if not isinstance(found[at], np.generic) and not _is_ours(found, at):
                found[at] = _copied(found[at])
        for at, handle in enumerate(handles):  # only now, so that an error in a rule changes no .grad
            _accumulate_grad(handle, found[at])
            found[at] = None
    for handle in handles:
        if handle._node is not None and handle._node.handle.__class__ is Attachment:
            handle._node.handle.accumulated(handle)


def gradients(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool = False,
) -> tuple[Tensor | None, ...]:
    """The gradients of outputs with respect to inputs, for a graph that exists; `.grad` is not touched.

    Args:
        outputs: one tensor or several.
        inputs: one tensor or several, leaves or not.
        grad_outputs: the gradient that comes into each output; 1 for scalars if not given.
        retain_graph: keep the saved values for another run (by default as `create_graph`).
        create_graph: record the computation of the gradients, so that they can be differentiated.
        allow_unused: give None for an input that no output depends on, instead of an error.

    Returns:
        A tuple with a Tensor (or None) for each input.

    >>> import pullback as pb
    >>> x = pb.tensor(3.0, requires_grad=True)
    >>> (slope,) = pb.gradients(x**3, x, create_graph=True)
    >>> pb.gradients(slope, x)
    (tensor(18., dtype=float32),)
    """
    outputs = (outputs,) if isinstance(outputs, Tensor) else tuple(outputs)
    inputs = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    if grad_outputs is None:
        grad_outputs = (None,) * len(outputs)
    elif isinstance(grad_outputs, Tensor) or not isinstance(grad_outputs, Sequence):
        grad_outputs = (grad_outputs,)
    if len(grad_outputs) != len(outputs):
        raise ValueError(f"{len(outputs)} outputs need as many grad_outputs, not {len(grad_outputs)}")
    retain_graph = create_graph if retain_graph is None else retain_graph
    if any(isinstance(tensor, BatchedTensor) for tensor in (*outputs, *inputs)):
        found = pull_back(outputs, inputs, grad_outputs, retain_graph, create_graph)
    else:
        found = _gradients(outputs, inputs, grad_outputs, retain_graph, create_graph)
    unused = [i for i, gradient in enumerate(found) if gradient is None]
    if unused and not allow_unused:
        raise RuntimeError(
            f"the outputs do not depend on input {', '.join(map(str, unused))}; "
            "pass allow_unused=True to get None for it"
        )
    return tuple(found)


def _gradients(
    outputs: Sequence[Tensor],
    inputs: Sequence[Tensor],
    grad_outputs: Sequence[Any],
    retain_graph: bool,
    create_graph: bool,
) -> list[Tensor | None]:
    """The gradients of tensors on the tape; None for an input that no output depends on."""
    seeds = [_seed(output, g, create_graph) for output, g in zip(outputs, grad_outputs, strict=True)]
    nodes = [_node_of(tensor, "inputs") for tensor in inputs]
    found: dict[Node, Any] = {}

    def deliver(node: Node, gradient: Any) -> None:
        if node in wanted:
            found[node] = gradient

    wanted = set(nodes)
    _walk(seeds, wanted, deliver, retain_graph, create_graph)
    del seeds
    results: dict[Node, Tensor] = {}
    answers: list[Tensor | None] = []
    for node in nodes:
        if node in found:
            holder = [found.pop(node)]
            results[node] = wrap(holder[0], None) if _is_ours(holder, 0) else _own(holder[0])
            answers.append(results[node])
        else:
            answers.append(_own(results[node]) if node in results else None)
    return answers


def _references(found: list[Any], at: int) -> int:
    """How many references there are to an element of a list, with that of the list."""
    return sys.getrefcount(found[at])


# two at most, with that of the call: a tool that looks on while this is imported may keep the array
_OF_THE_LIST = min(_references([np.empty(1)], 0), 2) if sys.implementation.name == "cpython" else -1


def _is_ours(found: list[Any], at: int) -> bool:
    """Whether a list is all that knows of an array in it, so that it needs no copy to be a result.

    A list, because what a variable counts for depends on the interpreter. The array may be another in a new shape
    that nobody else knows of, either.
    """
    if type(found[at]) is not np.ndarray or not _is_known_once(found, at, _OF_THE_LIST):
        return False
    if found[at].base is None:
        return True
    owner = [found[at].base]
    return (
        type(owner[0]) is np.ndarray
        and owner[0].base is None
        and owner[0].size == found[at].size
        and found[at].flags.forc  # each number once
        and _is_known_once(owner, 0, _OF_THE_LIST + 1)
    )


def _is_known_once(found: list[Any], at: int, references: int) -> bool:
    return (
        _references(found, at) == references
        and not weakref.getweakrefcount(found[at])
        and found[at].flags.writeable
    )


def _copied(gradient: Any) -> Any:
    """A gradient with memory of its own: along the tape it may be shared, or a view."""
    if isinstance(gradient, np.generic):  # a NumPy scalar, which nobody can write
        return gradient
    return gradient.copy() if isinstance(gradient, (Tensor, Scattered)) else np.array(gradient)[()]


def _own(gradient: Any) -> Tensor:
    """The same as a tensor."""
    copied = np.asarray(gradient)[()] if isinstance(gradient, Scattered) else _copied(gradient)
    return copied if isinstance(copied, Tensor) else wrap(copied, None)


def _node_of(tensor: Tensor, what: str) -> Node:
    if not isinstance(tensor, Tensor):
        raise TypeError(f"{what} must be Tensors, not {type(tensor).__name__}")
    if tensor._node is None:
        raise RuntimeError(f"one of the {what} does not require gradients; make it with requires_grad=True")
    return tensor._node


def _seed(output: Tensor, gradient: Any, recorded: bool) -> tuple[Node, Any]:
    """The output's node and the gradient that comes into it, checked."""
    if not isinstance(output, Tensor):
        raise TypeError(f"gradients start from Tensors, not {type(output).__name__}")
    node = output._node
    if node is None:
        raise RuntimeError(
            "this tensor has no graph: nothing that it was computed from requires gradients, or it was "
            "computed under no_grad(); make an input with requires_grad=True"
        )
    if gradient is None:
        if node.dtype.kind == "c":
            raise RuntimeError(
                f"backward of a {node.dtype} tensor needs the gradient that comes into it (gradient=...); only a "
                "real scalar has an obvious one. Did you mean its real part, or its size: pb.real(y), pb.abs(y)?"
            )
        if output.size != 1:
            raise RuntimeError(
                f"backward of a tensor of shape {output.shape} needs the gradient that comes into it "
                "(gradient=...); only a scalar has an obvious one. Did you mean to reduce it, as in "
                ".sum() or .mean()?"
            )
        gradient = np.ones(node.shape, node.dtype) if node.shape else node.dtype.type(1)
    elif not isinstance(gradient, Tensor):
        from .convert import to_array

        gradient = to_array(gradient, floats=node.dtype)
    if gradient.shape != node.shape:
        raise ValueError(
            f"the gradient given has shape {gradient.shape}, and the tensor has {node.shape}; they must be equal"
        )
    if gradient.dtype.kind == "c" and node.dtype.kind != "c":
        raise TypeError(f"the gradient of a {node.dtype} tensor cannot be {gradient.dtype}")
    gradient = gradient if gradient.dtype == node.dtype else gradient.astype(node.dtype)
    if recorded or isinstance(gradient, BatchedTensor):
        return node, gradient if isinstance(gradient, Tensor) else wrap(gradient, None)
    return node, gradient._array if isinstance(gradient, Tensor) else gradient


def _walk(
    seeds: Sequence[tuple[Node, Any]],
    wanted: set[Node] | None,
    deliver: Deliver,
    retain_graph: bool,
    create_graph: bool,
) -> None:
    """The rules are fed arrays, or Tensors where their work is recorded or is that of a whole batch."""
    as_tensors = create_graph or any(isinstance(gradient, Tensor) for _, gradient in seeds)
    running: dict[Node, Any] = {}
    owned: set[Node] = set()
    for node, gradient in seeds:
        _accumulate(running, owned, node, gradient)
    order = collect(running, 0 if not wanted else min(node.number for node in wanted))
    needed: set[Node] | None = None
    if wanted is not None:
        needed = _leading_to(wanted, order)
        order = [node for node in order if node in needed]
    _check(order if needed is None else [node for node in order if not needed.isdisjoint(node.parents)])
    if _failed_before:
        for node in order:
            if hasattr(node, "failure"):
                del node.failure
    observers = current_mode().observers
    add, generic, ndarray = np.add, np.generic, np.ndarray  # names that the loop finds at once
    # The rules run unobserved; inf and nan are results here, which the user sees in the gradients.
    with ModeContext(lambda mode: mode.changed(grad=create_graph, observers=())), np.errstate(all="ignore"):
        gradient = None
        try:
            for node in order:
                gradient = running.pop(node, None)
                if gradient is None:
                    continue
                op, handle = node.op, node.handle
                if gradient.__class__ is Scattered and (op is not None or handle.__class__ is Attachment):
                    gradient = gradient.dense()
                    owned.add(node)
                if handle is not None or (wanted is not None and node in wanted):
                    if handle.__class__ is Attachment:
                        gradient = handle.arrive(node, gradient, observers)
                    deliver(node, gradient)
                    owned.discard(node)
                if op is None:
                    if observers:
                        _observe(observers, node, gradient, ())
                    continue
                parents = node.parents
                if needed is not None:
                    parents = tuple(parent if parent in needed else None for parent in parents)
                    if not any(parents):
                        continue
                if observers:
                    announce_backward(observers, node)
                saved = _as_tensors(node) if as_tensors else node.saved
                if (
                    op.pull_owned is None
                    or parents[0] is None
                    or observers
                    or gradient.__class__ is not ndarray
                ):
                    contributions = op.pull(node, parents, saved, gradient)
                else:
                    if node not in owned:
                        gradient = np.array(gradient)
                    contributions = op.pull_owned(node, parents, saved, gradient)
                    if contributions[0] is gradient and parents[0] not in running:
                        owned.add(parents[0])
                if observers:
                    _observe(observers, node, gradient, contributions)
                at = -1  # counted by hand: zip and enumerate take as long as the rest of the loop
                for contribution in contributions:
                    at += 1
                    parent = parents[at]
                    if parent is None or contribution is None:
                        continue
                    if parent not in running:
                        running[parent] = contribution
                        continue
                    current = running[parent]
                    if contribution.__class__ is ndarray and parent in owned:
                        add(current, contribution, current)
                    elif contribution.__class__ is current.__class__ and isinstance(contribution, generic):
                        running[parent] = current + contribution
                    else:
                        _accumulate(running, owned, parent, contribution)
                if not retain_graph:
                    node.saved, node.seals = FREED, ()
        except BaseException as error:
            _note_failure(node, gradient, error, observers)
            raise


def _note_failure(node: Node, gradient: Any, error: BaseException, observers: tuple[Observer, ...]) -> None:
    """Let pictures of the graph show where backward stopped."""
    global _failed_before
    _failed_before = True
    node.failure = described(error)
    announce_error(observers, node, gradient, error)


def described(error: BaseException) -> str:
    """An error in one line, for pictures."""
    message = " ".join(str(error).split())
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def collect(roots: Iterable[Node], oldest: int = 0) -> list[Node]:
    """All nodes that the roots were computed from, latest first; none with a number below `oldest`."""
    seen = set(roots)
    found = list(seen)
    for node in found:  # which grows meanwhile, in an order that is mostly the wanted one: sorting is quick
        for parent in node.parents:
            if parent is not None and parent not in seen and parent.number >= oldest:
                seen.add(parent)
                found.append(parent)
    found.sort(key=attrgetter("number"), reverse=True)
    return found


def _leading_to(wanted: set[Node], order: list[Node]) -> set[Node]:
    """The nodes from which a wanted one can be reached."""
    needed: set[Node] = set()
    for node in reversed(order):
        if node in wanted or not needed.isdisjoint(node.parents):
            needed.add(node)
    return needed


def _check(order: list[Node]) -> None:
    """Refuse before any rule has run if a saved value is gone or was overwritten."""
    for node in order:
        if node.saved is FREED:
            raise RuntimeError(
                f"backward has already run through this graph (at {node.op.name!r}) and freed "  # type: ignore[union-attr]  # leaves save nothing, so they are never freed
                "what it saved; call the first one with retain_graph=True to run it twice"
            )
        for seal in node.seals:
            if seal is not None and seal.broken_at is not None:
                _raise_overwritten(node)


def _raise_overwritten(node: Node) -> None:
    op = node.op
    assert op is not None  # leaves save nothing
    for (what, parent), seal in zip(op.sealed_values(node), node.seals, strict=True):
        if seal is not None and seal.broken_at is not None:
            handle = parent.handle() if parent is not None and parent.handle is not None else None
            called = f" (the tensor {handle.name!r})" if handle is not None and handle.name else ""
            error = RuntimeError(
                f"the gradient of {op.name!r} needs {what}{called}, but those values "
                f"were overwritten at {seal.broken_at}, after they were used and before backward; "
                "run backward before the write, or compute with a copy: x.copy()"
            )
            _note_failure(node, None, error, current_mode().observers)
            raise error


def _accumulate(running: dict[Node, Any], owned: set[Node], node: Node, gradient: Any) -> None:
    """Add to a running gradient: the first by reference, the second allocates; the walk adds later ones in place."""
    current = running.get(node)
    if current is None:
        running[node] = gradient
    elif current.__class__ is Scattered or gradient.__class__ is Scattered:
        running[node] = total = merged(current, gradient, node in owned)
        if type(total) is np.ndarray:
            owned.add(node)
    else:
        running[node] = total = current + gradient
        if type(total) is np.ndarray:
            owned.add(node)
        else:
            owned.discard(node)


def _accumulate_grad(handle: Tensor, gradient: Any) -> None:
    """Add to a tensor's `.grad`, whose array is shared with nobody, a gradient that is nobody else's."""
    current: Any = handle._grad
    if current is None:
        plain = not isinstance(gradient, (Tensor, Scattered))
        handle._grad = wrap(gradient, None) if plain else gradient
        return
    if isinstance(gradient, Scattered):
        if isinstance(current, Scattered):
            handle._grad = merged(current, gradient, True)
            return
        gradient = np.asarray(gradient)
    current = handle.grad
    if isinstance(gradient, Tensor) or current._node is not None or not current._shareable().flags.writeable:
        handle._grad = current + gradient
    elif current._storage is None and current._seal is None:  # no tensor looks into it, no node relies on it
        array = current._shareable()
        np.add(array, gradient, out=array)
    else:
        from .inplace import write_whole

        write_whole(current, current._array + gradient)


def _as_tensors(node: Node) -> tuple[Any, ...]:
    """The saved values as Tensors on the tape, for rules that are themselves to be recorded."""
    op = node.op
    assert op is not None  # only operations are pulled
    seals = iter(node.seals)
    values: list[Any] = []
    for name, value in zip(op.saved_names, node.saved, strict=True):
        if name == "out" and op.outputs:
            from .outputs import picked

            seal: Any = next(seals)
            picks = [picked(node, i, part) for i, part in enumerate(value)]
            values.append(tuple(map(_rebuilt, value, picks, seal)))
        elif name == "out":
            values.append(_rebuilt(value, node, next(seals)))
        elif name not in op.inputs:
            values.append(value)
        elif op.variadic:
            group: Any = next(seals)
            values.append(tuple(map(_rebuilt, value, node.parents, group)))
        else:
            values.append(_rebuilt(value, node.parents[op.inputs.index(name)], next(seals)))
    return tuple(values)


def _rebuilt(value: Any, node: Node | None, seal: Any) -> Any:
    """A fresh handle for a saved value; it shares the seal, so that a later write is noticed there too."""
    if value is None or (node is None and seal is None):
        return value
    tensor = wrap(value, node)
    tensor._seal = seal
    return tensor


def _observe(
    observers: tuple[Observer, ...], node: Node, gradient: Any, contributions: tuple[Any, ...]
) -> None:
    # what was picked is added to later, and who looks on may keep what it has seen
    seen = tuple([part.snapshot() if part.__class__ is Scattered else part for part in contributions])
    for observer in observers:
        observer.on_backward(node, gradient, seen)


def project(gradient: Any, node: Node, op: Any, name: str) -> Any:
    """Bring a rule's result to the shape and dtype of the value that it is the gradient of.

    Sums over the axes along which the input was broadcast, drops an imaginary part that a real input
    cannot have, and casts. Written in dispatching NumPy, so it serves arrays and Tensors.
    """
    if gradient is None:
        return None
    if isinstance(gradient, (bool, int, float, complex)):
        gradient = np.asarray(gradient)
    elif not hasattr(gradient, "dtype"):
        raise TypeError(
            f"the rule of {op.name!r} for {name!r} must give an array, not a {type(gradient).__name__}"
        )
    if gradient.shape != node.shape:
        extra = gradient.ndim - len(node.shape)
        if extra < 0 or any(
            length not in (1, whole) for length, whole in zip(node.shape, gradient.shape[extra:], strict=True)
        ):
            raise RuntimeError(
                f"the rule of {op.name!r} for {name!r} gave a gradient of shape {gradient.shape} for an input of "
                f"shape {node.shape}; it must have that shape or one that it broadcasts to"
            )
        stretched = [
            extra + i
            for i, (length, whole) in enumerate(zip(node.shape, gradient.shape[extra:], strict=True))
            if length != whole
        ]
        gradient = np.sum(gradient, axis=(*range(extra), *stretched), keepdims=True)
        gradient = np.reshape(gradient, node.shape)
    if gradient.dtype != node.dtype:
        if gradient.dtype.kind == "c" and node.dtype.kind != "c":
            gradient = np.real(gradient)
        gradient = gradient if gradient.dtype == node.dtype else gradient.astype(node.dtype)
    return gradient
