"""The anomaly finder: where the first nan or infinity comes from, forward and backward."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from .hooks import name_of
from .location import user_line
from .mode import Scope, current_mode, observing
from .module_calls import scope_path
from .node import Node
from .outputs import PICK
from .tensor import Tensor


@dataclass(frozen=True)
class Anomaly:
    """An operation that produced a value that is not finite."""

    direction: str
    """"forward" or "backward"."""
    operation: str
    source: str
    """The user's line that called the operation, as in "model.py:12"."""
    message: str
    layer: str = ""
    """The path of the module that it ran in, if it was one."""

    def __str__(self) -> str:
        return self.message


class Anomalies:
    """The first anomaly of each direction, or None; printing it says what was found."""

    def __init__(self, raises: bool) -> None:
        self.forward: Anomaly | None = None
        self.backward: Anomaly | None = None
        self._raises = raises
        self._arriving: dict[
            int, set[str]
        ] = {}  # by node number, what is wrong with the terms of its gradient

    def __str__(self) -> str:
        found = [str(anomaly) for anomaly in (self.forward, self.backward) if anomaly is not None]
        return "\n".join(found) or "every value and every gradient was finite"

    # the engine calls these

    def on_forward(self, op: Any, inputs: tuple[Any, ...], parameters: tuple[Any, ...], output: Any) -> None:
        """Look at a result, or several, and note the line on its node for backward."""
        line = user_line()
        for node in _nodes(output):
            node.scope = Located(node.scope, line)
        what = _new_trouble(output, inputs)
        if self.forward is None and what is not None:
            known = "" if any(_troubles(x) for x in inputs) else ", from finite inputs"
            layer = scope_path(current_mode().scope)
            message = f"forward: {op.name!r} at {line}{_in(layer)} gave {what}{known}"
            self.forward = Anomaly("forward", op.name, line, message, layer)
            self._found(message)

    def on_replace(self, old: Tensor, new: Tensor) -> None:
        """Writes in place are of no interest here; they are operations too."""

    def on_hook(self, node: Node, hook: Any, before: Any, after: Any) -> None:
        """Look at what a hook has made of a gradient."""
        what = None if self.backward is not None else _new_trouble(after, (before,))
        if what is None:
            return
        code = getattr(hook, "__code__", None)
        line = _line_of(node)
        made = f", made at {os.path.basename(code.co_filename)}:{code.co_firstlineno}," if code else ""
        message = (
            f"backward: the hook {name_of(hook)!r}{made} on {_value_of(node)} gave a gradient that has {what}"
            + ("" if _troubles(before) else "; the gradient that came in is finite")
        )
        self._found_backward("leaf" if node.op is None else node.op.name, line, message)

    def on_backward(self, node: Node, gradient: Any, contributions: tuple[Any, ...]) -> None:
        """Look at the sum of what came to a node, and at what the node hands to its inputs."""
        if self.backward is not None:
            return
        arrived = self._arriving.pop(node.number, None)
        if arrived is not None and _troubles(gradient) - arrived:
            terms = f"have {' and '.join(sorted(arrived))}" if arrived else "are finite"
            message = (
                f"backward: the gradients that come together at {_value_of(node)} {terms}, and their sum has "
                f"{_new_trouble(gradient, ())}"
            )
            self._found_backward("leaf" if node.op is None else node.op.name, _line_of(node), message)
            return
        if node.op is None:
            return
        for i, contribution in enumerate(contributions):
            parent = node.parents[i]
            if parent is not None and contribution is not None:
                self._arriving[parent.number] = self._arriving.get(parent.number, set()) | _troubles(
                    contribution
                )
            what = _new_trouble(contribution, (gradient,))
            if what is None:
                continue
            line = _line_of(node)
            layer = scope_path(node.scope)
            message = (
                f"backward: the gradient of {node.op.name!r}, called at {line}"
                + _in(layer)
                + f", with respect to {node.op.input_name(node, i)!r} has {what}"
                + ("" if _troubles(gradient) else "; the gradient that came in is finite")
            )
            self._found_backward(node.op.name, line, message, layer)
            return

    def _found_backward(self, operation: str, line: str, message: str, layer: str = "") -> None:
        self._arriving.clear()
        self.backward = Anomaly("backward", operation, line, message, layer)
        self._found(message)

    def _found(self, message: str) -> None:
        if self._raises:
            raise RuntimeError(message)


