"""Modules that hold others: in a chain, in a list, by name."""

from __future__ import annotations

import operator
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import Any, NoReturn, Self, SupportsIndex, overload

from .module import Module
from .tree import check_name, child_modules


class _Modules(Module):
    """Modules in order, under the names "0", "1", ... if they were given no others."""

    def __len__(self) -> int:
        return sum(1 for _ in child_modules(self))

    def __iter__(self) -> Iterator[Module]:
        return (module for _, module in child_modules(self))

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if not name.isdigit()]

    def __setitem__(self, index: SupportsIndex, module: Module) -> None:
        name = self._name(index)
        setattr(self, name, self._checked(name, module))

    def __delitem__(self, index: SupportsIndex | slice) -> None:
        modules = list(self)
        if not isinstance(index, slice):
            self._name(index)
        del modules[index]
        self._replace((str(i), module) for i, module in enumerate(modules))

    def append(self, module: Module) -> Self:
        """Add a module to the end."""
        name = self._free_name()
        check_name(self, name)
        setattr(self, name, self._checked(name, module))
        return self

    def extend(self, modules: Iterable[Module]) -> Self:
        """Add modules to the end; none of them if one is no module."""
        if not isinstance(modules, Iterable):
            raise TypeError(
                f"{type(self).__name__}.extend takes several modules, not a {type(modules).__name__}"
            )
        added = [self._checked(str(i), module) for i, module in enumerate(list(modules), len(self))]
        for module in added:
            self.append(module)
        return self

    def insert(self, index: int, module: Module) -> Self:
        """Put a module in front of the one at an index; modules that have numbers for names are numbered anew.

        Raises:
            IndexError: for an index below −n or above n, for n modules.
        """
        named = list(child_modules(self))
        if not -len(named) <= index <= len(named):
            raise IndexError(
                f"a module cannot be inserted at {index} of {len(named)} in a {type(self).__name__}"
            )
        named.insert(index, (self._free_name(), self._checked(str(index), module)))
        if all(name.isdigit() for name, _ in named):
            named = [(str(i), module) for i, (_, module) in enumerate(named)]
        self._replace(named)
        return self

    def pop(self, index: int = -1) -> Module:
        """Take a module out and return it; those that are left are numbered anew."""
        module: Module = vars(self)[self._name(index)]
        del self[index]
        return module

    def _name(self, index: SupportsIndex) -> str:
        named = list(child_modules(self))
        number = operator.index(index)
        if not -len(named) <= number < len(named):
            raise IndexError(f"module {number} of a {type(self).__name__} of {len(named)}")
        return named[number][0]

    def _free_name(self) -> str:
        """The number behind the last; a slice of a chain keeps its names and may have that one already."""
        return str(max([len(self), *(int(name) + 1 for name, _ in child_modules(self) if name.isdigit())]))

    def _replace(self, named: Iterable[tuple[str, Module]]) -> None:
        """Hold these modules, in this order, in the place of those that are here."""
        named = list(named)
        for name, _ in child_modules(self):
            delattr(self, name)
        for name, module in named:
            setattr(self, name, module)

    def _checked(self, name: str, module: Any) -> Module:
        return _checked(self, name, module)


