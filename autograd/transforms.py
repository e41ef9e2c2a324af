"""Functions of functions: the gradient and the Jacobian of a function, as functions again."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .convert import asarray
from .creation import zeros
from .mode import current_mode, enable_grad
from .ops.shape import reshape, stack
from .tape import collect, gradients
from .tensor import Tensor, wrap

Argnums = int | Sequence[int]


def value_and_grad(
    function: Callable[..., Tensor], argnums: Argnums = 0
) -> Callable[..., tuple[Tensor, Any]]:
    """A function that gives the value of `function`, a scalar, and its gradient.

    Args:
        function: takes tensors (or arrays or numbers) and returns a scalar Tensor.
        argnums: which positional arguments to differentiate in; a tuple of gradients for a tuple.

    >>> import pullback as pb
    >>> pb.value_and_grad(lambda x, y: x**2 * y, argnums=(0, 1))(3.0, 2.0)
    (tensor(18., dtype=float32), (tensor(12., dtype=float32), tensor(9., dtype=float32)))
    """

    @functools.wraps(function)
    def with_gradient(*args: Any, **kwargs: Any) -> tuple[Tensor, Any]:
        outer = current_mode().grad
        with enable_grad():
            args, chosen = _entered(args, argnums)
            value = function(*args, **kwargs)
            if not isinstance(value, Tensor) or value.ndim:
                what = (
                    f"a tensor of shape {value.shape}" if isinstance(value, Tensor) else type(value).__name__
                )
                raise TypeError(
                    f"only a function with a scalar Tensor as its value has a gradient; it gave {what}"
                )
            if value.dtype.kind == "c":
                raise TypeError(
                    f"only a real scalar has a gradient, and the function gave {value.dtype}; take pb.real or "
                    "pb.abs of it"
                )
            recorded = outer and _depends_on_others(value, chosen)
            found = _pulled(value, chosen, None, recorded)
        value = value if recorded else value.detach()
        return value, found[0] if isinstance(argnums, int) else found

    return with_gradient


def grad(function: Callable[..., Tensor], argnums: Argnums = 0) -> Callable[..., Any]:
    """The gradient of a scalar function, as a function of the same arguments. It nests: `grad(grad(f))`.

    See `value_and_grad` for the arguments.

    >>> import pullback as pb
    >>> pb.grad(pb.grad(lambda x: x**3))(2.0)
    tensor(12., dtype=float32)
    """
    both = value_and_grad(function, argnums)

    @functools.wraps(function)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        return both(*args, **kwargs)[1]

    return gradient


def jacobian(function: Callable[..., Tensor], argnums: int = 0) -> Callable[..., Tensor]:
    """The Jacobian ∂y/∂x of a function y of tensors, of shape y.shape + x.shape, row by row in reverse mode.

    >>> import pullback as pb
    >>> f = lambda v: pb.stack([v[0] ** 4 + 3 * v[1] ** 2 * v[0], 5 * v[1] ** 2 - 2 * v[0] * v[1] + 1])
    >>> pb.jacobian(f)([1.0, 2.0])
    tensor([[16., 12.],
            [-4., 18.]], dtype=float32)
    """

    @functools.wraps(function)
    def full(*args: Any, **kwargs: Any) -> Tensor:
        outer = current_mode().grad
        with enable_grad():
            args, (x,) = _entered(args, (argnums,))
            y = function(*args, **kwargs)
            if not isinstance(y, Tensor):
                raise TypeError(
                    f"the function must return a Tensor to have a Jacobian, not {type(y).__name__}"
                )
            if y.dtype.kind == "c":
                raise TypeError(
                    f"the Jacobian of a {y.dtype} result is not defined by one number per pair; take it of "
                    "pb.real(y) and pb.imag(y)"
                )
            if y.size == 0 or not y.requires_grad:
                return zeros((*y.shape, *x.shape), dtype=x.dtype)
            recorded = outer and _depends_on_others(y, [x])
            rows: list[Tensor] = []
            for i in range(y.size):
                unit = np.zeros(y.size, y.dtype)
                unit[i] = 1
                rows += _pulled(y, [x], wrap(unit.reshape(y.shape), None), recorded)
            result: Tensor = reshape(stack(rows), (*y.shape, *x.shape))
        return result

    return full


def _entered(args: tuple[Any, ...], argnums: Argnums) -> tuple[tuple[Any, ...], list[Tensor]]:
    """The arguments, with the chosen ones as new values on the tape."""
    wanted = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    entered = list(args)
    chosen = []
    for i in wanted:
        if not -len(args) <= i < len(args):
            raise TypeError(
                f"argument {i} is to be differentiated, and only {len(args)} positional ones were given"
            )
        x = asarray(args[i])
        entered[i] = x = x.copy() if x.requires_grad else Tensor(x.detach().copy(), requires_grad=True)
        chosen.append(x)
    return tuple(entered), chosen


def _depends_on_others(y: Tensor, ours: list[Tensor]) -> bool:
    """Whether y leads to leaves that are not ours, so that an outer derivative may be wanted."""
    own = {x._node for x in ours}
    return y._node is not None and any(node.is_leaf and node not in own for node in collect([y._node]))


def _pulled(y: Tensor, inputs: list[Tensor], g: Tensor | None, recorded: bool) -> tuple[Any, ...]:
    """Gradients that an outer transform can differentiate; zeros where y does not depend on an input."""
    if not y.requires_grad:
        return tuple(zeros(x.shape, dtype=x.dtype) for x in inputs)
    found = gradients(y, inputs, g, retain_graph=True, create_graph=recorded, allow_unused=True)
    return tuple(
        zeros(x.shape, dtype=x.dtype) if part is None else part for x, part in zip(inputs, found, strict=True)
    )
