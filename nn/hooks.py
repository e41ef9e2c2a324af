"""Hooks on modules: functions that run before and after a module's forward."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..autograd.extend import RemovableHandle

if TYPE_CHECKING:
    from .module import Module


class ForwardHooks:
    """What runs around the forward of one module, in order; each with whether it takes keyword arguments."""

    def __init__(self) -> None:
        self.before: dict[int, tuple[Any, bool]] = {}
        self.after: dict[int, tuple[Any, bool]] = {}

    def add(
        self, where: dict[int, tuple[Any, bool]], hook: Any, first: bool, with_kwargs: bool
    ) -> RemovableHandle:
        """Register a hook."""
        if not callable(hook):
            raise TypeError(f"a hook is a function, not {type(hook).__name__}")
        return RemovableHandle(where, (hook, with_kwargs), first)

    def run(self, module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call forward, with what the hooks make of its arguments and of its result."""
        for hook, with_kwargs in tuple(self.before.values()):
            changed = hook(module, args, kwargs) if with_kwargs else hook(module, args)
            if changed is None:
                continue
            if with_kwargs:
                if not (isinstance(changed, tuple) and len(changed) == 2 and isinstance(changed[1], dict)):
                    raise TypeError(
                        "a forward pre-hook with keyword arguments returns None or (args, kwargs)"
                    )
                args, kwargs = changed
            else:
                args = changed if isinstance(changed, tuple) else (changed,)
        result = module.forward(*args, **kwargs)
        for hook, with_kwargs in tuple(self.after.values()):
            changed = hook(module, args, kwargs, result) if with_kwargs else hook(module, args, result)
            if changed is not None:
                result = changed
        return result
