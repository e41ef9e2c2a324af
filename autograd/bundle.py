"""Several results of one node: a Bundle on the tape.

A `Bundle` counts as the vector of all its parts joined, but keeps them apart. Its gradient is a Bundle
too, with None for parts that nobody used.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .tensor import Tensor


class Bundle:
    """The parts, with the shape and dtype of the vector that they are together."""

    __slots__ = ("dtype", "parts", "shape")

    def __init__(self, parts: tuple[Any, ...], shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.parts = parts
        self.shape = shape
        self.dtype = dtype

    @property
    def nbytes(self) -> int:
        """The memory of all parts."""
        return sum(part.nbytes for part in map(_array, self.parts) if part is not None)

    def __add__(self, other: Bundle) -> Bundle:
        """Gradients that meet: part by part, where both have one."""
        parts = tuple(
            b if a is None else a if b is None else a + b
            for a, b in zip(self.parts, other.parts, strict=True)
        )
        return Bundle(parts, self.shape, self.dtype)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """The parts joined, for those who look on; parts that are None are left out."""
        arrays = [part.ravel() for part in map(_array, self.parts) if part is not None]
        return np.concatenate(arrays).astype(dtype or self.dtype) if arrays else np.zeros(0, self.dtype)


def _array(part: Any) -> Any:
    return None if part is None else np.asarray(part._array if isinstance(part, Tensor) else part)


def bundle_of(arrays: Sequence[Any]) -> Bundle:
    """The results of a forward; the dtype is that of the floating ones, which alone have gradients."""
    floating = [array.dtype for array in arrays if array.dtype.kind in "fc"]
    dtype = np.result_type(*floating) if floating else np.dtype(np.bool_)
    return Bundle(tuple(arrays), (sum(array.size for array in arrays),), dtype)
