"""The workloads in libraries that differentiate functions of arrays: JAX, HIPS autograd and MyGrad.

Only those workloads that such a library's users would write in a dozen lines; the others are a dash.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from work import Arrays, Work

Step = Callable[[], float]


def jax_step(name: str, work: Work) -> Step:
    """A step in JAX, compiled as a whole, as its users do."""
    import jax
    import jax.numpy as jnp

    loss = _loss(name, jnp, work)
    update = _UPDATES[name]

    @jax.jit
    def made(parameters: Any, state: Any) -> Any:
        value, gradients = jax.value_and_grad(loss)(parameters)
        return value, *update(parameters, gradients, state, jnp)

    held = [{key: jnp.asarray(array) for key, array in work.parameters.items()}, None]
    held[1] = _first_state(name, held[0], jnp)

    def run() -> float:
        value, *held[:] = made(*held)
        jax.block_until_ready(held)
        return float(value)

    return run


def hips_step(name: str, work: Work) -> Step:
    """A step in HIPS autograd."""
    import autograd.numpy as anp
    from autograd import value_and_grad

    differentiated = value_and_grad(_loss(name, anp, work))
    update = _UPDATES[name]
    held = [{key: array.copy() for key, array in work.parameters.items()}, None]
    held[1] = _first_state(name, held[0], np)

    def run() -> float:
        value, gradients = differentiated(held[0])
        held[:] = update(held[0], gradients, held[1], np)
        return float(value)

    return run


def mygrad_step(name: str, work: Work) -> Step:
    """A step in MyGrad."""
    import mygrad

    loss = _loss(name, mygrad, work)
    update = _UPDATES[name]
    held = [{key: array.copy() for key, array in work.parameters.items()}, None]
    held[1] = _first_state(name, held[0], np)

    def run() -> float:
        tensors = {key: mygrad.tensor(array) for key, array in held[0].items()}
        value = loss(tensors)
        value.backward()
        gradients = {key: tensor.grad for key, tensor in tensors.items()}
        held[:] = update(held[0], gradients, held[1], np)
        return float(value.data)

    return run


WORKLOADS = ("W2", "W3", "W7", "W8")


def _loss(name: str, xp: Any, work: Work) -> Callable[[Any], Any]:
    data = work.data

    def chain(p: Any) -> Any:
        y = data["x"]
        for _ in range(work.sizes["links"]):
            y = xp.tanh(y * p["w"] + p["b"])
        return xp.sum(y)

    def mlp(p: Any) -> Any:
        x = data["x"]
        for layer in (0, 2, 4):
            x = xp.matmul(x, p[f"{layer}.weight"].T) + p[f"{layer}.bias"]
            x = xp.maximum(x, 0) if layer < 4 else x
        rows = np.arange(len(data["y"]))
        peak = xp.max(x, axis=1, keepdims=True)
        logs = x - peak - xp.log(xp.sum(xp.exp(x - peak), axis=1, keepdims=True))
        return -xp.mean(logs[rows, data["y"]])

    def elementwise(p: Any) -> Any:
        return xp.sum(1 / (1 + xp.exp(-(xp.tanh(p["x"] * p["y"]) + xp.exp(-(p["x"] ** 2))))))

    def product(p: Any) -> Any:
        return xp.sum(xp.matmul(p["a"], p["b"]))

    return {"W2": chain, "W3": mlp, "W7": elementwise, "W8": product}[name]


def _sgd(parameters: Any, gradients: Any, state: Any, xp: Any) -> Any:
    return {key: p - 0.01 * gradients[key] for key, p in parameters.items()}, state


def _adam(parameters: Any, gradients: Any, state: Any, xp: Any) -> Any:
    count = state["step"] + 1
    new: Arrays = {}
    moments = {}
    for key, p in parameters.items():
        first = 0.9 * state[key][0] + 0.1 * gradients[key]
        second = 0.999 * state[key][1] + 0.001 * gradients[key] ** 2
        moments[key] = first, second
        size = xp.sqrt(second / (1 - 0.999**count)) + 1e-8
        new[key] = (p - 1e-3 * first / (1 - 0.9**count) / size).astype(p.dtype)
    return new, {"step": count, **moments}


def _nothing(parameters: Any, gradients: Any, state: Any, xp: Any) -> Any:
    return parameters, state


def _first_state(name: str, parameters: Any, xp: Any) -> Any:
    if name != "W3":
        return None
    return {"step": 0, **{key: (xp.zeros_like(p), xp.zeros_like(p)) for key, p in parameters.items()}}


_UPDATES = {"W2": _sgd, "W3": _adam, "W7": _nothing, "W8": _nothing}
