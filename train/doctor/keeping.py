"""Keeping everything as it was: what an examination touches is put back bit for bit, whatever happens meanwhile."""

from __future__ import annotations

import copy
import inspect
import random
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from ...autograd import Tensor
from ...autograd.extend import writable
from ...autograd.random import drawing_from

DEPTH = 5  # of plain containers and objects that are searched
LONG = 1000  # elements of a list that is not searched
PLAIN = (str, bytes, int, float, complex)


class Keeper:
    """Remembers modules, tensors, generators and optimisers, and puts them back.

    Tensors, their gradients and the attributes of modules are put back where they are; optimisers work on a copy of
    their state while `trial` is open, and get their own back. The program's generator is not touched at all: another
    one stands in for it.

    Args:
        things: modules, optimisers, loaders, functions (with what they refer to), and containers of such.
        seed: of the generator that is the program's meanwhile, and of the generators that are kept.
    """

    def __init__(self, things: Iterable[Any], seed: int) -> None:
        self._seed = seed
        self._seen: dict[int, Any] = {}
        self._attributes: list[tuple[Any, dict[str, Any]]] = []
        self._contents: list[tuple[Any, Any]] = []
        self._tensors: list[tuple[Tensor, Any, Tensor | None, bool]] = []
        self._arrays: list[tuple[Any, Any]] = []
        self._generators: list[tuple[np.random.Generator, Any]] = []
        self._optimizers: list[tuple[Any, dict[str, Any]]] = []
        self._stateful: list[tuple[Any, Any]] = []
        for thing in things:
            self._visit(thing, 0)

    def _visit(self, thing: Any, depth: int, owned: bool = False) -> None:
        """Look for what may change; arrays and plain tensors only where a module owns them, not in data."""
        if thing is None or depth > DEPTH or id(thing) in self._seen or isinstance(thing, PLAIN):
            return
        self._seen[id(thing)] = thing
        if isinstance(thing, Tensor):
            if thing.is_leaf and (owned or thing.requires_grad):
                values = np.array(thing.detach().numpy())
                self._tensors.append((thing, values, thing.grad, thing.requires_grad))
        elif isinstance(thing, np.ndarray):
            if owned and thing.flags.writeable:
                self._arrays.append((thing, thing.copy()))
        elif isinstance(thing, np.random.Generator):
            self._generators.append((thing, copy.deepcopy(thing.bit_generator.state)))
        elif callable(getattr(thing, "named_modules", None)):
            for module in thing.modules():
                self._seen[id(module)] = module
                self._attributes.append((module, dict(vars(module))))
                self._visit_all(vars(module).values(), depth, True)
        elif is_optimizer(thing):
            self._optimizers.append((thing, dict(vars(thing))))
            self._visit_all([p for group in thing.param_groups for p in group["params"]], 0, True)
        elif isinstance(thing, (list, dict, set)):
            self._contents.append((thing, copy.copy(thing)))
            if len(thing) > LONG:  # data, not parts of a model
                return
            self._visit_all(thing.values() if isinstance(thing, dict) else thing, depth, owned)
        elif isinstance(thing, tuple):
            self._visit_all(thing, depth, owned)
        elif isinstance(thing, partial):
            self._visit_all([thing.func, *thing.args, *thing.keywords.values()], depth)
        elif inspect.isfunction(thing) or inspect.ismethod(thing):
            self._visit_all(referred(thing), depth)
        elif callable(getattr(thing, "load_state_dict", None)) and callable(
            getattr(thing, "state_dict", None)
        ):
            self._stateful.append((thing, copy.deepcopy(thing.state_dict())))
            if hasattr(thing, "__dict__"):
                self._attributes.append((thing, dict(vars(thing))))
                self._visit_all(vars(thing).values(), depth)
        elif hasattr(thing, "__dict__") and not isinstance(thing, type) and not inspect.ismodule(thing):
            self._visit_all(vars(thing).values(), depth)

    def _visit_all(self, things: Iterable[Any], depth: int, owned: bool = False) -> None:
        for thing in list(things):
            self._visit(thing, depth + 1, owned)

    @contextmanager
    def trial(self) -> Iterator[None]:
        """Do anything; afterwards, also after an error or Ctrl-C, everything is as it was.

        Every trial starts alike: from no gradients, and with generators of the same seed.
        """
        legacy, python = np.random.get_state(), random.getstate()  # noqa: NPY002 - users' code may draw from it
        try:
            for tensor, *_ in self._tensors:
                tensor.grad = None
            for optimizer, own in self._optimizers:
                _hold(optimizer, _copied(optimizer, own))
            with drawing_from(np.random.default_rng(self._seed)):
                yield
        finally:
            with _undisturbed():
                self._put_back()
                np.random.set_state(legacy)  # noqa: NPY002 - the old generator is kept, too
                random.setstate(python)

    def _put_back(self) -> None:
        for module, attributes in self._attributes:
            _hold(module, attributes)
        for container, contents in self._contents:
            _refill(container, contents)
        for tensor, values, gradient, tracked in self._tensors:
            if tensor.detach().numpy().tobytes() != values.tobytes():
                writable(tensor)[...] = values
            if tensor.requires_grad is not tracked:
                tensor.requires_grad_(tracked)
            tensor.grad = gradient
        for array, values in self._arrays:
            array[...] = values
        for generator, state in self._generators:
            generator.bit_generator.state = state
        for thing, state in self._stateful:
            if not _same(thing.state_dict(), state):  # more than its attributes has changed
                thing.load_state_dict(copy.deepcopy(state))
        for optimizer, own in self._optimizers:
            _hold(optimizer, own)


