"""A function at a point: what is checked, its values nearby, and its analytic gradients.

All arguments are trees (`pytree.py`); their floating leaves are checked, in double precision unless another dtype is
asked for. A module is checked as a copy of itself, so that nothing of the user's changes. Complex numbers count as
pairs of real ones: ⟨a, b⟩ is Re Σ conj(a)·b, so that the gradient ∂/∂Re + i·∂/∂Im is checked in both parts.
"""

from __future__ import annotations

import copy
import inspect
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..batched import dressed
from ..convert import to_array
from ..mode import ModeContext, enable_grad, no_grad
from ..pytree import Swap, flatten, is_module, swapped
from ..tape import gradients
from ..tensor import Tensor, wrap

Array = np.ndarray[Any, Any]
Name = int | str

NEARBY = 2.0**-5  # in the scale of each input


class Problem:
    """The function, the leaves that are checked, and a random weight for each output."""

    def __init__(
        self,
        function: Callable[..., Any],
        inputs: Sequence[Any],
        rng: np.random.Generator,
        dtype: Any = np.float64,
        weights: Sequence[Array] | None = None,
    ) -> None:
        if is_module(function):
            inputs, function = (function, *inputs), _called
        self.function = function
        self.rng = rng
        self.dtype = np.dtype(dtype)
        self.eps = float(np.finfo(self.dtype).eps)
        flat = [flatten(own_copy(argument, self.dtype)) for argument in inputs]
        self._trees = [tree for _, tree in flat]
        leaves = [leaf for found, _ in flat for leaf in found]
        arrays = [_array(leaf) for leaf in leaves]
        self._constants = leaves
        self.places = [i for i, x in enumerate(arrays) if x is not None and x.dtype.kind in "fc"]
        if not self.places:
            raise TypeError(
                "gradcheck needs at least one floating input; integers and booleans have no gradients"
            )
        names = list(_names(function, self._trees, leaves))
        self.names: list[Name] = [names[i] for i in self.places]
        self.point: list[Array] = [np.array(arrays[i], self._kind(arrays[i])) for i in self.places]
        self.size = sum(x.size for x in self.point)
        self._needs_tape = False
        self._pull(weights)

    def _kind(self, x: Any) -> np.dtype[Any]:
        return np.result_type(self.dtype, np.complex64) if x.dtype.kind == "c" else self.dtype

    # calling

    def outputs(self, leaves: Sequence[Any]) -> list[Tensor]:
        """What the function gives for these values of the checked leaves."""
        values = list(self._constants)
        for place, leaf in zip(self.places, leaves, strict=True):
            values[place] = leaf
        rest = iter(values)
        swaps: list[Swap] = []
        arguments = [tree.build(rest, swaps) for tree in self._trees]
        with swapped(swaps, dressed):
            result = self.function(*arguments)
        found, _ = flatten(result)
        for y in found:
            if not isinstance(y, Tensor):
                raise TypeError(
                    f"gradcheck needs a function that returns Tensors, and this one returned {type(y).__name__}"
                )
        return found

    def leaves(self, point: Sequence[Array], tracked: bool = True) -> list[Tensor]:
        """The point as tensors of their own memory."""
        made = [wrap(np.array(x)[()], None) for x in point]
        return [x.requires_grad_() for x in made] if tracked else made

    def value(self, point: Sequence[Array], **observed: Any) -> float:
        """The weighted sum of all outputs at a point; nan where the function is."""
        grad = enable_grad if self._needs_tape else no_grad
        with grad(), ModeContext(lambda mode: mode.changed(**observed)), np.errstate(all="ignore"):
            outputs = self.outputs(self.leaves(point, self._needs_tape))
        return self.weighted(outputs)

    def weighted(self, outputs: Sequence[Tensor]) -> float:
        """The weighted sum of the floating outputs."""
        if len(outputs) != len(self.weights):
            return float("nan")  # the structure of the result depends on the values
        total = 0.0
        for y, weight in zip(outputs, self.weights, strict=True):
            if y.dtype.kind in "fc":
                if y.shape != weight.shape:
                    return float("nan")
                total += inner(weight, np.asarray(y.detach().numpy(), double(y)))
        return total

    def along(self, direction: Sequence[Array], distance: float) -> float:
        """The value at a distance along a direction; nan where the function is not defined."""
        return self.value_at([x + distance * u for x, u in zip(self.point, direction, strict=True)])

    def value_at(self, point: Sequence[Array]) -> float:
        """The value at a point, in its precision; nan where the function is not defined."""
        try:
            return self.value([np.asarray(x, own.dtype) for x, own in zip(point, self.point, strict=True)])
        except (ArithmeticError, ValueError):  # as LinAlgError is
            return float("nan")

    # analytic

    def _pull(self, weights: Sequence[Array] | None) -> None:
        with enable_grad(), np.errstate(all="ignore"):
            leaves = self.leaves(self.point)
            outputs = self.outputs(leaves)
            self.weights = self._weights(outputs) if weights is None else list(weights)
            self.output_shapes = [y.shape for y in outputs]
            self.gradients = self.gradients_of(leaves, outputs, strict=True)
        with np.errstate(all="ignore"):
            self.magnitude = sum(
                float(np.sum(np.abs(np.asarray(y.detach().numpy(), double(y)) * w)))
                for y, w in zip(outputs, self.weights, strict=True)
            )
        self.scale = max((float(np.max(np.abs(g), initial=0)) for g in self.gradients), default=0.0)
        try:
            self.value(self.point)
        except RuntimeError:
            self._needs_tape = True  # for what is there only where gradients are, such as hooks
        values = [self.weighted(outputs), self.value(self.point), self.value(self.point)]
        self.center = values[-1]
        self.finite = bool(np.isfinite(self.center))
        spread = max(values) - min(values)
        if (
            spread > 1e3 * self.eps * self.magnitude
        ):  # the last places may differ, by where in memory the values lie
            raise RuntimeError(
                "the function is not deterministic: calls with the same inputs give "
                f"{', '.join(f'{value:.10g}' for value in values)}; switch off dropout and seed whatever is random "
                "inside it"
            )

    def _weights(self, outputs: Sequence[Tensor]) -> list[Array]:
        """Random weights; a result that is one number has the weight 1, so that slopes are those of the function."""
        if sum(y.size for y in outputs) == 1 and all(y.dtype.kind != "c" for y in outputs):
            return [np.ones(y.shape) for y in outputs]
        return [self.normal(y) for y in outputs]

    def gradients_of(self, leaves: list[Tensor], outputs: list[Tensor], strict: bool = False) -> list[Array]:
        """The gradients of the weighted outputs; zeros for leaves that they do not depend on.

        `strict` refuses if that is all of them.
        """
        tracked = [
            (y, wrap(w.astype(y.dtype), None))
            for y, w in zip(outputs, self.weights, strict=True)
            if y.requires_grad
        ]
        found: Sequence[Tensor | None] = (None,) * len(leaves)
        if tracked:
            found = gradients([y for y, _ in tracked], leaves, [w for _, w in tracked], allow_unused=True)
        if strict and tracked and all(g is None for g in found):
            raise ValueError(
                "the result depends on tensors that require gradients, but on none of the inputs; the function "
                "must compute with its arguments and not with tensors of the same name from outside"
            )
        return [
            np.zeros(leaf.shape, double(leaf)) if g is None else np.asarray(g.numpy(), double(leaf))
            for leaf, g in zip(leaves, found, strict=True)
        ]

    def gradients_at(self, point: Sequence[Array]) -> list[Array]:
        """The analytic gradients at another point."""
        with enable_grad(), np.errstate(all="ignore"):
            leaves = self.leaves(point)
            return self.gradients_of(leaves, self.outputs(leaves))

    def beside(self) -> Problem:
        """The same function at a point nearby, chosen at random, where nothing ties."""
        near = copy.copy(self)
        near.point = [
            np.asarray(x + NEARBY * u, x.dtype)
            for x, u in zip(self.point, self.random_direction(), strict=True)
        ]
        near._pull(None)
        return near

    # directions

    def normal(self, like: Any) -> Array:
        """Normal values, complex ones for complex ones."""
        values: Array = self.rng.normal(size=like.shape)
        return values + 1j * self.rng.normal(size=like.shape) if like.dtype.kind == "c" else values

    def size_of(self, place: int) -> float:
        """The scale of an input: its largest value, or 1."""
        return float(np.max(np.abs(self.point[place]), initial=0)) or 1.0

    def random_direction(self) -> list[Array]:
        """Normal values for all elements, each input in its own scale."""
        return [self.normal(x) * self.size_of(i) for i, x in enumerate(self.point)]

    def size_along(self, direction: Sequence[Array]) -> float:
        """The size that ⟨g, u⟩ has for signs at random: the norm of its terms."""
        with np.errstate(all="ignore"):
            terms = [np.abs(g * u) for g, u in zip(self.gradients, direction, strict=True)]
        largest = max(float(np.max(t, initial=0)) for t in terms)
        if not math.isfinite(largest) or largest == 0:
            return largest
        return largest * math.sqrt(sum(float(np.sum((t / largest) ** 2)) for t in terms))

    def unit_direction(self, place: int, element: tuple[int, ...], unit: complex = 1) -> list[Array]:
        """One element of one input."""
        direction = [np.zeros_like(x) for x in self.point]
        direction[place][element] = unit
        return direction


