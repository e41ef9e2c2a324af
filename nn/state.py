"""The state of a module: what `state_dict` gives and `load_state_dict` takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..autograd import Tensor
from ..autograd.extend import writable
from .parameter import UninitializedParameter
from .tree import join, own_buffers, own_parameters

if TYPE_CHECKING:
    from .module import Module

EXTRA = "_extra_state"


class IncompatibleKeys(NamedTuple):
    """What `load_state_dict(strict=False)` found missing and unexpected."""

    missing_keys: list[str]
    unexpected_keys: list[str]


def named_state(module: Module) -> Iterator[tuple[str, Tensor]]:
    """Parameters and persistent buffers under all their names."""
    for path, part in module.named_modules(remove_duplicate=False):
        for name, parameter in own_parameters(part):
            yield join(path, name), parameter
        for name, buffer in own_buffers(part):
            if part._buffers[name]:
                yield join(path, name), buffer


def named_extra(module: Module) -> Iterator[tuple[str, Any]]:
    """The modules that have a state of their own making, by its key."""
    for path, part in module.named_modules(remove_duplicate=False):
        if hasattr(part, "get_extra_state"):
            yield join(path, EXTRA), part


def load(module: Module, state: Mapping[str, Any], strict: bool) -> IncompatibleKeys:
    """Copy a state into a module, or raise and change nothing; see `Module.load_state_dict`."""
    if not isinstance(state, Mapping):
        raise TypeError(f"a state is a dict of tensors by name, not {type(state).__name__}")
    state = _renamed(module, state)
    own, extra = dict(named_state(module)), dict(named_extra(module))
    optional = _optional(module)
    missing = [name for name in (*own, *extra) if name not in state and name not in optional]
    unexpected = [name for name in state if name not in own and name not in extra]
    shapes = {name: f" {own[name].shape}" if name in own else "" for name in missing}
    problems = [f"missing: {name!r}{shapes[name]}" for name in missing if strict]
    problems += [f"unexpected: {name!r}{_shape(state[name])}" for name in unexpected if strict]
    new: dict[str, np.ndarray[Any, Any]] = {}
    for name, tensor in own.items():
        if name in state:
            problem = _misfit(tensor, state[name])
            if problem:
                problems.append(f"mismatched: {name!r} {problem}")
            else:
                # Copied before anything is written: the values may be views of each other.
                new[name] = _array(state[name]).astype(tensor.dtype)
    if problems:
        raise RuntimeError(
            f"the state does not fit {type(module).__name__}, which is left as it was:\n  "
            + "\n  ".join(problems)
        )
    for name, array in new.items():
        tensor = own[name]
        if isinstance(tensor, UninitializedParameter):
            tensor.materialize(array.shape)
        writable(tensor)[...] = array
    for name, part in extra.items():
        if name in state:
            part.set_extra_state(state[name])
    return IncompatibleKeys(missing, unexpected)


def _renamed(module: Module, state: Mapping[str, Any]) -> Mapping[str, Any]:
    """The state with today's names for those of older files."""
    parts = module.named_modules(remove_duplicate=False)
    names = {join(path, old): join(path, now) for path, part in parts for old, now in part._old_names.items()}
    if not any(old in state and now not in state for old, now in names.items()):
        return state
    return {name if names.get(name, name) in state else names[name]: value for name, value in state.items()}


def _optional(module: Module) -> set[str]:
    """What older files do not have, and what stays as it is then."""
    parts = module.named_modules(remove_duplicate=False)
    return {join(path, name) for path, part in parts for name in part._optional_state}


def _array(value: Any) -> np.ndarray[Any, Any]:
    return value.detach().numpy() if isinstance(value, Tensor) else np.asarray(value)


def _shape(value: Any) -> str:
    return f" {tuple(value.shape)}" if isinstance(value, (Tensor, np.ndarray)) else ""


def _misfit(tensor: Tensor, value: Any) -> str | None:
    """Why a value cannot be loaded into a tensor, if so."""
    if not isinstance(value, (Tensor, np.ndarray, np.generic)):
        kind = type(value)
        name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
        return f"is a {name}, not a Tensor or an ndarray" + ("; use .numpy()" * hasattr(value, "numpy"))
    if value.shape != tensor.shape and not isinstance(tensor, UninitializedParameter):
        return f"has shape {value.shape} in the state and {tensor.shape} in the module"
    if not np.can_cast(value.dtype, tensor.dtype, "same_kind"):
        return f"is {value.dtype} in the state, which does not fit {tensor.dtype} in the module"
    return None
