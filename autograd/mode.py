"""What is switched on at the moment: recording on the tape, the module scope, observers, the levels of `vmap`.

All of it is one immutable `Mode` in one context variable, so that it is per thread and per
asyncio task, and always restored.
"""

from __future__ import annotations

import functools
import inspect
import weakref
from collections.abc import Callable
from contextvars import ContextVar
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


class Observer(Protocol):
    """Sees every operation as it runs; the recorder is one.

    An observer that measures time may also have `on_forward_start(op)` and `on_backward_start(node)`; one that
    wants to know what hooks do to a gradient, `on_hook(node, hook, before, after)`; one that wants to know where
    backward failed, `on_backward_error(node, gradient, error)`.
    """

    def on_forward(self, op: Any, inputs: tuple[Any, ...], parameters: tuple[Any, ...], output: Any) -> None:
        """Called after an operation has run; `output` is a tuple of Tensors for several outputs."""

    def on_replace(self, old: Any, new: Any) -> None:
        """Called before a tensor is written in place: `new` stands for what it was."""

    def on_backward(self, node: Any, gradient: Any, contributions: tuple[Any, ...]) -> None:
        """Called in backward when a node's gradient is complete, with what it hands to each input."""


def announce_forward(observers: tuple[Observer, ...], op: Any) -> None:
    """Tell those who want to know that an operation begins."""
    for observer in observers:
        start = getattr(observer, "on_forward_start", None)
        if start is not None:
            start(op)


def announce_backward(observers: tuple[Observer, ...], node: Any) -> None:
    """Tell those who want to know that the rules of a node begin."""
    for observer in observers:
        start = getattr(observer, "on_backward_start", None)
        if start is not None:
            start(node)


def announce_error(observers: tuple[Observer, ...], node: Any, gradient: Any, error: BaseException) -> None:
    """Tell those who want to know that the rules of a node, or the hooks at it, have failed."""
    for observer in observers:
        note = getattr(observer, "on_backward_error", None)
        if note is not None:
            note(node, gradient, error)


class Scope:
    """Which module is running; a link to the enclosing scope, and to the module only weakly."""

    __slots__ = ("enclosing", "owner")

    def __init__(self, enclosing: Scope | None, owner: object) -> None:
        self.enclosing = enclosing
        self.owner = weakref.ref(owner)

    def call(self) -> Scope | None:
        """The scope that stands for this run of the module; all that is computed in it has the same."""
        return self


class Mode:
    """An immutable set of switches; `changed` gives another."""

    __slots__ = ("block", "grad", "levels", "observers", "scope")

    block: Block | None
    """What made this mode the current one; None where nothing is switched."""

    def __init__(
        self,
        grad: bool,
        scope: Scope | None,
        observers: tuple[Observer, ...],
        levels: tuple[tuple[int, int], ...] | None = None,
    ) -> None:
        self.grad = grad
        self.scope = scope
        self.observers = observers
        self.block = None
        self.levels = levels  # of vmap, outermost first: (number, examples); None outside, quick to see

    def changed(self, **switches: Any) -> Mode:
        """A copy with some switches set otherwise."""
        mode = Mode(self.grad, self.scope, self.observers, self.levels)
        for name, setting in switches.items():
            setattr(mode, name, setting)
        return mode


class Block:
    """One `with` block that is open: the mode outside of it, and what it changes."""

    __slots__ = ("change", "outer")

    def __init__(self, outer: Mode, change: Callable[[Mode], Mode]) -> None:
        self.outer = outer
        self.change = change

    def inner(self) -> Mode:
        """The mode inside the block."""
        mode = self.change(self.outer)
        mode.block = self
        return mode


def _without(mode: Mode, block: Block) -> Mode:
    """The mode when a block is left that is not the innermost, as generators that take turns may do."""
    inner = mode.block
    if inner is None:
        return mode
    if inner is block:
        return block.outer
    inner.outer = _without(inner.outer, block)
    return inner.inner()


_mode: ContextVar[Mode] = ContextVar("pullback_mode", default=Mode(True, None, ()))  # noqa: B039 - immutable
current_mode = _mode.get

# the name of the function whose backward is being recorded: there a value read out of the tape would silently be a
# constant in the next derivative
recorded_backward: ContextVar[str | None] = ContextVar("pullback_recorded_backward", default=None)


class ModeContext:
    """A context manager, and a decorator of functions and coroutines, that changes the mode for a while."""

    def __init__(self, change: Callable[[Mode], Mode]) -> None:
        self._change = change
        self._blocks: list[Block] = []

    def __enter__(self) -> Self:
        block = Block(current_mode(), self._change)
        _mode.set(block.inner())
        self._blocks.append(block)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        mode = current_mode()
        block = mode.block
        if block is not None and block in self._blocks:  # of this thread, if several use one object
            self._blocks.remove(block)
            _mode.set(block.outer)
        else:
            _mode.set(_without(mode, self._blocks.pop()))

    def __call__(self, function: F) -> F:
        """Decorate a function or a coroutine: each of its calls runs in the changed mode."""
        change = self._change
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(
                f"a generator cannot be decorated with a mode ({function.__name__}): its body runs later, "
                "piece by piece; write the `with` block inside the generator"
            )

        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def coroutine(*args: Any, **kwargs: Any) -> Any:
                with ModeContext(change):
                    return await function(*args, **kwargs)

            return coroutine  # type: ignore[return-value]  # same signature, kept by functools.wraps

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with ModeContext(change):
                return function(*args, **kwargs)

        return wrapper  # type: ignore[return-value]  # same signature, kept by functools.wraps


def no_grad() -> ModeContext:
    """Switch recording off: results need no gradient, and leaves may be written in place.

    Works as a context manager and as a decorator.

    >>> import pullback as pb
    >>> w = pb.tensor([1.0, 2.0], requires_grad=True)
    >>> with pb.no_grad():
    ...     print((w * 2).requires_grad)
    False
    """
    return ModeContext(lambda mode: mode.changed(grad=False))


def enable_grad() -> ModeContext:
    """Switch recording on again inside `no_grad`.

    >>> import pullback as pb
    >>> w = pb.tensor([1.0, 2.0], requires_grad=True)
    >>> with pb.no_grad(), pb.enable_grad():
    ...     print((w * 2).requires_grad)
    True
    """
    return ModeContext(lambda mode: mode.changed(grad=True))


def is_grad_enabled() -> bool:
    """Whether operations are recorded on the tape at the moment."""
    return current_mode().grad


def module_scope(owner: object) -> ModeContext:
    """Everything computed inside belongs to this module; pictures and errors take their names from it."""
    return ModeContext(lambda mode: mode.changed(scope=Scope(mode.scope, owner)))


def observing(observer: Observer) -> ModeContext:
    """Show every operation to the observer for a while."""
    return ModeContext(lambda mode: mode.changed(observers=(*mode.observers, observer)))
