"""What JAX, HIPS autograd and MyGrad each have of their own for the same formulas."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np


class Toolkit(NamedTuple):
    """What a formula needs of a library."""

    xp: ModuleType  # its NumPy
    differentiate: Callable[..., Any]  # (f, parameters, upstream) -> f's value, and the gradients by name
    convolve: Callable[[Any, Any], Any]  # images with filters of 3×3, and a border of zeros
    halve: Callable[[Any], Any]  # max-pooling of 2×2
    gelu: Callable[[Any], Any]
    scan: Callable[..., Any]  # (step, state, inputs) -> the first part of the state after each step, stacked
    whole: Callable[[Any], Any]  # a training step, compiled where the library does that


def jax_kit() -> Toolkit:
    """JAX: loops are `lax.scan`, and the step is compiled as a whole, as its users do."""
    import jax
    import jax.numpy as jnp

    def differentiate(f: Any, parameters: Any, upstream: Any) -> Any:
        value, pull = jax.vjp(f, parameters)
        return value, pull(jnp.asarray(upstream, value.dtype))[0]

    def scan(step: Any, state: Any, inputs: Any) -> Any:
        def body(state: Any, x: Any) -> Any:
            state = step(state, x)
            return state, state[0]

        return jax.lax.scan(body, state, inputs)[1]

    def whole(step: Any) -> Any:
        compiled = jax.jit(step)
        return lambda *held: jax.block_until_ready(compiled(*held))

    return Toolkit(
        jnp,
        differentiate,
        lambda x, w: jax.lax.conv_general_dilated(x, w, (1, 1), "SAME"),
        lambda x: jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID"),
        lambda x: 0.5 * x * (1 + jax.scipy.special.erf(x / math.sqrt(2))),
        scan,
        whole,
    )


def hips_kit() -> Toolkit:
    """HIPS autograd; its convolution turns the filters around and has no border, which comes first."""
    import autograd.numpy as anp
    from autograd import make_vjp
    from autograd.scipy.signal import convolve
    from autograd.scipy.special import erf

    def differentiate(f: Any, parameters: Any, upstream: Any) -> Any:
        pull, value = make_vjp(f, 0)(parameters)
        return value, pull(np.asarray(upstream, value.dtype))

    def convolved(x: Any, w: Any) -> Any:
        padded = anp.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), "constant")
        return convolve(padded, w[:, :, ::-1, ::-1], axes=([2, 3], [2, 3]), dot_axes=([1], [1]), mode="valid")

    return Toolkit(
        anp,
        differentiate,
        convolved,
        lambda x: anp.max(_windows(x), axis=(3, 5)),
        lambda x: 0.5 * x * (1 + erf(x / math.sqrt(2))),
        lambda step, state, inputs: anp.stack(_states(step, state, inputs)),
        _as_it_is,
    )


def mygrad_kit() -> Toolkit:
    """MyGrad; it has no error function, so its GELU is the approximation by tanh, which changes the loss by 1e-4."""
    import mygrad
    from mygrad.nnet.layers import conv_nd, max_pool

    def differentiate(f: Any, parameters: Any, upstream: Any) -> Any:
        tensors = {name: mygrad.tensor(array) for name, array in parameters.items()}
        value = f(tensors)
        value.backward(upstream)
        return value.data, {name: tensor.grad for name, tensor in tensors.items()}

    def gelu(x: Any) -> Any:
        return 0.5 * x * (1 + mygrad.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))

    return Toolkit(
        mygrad,
        differentiate,
        lambda x, w: conv_nd(x, w, stride=1, padding=1),
        lambda x: max_pool(x, (2, 2), 2),
        gelu,
        lambda step, state, inputs: mygrad.stack(_states(step, state, inputs)),
        _as_it_is,
    )


def _as_it_is(step: Any) -> Any:
    return step


def _states(step: Any, state: Any, inputs: Any) -> list[Any]:
    outputs = []
    for at in range(len(inputs)):
        state = step(state, inputs[at])
        outputs.append(state[0])
    return outputs


def _windows(x: Any) -> Any:
    n, channels, height, width = x.shape
    return x.reshape((n, channels, height // 2, 2, width // 2, 2))
