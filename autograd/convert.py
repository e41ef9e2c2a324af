"""From the user's values to arrays: dtypes of Python numbers, lists, NumPy arrays and scalars."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .settings import check_device, default_complex_dtype, get_default_dtype
from .tensor import Tensor, wrap

PYTHON_SCALARS = (bool, int, float, complex)


def tensor(data: Any, requires_grad: bool = False, dtype: Any = None, name: str | None = None) -> Tensor:
    """A tensor that holds a copy of `data`.

    Args:
        data: a number, a nested list of numbers, an ndarray or a Tensor. Python floats become the default
            dtype (float32), ints int64, bools bool; NumPy arrays and scalars keep their dtype.
        requires_grad: whether gradients are wanted; only for floating dtypes.
        dtype: convert to this dtype.
        name: what pictures and error messages call the tensor.

    Raises:
        TypeError: for objects and strings, and for gradients of integers.
        ValueError: for a ragged list.

    >>> import pullback as pb
    >>> pb.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    tensor([[1., 2.],
            [3., 4.]], dtype=float32, requires_grad=True)
    """
    return Tensor(data, requires_grad, dtype, name)


def asarray(obj: Any, /, *, dtype: Any = None, device: Any = None, copy: bool | None = None) -> Tensor:
    """A tensor of `obj`; an ndarray is shared, not copied, unless `copy=True` or the dtype differs.

    Writes through an ndarray that is shared this way are not seen by the tape.

    >>> import pullback as pb
    >>> pb.asarray([1, 2])
    tensor([1, 2], dtype=int64)
    """
    check_device(device)
    if isinstance(obj, Tensor) and not copy:
        if dtype is None or obj.dtype == np.dtype(dtype):
            return obj
        if copy is False:
            raise ValueError(f"a {np.dtype(dtype)} tensor from {obj.dtype} needs a copy, but copy=False")
        return obj.astype(dtype)
    if isinstance(obj, Tensor):
        duplicate = obj.copy()
        return duplicate if dtype is None else duplicate.astype(dtype)
    array = to_array(obj, dtype)
    if copy is False and array is not obj:
        raise ValueError(f"a tensor of {type(obj).__name__} as asked needs a copy, but copy=False")
    return wrap(np.array(array, copy=True) if copy else array, None)


def to_array(data: Any, dtype: Any = None, floats: Any = None) -> np.ndarray:
    """An ndarray of numbers; refuses what is not numeric.

    Python numbers get the dtype `floats`, if that is a floating one, else the default dtype.
    """
    if isinstance(data, Tensor):
        array = data._readable("converted")
    elif isinstance(data, np.ma.MaskedArray):
        raise TypeError("a masked array would lose its mask; fill it first, for example with data.filled(0)")
    elif isinstance(data, (np.ndarray, np.generic)):
        array = np.asarray(data)
    elif dtype is None and floats is not None and np.dtype(floats).kind in "fc":
        array = _from_python(data, floats)
        array = array.astype(floats) if array.dtype in (np.float64, np.complex128, np.int64) else array
    else:
        array = _from_python(data, dtype)
    if array.dtype.kind not in "biufc":
        raise TypeError(
            f"tensors hold numbers, and this is {array.dtype} ({type(data).__name__}); convert it to a numeric "
            "array first, for example np.asarray(data, dtype=float)"
        )
    return array if dtype is None else array.astype(numeric(dtype), copy=False)


def numeric(dtype: Any) -> np.dtype[Any]:
    """A dtype that tensors can have."""
    wanted: np.dtype[Any] = np.dtype(dtype)
    if wanted.kind not in "biufc":
        raise TypeError(f"tensors hold numbers, and {wanted} is not a numeric dtype")
    return wanted


def _from_python(data: Any, dtype: Any) -> np.ndarray:
    """Floats get the default dtype only where no other is asked for: on the way to float64 nothing is lost."""
    if isinstance(data, (list, tuple)):
        if any(isinstance(leaf, Tensor) for leaf in _leaves(data)):
            data = _without_tensors(data)
        numpy_leaves = any(isinstance(leaf, (np.ndarray, np.generic)) for leaf in _leaves(data))
    else:
        numpy_leaves = not isinstance(data, PYTHON_SCALARS)  # a buffer or the like has its dtype
    try:
        array = np.asarray(data)
    except ValueError as error:
        raise ValueError(f"the nested lists have unequal lengths, so they are no array: {error}") from None
    if numpy_leaves or dtype is not None:
        return array
    if array.dtype == np.float64:
        return array.astype(get_default_dtype())
    if array.dtype == np.complex128:
        return array.astype(default_complex_dtype())
    return array


def _leaves(data: Any) -> Iterator[Any]:
    for item in data:
        if isinstance(item, (list, tuple)):
            yield from _leaves(item)
        else:
            yield item


def _without_tensors(data: Any) -> Any:
    if isinstance(data, Tensor):
        if data.requires_grad:
            raise ValueError(
                "a list that holds a tensor that requires gradients cannot be converted without losing its "
                "graph; use pb.stack([...]), or detach the tensor first with .detach()"
            )
        return data.numpy()
    return [_without_tensors(item) for item in data] if isinstance(data, (list, tuple)) else data


def both(x1: Any, x2: Any) -> tuple[Tensor, Tensor]:
    """Both as Tensors; a plain number is weak beside an array."""
    if isinstance(x1, PYTHON_SCALARS) and not isinstance(x2, PYTHON_SCALARS):
        return asarray(x1, dtype=np.result_type(x1, asarray(x2).dtype)), asarray(x2)
    if isinstance(x2, PYTHON_SCALARS) and not isinstance(x1, PYTHON_SCALARS):
        return asarray(x1), asarray(x2, dtype=np.result_type(x2, asarray(x1).dtype))
    return asarray(x1), asarray(x2)


def is_complex(value: Any) -> bool:
    """Whether an operand is complex: an array, a NumPy scalar or a Python number."""
    dtype = getattr(value, "dtype", None)
    return isinstance(value, complex) if dtype is None else dtype.kind == "c"


def operand(value: Any, beside: Any = None) -> Any:
    """What an operation computes with for an argument that is not a Tensor; NotImplemented if it is none.

    Python and NumPy scalars are weak: beside a float32 tensor they do not raise its dtype. A list of numbers
    takes the floating dtype of the tensor or array that it stands beside.
    """
    kind = type(value)
    if kind in PYTHON_SCALARS:
        if kind is complex and getattr(beside, "dtype", None) == np.float64:
            return np.complex128(
                value
            )  # with a float64 scalar, which is a Python float, it would make no array
        return value
    if kind is np.ndarray and value.dtype.kind in "biufc":
        return value
    if isinstance(value, np.generic) and value.dtype.kind in "biufc":
        return _PYTHON_KIND[value.dtype.kind](value)
    if isinstance(value, (list, tuple)):
        return to_array(value, floats=getattr(beside, "dtype", None))
    if isinstance(value, np.ndarray) and not isinstance(value, np.ma.MaskedArray):
        return to_array(value)
    return NotImplemented


def array_operand(value: Any, beside: Any) -> Any:
    """`operand` where a scalar must become an array: in the dtype that it would have had beside a tensor."""
    found = operand(value, beside)
    if type(found) in PYTHON_SCALARS and beside is not None:
        return np.asarray(found, np.result_type(beside.dtype, found))
    return found


_PYTHON_KIND = {"b": bool, "i": int, "u": int, "f": float, "c": complex}
