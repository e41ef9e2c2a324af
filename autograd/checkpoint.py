"""Checkpointing: forget what a part of the graph has saved, and compute it again when backward comes there.

The part is recorded as always; then the saved values of its nodes are dropped, and each node gets a
`Slot` to restore them from. The first that backward reaches runs the function again, in the same random
state, and every node takes its values from that. The graph itself stays, so parameters that the function
only refers to get their gradients, and second derivatives work.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .batched import BatchedTensor, all_values, batched
from .hooks import Restorer, attachment
from .mode import ModeContext, current_mode
from .node import DROPPED, FREED, Node, next_number
from .random import default_generator, drawing_from
from .storage import sealed
from .tensor import Tensor, wrap

# how far the outputs of the second run may be off, in relation to their size, by the width of their numbers
TOLERANCE = {2: 1e-2, 4: 1e-5, 8: 1e-10}


def checkpoint(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """`function(*args, **kwargs)`, whose intermediate values are not kept but computed again in backward.

    Memory for time: a network of n layers that is checkpointed in pieces keeps the inputs of the pieces, and in
    backward the values of one piece. The random state of the program, and of generators among the arguments, is
    the same in both runs, so dropout is; other randomness, and any other effect of the function, is not repeated
    in step. Tensors among the results may be nested in tuples, lists and dicts.

    Raises:
        RuntimeError: in backward, if the second run differs from the first, or an argument was overwritten.

    >>> import pullback as pb
    >>> x = pb.tensor([1.0, 2.0], requires_grad=True)
    >>> y = pb.checkpoint(lambda x: (x * x).exp().tanh(), x)
    >>> y.sum().backward()
    >>> x.grad.shape
    (2,)
    """
    if not current_mode().grad:
        return function(*args, **kwargs)
    run = _Run(function, args, kwargs)
    start = next_number()
    result = function(*args, **kwargs)
    run.drop(result, start)
    return result


class Slot:
    """Where one node gets its saved values from: which node of which run."""

    __slots__ = ("index", "run")

    def __init__(self, run: _Run, index: int) -> None:
        self.run = run
        self.index = index

    def restore(self, node: Node) -> Restorer | None:
        """Give the node what it had saved; in a checkpoint inside another one, what can restore it."""
        if self.run.found is None:
            self.run.again()
        assert self.run.found is not None  # found just now
        node.saved, node.seals, restorer = self.run.found.pop(self.index)
        return restorer


class _Run:
    """A call of a checkpointed function, and what is needed to repeat it."""

    def __init__(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.sealed: list[Tensor] = []
        self.call: Any = (function, self._held(args), self._held(kwargs))
        self.generator = copy.deepcopy(default_generator())
        self.levels = current_mode().levels  # of the vmaps around it, which may have ended when it runs again
        self.made: list[tuple[Any, tuple[int, ...]]] = []
        self.results: list[tuple[float, float, float]] = []
        self.found: dict[int, tuple[Any, Any, Restorer | None]] | None = None

    def _held(self, value: Any) -> Any:
        """The argument as it is now: later writes to a tensor go elsewhere, or break its seal."""
        if isinstance(value, Tensor):
            if isinstance(value, BatchedTensor):
                return batched(self._held(value.value), value.level)
            held = wrap(value._array, value._node)
            held.name, held._seal = value.name, sealed(value)
            self.sealed.append(held)
            return held
        if isinstance(value, np.random.Generator):
            return copy.deepcopy(value)
        if type(value) in (tuple, list):
            return type(value)(self._held(item) for item in value)
        if type(value) is dict:
            return {key: self._held(item) for key, item in value.items()}
        return value

    def drop(self, result: Any, start: int) -> None:
        """Forget what the nodes of this run have saved."""
        nodes = _made_since(start, result)
        self.made = [(node.op, node.shape) for node in nodes]
        self.results = [_sums(tensor) for tensor in _tensors(result)]
        seals = [held._seal for held in self.sealed]
        self.sealed = []
        self.seals = [seal for seal in seals if seal is not None]
        for index, node in enumerate(nodes):
            if node.saved and node.saved is not FREED:
                at = attachment(node)
                at.restorer = Slot(self, index)
                node.saved = DROPPED

    def again(self) -> None:
        """Run the function once more, and keep what its nodes save this time."""
        for seal in self.seals:
            if seal.broken_at is not None:
                raise RuntimeError(
                    f"checkpoint has to compute its function again, but one of the arguments was overwritten at "
                    f"{seal.broken_at}; run backward before the write, or pass a copy: x.copy()"
                )
        function, args, kwargs = self.call
        start = next_number()
        with (
            ModeContext(lambda mode: mode.changed(grad=True, observers=(), levels=self.levels)),
            drawing_from(self.generator),
        ):
            result = function(*args, **kwargs)
        nodes = _made_since(start, result)
        results = [_sums(tensor) for tensor in _tensors(result)]
        same = [(node.op, node.shape) for node in nodes] == self.made and len(results) == len(self.results)
        if not (same and all(map(_agree, results, self.results))):
            raise RuntimeError(
                f"checkpoint has computed {getattr(function, '__name__', 'its function')!r} again and got something "
                "else than the first time; it must depend on its arguments only, and draw random numbers from the "
                "program's generator or from one among the arguments"
            )
        self.found = {}
        for index, node in enumerate(nodes):
            restorer = None if node.saved is not DROPPED else attachment(node).restorer
            self.found[index] = node.saved, node.seals, restorer
            node.saved = FREED  # the values belong to the first graph now
        self.call = None


def _tensors(result: Any) -> Iterator[Tensor]:
    if isinstance(result, Tensor):
        yield result
    elif isinstance(result, (tuple, list)):
        for item in result:
            yield from _tensors(item)
    elif isinstance(result, dict):
        for item in result.values():
            yield from _tensors(item)


def _made_since(start: int, result: Any) -> list[Node]:
    """The nodes behind a result that were made after a point in time, in the order of their creation."""
    stack = [tensor._node for tensor in _tensors(result) if tensor._node is not None]
    seen: set[Node] = set()
    while stack:
        node = stack.pop()
        if node.number > start and node not in seen:
            seen.add(node)
            stack += [parent for parent in node.parents if parent is not None]
    return sorted(seen, key=lambda node: node.number)


def _sums(tensor: Tensor) -> tuple[float, float, float]:
    """A short description of the values, to notice that others were computed."""
    data = np.asarray(all_values(tensor))
    if data.dtype.kind not in "fc":
        return float(np.sum(data)), float(data.size), 0.0
    width = data.dtype.itemsize // (2 if data.dtype.kind == "c" else 1)
    with np.errstate(all="ignore"):
        size = float(np.sum(np.abs(data), dtype=np.float64))
        return float(np.sum(np.real(data), dtype=np.float64)), size, TOLERANCE.get(width, 1e-10)


def _agree(now: tuple[float, float, float], before: tuple[float, float, float]) -> bool:
    tolerance = before[2] * before[1]
    return bool(
        np.allclose(
            now[:2], before[:2], rtol=0, atol=tolerance if np.isfinite(tolerance) else 0, equal_nan=True
        )
    )
