"""Module: a part of a model, with its parameters, its buffers and its sub-modules.

Nothing is registered behind the user's back: a module's parts are found by walking its attributes, in the
order in which they were first assigned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Self

import numpy as np

from ..autograd import Tensor, zeros_like
from ..autograd.extend import RemovableHandle, module_scope, writable
from .hooks import ForwardHooks
from .parameter import Parameter


class IncompatibleKeys(NamedTuple):
    """What `load_state_dict(strict=False)` found missing and unexpected."""

    missing_keys: list[str]
    unexpected_keys: list[str]


class Module:
    """The base of all layers and models: derive from it, assign parts in `__init__`, and write `forward`.

    Attributes that are Parameters or Modules belong to the module, and so do buffers (`register_buffer`):
    tensors that are saved with it and not trained. A list or dict of modules is an ordinary attribute and is
    not searched. A part that is reachable by several paths is counted once, and appears in `state_dict()`
    under each name.

    >>> import pullback as pb
    >>> from pullback import nn
    >>> class Scale(nn.Module):
    ...     def __init__(self, factor):
    ...         super().__init__()
    ...         self.factor = nn.Parameter(factor)
    ...     def forward(self, x):
    ...         return x * self.factor
    >>> scale = Scale(2.0)
    >>> scale(pb.tensor([1.0, 3.0])).tolist()
    [2.0, 6.0]
    >>> [name for name, _ in scale.named_parameters()]
    ['factor']
    """

    training: bool
    _buffers: dict[str, bool]  # the names of the buffers, and whether they are saved
    _forward_hooks: ForwardHooks | None = None  # most modules have none

    def __init__(self) -> None:
        self.training = True
        self._buffers = {}

    # calling

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the module's result; every module writes its own."""
        raise NotImplementedError(
            f"{type(self).__name__} has no forward: write `def forward(self, x): ...`, where it computes"
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run `forward`; an error that passes through is given a note that names the layer."""
        parts(self)
        try:
            with module_scope(self):
                if self._forward_hooks is not None:
                    return self._forward_hooks.run(self, args, kwargs)
                return self.forward(*args, **kwargs)
        except Exception as error:
            _locate(error, self)
            raise

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, args)` before each forward; what it returns, if anything, replaces the arguments.

        Args:
            hook: gets the module and the tuple of positional arguments. It may return None, new arguments as a
                tuple, or one argument.
            prepend: run it before the hooks that are there already.
            with_kwargs: call `hook(module, args, kwargs)` instead, which returns None or `(args, kwargs)`.

        Returns:
            A handle; `handle.remove()` takes the hook away.
        """
        hooks = self._hooks()
        return hooks.add(hooks.before, hook, prepend, with_kwargs)

    def register_forward_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, args, output)` after each forward; what it returns, if anything, is the output.

        See `register_forward_pre_hook`; with `with_kwargs` it is `hook(module, args, kwargs, output)`.

        >>> import pullback as pb
        >>> from pullback import nn
        >>> model = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
        >>> shapes = []
        >>> handle = model[0].register_forward_hook(lambda module, args, output: shapes.append(output.shape))
        >>> _ = model(pb.ones((4, 2)))
        >>> shapes
        [(4, 3)]
        """
        hooks = self._hooks()
        return hooks.add(hooks.after, hook, prepend, with_kwargs)

    def _hooks(self) -> ForwardHooks:
        parts(self)
        if self._forward_hooks is None:
            self._forward_hooks = ForwardHooks()
        return self._forward_hooks

    # parts

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

        Args:
            prefix: what the paths start with.
            recurse: also those of the modules in this one.
            remove_duplicate: name a parameter that is reachable by several paths once, by the first.

        >>> from pullback import nn
        >>> [name for name, _ in nn.Sequential(nn.Linear(2, 3), nn.ReLU()).named_parameters()]
        ['0.weight', '0.bias']
        """
        return self._named(_own_parameters, prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters, each once; what an optimiser is given."""
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """The buffers with their paths; the arguments are those of `named_parameters`."""
        return self._named(_own_buffers, prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """The buffers, each once."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

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

    def get_submodule(self, target: str) -> Module:
        """The module at a path such as `"layers.1"`; `""` is the module itself.

        Raises:
            AttributeError: there is none; the message says which step failed.
        """
        module: Module = self
        for name in target.split(".") if target else ():
            found = dict(child_modules(module)).get(name)
            if found is None:
                known = ", ".join(repr(child) for child, _ in child_modules(module)) or "none"
                raise AttributeError(
                    f"{type(module).__name__} has no module {name!r} (wanted: {target!r}); its modules "
                    f"are: {known}"
                )
            module = found
        return module

    def _named(
        self,
        own: Callable[[Module], Iterable[tuple[str, Any]]],
        prefix: str,
        recurse: bool,
        remove_duplicate: bool,
    ) -> Iterator[tuple[str, Any]]:
        seen: set[Tensor] = set()
        everywhere = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate)
        for path, module in everywhere if recurse else [(prefix, self)]:
            for name, value in own(module):
                if value not in seen:
                    if remove_duplicate:
                        seen.add(value)
                    yield _join(path, name), value

    # state

    def state_dict(self) -> dict[str, Tensor]:
        """All parameters and persistent buffers by path, detached; they share the module's memory.

        >>> from pullback import nn
        >>> {name: tensor.shape for name, tensor in nn.Linear(2, 3).state_dict().items()}
        {'weight': (3, 2), 'bias': (3,)}
        """
        return {name: tensor.detach() for name, tensor in _named_state(self)}

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> IncompatibleKeys:
        """Copy values into the parameters and persistent buffers.

        Args:
            state_dict: Tensors or ndarrays by path; they are copied and converted to the dtypes of the
                module.
            strict: refuse missing and unexpected keys, instead of returning them.

        Returns:
            A named tuple `(missing_keys, unexpected_keys)`.

        Raises:
            RuntimeError: naming all keys that do not fit, with both shapes; nothing is changed then.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"a state is a dict of tensors by name, not {type(state_dict).__name__}")
        own = dict(_named_state(self))
        missing = [name for name in own if name not in state_dict]
        unexpected = [name for name in state_dict if name not in own]
        problems = [f"missing: {name!r} {own[name].shape}" for name in missing if strict]
        problems += [f"unexpected: {name!r}" for name in unexpected if strict]
        new: dict[str, np.ndarray[Any, Any]] = {}
        for name, tensor in own.items():
            if name in state_dict:
                problem = _misfit(tensor, state_dict[name])
                if problem:
                    problems.append(f"mismatched: {name!r} {problem}")
                else:
                    # Copied before anything is written: the values may be views of each other.
                    new[name] = _array(state_dict[name]).astype(tensor.dtype)
        if problems:
            raise RuntimeError(
                f"the state does not fit {type(self).__name__}, which is left as it was:\n  "
                + "\n  ".join(problems)
            )
        for name, array in new.items():
            writable(own[name])[...] = array
        return IncompatibleKeys(missing, unexpected)

    # switches

    def train(self, mode: bool = True) -> Self:
        """Set `training` here and in all modules within; some layers behave otherwise in training."""
        if not isinstance(mode, bool):
            raise ValueError(f"train(mode) takes True or False, not {mode!r}")
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """The same as `train(False)`."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Switch the gradients of all parameters on or off, for example to freeze a part of a model."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters; `set_to_none=False` makes those that exist zero."""
        for parameter in self.parameters():
            if set_to_none:
                parameter.grad = None
            elif parameter.grad is not None:
                parameter.grad = zeros_like(parameter)

    def to(self, dtype: Any) -> Self:
        """Convert all floating parameters (in place, with their gradients) and floating buffers to a dtype.

        Raises:
            TypeError: for a dtype that is not floating.

        >>> from pullback import nn
        >>> nn.Linear(2, 3).to("float64").weight.dtype
        dtype('float64')
        """
        wanted = np.dtype(dtype)
        if wanted.kind != "f":
            raise TypeError(f"a module converts to floating dtypes only, not to {wanted}")
        for parameter in self.parameters():
            parameter.convert_(wanted)
        converted: dict[Tensor, Tensor] = {}
        for module in self.modules():
            for name, buffer in _own_buffers(module):
                if buffer.dtype.kind == "f":
                    vars(module)[name] = converted.setdefault(buffer, buffer.astype(wanted))
        return self

    def float(self) -> Self:
        """Convert to float32; see `to`."""
        return self.to(np.float32)

    def double(self) -> Self:
        """Convert to float64; see `to`."""
        return self.to(np.float64)

    def apply(self, fn: Callable[[Module], object]) -> Self:
        """Call a function with every module in this one, children before parents, and with this one.

        >>> from pullback import nn
        >>> def clear(module):
        ...     if isinstance(module, nn.Linear):
        ...         nn.init.zeros_(module.bias)
        >>> model = nn.Sequential(nn.Linear(2, 3)).apply(clear)
        >>> model[0].bias.tolist()
        [0.0, 0.0, 0.0]
        """
        _apply(self, fn, set())
        return self

    # showing

    def extra_repr(self) -> str:
        """What stands in the parentheses of the representation; layers write their settings here."""
        return ""

    def __repr__(self) -> str:
        return _represent(self, ())


def parts(module: Module) -> dict[str, Any]:
    """The module's attributes, in the order of their first assignment."""
    attributes = vars(module)
    if "_buffers" not in attributes:
        raise RuntimeError(
            f"{type(module).__name__}.__init__ has not called super().__init__(); make that its first line"
        )
    return attributes


def child_modules(module: Module) -> Iterator[tuple[str, Module]]:
    """The modules directly in one, by name; a module that has two names comes twice."""
    return ((name, value) for name, value in list(parts(module).items()) if isinstance(value, Module))


def check_name(module: Module, name: str) -> None:
    """Raise KeyError for a name that cannot be the name of a new part."""
    if not isinstance(name, str) or not name or "." in name:
        raise KeyError(f"the name of a part is a word without dots, not {name!r}")
    if hasattr(module, name):
        raise KeyError(f"{type(module).__name__} already has an attribute {name!r}; choose another name")


def _own_parameters(module: Module) -> Iterator[tuple[str, Parameter]]:
    return ((name, value) for name, value in list(parts(module).items()) if isinstance(value, Parameter))


def _own_buffers(module: Module) -> Iterator[tuple[str, Tensor]]:
    attributes = parts(module)
    for name in tuple(module._buffers):
        value = attributes.get(name)
        if isinstance(value, Tensor) and not isinstance(value, Parameter):
            yield name, value


def _walk(
    module: Module, path: str, seen: set[Module] | None, above: tuple[Module, ...]
) -> Iterator[tuple[str, Module]]:
    """Modules in depth-first order; one that contains itself is not entered again."""
    if module in above or (seen is not None and module in seen):
        return
    if seen is not None:
        seen.add(module)
    yield path, module
    for name, child in child_modules(module):
        yield from _walk(child, _join(path, name), seen, (*above, module))


def _apply(module: Module, fn: Callable[[Module], object], seen: set[Module]) -> None:
    seen.add(module)
    for _, child in child_modules(module):
        if child not in seen:
            _apply(child, fn, seen)
    fn(module)


def _named_state(module: Module) -> Iterator[tuple[str, Tensor]]:
    """Parameters and persistent buffers under all their names."""
    for path, part in module.named_modules(remove_duplicate=False):
        for name, parameter in _own_parameters(part):
            yield _join(path, name), parameter
        for name, buffer in _own_buffers(part):
            if part._buffers[name]:
                yield _join(path, name), buffer


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _array(value: Any) -> np.ndarray[Any, Any]:
    return value.detach().numpy() if isinstance(value, Tensor) else np.asarray(value)


def _misfit(tensor: Tensor, value: Any) -> str | None:
    """Why a value cannot be loaded into a tensor, if so."""
    if not isinstance(value, (Tensor, np.ndarray, np.generic)):
        return f"is a {type(value).__name__}, not a Tensor or an ndarray"
    if value.shape != tensor.shape:
        return f"has shape {value.shape} in the state and {tensor.shape} in the module"
    if not np.can_cast(value.dtype, tensor.dtype, "same_kind"):
        return f"is {value.dtype} in the state, which does not fit {tensor.dtype} in the module"
    return None


class _Place(str):
    """The note on an error that says in which layer it happened; the callers above lengthen the path."""

    __slots__ = ("module",)
    module: Module


def _locate(error: Exception, module: Module) -> None:
    notes: list[str] = getattr(error, "__notes__", [])
    index = next((i for i, note in enumerate(notes) if isinstance(note, _Place)), None)
    if index is None:
        error.add_note(_place(module, ""))
        return
    failed = notes[index].module  # type: ignore[attr-defined]  # it is a _Place
    path = next((path for path, part in module.named_modules() if part is failed), "")
    if path:
        notes[index] = _place(failed, path)


def _place(module: Module, path: str) -> _Place:
    settings = "" if any(child_modules(module)) else module.extra_repr()
    shown = f"{type(module).__name__}({settings})"
    place = _Place(f"in layer {path!r}, {shown}" if path else f"in {shown}")
    place.module = module
    return place


def _represent(module: Module, above: tuple[Module, ...]) -> str:
    name = type(module).__name__
    if module in above:
        return f"{name}(...)"
    children = [
        f"({key}): " + _represent(child, (*above, module)).replace("\n", "\n  ")
        for key, child in child_modules(module)
    ]
    extra = module.extra_repr()
    if not children:
        return f"{name}({extra})"
    return f"{name}(\n  " + "\n  ".join([extra] * bool(extra) + children) + "\n)"
