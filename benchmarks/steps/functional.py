"""The workloads in libraries that differentiate functions of arrays: JAX, HIPS autograd and MyGrad."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from formulas import formula
from scalars import numbers_of
from toolkits import Toolkit, hips_kit, jax_kit, mygrad_kit
from work import Work

Step = Callable[[], float]
KITS: dict[str, Callable[[], Toolkit]] = {"jax": jax_kit, "autograd": hips_kit, "mygrad": mygrad_kit}


def step(library: str, name: str, work: Work) -> Step:
    """A training step as a function that returns its loss, or a number that depends on everything computed."""
    kit = KITS[library]()
    first, update = _UPDATES.get(name, (_nothing, _unchanged))
    differentiate = _differentiated(kit, name, work)

    def whole(parameters: Any, state: Any) -> Any:
        value, gradients = differentiate(parameters)
        return value, *update(parameters, gradients, state)

    made = kit.whole(whole)
    parameters = numbers_of(work) if name == "W1" else {key: p.copy() for key, p in work.parameters.items()}
    held = [parameters, first(parameters)]

    def run() -> float:
        value, *held[:] = made(*held)
        return float(value)

    return run


def _differentiated(kit: Toolkit, name: str, work: Work) -> Callable[[Any], Any]:
    """The number that a step returns, and the gradients."""
    if name == "W10":
        *_, last = work.parameters
        return lambda parameters: (parameters[last][0], work.data)
    f = formula(name, kit, work)
    if name == "W9":

        def pulled(parameters: Any) -> Any:
            value, gradients = kit.differentiate(f, parameters, work.data["g"])
            return gradients["x"][0].sum() + value[0, 0], gradients

        return pulled
    return lambda parameters: kit.differentiate(f, parameters, 1.0)


def _nothing(parameters: Any) -> Any:
    return {}


def _unchanged(parameters: Any, gradients: Any, state: Any) -> Any:
    return parameters, state


def _sgd(parameters: Any, gradients: Any, state: Any) -> Any:
    return {key: p - 0.01 * gradients[key] for key, p in parameters.items()}, state


def _zeros(parameters: Any) -> Any:
    return {key: np.zeros_like(p) for key, p in parameters.items()}


def _momentum(parameters: Any, gradients: Any, state: Any) -> Any:
    state = {key: 0.9 * state[key] + gradients[key] for key in parameters}
    return {key: p - 0.01 * state[key] for key, p in parameters.items()}, state


def _moments(parameters: Any) -> Any:
    return {"step": 0, "first": _zeros(parameters), "second": _zeros(parameters)}


def _adam(parameters: Any, gradients: Any, state: Any, decay: float = 0.0) -> Any:
    step = state["step"] + 1
    first = {key: 0.9 * state["first"][key] + 0.1 * gradients[key] for key in parameters}
    second = {key: 0.999 * state["second"][key] + 0.001 * gradients[key] ** 2 for key in parameters}
    rate, spread = 1e-3 / (1 - 0.9**step), (1 - 0.999**step) ** 0.5
    new = {
        key: ((1 - 1e-3 * decay) * p - rate * first[key] / (second[key] ** 0.5 / spread + 1e-8)).astype(
            p.dtype
        )
        for key, p in parameters.items()
    }
    return new, {"step": step, "first": first, "second": second}


_ADAM = (_moments, _adam)
_UPDATES = {
    "W1": (_nothing, _sgd),
    "W2": (_nothing, _sgd),
    "W3": _ADAM,
    "W4": (_zeros, _momentum),
    "W5": _ADAM,
    "W5r": _ADAM,
    "W6": (_moments, partial(_adam, decay=0.01)),
    "W10": _ADAM,
}
