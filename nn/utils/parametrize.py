"""Parametrisations: a parameter that is computed from others, which are trained in its place.

The module gets a child `parametrizations` that holds the originals, and its attribute computes the value at each
reading. The names are PyTorch's, and so are the keys of the state: `parametrizations.weight.original`.
"""

from __future__ import annotations

import functools
from typing import Any, TypeVar

import numpy as np

from ...autograd import Tensor, no_grad
from ...autograd.extend import writable
from ..container import ModuleDict, ModuleList
from ..module import Module
from ..parameter import Parameter

M = TypeVar("M", bound=Module)


class ParametrizationList(ModuleList):
    """The steps from the originals to one parametrised tensor, and the originals: `original`, or `original0`, ...

    Args:
        steps: modules; the first gets the originals, each other what the one before it gives. A step may have
            `right_inverse(value)`, which gives the input, or a tuple of inputs for the first step, for which the step
            gives that value.
        original: the parameter or buffer that is to be computed from now on.
    """

    _folds = False

    def __init__(self, steps: list[Module], original: Tensor) -> None:
        super().__init__(steps)
        with no_grad():
            value: Any = original.detach()
            for step in reversed(steps):
                inverse = getattr(step, "right_inverse", None)
                value = value if inverse is None else inverse(value)
        self._many = isinstance(value, (tuple, list))
        trained = isinstance(original, Parameter)
        for name, part in zip(self._originals(value), value if self._many else (value,), strict=True):
            held = original if not self._many and part.shape == original.shape else None
            if held is not None:
                writable(held)[...] = part.numpy().copy()  # the same object, which an optimiser may hold
            elif trained:
                held = Parameter(part, requires_grad=original.requires_grad)
            if trained:
                setattr(self, name, held)
            else:
                self.register_buffer(name, part if held is None else held)

    def forward(self) -> Tensor:  # type: ignore[override]  # a list's refuses to be called
        """The value of the parametrised tensor."""
        steps = list(self)
        value = steps[0](*(getattr(self, name) for name in self._names()))
        for step in steps[1:]:
            value = step(value)
        result: Tensor = value
        return result

    def assign(self, value: Any) -> None:
        """Write the originals so that the parametrised tensor has this value, as far as the steps allow it."""
        with no_grad():
            value = value.detach() if isinstance(value, Tensor) else value
            for step in reversed(list(self)):
                if not hasattr(step, "right_inverse"):
                    raise RuntimeError(
                        f"a parametrised tensor is assigned to through right_inverse, which {type(step).__name__} has "
                        "not; write its originals instead"
                    )
                value = step.right_inverse(value)
            parts = value if self._many else (value,)
            names = self._names()
            shapes, made = [getattr(self, name).shape for name in names], [np.shape(part) for part in parts]
            if shapes != made:
                raise ValueError(
                    f"the value does not fit: the originals have the shapes {shapes}, and it makes {made}"
                )
            arrays = [np.array(part.detach().numpy() if isinstance(part, Tensor) else part) for part in parts]
            for name, array in zip(names, arrays, strict=True):
                writable(getattr(self, name))[...] = array

    def _originals(self, value: Any) -> list[str]:
        return [f"original{i}" for i in range(len(value))] if self._many else ["original"]

    def _names(self) -> list[str]:
        if not self._many:
            return ["original"]
        return [name for name in vars(self) if name.startswith("original")]


