"""Gradients made smaller, all together by their norm or one by one; `optim` and `nn.utils` hand these out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from .inplace import writable_arrays
from .sparse import Scattered, sparse_grad
from .tensor import Tensor, wrap

Tensors = Tensor | Iterable[Tensor]


def clip_grad_norm_(
    parameters: Tensors,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale all gradients by one factor, so that their norm, taken together, is at most `max_norm`.

    The factor is min(1, max_norm / (norm + 1e-6)), so gradients keep their direction (Pascanu et al., "On the
    difficulty of training recurrent neural networks", ICML 2013, https://arxiv.org/abs/1211.5063). Gradients are
    changed in place; those that came from reading rows of a table stay sparse.

    Args:
        parameters: tensors, or one; each counts once, and those without a gradient not at all.
        max_norm: the largest norm that is left as it is.
        norm_type: the p of the norm, up to `math.inf` for the largest absolute value.
        error_if_nonfinite: refuse gradients whose norm is infinite or nan. If not, an infinite norm makes finite
            gradients zero, and a nan makes all of them nan, as in PyTorch.
        foreach: PyTorch's; there is one way to do it here.

    Returns:
        The norm of before, as a tensor without axes.

    Raises:
        RuntimeError: for a norm that is not finite, if asked; nothing is changed then.
        TypeError: for what is no tensor.
        ValueError: for a negative or nan `max_norm` or `norm_type`.

    >>> import pullback as pb
    >>> w = pb.tensor([3.0, 4.0], requires_grad=True)
    >>> (w * w / 2).sum().backward()
    >>> pb.optim.clip_grad_norm_([w], max_norm=1.0)
    tensor(5., dtype=float32)
    >>> [round(slope, 3) for slope in w.grad.tolist()]
    [0.6, 0.8]
    """
    tensors = _listed(parameters)
    limit = _not_negative("max_norm", max_norm)
    gradients = [_values(tensor) for tensor in tensors if tensor._grad is not None]
    norm = _total(gradients, norm_type)
    if error_if_nonfinite:
        _require_finite(norm, norm_type)
    _scale(tensors, limit, norm)
    return _as_tensor(norm, gradients)


def clip_grads_with_norm_(
    parameters: Tensors, max_norm: float, total_norm: Any, foreach: bool | None = None
) -> None:
    """Scale all gradients by min(1, max_norm / (total_norm + 1e-6)), with a norm that is known already.

    Args:
        parameters: tensors, or one.
        max_norm: the largest norm that is left as it is.
        total_norm: the norm of the gradients, as `get_total_norm` gives it.
        foreach: PyTorch's; there is one way to do it here.

    Raises:
        TypeError: for what is no tensor.
        ValueError: for a negative or nan `max_norm`.
    """
    _scale(_listed(parameters), _not_negative("max_norm", max_norm), float(total_norm))


def clip_grad_value_(parameters: Tensors, clip_value: float, foreach: bool | None = None) -> None:
    """Clip every element of every gradient to [−clip_value, clip_value], in place; directions change.

    Args:
        parameters: tensors, or one; those without a gradient are left alone.
        clip_value: the largest absolute value.
        foreach: PyTorch's; there is one way to do it here.

    Raises:
        TypeError: for what is no tensor, and for complex gradients, which have no order.
        ValueError: for a negative or nan `clip_value`.

    >>> import pullback as pb
    >>> w = pb.tensor([3.0, -0.25], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> pb.optim.clip_grad_value_(w, 1.0)
    >>> w.grad
    tensor([ 1. , -0.5], dtype=float32)
    """
    limit = _not_negative("clip_value", clip_value)
    tensors = [tensor for tensor in _listed(parameters) if tensor._grad is not None]
    for tensor in tensors:
        if tensor.dtype.kind == "c":
            raise TypeError("complex gradients have no order to be clipped by; clip_grad_norm_ scales them")
    _change(tensors, np.clip, -limit, limit)


