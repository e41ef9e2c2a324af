"""Tensors from shapes, ranges and other libraries' arrays.

Floating results have the default dtype unless one is given. `device` is "cpu" or None everywhere.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from .batched import levels_of, lifted, like
from .convert import numeric, to_array
from .settings import check_device, default_complex_dtype, get_default_dtype
from .tensor import Tensor, wrap

Shape = int | Sequence[int]


def lengths(where: str, *shape: Any) -> tuple[int, ...]:
    """The shape that was given to `where` as one sequence or as lengths.

    Raises:
        TypeError: for anything but whole numbers.
    """
    numbers = tuple(shape[0]) if len(shape) == 1 and np.iterable(shape[0]) else shape
    try:
        return tuple(operator.index(number) for number in numbers)
    except TypeError:
        raise TypeError(
            f"{where}: a shape is one tuple of whole numbers, or the numbers themselves, and not "
            f"{', '.join(map(repr, shape))}; everything else is given by name, such as dtype=float64"
        ) from None


def zeros(
    shape: Shape, *more: int, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Zeros of a shape, which is given as a tuple or as lengths.

    >>> import pullback as pb
    >>> pb.zeros((2, 2))
    tensor([[0., 0.],
            [0., 0.]], dtype=float32)
    >>> pb.zeros(2, 3).shape
    (2, 3)
    """
    return _made(
        np.zeros(lengths("zeros", shape, *more), dtype or get_default_dtype()), device, requires_grad
    )


def ones(
    shape: Shape, *more: int, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Ones of a shape, which is given as a tuple or as lengths."""
    return _made(np.ones(lengths("ones", shape, *more), dtype or get_default_dtype()), device, requires_grad)


def empty(
    shape: Shape, *more: int, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A tensor of a shape, a tuple or lengths, whose elements are whatever lay in the memory."""
    return _made(
        np.empty(lengths("empty", shape, *more), dtype or get_default_dtype()), device, requires_grad
    )


def full(
    shape: Shape, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """One value everywhere; its dtype is that of the value. The gradients of all elements go to a tensor's value."""
    if isinstance(fill_value, Tensor):
        check_device(device)
        filled = _filled(fill_value, shape, dtype)
        return filled.requires_grad_() if requires_grad else filled
    value = to_array(fill_value, dtype)
    return _made(np.full(lengths("full", shape), value, value.dtype), device, requires_grad)


def _filled(value: Tensor, shape: Shape, dtype: Any) -> Tensor:
    from .ops.shape import broadcast_to

    of_dtype = value if dtype is None else value.astype(dtype)
    filled: Tensor = broadcast_to(of_dtype, lengths("full", shape)).copy()
    return filled


def zeros_like(x: Any, /, *, dtype: Any = None, device: Any = None) -> Tensor:
    """Zeros of the shape and dtype of x."""
    check_device(device)
    return like(x, np.zeros(x.shape, numeric(dtype or x.dtype)))


def ones_like(x: Any, /, *, dtype: Any = None, device: Any = None) -> Tensor:
    """Ones of the shape and dtype of x."""
    check_device(device)
    return like(x, np.ones(x.shape, numeric(dtype or x.dtype)))


def empty_like(x: Any, /, *, dtype: Any = None, device: Any = None) -> Tensor:
    """A tensor of the shape and dtype of x whose elements are whatever lay in the memory."""
    return _made(np.empty(x.shape, dtype or x.dtype), device, False)


def full_like(x: Any, /, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Tensor:
    """One value everywhere, in the shape and dtype of x; see `full`."""
    check_device(device)
    if isinstance(fill_value, Tensor):
        filled = _filled(fill_value, x.shape, dtype or x.dtype)
        levels = sorted({*levels_of(x), *levels_of(filled)})
        return lifted(filled, levels).copy() if levels else filled
    return like(x, np.full(x.shape, to_array(fill_value, dtype or x.dtype)))


def arange(
    start: float,
    /,
    stop: float | None = None,
    step: float = 1,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """start, start + step, ... up to but not including stop; from 0 if only one bound is given."""
    if stop is None:
        start, stop = 0, start
    if dtype is None and any(isinstance(value, float) for value in (start, stop, step)):
        dtype = get_default_dtype()
    return _made(np.arange(start, stop, step, dtype=dtype), device, requires_grad)


def linspace(
    start: complex,
    stop: complex,
    /,
    num: int,
    *,
    dtype: Any = None,
    device: Any = None,
    endpoint: bool = True,
    requires_grad: bool = False,
) -> Tensor:
    """`num` evenly spaced numbers from start to stop; without stop itself if `endpoint` is false."""
    if dtype is None:
        is_complex = isinstance(start, complex) or isinstance(stop, complex)
        dtype = default_complex_dtype() if is_complex else get_default_dtype()
    return _made(np.linspace(start, stop, num, endpoint=endpoint, dtype=dtype), device, requires_grad)


def eye(
    n_rows: int,
    n_cols: int | None = None,
    /,
    *,
    k: int = 0,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Ones on the k-th diagonal, zeros elsewhere."""
    return _made(np.eye(n_rows, n_cols, k, dtype or get_default_dtype()), device, requires_grad)


def from_dlpack(x: Any, /, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """A tensor of another library's array, by the DLPack protocol; the memory is shared unless copy=True.

    Args:
        x: an object with `__dlpack__`, such as a NumPy array or a PyTorch tensor, whose memory the CPU sees.
        device: "cpu" or None.
        copy: True for memory of its own, False to be sure that it is shared.

    >>> import numpy as np, pullback as pb
    >>> pb.from_dlpack(np.arange(3))
    tensor([0, 1, 2], dtype=int64)
    """
    if not hasattr(x, "__dlpack__"):
        raise TypeError(
            f"from_dlpack needs an object with __dlpack__, not {type(x).__name__}; use pb.asarray"
        )
    return _made(to_array(np.from_dlpack(x, copy=copy)), device, False)


def _made(array: np.ndarray, device: Any, requires_grad: bool) -> Tensor:
    check_device(device)
    numeric(array.dtype)
    result = wrap(array, None)
    return result.requires_grad_() if requires_grad else result
