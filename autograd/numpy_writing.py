"""NumPy's functions that write into their first argument, as tracked writes in place."""

from __future__ import annotations

from typing import Any

import numpy as np

from .convert import asarray, operand
from .ops import elementwise
from .ops.index import add_at
from .ops.shape import broadcast_to, reshape
from .tensor import Tensor


def _target(name: str, target: Any) -> Tensor:
    if not isinstance(target, Tensor):
        raise TypeError(
            f"np.{name} writes into a {type(target).__name__}, where the gradient would be lost; write into a Tensor, "
            "or pass .detach().numpy() of what is written if no gradient is wanted"
        )
    return target


def _values(data: Any) -> np.ndarray:
    """What is only looked at: masks and indices."""
    return np.asarray(data._array if isinstance(data, Tensor) else data)


def _cycled(values: Any, order: np.ndarray, like: Tensor) -> Tensor:
    """Values by number, from the beginning again where they run out."""
    flat = reshape(asarray(values, dtype=None if isinstance(values, Tensor) else like.dtype), -1)
    if not flat.size:
        raise ValueError("there are no values to be written")
    result: Tensor = flat[order % flat.size]
    return result


def _write(target: Tensor, places: np.ndarray, values: Any, order: np.ndarray) -> None:
    """Write at places that are numbered as in the flattened tensor."""
    if places.size:
        target[np.unravel_index(places, target.shape)] = _cycled(values, order, target)


def copyto(dst: Any, src: Any, casting: str = "same_kind", where: Any = True) -> None:
    """`np.copyto`."""
    dst = _target("copyto", dst)
    value = operand(src)
    value = src if value is NotImplemented else value
    source = value if isinstance(value, (bool, int, float, complex)) else asarray(value)
    if not isinstance(source, Tensor):
        pass
    elif not np.can_cast(source.dtype, dst.dtype, casting):  # type: ignore[arg-type]  # NumPy looks at the text
        raise TypeError(f"np.copyto: {source.dtype} cannot become {dst.dtype} by the rule {casting!r}")
    elif source.dtype != dst.dtype:
        source = source.astype(dst.dtype)
    if where is True:
        dst[...] = source
        return
    mask = np.broadcast_to(_values(where), dst.shape)
    dst[mask] = broadcast_to(source, dst.shape)[mask] if isinstance(source, Tensor) else source


def put(a: Any, ind: Any, v: Any, mode: str = "raise") -> None:
    """`np.put`."""
    a = _target("put", a)
    places = _values(ind).ravel()
    if mode != "raise":
        places = np.clip(places, 0, a.size - 1) if mode == "clip" else places % max(a.size, 1)
    elif places.size and not (-a.size <= places.min() and places.max() < a.size):
        raise IndexError(f"np.put: an index is out of bounds for a tensor of {a.size} elements")
    _write(a, places % max(a.size, 1), v, np.arange(places.size))


def putmask(a: Any, mask: Any, values: Any) -> None:
    """`np.putmask`: element i of the mask picks value i."""
    a = _target("putmask", a)
    places = np.flatnonzero(_values(mask))
    _write(a, places, values, places)


def place(arr: Any, mask: Any, vals: Any) -> None:
    """`np.place`: the values are taken in order, one for each place that the mask picks."""
    arr = _target("place", arr)
    places = np.flatnonzero(_values(mask))
    _write(arr, places, vals, np.arange(places.size))


def fill_diagonal(a: Any, val: Any, wrap: bool = False) -> None:
    """`np.fill_diagonal`."""
    a = _target("fill_diagonal", a)
    numbers = np.arange(a.size).reshape(a.shape)
    marks = np.zeros(a.shape, bool)
    np.fill_diagonal(marks, True, wrap=wrap)
    places = numbers[marks]
    _write(a, places, val, np.arange(places.size))


def put_along_axis(arr: Any, indices: Any, values: Any, axis: int | None = -1) -> None:
    """`np.put_along_axis`."""
    arr = _target("put_along_axis", arr)
    marks = np.arange(arr.size).reshape(arr.shape)
    if axis is None:
        marks, axis = marks.ravel(), 0
    places = np.take_along_axis(marks, _values(indices), axis)
    given = asarray(values, dtype=None if isinstance(values, Tensor) else arr.dtype)
    _write(arr, places.ravel(), broadcast_to(given, places.shape), np.arange(places.size))


def at(ufunc: np.ufunc, a: Any, indices: Any, b: Any) -> bool:
    """`np.add.at(a, indices, b)` and `np.subtract.at`, which count a place as often as it is named.

    Returns:
        Whether the ufunc is one of these.
    """
    known: dict[np.ufunc, Any] = {np.add: elementwise.add, np.subtract: elementwise.subtract}
    sign = known.get(ufunc)
    if sign is None:
        return False
    a = _target(f"{ufunc.__name__}.at", a)
    index = tuple(
        _values(part) if isinstance(part, (Tensor, list)) else part
        for part in (indices if isinstance(indices, tuple) else (indices,))
    )
    shape = np.empty(a.shape, bool)[index].shape
    terms = broadcast_to(asarray(b, dtype=None if isinstance(b, Tensor) else a.dtype), shape)
    a[...] = sign(a, add_at(terms, index, a.shape))
    return True
