"""Functions of functions: derivatives of a function, as functions again.

They nest, and they may be applied to functions that close over tracked tensors: what an outer derivative may
want is recorded. The arguments that are differentiated may be trees (`pytree.py`).

Forward mode (`jvp`, `jacobian` of few inputs) is derived from the reverse rules: the vector–Jacobian product
Jᵀ·v is linear in v, so its own vector–Jacobian product is J·u. It costs about two backward passes, needs no
second set of rules, and is exact wherever second derivatives are.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from .entering import (
    Argnums,
    as_tuples,
    check_function,
    check_scalar,
    depends_on_others,
    detached,
    entered,
    forward_mode,
    gradients_like,
    parted,
    pulled,
    tensors_of,
)
from .mode import current_mode, enable_grad
from .tensor import Tensor


def value_and_grad(
    function: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False
) -> Callable[..., tuple[Any, Any]]:
    """A function that gives the value of `function`, a scalar, and its gradient.

    The gradient has the structure of the arguments that it belongs to. Where an argument is a tree (dict, list,
    tuple, named tuple, dataclass), so is its gradient, with None at leaves that are not floating numbers;
    a module stands for its parameters that require gradients, and its gradient is a dict by their names.

    Args:
        function: takes tensors (or arrays or numbers) and returns a real scalar Tensor.
        argnums: which positional arguments to differentiate in; a tuple of gradients for a tuple.
        has_aux: whether `function` returns a pair, the scalar and something else that is handed on.

    Returns:
        A function of the same arguments. It gives (value, gradient), or ((value, aux), gradient) with
        `has_aux`. The results carry a graph only if they depend on tracked tensors and recording is on; call it
        under `no_grad()` where none is wanted.

    Raises:
        TypeError: when called, if the value is no real scalar Tensor, if an argument that is to be
            differentiated is missing, or if it holds no floating numbers.

    >>> import pullback as pb
    >>> pb.value_and_grad(lambda x, y: x**2 * y, argnums=(0, 1))(3.0, 2.0)
    (tensor(18., dtype=float32), (tensor(12., dtype=float32), tensor(9., dtype=float32)))
    >>> pb.value_and_grad(lambda p: p["a"] * p["b"])({"a": 3.0, "b": 2.0})[1]
    {'a': tensor(2., dtype=float32), 'b': tensor(3., dtype=float32)}
    """
    check_function(function, "value_and_grad")

    @functools.wraps(function)
    def with_gradient(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        outer = current_mode().grad
        with enable_grad():
            with entered(args, argnums) as (args, inputs):
                value, aux = parted(function(*args, **kwargs), has_aux)
            check_scalar(value)
            recorded = outer and depends_on_others([value], inputs.tensors)
            found = inputs.shaped(pulled([value], inputs.tensors, [None], recorded))
        if not recorded:
            value, aux = value.detach(), detached(aux)
        return ((value, aux) if has_aux else value), found

    return with_gradient


def grad(function: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """The gradient of a scalar function, as a function of the same arguments. It nests: `grad(grad(f))`.

    See `value_and_grad` for the arguments and for trees. With `has_aux` it gives (gradient, aux).

    >>> import pullback as pb
    >>> pb.grad(pb.grad(lambda x: x**3))(2.0)
    tensor(12., dtype=float32)
    """
    check_function(function, "grad")
    both = value_and_grad(function, argnums, has_aux)

    @functools.wraps(function)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        value, found = both(*args, **kwargs)
        return (found, value[1]) if has_aux else found

    return gradient


def elementwise_grad(function: Callable[..., Tensor], argnums: Argnums = 0) -> Callable[..., Any]:
    """The slope of a function that works on each element, at each element: dyᵢ/dxᵢ.

    It is one backward of Σ y, which is the slope only if yᵢ depends on no other element than xᵢ; that is for
    the caller to know.

    Args:
        function: takes arrays and returns a Tensor of the shape of those that are differentiated.
        argnums: as in `value_and_grad`.

    Raises:
        ValueError: when called, if the result has another shape than the argument, so that it cannot work on
            each element by itself.

    >>> import pullback as pb
    >>> pb.elementwise_grad(pb.square)([1.0, 2.0, 3.0])
    tensor([2., 4., 6.], dtype=float32)
    """
    check_function(function, "elementwise_grad")

    @functools.wraps(function)
    def slope(*args: Any, **kwargs: Any) -> Any:
        outer = current_mode().grad
        with enable_grad():
            with entered(args, argnums) as (args, inputs):
                (y,), _ = tensors_of(function(*args, **kwargs))
            for x in inputs.tensors:
                if x.shape != y.shape:
                    raise ValueError(
                        f"the function gave shape {y.shape} for an argument of shape {x.shape}, so it does not "
                        "work on each element by itself; use jacobian(f)"
                    )
            recorded = outer and depends_on_others([y], inputs.tensors)
            return inputs.shaped(pulled([y], inputs.tensors, [np.ones(y.shape, y.dtype)], recorded))

    return slope


def vjp(function: Callable[..., Any], *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """The value of a function, and the map that pulls a gradient of the value back: g ↦ Jᵀ·g.

    Args:
        function: takes tensors or trees of them, and returns a Tensor or a tree of them.
        *primals: the arguments; all floating numbers in them are differentiated.
        has_aux: whether `function` returns a pair, its value and something else that is handed on.

    Returns:
        (out, pull), or (out, pull, aux). `pull(g)`, with g of the structure and shapes of out, gives a tuple
        with the gradient of each primal, None for those that are not floating. It can be called any number of
        times, and differentiated.

    Raises:
        TypeError: if the value is no tree of Tensors, or no primal has floating numbers.

    >>> import pullback as pb
    >>> out, pull = pb.vjp(lambda x, y: x * y, [1.0, 2.0], [3.0, 4.0])
    >>> pull([1.0, 10.0])
    (tensor([ 3., 40.], dtype=float32), tensor([ 1., 20.], dtype=float32))
    """
    outer = current_mode().grad
    with enable_grad():
        with entered(primals, None) as (args, inputs):
            out, aux = parted(function(*args), has_aux)
        outputs, tree = tensors_of(out)
    others = depends_on_others(outputs, inputs.tensors)

    def pull(gradient: Any) -> tuple[Any, ...]:
        """Pull a gradient of the value back to the primals."""
        given = gradients_like(tree, outputs, gradient, "the gradients that are pulled back")
        recorded = current_mode().grad and (others or any(g.requires_grad for g in given))
        with enable_grad():
            found: tuple[Any, ...] = inputs.shaped(pulled(outputs, inputs.tensors, given, recorded))
        return found

    if not (outer and others):
        out, aux = detached(out), detached(aux)
    return (out, pull, aux) if has_aux else (out, pull)


def jvp(function: Callable[..., Any], primals: Any, tangents: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """The value of a function, and how it changes along tangents of its arguments: J·u, forward mode.

    It is derived from the reverse rules: J·u is the vector–Jacobian product of v ↦ Jᵀ·v.

    Args:
        function: takes tensors or trees of them, and returns a Tensor or a tree of them.
        primals: a tuple of the arguments; what is no tuple is the only argument.
        tangents: of the structure and shapes of the primals.
        has_aux: whether `function` returns a pair, its value and something else that is handed on.

    Returns:
        (out, tangent), or (out, tangent, aux); the tangent has the structure, shapes and dtypes of out.

    >>> import pullback as pb
    >>> pb.jvp(lambda x, y: x * y, (3.0, 2.0), (1.0, 10.0))
    (tensor(6., dtype=float32), tensor(32., dtype=float32))
    """
    outer = current_mode().grad
    arguments, directions, _ = as_tuples(primals, tangents)
    with enable_grad():
        with entered(arguments, None) as (args, inputs):
            out, aux = parted(function(*args), has_aux)
        outputs, tree = tensors_of(out)
        given = inputs.tangents(directions)
        push = forward_mode(outputs, inputs.tensors)
        recorded = outer and (
            depends_on_others(outputs, inputs.tensors) or any(u.requires_grad for u in given)
        )
        tangent = tree.build(push(given, recorded))
    if not recorded:
        out, aux = detached(out), detached(aux)
    return (out, tangent, aux) if has_aux else (out, tangent)


def hvp(function: Callable[..., Tensor], primals: Any, tangents: Any) -> Any:
    """The Hessian of a scalar function times a vector, H·u, without the Hessian: backward through backward.

    Args:
        function: takes tensors or trees of them, and returns a real scalar Tensor.
        primals: a tuple of the arguments; what is no tuple is the only argument.
        tangents: of the structure and shapes of the primals.

    Returns:
        Of the structure of the primals.

    >>> import pullback as pb
    >>> pb.hvp(lambda v: (v**3).sum(), [1.0, 2.0], [1.0, 10.0])
    tensor([  6., 120.], dtype=float32)
    """
    outer = current_mode().grad
    arguments, directions, single = as_tuples(primals, tangents)
    with enable_grad():
        with entered(arguments, None) as (args, inputs):
            value = function(*args)
        check_scalar(value)
        given = inputs.tangents(directions)
        recorded = outer and (
            depends_on_others([value], inputs.tensors) or any(u.requires_grad for u in given)
        )
        slopes = pulled([value], inputs.tensors, [None], True)
        product = inputs.shaped(pulled(slopes, inputs.tensors, given, recorded))
    return product[0] if single else product