def _called(module: Any, *arguments: Any) -> Any:
    return module(*arguments)


def own_copy(argument: Any, dtype: Any) -> Any:
    """A module as a copy of itself in the dtype, with its buffers; anything else as it is."""
    if not is_module(argument):
        return argument
    twin = copy.deepcopy(argument)
    return twin.to(dtype) if hasattr(twin, "to") else twin


def _array(leaf: Any) -> Array | None:
    try:
        return to_array(leaf.detach() if isinstance(leaf, Tensor) else leaf)
    except (TypeError, ValueError):
        return None  # a string, a function: passed on as it is


def _names(function: Any, trees: Sequence[Any], leaves: Sequence[Any]) -> Iterator[Name]:
    """What each leaf is called: by itself, by its module's name for it, or by its place among the arguments."""
    try:
        arguments: list[Any] = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        arguments = []
    named = [p.name for p in arguments if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    rest = iter(leaves)
    for i, tree in enumerate(trees):
        argument: Name = named[i] if i < len(named) else i
        for path in _paths(tree):
            own = getattr(next(rest), "name", None)
            if is_module(tree.node):
                yield ".".join(map(str, path))
            else:
                yield own or (f"{argument}{''.join(f'[{key!r}]' for key in path)}" if path else argument)


def _paths(tree: Any) -> Iterator[tuple[Any, ...]]:
    if tree.keys is None:
        yield ()
        return
    for key, child in zip(tree.keys, tree.children, strict=True):
        for path in _paths(child):
            yield (key, *path)


def double(value: Any) -> type:
    """The double precision of a floating value: float64 or complex128."""
    return np.complex128 if value.dtype.kind == "c" else np.float64


def inner(a: Any, b: Any) -> float:
    """The real inner product Re Σ conj(a)·b."""
    with np.errstate(all="ignore"):
        return float(np.real(np.sum(np.conjugate(a) * b)))


def slope_along(gradients: Sequence[Array], direction: Sequence[Array]) -> float:
    """⟨g, u⟩, in which a gradient that is not finite counts only where the direction goes."""
    return sum(
        inner(g, u) if np.isfinite(g).all() else inner(g[u != 0], u[u != 0])
        for g, u in zip(gradients, direction, strict=True)
    )
