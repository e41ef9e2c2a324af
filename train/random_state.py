"""The random state of a training: every generator that its parts hold, found, saved and restored."""

from __future__ import annotations

import functools
import random
from collections.abc import Mapping
from types import FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from ..autograd import Tensor, default_generator

LONG = 1000
"""Containers with more entries hold data, and are not searched for generators."""

_LEAVES = (Tensor, np.ndarray, np.generic, str, bytes, int, float, complex, type, ModuleType, type(None))


Source = np.random.Generator | np.random.RandomState | random.Random
"""What random numbers are drawn from: NumPy's generators, its old ones, and Python's."""


def generators(parts: Mapping[str, Any]) -> dict[str, Source]:
    """The program's generator as "program", and those that objects hold, by the path to them.

    Attributes, lists, tuples, dicts, functions' closures and arguments of partial functions are followed. A generator
    that is reachable by several paths has the first one.

    >>> import numpy as np
    >>> from pullback import nn
    >>> list(generators({"model": nn.Sequential(nn.ReLU(), nn.Dropout(rng=np.random.default_rng(0)))}))
    ['program', 'model.1.rng']
    """
    found: dict[str, Source] = {"program": default_generator()}
    seen = {id(found["program"])}
    stack = list(parts.items())[::-1]
    while stack:
        path, value = stack.pop()
        if isinstance(value, _LEAVES) or id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, Source) and not isinstance(value, random.SystemRandom):
            found[path] = value
        else:
            stack += [(f"{path}.{name}", entry) for name, entry in _entries(value).items()][::-1]
    return found


def _entries(value: Any) -> dict[str, Any]:
    """What an object holds, by name."""
    if isinstance(value, Mapping):
        return {} if len(value) > LONG else {str(name): entry for name, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return {} if len(value) > LONG else {str(place): entry for place, entry in enumerate(value)}
    if isinstance(value, functools.partial):
        return {"func": value.func, "args": value.args, "keywords": value.keywords}
    if isinstance(value, MethodType):
        return {"self": value.__self__}
    entries = dict(getattr(value, "__dict__", {}))
    if isinstance(value, FunctionType) and value.__closure__:
        for name, cell in zip(value.__code__.co_freevars, value.__closure__, strict=True):
            try:
                entries[name] = cell.cell_contents
            except ValueError:  # it is not bound yet
                continue
    return entries


def state_of(source: Source) -> dict[str, Any]:
    """The state of a generator, with its kind under "bit_generator"."""
    if isinstance(source, np.random.Generator):
        return dict(source.bit_generator.state)
    if isinstance(source, np.random.RandomState):
        return dict(source.get_state(legacy=False))
    return {"bit_generator": "random.Random", **_plain(source.getstate())}


def set_state(source: Source, state: Mapping[str, Any]) -> None:
    """Put a generator back into a state that `state_of` gave."""
    if isinstance(source, np.random.Generator):
        source.bit_generator.state = dict(state)
    elif isinstance(source, np.random.RandomState):
        source.set_state(dict(state))
    else:
        source.setstate(_python(state))


def random_state(found: Mapping[str, Source]) -> dict[str, Any]:
    """The states of generators, of NumPy's old global one and of Python's module `random`."""
    return {
        "generators": {name: state_of(source) for name, source in found.items()},
        "numpy": dict(np.random.get_state(legacy=False)),  # noqa: NPY002 - others may use it
        "python": _plain(random.getstate()),
    }


def set_random_state(found: Mapping[str, Source], state: Mapping[str, Any]) -> None:
    """Put generators, and the global ones, back into the states that `random_state` gave.

    Raises:
        ValueError: for other generators than those of the state; nothing is changed then.
    """
    saved = state["generators"]
    if saved.keys() != found.keys():
        odd = sorted(saved.keys() ^ found.keys())[0]
        where = "the checkpoint" if odd in saved else "this training"
        raise ValueError(
            f"only {where} has the random generator {odd!r}; to go on exactly, the model, the loss, the loaders and "
            "the callbacks must be made with the generators that they were made with before"
        )
    for name, source in found.items():
        was, kind = saved[name]["bit_generator"], state_of(source)["bit_generator"]
        if was != kind:
            raise ValueError(f"the random generator {name!r} was a {was} in the checkpoint, and is a {kind}")
    for name, source in found.items():
        set_state(source, saved[name])
    np.random.set_state(dict(state["numpy"]))  # noqa: NPY002 - others may use it
    random.setstate(_python(state["python"]))


def _plain(state: Any) -> dict[str, Any]:
    """A state of Python's generator as what a file can hold."""
    version, words, gauss = state
    return {"version": version, "words": np.array(words, np.uint64), "gauss": gauss}


def _python(state: Mapping[str, Any]) -> tuple[Any, ...]:
    return state["version"], tuple(int(word) for word in state["words"]), state["gauss"]
