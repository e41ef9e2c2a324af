"""Hooks: functions that are called where a gradient arrives.

Most nodes have none, so they hang where leaves keep the weak reference to their handle: an `Attachment`
is such a reference with hooks, and backward looks for one only where there is a reference at all.
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from .mode import Observer, current_mode
from .node import Node
from .tensor import Tensor, wrap

if TYPE_CHECKING:
    Hook = Callable[[Tensor], Tensor | None]

_next_key = itertools.count().__next__


class RemovableHandle:
    """What registering a hook returns; `remove()` takes the hook away again, once or more often."""

    def __init__(self, hooks: dict[int, Any], hook: Any, first: bool = False) -> None:
        self._hooks = hooks
        self._key = _next_key()
        others = dict(hooks) if first else {}
        for key in others:
            del hooks[key]
        hooks[self._key] = hook
        hooks.update(others)

    def remove(self) -> None:
        """Take the hook away."""
        self._hooks.pop(self._key, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


class Restorer(Protocol):
    """Puts back what a node had saved, just before its rules need it (`checkpoint.py`)."""

    def restore(self, node: Node) -> Restorer | None:
        """Give the node its saved values, or another restorer that can."""


class Attachment:
    """A node's reference to its handle, and what is to be done when its gradient is complete."""

    __slots__ = ("after", "before", "reference", "restorer")

    def __init__(self, reference: Callable[[], Tensor | None] | None) -> None:
        self.reference = reference
        self.before: dict[int, Hook] | None = None
        self.after: dict[int, Callable[[Tensor], None]] | None = None
        self.restorer: Restorer | None = None

    def __call__(self) -> Tensor | None:
        """The handle that wants the gradient, like a weak reference."""
        return None if self.reference is None else self.reference()

    def arrive(self, node: Node, gradient: Any, observers: tuple[Observer, ...] = ()) -> Any:
        """The gradient as the hooks leave it; observers that ask for it see what each has made of it."""
        while self.restorer is not None:  # what it restores may have to be restored itself
            restorer, self.restorer = self.restorer, None
            self.restorer = restorer.restore(node)
        for hook in tuple((self.before or {}).values()):
            before, gradient = gradient, _replaced(hook, node, gradient)
            for observer in observers:
                seen = getattr(observer, "on_hook", None)
                if seen is not None:
                    seen(node, hook, before, gradient)
        return gradient

    def accumulated(self, tensor: Tensor) -> None:
        """Call what waits for `.grad`."""
        for hook in tuple((self.after or {}).values()):
            hook(tensor)


def attachment(node: Node) -> Attachment:
    """The node's attachment; an empty one is made if it has none."""
    if not isinstance(node.handle, Attachment):
        node.handle = Attachment(node.handle)
    return node.handle


def hand_over(node: Node) -> Callable[[], Tensor | None] | None:
    """The node's reference to its handle, which it loses; its hooks stay, they belong to its value."""
    if not isinstance(node.handle, Attachment):
        reference, node.handle = node.handle, None
    else:
        reference, node.handle.reference = node.handle.reference, None
    return reference


def register_hook(tensor: Tensor, hook: Hook) -> RemovableHandle:
    """See `Tensor.register_hook`."""
    if tensor._node is None:
        raise RuntimeError("a hook needs a tensor that requires gradients, and this one does not")
    at = attachment(tensor._node)
    if at.before is None:
        at.before = {}
    return RemovableHandle(at.before, _callable(hook))


def register_post_accumulate_grad_hook(tensor: Tensor, hook: Callable[[Tensor], None]) -> RemovableHandle:
    """See `Tensor.register_post_accumulate_grad_hook`."""
    if tensor._node is None or not tensor.is_leaf:
        raise RuntimeError(
            "a hook on .grad needs a leaf that requires gradients; on a tensor that was computed use register_hook"
        )
    at = attachment(tensor._node)
    if at.after is None:
        at.after = {}
    return RemovableHandle(at.after, _callable(hook))


def retain(tensor: Tensor, node: Node) -> None:
    """Let the node know its handle, so that it gets `.grad`."""
    if isinstance(node.handle, Attachment):
        node.handle.reference = node.handle.reference or weakref.ref(tensor)
    elif node.handle is None:
        node.handle = weakref.ref(tensor)


def name_of(hook: Any) -> str:
    """What messages call a hook: a function's name, or the class of a callable object."""
    return str(getattr(hook, "__name__", type(hook).__name__))


def _callable(hook: Any) -> Any:
    if not callable(hook):
        raise TypeError(f"a hook is a function, not {type(hook).__name__}")
    return hook


def _replaced(hook: Hook, node: Node, gradient: Any) -> Any:
    """What the hook makes of a gradient: it may return another one, or write into its own copy."""
    recorded = current_mode().grad
    given = gradient.copy() if isinstance(gradient, Tensor) else wrap(np.array(gradient)[()], None)
    found = hook(given)
    result = given if found is None else found
    name = name_of(hook)
    if not isinstance(result, (Tensor, np.ndarray, np.generic)):
        raise TypeError(
            f"the hook {name!r} returned a {type(result).__name__}; it must return a Tensor or None"
        )
    if result.shape != node.shape or result.dtype != node.dtype:
        raise RuntimeError(
            f"the hook {name!r} returned a gradient of shape {result.shape} and dtype {result.dtype} for a tensor of "
            f"shape {node.shape} and dtype {node.dtype}; they must be equal"
        )
    if recorded:
        return result if isinstance(result, Tensor) else wrap(result, None)
    return result._array if isinstance(result, Tensor) else result