def is_optimizer(thing: Any) -> bool:
    """Whether it is an optimiser, ours or one that is made like ours."""
    return isinstance(getattr(thing, "param_groups", None), list) and callable(getattr(thing, "step", None))


def referred(function: Callable[..., Any]) -> list[Any]:
    """What a function refers to: the values of its closure, of the globals that it names, and its `self`."""
    found = [getattr(function, "__self__", None)]
    inner = inspect.unwrap(getattr(function, "__func__", function))
    names = set(inner.__code__.co_names)
    found += [value for name, value in inner.__globals__.items() if name in names]
    for cell in inner.__closure__ or ():
        try:
            found.append(cell.cell_contents)
        except ValueError:  # a cell that is still empty
            continue
    found += [*(inner.__defaults__ or ()), *(inner.__kwdefaults__ or {}).values()]
    return found


def _copied(optimizer: Any, own: dict[str, Any]) -> dict[str, Any]:
    """A copy of an optimiser's attributes that acts on the same parameters."""
    given = optimizer.__getstate__()
    known = {id(p): p for group in own["param_groups"] for p in group["params"]}
    return copy.deepcopy(given if isinstance(given, dict) else own, known)


def _same(first: Any, second: Any) -> bool:
    """Whether two states hold the same."""
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(_same(first[name], second[name]) for name in first)
    if isinstance(first, (list, tuple)) and isinstance(second, (list, tuple)):
        return len(first) == len(second) and all(map(_same, first, second))
    if isinstance(first, (Tensor, np.ndarray)) and isinstance(second, (Tensor, np.ndarray)):
        arrays = [x.detach().numpy() if isinstance(x, Tensor) else x for x in (first, second)]
        return arrays[0].shape == arrays[1].shape and arrays[0].tobytes() == arrays[1].tobytes()
    return first is second or bool(first == second)


def _hold(thing: Any, attributes: dict[str, Any]) -> None:
    held = vars(thing)
    if held.keys() != attributes.keys() or any(held[name] is not attributes[name] for name in attributes):
        held.clear()
        held.update(attributes)


def _refill(container: Any, contents: Any) -> None:
    if isinstance(container, list):
        container[:] = contents
    elif container != contents or isinstance(container, dict):
        container.clear()
        container.update(contents)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let Ctrl-C wait until this is done."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pending: list[Any] = []
    before = signal.getsignal(signal.SIGINT)
    if before is None:  # it was not installed from Python, and cannot be put back
        yield
        return
    signal.signal(signal.SIGINT, lambda *event: pending.append(event))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if pending and callable(before):
            before(*pending[0])
