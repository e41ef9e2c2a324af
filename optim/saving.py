"""States of optimisers (and of schedules): checked before they are taken over, and as flat dicts of tensors."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..autograd import Tensor
from .program import State
from .scalars import number

if TYPE_CHECKING:
    from .base import Optimizer

NOT_OURS = frozenset(("foreach", "fused", "capturable", "differentiable"))
"""Entries of PyTorch's groups that choose among its implementations."""

ADDED_LATER = frozenset(("decoupled_weight_decay", "maximize"))
"""Options that older states of PyTorch lack; they take the optimiser's defaults."""

STRUCTURE = "structure"


def copied(value: Any) -> Any:
    """A copy of a tree of dicts, lists and arrays; Tensors become arrays."""
    if isinstance(value, Mapping):
        return {name: copied(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [copied(entry) for entry in value]
    if isinstance(value, Tensor):
        return value.detach().numpy().copy()
    return value.copy() if isinstance(value, np.ndarray) else value


def checked_groups(optimizer: Optimizer, groups: Any) -> list[dict[str, Any]]:
    """The options of saved groups, one dict for each group of the optimiser."""
    if len(groups) != len(optimizer.param_groups):
        raise ValueError(
            f"the state has {len(groups)} parameter groups, and the optimiser {len(optimizer.param_groups)}"
        )
    first = 0
    result = []
    for place, (group, saved) in enumerate(zip(optimizer.param_groups, groups, strict=True)):
        missing = optimizer.defaults.keys() - saved.keys() - ADDED_LATER
        if missing or "params" not in saved:
            raise ValueError(
                f"group {place} of the state has the options {sorted(saved)}, and "
                f"{type(optimizer).__name__} needs {sorted({'params', *optimizer.defaults})}"
            )
        expected = list(range(first, first + len(group["params"])))
        if list(saved["params"]) != expected:
            raise ValueError(
                f"group {place} of the state is of the parameters {list(saved['params'])}, and the "
                f"optimiser's is of {expected}; the same groups in the same order are needed"
            )
        first += len(expected)
        options = {name: value for name, value in optimizer.defaults.items() if name in ADDED_LATER}
        options |= {
            name: tuple(value) if isinstance(group.get(name), tuple) else value
            for name, value in saved.items()
            if name != "params" and name not in NOT_OURS
        }
        optimizer.check(options)
        result.append(options)
    return result


def checked_state(optimizer: Optimizer, saved: Mapping[int, Mapping[str, Any]]) -> dict[Tensor, State]:
    """The saved state by parameter, in each parameter's dtype."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    result: dict[Tensor, State] = {}
    for place, entries in saved.items():
        if place not in range(len(parameters)):
            raise ValueError(
                f"the state has a parameter {place!r}, and the optimiser {len(parameters)} in all"
            )
        if not isinstance(entries, Mapping):
            raise ValueError(f"the state of parameter {place} is not a dict, but {type(entries).__name__}")
        parameter = parameters[place]
        shapes = optimizer.state_shapes(parameter)
        result[parameter] = {
            name: _fitting(
                entry, f"{name!r} of parameter {place}", parameter, shapes.get(name), optimizer.elementwise
            )
            for name, entry in entries.items()
            if entry is not None
        }
    return result


def _fitting(entry: Any, what: str, parameter: Tensor, shape: tuple[int, ...] | None, numbers: bool) -> Any:
    """A copy of an entry: arrays of a shape in the parameter's dtype, counts as ints, numbers as Python's.

    Without a shape it is a number if the rule has no other arrays (`numbers`), else whatever is numeric.
    """
    if isinstance(entry, (list, tuple)):
        return [None if part is None else _fitting(part, what, parameter, shape, numbers) for part in entry]
    array = np.asarray(entry.detach() if isinstance(entry, Tensor) else entry)
    if shape is not None and (array.shape != shape or array.dtype.kind != parameter.dtype.kind):
        raise ValueError(
            f"{what} is {array.dtype}{list(array.shape)} in the state; the parameter is "
            f"{parameter.dtype}{list(parameter.shape)}"
            + ("" if shape == parameter.shape else f" and needs {list(shape)}")
        )
    if array.dtype.kind not in "biuf" or (shape is None and numbers and array.size != 1):
        raise ValueError(f"{what} is {array.dtype}{list(array.shape)} in the state, and must be a number")
    if shape is not None or (array.ndim and not numbers):
        return array.astype(parameter.dtype)
    value = number(entry)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def flatten_state(state_dict: Mapping[str, Any]) -> dict[str, np.ndarray[Any, Any]]:
    """A nested state as a flat dict of arrays, which `pb.save` writes as a safetensors file.

    Args:
        state_dict: what `state_dict()` of an optimiser or a schedule gives: dicts, lists and tuples of arrays,
            numbers, strings and None.

    Returns:
        The arrays by their paths (`"state.0.exp_avg"`), and under `"structure"` the rest as JSON text in bytes.

    Raises:
        TypeError: for anything else within, naming its path.

    >>> import pullback as pb, tempfile, os
    >>> w = pb.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = pb.optim.Adam([w])
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> path = os.path.join(tempfile.mkdtemp(), "adam.safetensors")
    >>> pb.save(pb.optim.flatten_state(optimizer.state_dict()), path)
    >>> optimizer.load_state_dict(pb.optim.unflatten_state(pb.load(path)))
    >>> list(optimizer.state[w])
    ['step', 'exp_avg', 'exp_avg_sq']
    """
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    text = json.dumps(_described(state_dict, (), arrays))
    return arrays | {STRUCTURE: np.frombuffer(text.encode(), np.uint8)}


def _described(value: Any, path: tuple[str, ...], arrays: dict[str, np.ndarray[Any, Any]]) -> Any:
    """A value as what JSON can hold; the arrays are put aside."""
    where = ".".join(path)
    if isinstance(value, Tensor):
        value = value.detach().numpy()
    if isinstance(value, np.ndarray):
        while where in arrays:  # names with dots can make equal paths
            where += "'"
        arrays[where] = value
        return {"array": where}
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Mapping):
        if not all(isinstance(name, (str, int)) for name in value):
            raise TypeError(f"{where or 'the state'} has keys that are neither strings nor whole numbers")
        return {
            "dict": [[name, _described(entry, (*path, str(name)), arrays)] for name, entry in value.items()]
        }
    if isinstance(value, Sequence):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {kind: [_described(entry, (*path, str(i)), arrays) for i, entry in enumerate(value)]}
    raise TypeError(f"{where or 'the state'} is a {type(value).__name__}, which cannot be saved as tensors")


def unflatten_state(tensors: Mapping[str, Any]) -> Any:
    """The nested state that `flatten_state` was given.

    Args:
        tensors: arrays or Tensors by path, such as `pb.load` gives.

    Raises:
        ValueError: if it is not a state made by `flatten_state`.
    """
    try:
        return _rebuilt(json.loads(np.asarray(tensors[STRUCTURE]).tobytes()), tensors)
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(
            "these tensors are no state that flatten_state has made: its 'structure', or a tensor named there, "
            f"is missing or malformed ({error})"
        ) from error


def _rebuilt(value: Any, tensors: Mapping[str, Any]) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "array":
        tensor = tensors[content]
        return np.asarray(tensor.detach() if isinstance(tensor, Tensor) else tensor)
    if kind == "dict":
        return {name: _rebuilt(entry, tensors) for name, entry in content}
    return {"list": list, "tuple": tuple}[kind](_rebuilt(entry, tensors) for entry in content)
