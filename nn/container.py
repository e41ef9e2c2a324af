"""Modules that hold others."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, Self, overload

from .module import Module, check_name, child_modules


class Sequential(Module):
    """A chain: each module gets what the one before it gives.

    Args:
        *args: the modules in order, named "0", "1", ...; or one OrderedDict of modules by name.

    Raises:
        TypeError: for what is no module.
        KeyError: for a name that is empty, dotted or taken.

    >>> import pullback as pb
    >>> from pullback import nn
    >>> model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    >>> model(pb.zeros((5, 4))).shape
    (5, 2)
    >>> model[-1]
    Linear(in_features=3, out_features=2, bias=True)
    >>> len(model[:2])
    2
    """

    def __init__(self, *args: Any) -> None:
        super().__init__()
        if len(args) == 1 and isinstance(args[0], OrderedDict):
            named = list(args[0].items())
        else:
            named = [(str(i), module) for i, module in enumerate(args)]
        for name, module in named:
            self._add(name, module)

    def _add(self, name: str, module: Any) -> None:
        check_name(self, name)
        if not isinstance(module, Module):
            hint = "; pass the modules one by one, or unpack a list: Sequential(*layers)"
            raise TypeError(
                f"Sequential holds modules, and {name!r} is a {type(module).__name__}"
                + (hint if isinstance(module, (list, tuple, dict)) else "")
            )
        setattr(self, name, module)

    def append(self, module: Module) -> Self:
        """Add a module to the end."""
        self._add(str(len(self)), module)
        return self

    def forward(self, input: Any) -> Any:
        """Run the chain."""
        for module in self:
            input = module(input)
        return input

    def __len__(self) -> int:
        return sum(1 for _ in child_modules(self))

    def __iter__(self) -> Iterator[Module]:
        return (module for _, module in child_modules(self))

    @overload
    def __getitem__(self, index: int) -> Module: ...

    @overload
    def __getitem__(self, index: slice) -> Self: ...

    def __getitem__(self, index: int | slice) -> Module | Self:
        named = list(child_modules(self))
        if isinstance(index, slice):
            return type(self)(OrderedDict(named[index]))
        if not -len(named) <= index < len(named):
            raise IndexError(f"module {index} of a Sequential of {len(named)}")
        return named[index][1]