class Sequential(_Modules):
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
    >>> len(model + nn.Sequential(nn.Tanh()))
    4
    """

    def __init__(self, *args: Any) -> None:
        super().__init__()
        if len(args) == 1 and isinstance(args[0], OrderedDict):
            named = list(args[0].items())
        else:
            named = [(str(i), module) for i, module in enumerate(args)]
        for name, module in named:
            check_name(self, name)
            setattr(self, name, self._checked(name, module))

    def forward(self, input: Any) -> Any:
        """Run the chain."""
        for module in self:
            input = module(input)
        return input

    @overload
    def __getitem__(self, index: SupportsIndex) -> Module: ...

    @overload
    def __getitem__(self, index: slice) -> Self: ...

    def __getitem__(self, index: SupportsIndex | slice) -> Module | Self:
        if isinstance(index, slice):
            return type(self)(OrderedDict(list(child_modules(self))[index]))
        module: Module = vars(self)[self._name(index)]
        return module

    def __add__(self, other: Any) -> Sequential:
        return Sequential(*self, *other) if isinstance(other, Sequential) else NotImplemented

    def __iadd__(self, other: Any) -> Self:
        return self.extend(other) if isinstance(other, Sequential) else NotImplemented

    def __mul__(self, times: Any) -> Sequential:
        """The same modules several times over; they share their parameters."""
        return Sequential(*list(self) * _times(times)) if isinstance(times, int) else NotImplemented

    __rmul__ = __mul__

    def __imul__(self, times: Any) -> Self:
        return self.extend(list(self) * (_times(times) - 1)) if isinstance(times, int) else NotImplemented


class ModuleList(_Modules):
    """Modules in a list that the model knows of: they are trained, saved and converted with it.

    It behaves as a list does and has no forward of its own. The names are "0", "1", ...

    Args:
        modules: the modules, in order.

    Raises:
        TypeError: for what is no module.

    >>> from pullback import nn
    >>> layers = nn.ModuleList(nn.Linear(n, n) for n in (4, 4, 2))
    >>> layers
    ModuleList(
      (0-1): 2 x Linear(in_features=4, out_features=4, bias=True)
      (2): Linear(in_features=2, out_features=2, bias=True)
    )
    >>> [layer.in_features for layer in layers[1:]]
    [4, 2]
    """

    _folds = True

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        if modules is not None:
            self.extend(modules)

    def forward(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse: a list says nothing of what is to be computed."""
        raise NotImplementedError(
            "a ModuleList only holds modules: call them one by one, or use a Sequential"
        )

    @overload
    def __getitem__(self, index: SupportsIndex) -> Module: ...

    @overload
    def __getitem__(self, index: slice) -> Self: ...

    def __getitem__(self, index: SupportsIndex | slice) -> Module | Self:
        if isinstance(index, slice):
            return type(self)(list(self)[index])
        module: Module = vars(self)[self._name(index)]
        return module

    def __add__(self, other: Any) -> ModuleList:
        return ModuleList([*self, *other]) if isinstance(other, Iterable) else NotImplemented

    def __iadd__(self, other: Any) -> Self:
        return self.extend(other)


class ModuleDict(Module, MutableMapping[str, Module]):
    """Modules by name that the model knows of: they are trained, saved and converted with it.

    It behaves as a dict does, in the order of insertion, and has no forward of its own.

    Args:
        modules: a dict of modules, or pairs of names and modules.

    Raises:
        TypeError: for what is no module.
        KeyError: for a name that is empty, dotted, or that of an attribute such as "training".

    >>> from pullback import nn
    >>> choices = nn.ModuleDict({"relu": nn.ReLU(), "linear": nn.Linear(2, 2)})
    >>> list(choices), "relu" in choices, list(choices.state_dict())
    (['relu', 'linear'], True, ['linear.weight', 'linear.bias'])
    """

    def __init__(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]] | None = None) -> None:
        super().__init__()
        if modules is not None:
            self.update(modules)

    def forward(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse: a dict says nothing of what is to be computed."""
        raise NotImplementedError("a ModuleDict only holds modules: call them by their names")

    def __getitem__(self, name: str) -> Module:
        found = dict(child_modules(self))
        if name not in found:
            raise KeyError(f"{name!r}; the modules are {', '.join(map(repr, found)) or 'none'}")
        return found[name]

    def __setitem__(self, name: str, module: Module) -> None:
        if name not in self:
            check_name(self, name)
        setattr(self, name, _checked(self, name, module))

    def __delitem__(self, name: str) -> None:
        self[name]
        delattr(self, name)

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in child_modules(self))

    def __len__(self) -> int:
        return sum(1 for _ in child_modules(self))

    __eq__ = object.__eq__  # a module is itself and no other, and can be in a set
    __hash__ = object.__hash__


def _checked(holder: Module, name: str, module: Any) -> Module:
    """A module that may be held; else TypeError."""
    if isinstance(module, Module):
        return module
    hint = ""
    if isinstance(holder, Sequential) and isinstance(module, (list, tuple, dict)):
        hint = "; pass the modules one by one, or unpack a list: Sequential(*layers)"
    elif isinstance(module, type):
        hint = f"; make one: {module.__name__}(...)"
    elif callable(module):
        hint = "; give the module of the same work, such as nn.ReLU() for F.relu, or call it in a forward of your own"
    raise TypeError(f"{type(holder).__name__} holds modules, and {name!r} is a {type(module).__name__}{hint}")


def _times(times: int) -> int:
    if times < 1:
        raise ValueError(f"a Sequential is repeated once or more, not {times} times")
    return times
