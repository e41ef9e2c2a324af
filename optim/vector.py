"""The parameters of an optimiser as one vector, for rules that look at all of them together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

import numpy as np

from ..autograd import Tensor, enable_grad, gradients
from ..autograd.extend import gradient_arrays, writable
from .base import Optimizer
from .program import Array


class VectorOptimizer(Optimizer):
    """What the rules share that see all parameters of their only group as one vector, and evaluate a closure."""

    vectors: ClassVar[tuple[str, ...]] = ()
    """The entries of the state that are vectors of the length of all parameters, or lists of such."""

    def state_shapes(self, parameter: Tensor) -> dict[str, tuple[int, ...]]:
        """One vector for all parameters."""
        return dict.fromkeys(self.vectors, (sum(p.size for p in self.param_groups[0]["params"]),))

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Take the only group."""
        if self.param_groups:
            raise ValueError(
                f"{type(self).__name__} sees all parameters as one vector and has one parameter group only"
            )
        super().add_param_group(param_group)

    @property
    def whole_state(self) -> dict[str, Any]:
        """The state, which is kept with the first parameter."""
        return self.state[self.param_groups[0]["params"][0]]

    def evaluation(self, closure: Callable[[], Any] | None) -> Callable[[], Any]:
        """The closure, called with gradients on."""
        if closure is None:
            raise TypeError(
                f"{type(self).__name__} computes the loss itself, more than once in a step; give it a closure "
                "that does so: optimizer.step(closure)"
            )

        def evaluate() -> Any:
            with enable_grad():
                return closure()

        return evaluate

    def note_step(self, parameters: Sequence[Tensor], before: Array) -> None:
        """Remember for `update_ratios` how the parameters have moved."""
        self._moved, self._stepped = {}, []
        for parameter, old in zip(parameters, parts(parameters, before), strict=True):
            self.note(parameter, old, parameter.detach().numpy(), old)


def values(parameters: Sequence[Tensor]) -> Array:
    """A copy of all parameters, one after the other."""
    return np.concatenate([np.ravel(parameter.detach().numpy()) for parameter in parameters])


def assign(parameters: Sequence[Tensor], vector: Array) -> None:
    """Write a vector into the parameters."""
    for parameter, part in zip(parameters, parts(parameters, vector), strict=True):
        writable(parameter)[...] = part


def parts(parameters: Sequence[Tensor], vector: Array) -> Iterator[Array]:
    """The part of a vector that belongs to each parameter, in its shape."""
    start = 0
    for parameter in parameters:
        yield vector[start : start + parameter.size].reshape(parameter.shape)
        start += parameter.size


def gradient(parameters: Sequence[Tensor]) -> Array:
    """The gradients that backward has left, zero where there is none."""
    found = gradient_arrays(parameters)
    return np.concatenate(
        [
            np.zeros(parameter.size, parameter.dtype) if array is None else np.ravel(array)
            for parameter, array in zip(parameters, found, strict=True)
        ]
    )


class Slope:
    """The gradient of a loss with its graph, from which products with the Hessian come.

    Args:
        evaluate: computes the loss, without calling backward.
        parameters: by which it is differentiated; frozen ones are left out.
    """

    def __init__(self, evaluate: Callable[[], Any], parameters: Sequence[Tensor]) -> None:
        self.loss = evaluate()
        self.parameters = [parameter for parameter in parameters if parameter.requires_grad]
        if not isinstance(self.loss, Tensor):
            raise TypeError(f"the closure returns the loss as a Tensor, not as a {type(self.loss).__name__}")
        try:
            self._gradients = self._pulled(self.loss, True)
        except RuntimeError as error:
            error.add_note(
                "the closure of this optimiser returns the loss, and leaves backward to the optimiser"
            )
            raise
        self.vector = self._flat(self._gradients)

    def _pulled(self, value: Tensor, recorded: bool) -> tuple[Tensor | None, ...]:
        return gradients(value, self.parameters, retain_graph=True, create_graph=recorded, allow_unused=True)

    def _flat(self, found: Sequence[Tensor | None]) -> Array:
        arrays = [
            np.zeros(parameter.size, parameter.dtype) if g is None else np.ravel(g.detach().numpy())
            for parameter, g in zip(self.parameters, found, strict=True)
        ]
        return np.concatenate(arrays)

    def by_parameter(self, parameters: Sequence[Tensor]) -> list[Array | None]:
        """The gradient of each parameter; None for those that are frozen."""
        own = {
            id(p): part for p, part in zip(self.parameters, parts(self.parameters, self.vector), strict=True)
        }
        return [own.get(id(parameter)) for parameter in parameters]

    def hessian_times(self, vector: Array) -> Array:
        """The Hessian's product with a vector, by differentiating gradient·vector."""
        with enable_grad():
            terms = [
                (g * part).sum()
                for g, part in zip(self._gradients, parts(self.parameters, vector), strict=True)
                if g is not None and g.requires_grad
            ]
            if not terms:  # the gradient does not depend on the parameters
                return np.zeros_like(vector)
            return self._flat(self._pulled(sum(terms[1:], start=terms[0]), False))
