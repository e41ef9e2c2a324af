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


def generators(parts: Mapping[str, Any]) -> dict[str, np.random.Generator]:
    """The program's generator as "program", and those that objects hold, by the path to them.

    Attributes, lists, tuples, dicts, functions' closures and arguments of partial functions are followed. A generator
    that is reachable by several paths has the first one.

    >>> import numpy as np
    >>> from pullback import nn
    >>> list(generators({"model": nn.Sequential(nn.ReLU(), nn.Dropout(rng=np.random.default_rng(0)))}))
    ['program', 'model.1.rng']
    """
    found = {"program": default_generator()}
    seen = {id(found["program"])}
    stack = list(parts.items())[::-1]
    while stack:
        path, value = stack.pop()
        if isinstance(value, _LEAVES) or id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, np.random.Generator):
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


def random_state(found: Mapping[str, np.random.Generator]) -> dict[str, Any]:
    """The states of generators, of NumPy's old global one and of Python's module `random`."""
    version, words, gauss = random.getstate()
    kind, key, position, has_gauss, cached = np.random.get_state(legacy=True)  # noqa: NPY002 - others may use it
    return {
        "generators": {name: generator.bit_generator.state for name, generator in found.items()},
        "numpy": {
            "kind": kind,
            "key": np.array(key),
            "position": position,
            "has_gauss": has_gauss,
            "cached": cached,
        },
        "python": {"version": version, "words": np.array(words, np.uint64), "gauss": gauss},
    }


def set_random_state(found: Mapping[str, np.random.Generator], state: Mapping[str, Any]) -> None:
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
    for name, generator in found.items():
        kind = type(generator.bit_generator).__name__
        if saved[name]["bit_generator"] != kind:
            raise ValueError(
                f"the random generator {name!r} was a {saved[name]['bit_generator']} in the checkpoint, and is a {kind}"
            )
    for name, generator in found.items():
        generator.bit_generator.state = saved[name]
    old, python = state["numpy"], state["python"]
    np.random.set_state(  # noqa: NPY002 - others may use it
        (old["kind"], np.asarray(old["key"]), old["position"], old["has_gauss"], old["cached"])
    )
    random.setstate((python["version"], tuple(int(word) for word in python["words"]), python["gauss"]))
