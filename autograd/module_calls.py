"""Which call of which module computed a value, and what the outermost module calls its parts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .mode import Scope
from .tensor import Tensor


@dataclass(frozen=True, eq=False)
class ModuleCall:
    """One run of a module's forward; two runs of one module are two of these."""

    path: str
    """What the outermost module that runs calls it, as in "layer1.0"; "" for that one itself."""
    kind: str
    """The name of its class."""
    bare: bool
    """Whether it has neither parts nor parameters nor buffers, like most losses."""
    module: int = field(repr=False)
    """A number that is the same for all runs of one module and for no other module."""


class _Named(NamedTuple):
    """The parts of an outermost module; the objects themselves keep their identities from being used again."""

    paths: dict[int, str]
    tensors: dict[int, tuple[Tensor, str]]
    buffers: set[int]


class ModuleNames:
    """The names of modules, parameters and buffers for one recording, each module asked only once."""

    def __init__(self) -> None:
        self._calls: dict[Scope, tuple[ModuleCall, ...]] = {}
        self._modules: dict[int, tuple[Any, int]] = {}
        self._named: dict[int, tuple[Any, _Named]] = {}

    def calls(self, scope: Scope | None) -> tuple[ModuleCall, ...]:
        """The calls around a value, the outermost first."""
        scope = None if scope is None else scope.call()
        if scope is None:
            return ()
        if scope not in self._calls:
            around = self.calls(scope.enclosing)
            owner = scope.owner()
            if owner is not None:
                path = self._names(outermost(scope)).paths.get(id(owner), "")
                _, number = self._modules.setdefault(id(owner), (owner, len(self._modules)))
                around = (*around, ModuleCall(path, type(owner).__name__, _is_bare(owner), number))
            self._calls[scope] = around
        return self._calls[scope]

    def of_tensor(self, tensor: Tensor, scope: Scope | None) -> str | None:
        """The name that the outermost module gives to a parameter or buffer."""
        module = outermost(scope)
        known = self._names(module).tensors.get(id(tensor))
        if known is None and tensor.requires_grad and module is not None:
            del self._named[
                id(module)
            ]  # it may have come since, as in a module that waits for its first input
            known = self._names(module).tensors.get(id(tensor))
        return None if known is None else known[1]

    def is_buffer(self, tensor: Tensor, scope: Scope | None) -> bool:
        """Whether a tensor is a buffer of the outermost module."""
        named = self._names(outermost(scope))
        return id(tensor) in named.buffers and named.tensors[id(tensor)][0] is tensor

    def _names(self, module: Any) -> _Named:
        if module is None:
            return _Named({}, {}, set())
        if id(module) not in self._named:
            buffers = list(module.named_buffers())
            named = [*module.named_parameters(), *buffers]
            self._named[id(module)] = (
                module,
                _Named(
                    {id(part): path for path, part in module.named_modules()},
                    {id(tensor): (tensor, name) for name, tensor in named},
                    {id(tensor) for _, tensor in buffers},
                ),
            )
        return self._named[id(module)][1]


def scope_path(scope: Scope | None) -> str:
    """The path of a module below the outermost module that runs: "" for that one itself."""
    owner, module = None if scope is None else scope.owner(), outermost(scope)
    if owner is None or module is None or owner is module:
        return ""
    return next((path for path, part in module.named_modules() if part is owner), "")


def outermost(scope: Scope | None) -> Any:
    """The outermost module that runs, or None."""
    while scope is not None and scope.enclosing is not None:
        scope = scope.enclosing
    return None if scope is None else scope.owner()


def _is_bare(module: Any) -> bool:
    parts = (module.children(), module.parameters(), module.buffers())
    return not any(True for part in parts for _ in part)
