"""Tensors from shapes and ranges. Floating results have the default dtype unless one is given."""

from __future__ import annotations

from typing import Any

import numpy as np

from .config import get_default_dtype
from .convert import numeric, to_array
from .tensor import Tensor, wrap

Shape = int | tuple[int, ...]


def zeros(shape: Shape, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros of a shape."""
    return _made(np.zeros(shape, dtype or get_default_dtype()), requires_grad)


def ones(shape: Shape, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones of a shape."""
    return _made(np.ones(shape, dtype or get_default_dtype()), requires_grad)


def full(shape: Shape, fill_value: Any, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """One value everywhere; its dtype is that of the value."""
    value = to_array(fill_value, dtype)
    return _made(np.full(shape, value, value.dtype), requires_grad)


def zeros_like(x: Any, /, *, dtype: Any = None) -> Tensor:
    """Zeros of the shape and dtype of x."""
    return wrap(np.zeros(x.shape, dtype or x.dtype), None)


def ones_like(x: Any, /, *, dtype: Any = None) -> Tensor:
    """Ones of the shape and dtype of x."""
    return wrap(np.ones(x.shape, dtype or x.dtype), None)


def full_like(x: Any, /, fill_value: Any, *, dtype: Any = None) -> Tensor:
    """One value everywhere, in the shape and dtype of x."""
    return wrap(np.full(x.shape, fill_value, dtype or x.dtype), None)


def arange(
    start: float,
    /,
    stop: float | None = None,
    step: float = 1,
    *,
    dtype: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """start, start + step, ... up to but not including stop; from 0 if only one bound is given."""
    if stop is None:
        start, stop = 0, start
    if dtype is None and any(isinstance(value, float) for value in (start, stop, step)):
        dtype = get_default_dtype()
    return _made(np.arange(start, stop, step, dtype=dtype), requires_grad)


def linspace(
    start: float,
    stop: float,
    /,
    num: int,
    *,
    dtype: Any = None,
    endpoint: bool = True,
    requires_grad: bool = False,
) -> Tensor:
    """`num` evenly spaced numbers from start to stop."""
    return _made(
        np.linspace(start, stop, num, endpoint=endpoint, dtype=dtype or get_default_dtype()), requires_grad
    )


def eye(
    n_rows: int, n_cols: int | None = None, /, *, k: int = 0, dtype: Any = None, requires_grad: bool = False
) -> Tensor:
    """Ones on the k-th diagonal, zeros elsewhere."""
    return _made(np.eye(n_rows, n_cols, k, dtype or get_default_dtype()), requires_grad)


def _made(array: np.ndarray, requires_grad: bool) -> Tensor:
    numeric(array.dtype)
    result = wrap(array, None)
    return result.requires_grad_() if requires_grad else result