class Located(Scope):
    """A node's scope, with the user's line that made the node."""

    __slots__ = ("line", "own")

    def __init__(self, scope: Scope | None, line: str) -> None:
        self.own = scope
        owner = None if scope is None else scope.owner()
        super().__init__(None if scope is None else scope.enclosing, set() if owner is None else owner)
        self.line = line

    def call(self) -> Scope | None:
        """The scope that it takes the place of."""
        return self.own


def _nodes(output: Any) -> Iterator[Node]:
    """The node of a result; of several results, the one that they share and that of each."""
    outputs = output if isinstance(output, tuple) else (output,)
    nodes = [tensor._node for tensor in outputs if tensor._node is not None]
    yield from nodes
    shared = {node.parents[0] for node in nodes if node.op is PICK}
    yield from (node for node in shared if node is not None)


def _in(layer: str) -> str:
    return f" in layer {layer!r}" if layer else ""


def _line_of(node: Node) -> str:
    return node.scope.line if isinstance(node.scope, Located) else "a line outside detect_anomaly()"


def _value_of(node: Node) -> str:
    """A node's value, in words."""
    if node.op is not None:
        return f"the result of {node.op.name!r}, called at {_line_of(node)}"
    handle = None if node.handle is None else node.handle()
    return "a leaf" if handle is None or handle.name is None else f"the leaf {handle.name!r}"


@contextmanager
def detect_anomaly(raises: bool = True) -> Iterator[Anomalies]:
    """Find the operation that first produces a nan or an infinity, in forward and in backward.

    A nan is reported always, an infinity only by the operation that makes it of something finite: one that is
    put in on purpose (a mask of -inf) may be handed on. NumPy's own warnings are silent meanwhile. Every value
    is looked at, so this is for finding an error, not for training.

    Args:
        raises: stop with an error at the first anomaly; if false, only note the first of each direction.

    Raises:
        RuntimeError: at the anomaly, naming the operation and the user's line that called it.

    >>> import pullback as pb
    >>> x = pb.tensor([0.0, 1.0], requires_grad=True)
    >>> with pb.detect_anomaly(raises=False) as found:
    ...     pb.sqrt(x).sum().backward()
    >>> found.forward is None, found.backward.operation
    (True, 'sqrt')
    """
    found = Anomalies(raises)
    with observing(found), np.errstate(all="ignore"):
        yield found


def _parts(value: Any) -> Iterator[np.ndarray[Any, Any]]:
    """The floating arrays in a value."""
    value = getattr(value, "parts", value)  # of the gradient of several outputs
    if isinstance(value, (tuple, list)):
        for item in value:
            yield from _parts(item)
    elif value is not None:
        data = np.asarray(value._array if isinstance(value, Tensor) else value)
        if data.dtype.kind in "fc":
            yield data


def _troubles(value: Any) -> set[str]:
    """Which of "nan" and "inf" a value holds."""
    found = set()
    for data in _parts(value):
        if not np.isfinite(data).all():
            found |= {"nan"} if np.isnan(data).any() else set()
            found |= {"inf"} if np.isinf(data).any() else set()
    return found


def _new_trouble(value: Any, sources: tuple[Any, ...]) -> str | None:
    """What is wrong with a value and was not put in, in words."""
    troubles = _troubles(value)
    if troubles == {"inf"} and any("inf" in _troubles(source) for source in sources):
        return None
    if not troubles:
        return None
    wrong = sum(int(np.sum(~np.isfinite(data))) for data in _parts(value))
    size = sum(data.size for data in _parts(value))
    return f"{' and '.join(sorted(troubles))} in {wrong} of {size} elements"
