"""All derivatives of a function of tensors at once: the Jacobian and the Hessian. Nothing else materialises them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from .creation import zeros
from .entering import (
    Argnums,
    check_function,
    depends_on_others,
    detached,
    entered,
    forward_mode,
    parted,
    pulled,
    tensors_of,
)
from .mode import current_mode, enable_grad
from .ops.shape import reshape, stack
from .tensor import Tensor
from .transforms import grad


def jacobian(
    function: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False, mode: str = "auto"
) -> Callable[..., Any]:
    """The Jacobian ∂y/∂x of a function y of tensors, of shape y.shape + x.shape.

    Args:
        function: takes tensors or trees of them, and returns a Tensor or a tree of them.
        argnums: which positional arguments to differentiate in; a tuple of Jacobians for a tuple.
        has_aux: whether `function` returns a pair, its value and something else; then so does the Jacobian.
        mode: "reverse" takes a backward pass per element of y, "forward" (see `jvp`) a pass per element of x,
            "auto" whichever are fewer.

    Returns:
        A function of the same arguments. Its result has the structure of y, and in the place of each tensor of
        y that of the arguments.

    Raises:
        ValueError: for another mode.
        TypeError: when called, if the function gives no real tensors.

    >>> import pullback as pb
    >>> f = lambda v: pb.stack([v[0] ** 4 + 3 * v[1] ** 2 * v[0], 5 * v[1] ** 2 - 2 * v[0] * v[1] + 1])
    >>> pb.jacobian(f)([1.0, 2.0])
    tensor([[16., 12.],
            [-4., 18.]], dtype=float32)
    """
    if mode not in ("auto", "reverse", "forward"):
        raise ValueError(f"mode is 'auto', 'reverse' or 'forward', not {mode!r}")
    check_function(function, "jacobian")

    @functools.wraps(function)
    def full(*args: Any, **kwargs: Any) -> Any:
        outer = current_mode().grad
        with enable_grad():
            with entered(args, argnums) as (args, inputs):
                out, aux = parted(function(*args, **kwargs), has_aux)
            outputs, tree = tensors_of(out)
            _check_real([*outputs, *inputs.tensors])
            recorded = outer and depends_on_others(outputs, inputs.tensors)
            rows = sum(y.size for y in outputs) <= sum(x.size for x in inputs.tensors)
            build = _row_by_row if mode == "reverse" or (mode == "auto" and rows) else _column_by_column
            blocks = build(outputs, inputs.tensors, recorded)
            result = tree.build(inputs.shaped(row) for row in blocks)
        return (result, aux if recorded else detached(aux)) if has_aux else result

    return full


def hessian(function: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """The matrix of second derivatives of a scalar function, of shape x.shape + x.shape: `jacobian(grad(f))`.

    For several arguments and for trees it has their structure twice: where the gradient has a tensor, it has
    the derivatives of that tensor in the structure of the arguments.

    >>> import pullback as pb
    >>> pb.hessian(lambda v: v[0] ** 2 * v[1] + v[1] ** 3)([2.0, 3.0])
    tensor([[ 6.,  4.],
            [ 4., 18.]], dtype=float32)
    """
    return jacobian(grad(function, argnums), argnums)


def _row_by_row(outputs: list[Tensor], inputs: list[Tensor], recorded: bool) -> Iterator[list[Tensor]]:
    """For each output its derivatives in all inputs, by a backward pass per element."""
    for y in outputs:
        passes = [pulled([y], inputs, [unit], recorded) for unit in _units(y)]
        yield [
            reshape(stack([row[j] for row in passes]), (*y.shape, *x.shape))
            if passes
            else zeros((*y.shape, *x.shape), dtype=x.dtype)
            for j, x in enumerate(inputs)
        ]


def _column_by_column(outputs: list[Tensor], inputs: list[Tensor], recorded: bool) -> Iterator[list[Tensor]]:
    """The same by a forward pass per element of the inputs."""
    push = forward_mode(outputs, inputs)
    still = [np.zeros(x.shape, x.dtype) for x in inputs]
    passes = [
        [push([*still[:j], unit, *still[j + 1 :]], recorded) for unit in _units(x)]
        for j, x in enumerate(inputs)
    ]
    for i, y in enumerate(outputs):
        yield [
            reshape(stack([column[i] for column in passes[j]], axis=-1), (*y.shape, *x.shape))
            if passes[j]
            else zeros((*y.shape, *x.shape), dtype=y.dtype)
            for j, x in enumerate(inputs)
        ]


def _units(x: Tensor) -> list[np.ndarray]:
    """For each element an array of the shape of x that is 1 there and 0 elsewhere."""
    return list(np.eye(x.size, dtype=x.dtype).reshape((x.size, *x.shape)))


def _check_real(tensors: Sequence[Tensor]) -> None:
    for tensor in tensors:
        if tensor.dtype.kind == "c":
            raise TypeError(
                f"a Jacobian is that of real numbers, and one of the tensors is {tensor.dtype}; take it of the "
                "parts, pb.real(y) and pb.imag(y)"
            )