def get_total_norm(
    tensors: Tensors, norm_type: float = 2.0, error_if_nonfinite: bool = False, foreach: bool | None = None
) -> Tensor:
    """The norm of all elements of some tensors, taken together; it overflows only where the result does.

    Args:
        tensors: tensors, or one; gradients mostly.
        norm_type: the p of the norm, up to `math.inf` for the largest absolute value.
        error_if_nonfinite: refuse a norm that is infinite or nan.
        foreach: PyTorch's; there is one way to do it here.

    Returns:
        A tensor without axes; zero for no tensors.

    Raises:
        RuntimeError: for a norm that is not finite, if asked.
        TypeError: for what is no tensor.
        ValueError: for a negative or nan `norm_type`.

    >>> import math, pullback as pb
    >>> tensors = [pb.tensor([3.0]), pb.tensor([[4.0], [12.0]])]
    >>> pb.optim.get_total_norm(tensors).item(), pb.optim.get_total_norm(tensors, math.inf).item()
    (13.0, 12.0)
    """
    arrays = [tensor.detach().numpy() for tensor in _listed(tensors)]
    norm = _total(arrays, norm_type)
    if error_if_nonfinite:
        _require_finite(norm, norm_type)
    return _as_tensor(norm, arrays)


def _listed(tensors: Tensors) -> list[Tensor]:
    if isinstance(tensors, Tensor):
        return [tensors]
    if not isinstance(tensors, Iterable) or hasattr(tensors, "parameters"):
        raise TypeError(
            f"clipping takes tensors, such as model.parameters(), and not a {type(tensors).__name__}"
        )
    result = list({id(tensor): tensor for tensor in tensors}.values())
    for tensor in result:
        if not isinstance(tensor, Tensor):
            raise TypeError(f"clipping takes tensors, and one of these is a {type(tensor).__name__}")
    return result


def _not_negative(name: str, value: float) -> float:
    number = float(value)
    if not number >= 0:
        raise ValueError(f"{name} must be zero or more, not {value!r}")
    return number


def _values(tensor: Tensor) -> np.ndarray:
    """The gradient as it is kept: its rows if it is sparse, else the whole array; not to be written."""
    if isinstance(tensor._grad, Scattered):
        rows = sparse_grad(tensor)
        if rows is not None:
            tensor._grad = Scattered([((rows.indices,), rows.values)], tensor.shape, tensor.dtype)
            return rows.values
    gradient = tensor.grad
    assert gradient is not None
    return gradient._shareable()


def _change(tensors: list[Tensor], function: Callable[..., Any], *operands: float) -> None:
    """Replace what `_values` gives for each of the tensors by `function(values, *operands)`."""
    whole = []
    for tensor in tensors:
        values, held = _values(tensor), tensor._grad
        if isinstance(held, Scattered):
            [(index, _)] = held.pieces
            tensor._grad = Scattered([(index, function(values, *operands))], held.shape, held.dtype)
        elif held is not None:
            whole.append(held)
    for array in writable_arrays(whole):
        function(array, *operands, out=array)


def _scale(tensors: list[Tensor], limit: float, norm: float) -> None:
    factor = limit / (norm + 1e-6)
    if not factor >= 1:  # nan must not pass unseen
        _change([tensor for tensor in tensors if tensor._grad is not None], np.multiply, factor)


def _total(arrays: list[np.ndarray], norm_type: float) -> float:
    order = _not_negative("norm_type", norm_type)
    if order == 2:
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            squares = sum(float(np.vdot(array, array).real) for array in arrays)
        if 1e-30 < squares < math.inf:
            return math.sqrt(squares)
    norms = np.array([_norm(array, order) for array in arrays], np.float64)
    return _norm(norms, order) if norms.size else 0.0


def _norm(array: np.ndarray, order: float) -> float:
    flat = array.ravel(order="K")
    if not flat.size:
        return 0.0
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        norm = float(np.linalg.norm(flat, order))
        if order in (0, math.inf) or 1e-15 < norm < math.inf:
            return norm
        # Powers have left the range of the dtype; they do not where the largest is one.
        largest = float(np.max(np.abs(flat)))
        if largest == 0 or not math.isfinite(largest):
            return largest
        return largest * float(np.linalg.norm(flat.astype(np.result_type(flat, np.float64)) / largest, order))


def _require_finite(norm: float, norm_type: float) -> None:
    if not math.isfinite(norm):
        raise RuntimeError(
            f"the norm of order {norm_type} of these gradients is {norm}, so they cannot be scaled to a smaller one; "
            "pb.detect_anomaly() finds the operation it came from, and error_if_nonfinite=False lets it pass"
        )


def _as_tensor(norm: float, arrays: list[np.ndarray]) -> Tensor:
    kind: Any = np.result_type(*{array.dtype for array in arrays}) if arrays else np.dtype(np.float32)
    real = np.empty(0, kind).real.dtype if kind.kind in "fc" else np.dtype(np.float64)
    with np.errstate(over="ignore"):
        return wrap(np.asarray(norm, np.float64).astype(real), None)