def register_parametrization(
    module: M, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> M:
    """Let a parameter or buffer of a module be computed by a module from now on; further ones form a chain.

    Args:
        module: what has the tensor.
        tensor_name: the attribute.
        parametrization: a module whose forward maps the original to the value that is used. With a method
            `right_inverse`, the original is chosen so that the value is at first what it was.
        unsafe: allow a value of another shape or dtype than the original's.

    Returns:
        The module.

    Raises:
        ValueError: for a name of no tensor, or a parametrisation that changes shape or dtype; nothing is changed then.

    >>> import pullback as pb
    >>> from pullback import nn
    >>> class Symmetric(nn.Module):
    ...     def forward(self, x):
    ...         return (x + x.T) / 2
    >>> layer = nn.utils.parametrize.register_parametrization(nn.Linear(3, 3), "weight", Symmetric())
    >>> bool(pb.all(layer.weight == layer.weight.T)), [name for name, _ in layer.named_parameters()]
    (True, ['bias', 'parametrizations.weight.original'])
    """
    if not isinstance(parametrization, Module):
        raise TypeError(f"a parametrization is a Module, not {type(parametrization).__name__}")
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        steps: Any = module.get_submodule(f"parametrizations.{tensor_name}")
        now = getattr(module, tensor_name).detach()
        with no_grad():
            _check_kept(now, parametrization(now), tensor_name, parametrization, unsafe)
        steps.append(parametrization)
        return module
    original = vars(module).get(tensor_name)
    if not isinstance(original, Tensor):
        named = [
            name
            for name, _ in (*module.named_parameters(recurse=False), *module.named_buffers(recurse=False))
        ]
        raise ValueError(
            f"{type(module).__name__} has no parameter or buffer {tensor_name!r}; it has {', '.join(named) or 'none'}"
        )
    before = original.detach().numpy().copy()
    steps = ParametrizationList([parametrization], original)
    try:
        with no_grad():
            _check_kept(original, steps(), tensor_name, parametrization, unsafe)
    except Exception:
        writable(original)[...] = before
        raise
    persistent = module._buffers.pop(tensor_name, True)
    if not persistent:
        for name in steps._buffers:
            steps._buffers[name] = False
    delattr(module, tensor_name)
    if "parametrizations" not in vars(module):
        vars(module)["parametrizations"] = ModuleDict()
    held: Any = vars(module)["parametrizations"]
    vars(held)[tensor_name] = steps
    module.__class__ = _parametrized(_plain(type(module)), frozenset(held))
    return module


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether a module has parametrised tensors, or whether this one of its tensors is."""
    held = vars(module).get("parametrizations")
    if not isinstance(held, ModuleDict) or not hasattr(type(module), "_plain_class"):
        return False
    return len(held) > 0 if tensor_name is None else tensor_name in held


def remove_parametrizations(module: M, tensor_name: str, leave_parametrized: bool = True) -> M:
    """Make a parametrised tensor an ordinary parameter or buffer again.

    Args:
        module: what has the tensor.
        tensor_name: the attribute.
        leave_parametrized: keep the value that was computed last, and not the original's.

    Returns:
        The module.

    Raises:
        ValueError: for a tensor that is not parametrised, and for `leave_parametrized=False` where there are several
            originals.
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"{tensor_name!r} of {type(module).__name__} is not parametrised")
    held: Any = vars(module)["parametrizations"]
    steps: Any = held[tensor_name]
    if steps._many and not leave_parametrized:
        raise ValueError(f"{tensor_name!r} has several originals, of which none can take its place")
    with no_grad():
        value = steps().detach().numpy().copy()
    first = getattr(steps, steps._names()[0])
    if not steps._many and (first.shape == value.shape or not leave_parametrized):
        kept = first
        if leave_parametrized:
            writable(kept)[...] = value
    else:
        kept = Parameter(value, first.requires_grad) if isinstance(first, Parameter) else Tensor(value)
    delattr(held, tensor_name)
    plain = _plain(type(module))
    module.__class__ = _parametrized(plain, frozenset(held)) if len(held) else plain
    if not len(held):
        del vars(module)["parametrizations"]
    if isinstance(kept, Parameter):
        setattr(module, tensor_name, kept)
    else:
        module.register_buffer(tensor_name, kept, persistent=all(steps._buffers.values()))
    return module


def _check_kept(before: Tensor, after: Any, name: str, parametrization: Module, unsafe: bool) -> None:
    if not isinstance(after, Tensor):
        raise ValueError(
            f"{type(parametrization).__name__} gives a {type(after).__name__} for {name!r}, not a Tensor"
        )
    if not unsafe and (after.shape, after.dtype) != (before.shape, before.dtype):
        raise ValueError(
            f"{type(parametrization).__name__} makes {name!r} {after.dtype}{list(after.shape)}, which was "
            f"{before.dtype}{list(before.shape)}; unsafe=True allows it"
        )


def _plain(cls: Any) -> Any:
    """The class that a module had before."""
    return getattr(cls, "_plain_class", cls)


@functools.cache
def _parametrized(plain: Any, names: frozenset[str]) -> Any:
    """A class like `plain`, whose attributes of these names are computed."""

    def computed(name: str) -> property:
        return property(
            lambda module: module.parametrizations[name](),
            lambda module, value: module.parametrizations[name].assign(value),
        )

    body = {name: computed(name) for name in sorted(names)}
    members = {
        "__reduce__": lambda module: (_restored, (plain, names), dict(vars(module))),
        "__module__": plain.__module__,
        "__doc__": plain.__doc__,
        "_plain_class": plain,
    }
    return type(f"Parametrized{plain.__name__}", (plain,), body | members)


def _restored(plain: Any, names: frozenset[str]) -> Any:
    """An empty module of the class that is made on the fly; for copies and pickles."""
    return object.__new__(_parametrized(plain, names))
