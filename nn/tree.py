"""The tree of a model: modules in modules, with the parameters and buffers that each holds.

Nothing is registered behind the user's back: a module's parts are found by walking its attributes, in the
order in which they were first assigned.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeGuard

from ..autograd import Tensor
from .parameter import Parameter

if TYPE_CHECKING:
    from .module import Module


class Tree:
    """What a module is made of, by name and by path; `Module` is the class to derive from."""

    _buffers: dict[str, bool]  # the names of the buffers, and whether they are saved
    _stand_ins: frozenset[str] = frozenset()  # parameters whose place another tensor has for a while

    def __setattr__(self, name: str, value: Any) -> None:
        held = self.__dict__.get(name)
        if isinstance(held, (Parameter, Tree)) or name in self.__dict__.get("_buffers", ()):
            self._check_part(name, held, value)
        object.__setattr__(self, name, value)

    def _check_part(self, name: str, held: Any, value: Any) -> None:
        """Refuse what would make a parameter, a buffer or a module something else without notice; None removes it."""
        if value is None:
            return
        kind = f"a plain {type(value).__name__}"
        if isinstance(held, Parameter) and not isinstance(value, (Parameter, Tree)):
            raise TypeError(
                f"{name!r} is a parameter of this {type(self).__name__}, and {kind} in its place would not "
                f"be trained; assign nn.Parameter(...), or write its values: {name}.data.copy_(...)"
            )
        if isinstance(held, Tree) and not isinstance(value, (Parameter, Tree)):
            what = f"the class {value.__name__}, not a module of it" if isinstance(value, type) else kind
            raise TypeError(
                f"{name!r} is a module of this {type(self).__name__}, and {what} cannot stand in its place; assign a "
                "module, or None to remove it"
            )
        if name in self.__dict__.get("_buffers", ()) and not isinstance(value, Tensor):
            raise TypeError(
                f"{name!r} is a buffer of this {type(self).__name__} and must be a Tensor or None, not "
                f"{type(value).__name__}"
            )

    # walking

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """The paths of this module and of all modules in it, and the modules; parents before children.

        Args:
            memo: modules that count as seen.
            prefix: what the paths start with.
            remove_duplicate: name a module that is reachable by several paths once, by the first.
        """
        seen = (set() if memo is None else memo) if remove_duplicate else None
        return _walk(self, prefix, seen, ())

    def modules(self) -> Iterator[Module]:
        """This module and all modules in it, each once."""
        return (module for _, module in self.named_modules())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules directly in this one, each once, with their names."""
        seen: set[Module] = set()
        for name, child in child_modules(self):
            if child not in seen:
                seen.add(child)
                yield name, child

    def children(self) -> Iterator[Module]:
        """The modules directly in this one, each once."""
        return (child for _, child in self.named_children())

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """The parameters with their paths, such as `"0.weight"`.

        Warns (UserWarning) of parameters that stand in a plain list, tuple, set or dict and in no module: they
        are not found.

        Args:
            prefix: what the paths start with.
            recurse: also those of the modules in this one.
            remove_duplicate: name a parameter that is reachable by several paths once, by the first.

        >>> from pullback import nn
        >>> [name for name, _ in nn.Sequential(nn.Linear(2, 3), nn.ReLU()).named_parameters()]
        ['0.weight', '0.bias']
        """
        if recurse:
            warn_of_hidden(self)
        return self._named(own_parameters, prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters, each once; what an optimiser is given."""
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """The buffers with their paths; the arguments are those of `named_parameters`."""
        return self._named(own_buffers, prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """The buffers, each once."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def _named(
        self,
        own: Callable[[Tree], Iterable[tuple[str, Any]]],
        prefix: str,
        recurse: bool,
        remove_duplicate: bool,
    ) -> Iterator[tuple[str, Any]]:
        seen: set[Tensor] = set()
        everywhere: Iterable[tuple[str, Tree]] = [(prefix, self)]
        if recurse:
            everywhere = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate)
        for path, module in everywhere:
            for name, value in own(module):
                if value not in seen:
                    if remove_duplicate:
                        seen.add(value)
                    yield join(path, name), value

    # adding

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a tensor that belongs to the module and is not trained, such as a running mean.

        Args:
            name: the attribute's name.
            tensor: the buffer; None keeps the place for a buffer that may be assigned later.
            persistent: whether `state_dict()` holds it.

        Raises:
            KeyError: for a name that is taken, empty or dotted.
            TypeError: for what is neither a Tensor nor None.
        """
        buffers = parts(self)["_buffers"]
        if name not in buffers:
            check_name(self, name)
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(f"the buffer {name!r} must be a Tensor or None, not {type(tensor).__name__}")
        buffers[name] = persistent
        setattr(self, name, tensor)

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter under a name that need not be written in the source; the same as assigning it.

        Args:
            name: the attribute's name.
            param: the parameter; None keeps the place for one that may be assigned later.

        Raises:
            KeyError: for a name that is taken, empty or dotted.
            TypeError: for what is neither a Parameter nor None.
        """
        if not isinstance(vars(self).get(name), Parameter) and vars(self).get(name, 0) is not None:
            check_name(self, name)
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(
                f"the parameter {name!r} must be a Parameter or None, not {type(param).__name__}; "
                "nn.Parameter(...) makes one"
            )
        parts(self)
        setattr(self, name, param)

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a module under a name that need not be written in the source; the same as assigning it.

        Raises:
            KeyError: for a name that is taken (unless by another module), empty or dotted.
            TypeError: for what is neither a Module nor None.
        """
        if not isinstance(vars(self).get(name), Tree) and vars(self).get(name, 0) is not None:
            check_name(self, name)
        if module is not None and not is_module(module):
            raise TypeError(f"the module {name!r} must be a Module or None, not {type(module).__name__}")
        parts(self)
        setattr(self, name, module)

    register_module = add_module

    # finding

    def get_submodule(self, target: str) -> Module:
        """The module at a path such as `"layers.1"`; `""` is the module itself.

        Raises:
            AttributeError: there is none; the message says which step failed.
        """
        module: Any = self
        for name in target.split(".") if target else ():
            found = dict(child_modules(module)).get(name)
            if found is None:
                known = ", ".join(repr(child) for child, _ in child_modules(module)) or "none"
                raise AttributeError(
                    f"{type(module).__name__} has no module {name!r} (wanted: {target!r}); its modules "
                    f"are: {known}"
                )
            module = found
        return module  # type: ignore[no-any-return]  # the deriving class is Module

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a path such as `"0.weight"`.

        Raises:
            AttributeError: there is none; the message says which step failed.

        >>> from pullback import nn
        >>> nn.Sequential(nn.Linear(2, 3)).get_parameter("0.bias").shape
        (3,)
        """
        found: Parameter = self._get(target, own_parameters, "parameter")
        return found

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at a path such as `"1.running_mean"`; raises as `get_parameter`."""
        found: Tensor = self._get(target, own_buffers, "buffer")
        return found

    def _get(self, target: str, own: Callable[[Tree], Iterable[tuple[str, Any]]], kind: str) -> Any:
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        found = dict(own(module))
        if name not in found:
            known = ", ".join(map(repr, found)) or "none"
            raise AttributeError(
                f"{type(module).__name__} has no {kind} {name!r} (wanted: {target!r}); its {kind}s are: {known}"
            )
        return found[name]


def parts(module: Tree) -> dict[str, Any]:
    """The module's attributes, in the order of their first assignment."""
    attributes = vars(module)
    if "_buffers" not in attributes:
        raise RuntimeError(
            f"{type(module).__name__}.__init__ has not called super().__init__(); make that its first line"
        )
    return attributes


def is_module(value: Any) -> TypeGuard[Module]:
    """Whether a value is a Module, for the files that `module.py` is built on."""
    return isinstance(value, Tree)


def child_modules(module: Tree) -> Iterator[tuple[str, Module]]:
    """The modules directly in one, by name; a module that has two names comes twice."""
    return ((name, value) for name, value in list(parts(module).items()) if is_module(value))


def check_name(module: Tree, name: str) -> None:
    """Raise KeyError for a name that cannot be the name of a new part."""
    if not isinstance(name, str) or not name or "." in name:
        raise KeyError(f"the name of a part is a word without dots, not {name!r}")
    if hasattr(module, name):
        raise KeyError(f"{type(module).__name__} already has an attribute {name!r}; choose another name")


def own_parameters(module: Tree) -> Iterator[tuple[str, Parameter]]:
    """The parameters directly in a module, and what stands in for one (`functional_call`)."""
    stand_ins = module._stand_ins
    for name, value in list(parts(module).items()):
        if isinstance(value, Parameter) or name in stand_ins:
            yield name, value


def own_buffers(module: Tree) -> Iterator[tuple[str, Tensor]]:
    """The buffers directly in a module that have a value."""
    attributes = parts(module)
    for name in tuple(module._buffers):
        value = attributes.get(name)
        if isinstance(value, Tensor) and not isinstance(value, Parameter):
            yield name, value


def join(path: str, name: str) -> str:
    """A path lengthened by a name."""
    return f"{path}.{name}" if path else name


def _walk(
    module: Any, path: str, seen: set[Module] | None, above: tuple[Module, ...]
) -> Iterator[tuple[str, Module]]:
    """Modules in depth-first order; one that contains itself is not entered again."""
    if module in above or (seen is not None and module in seen):
        return
    if seen is not None:
        seen.add(module)
    yield path, module
    for name, child in child_modules(module):
        yield from _walk(child, join(path, name), seen, (*above, module))


def warn_of_hidden(root: Tree) -> None:
    """Warn of parameters in plain containers, unless the walk finds them elsewhere."""
    hidden: list[tuple[str, str, list[Any]]] = []
    known: set[Any] = set()
    for path, module in root.named_modules():
        known.add(module)
        for name, value in list(parts(module).items()):
            if isinstance(value, Parameter):
                known.add(value)
            elif isinstance(value, (list, tuple, set, dict)):
                found = list(_inside(value))
                if found:
                    hidden.append((join(path, name), type(value).__name__, found))
    for path, kind, found in hidden:
        lost = next((x for x in found if x not in known and _has_parameters(x)), None)
        if lost is not None:
            fix = "nn.ModuleDict" if kind == "dict" else "nn.ModuleList"
            if isinstance(lost, Parameter):
                fix = fix.replace("Module", "Parameter")
            warnings.warn(
                f"{path!r} is a plain {kind} with a {type(lost).__name__} in it, which {type(root).__name__} "
                f"neither trains nor saves: plain containers are not searched; make it an {fix}",
                stacklevel=3,
            )


def _has_parameters(part: Any) -> bool:
    return isinstance(part, Parameter) or any(True for _ in part._named(own_parameters, "", True, True))


def _inside(container: Any, depth: int = 3) -> Iterator[Any]:
    """The modules and parameters in nested plain containers; of long ones only the beginning is looked at."""
    values = container.values() if isinstance(container, dict) else container
    for value in islice(values, 64):
        if isinstance(value, (Parameter, Tree)):
            yield value
        elif depth and isinstance(value, (list, tuple, set, dict)):
            yield from _inside(value, depth - 1)
