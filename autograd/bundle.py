"""Several values of one node: the results of an operation that has several, or the gradients that come back to them.

A `Bundle` has the shape and dtype of its node. Among gradients, a part that nobody used is None until a rule needs
it. On the call path of a `Function`, whose number of outputs is known only when it has run, a Bundle takes the place
of an array, and then counts as the vector of all its parts joined.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .tensor import Tensor


class Bundle:
    """The parts, with the shape and dtype of what they are together."""

    __slots__ = ("dtype", "parts", "shape")

    def __init__(self, parts: tuple[Any, ...], shape: Any, dtype: Any) -> None:
        self.parts = parts
        self.shape = shape
        self.dtype = dtype

    def __getitem__(self, index: int) -> Any:
        return self.parts[index]

    def __add__(self, other: Bundle) -> Bundle:
        """Gradients that meet: part by part, where both have one."""
        parts = tuple(
            b if a is None else a if b is None else a + b
            for a, b in zip(self.parts, other.parts, strict=True)
        )
        return Bundle(parts, self.shape, self.dtype)

    def filled(self) -> tuple[Any, ...]:
        """What a rule gets: zeros for outputs that nothing depends on."""
        return tuple(
            np.zeros(shape, dtype)[()] if part is None else part
            for part, shape, dtype in zip(self.parts, self.shape, self.dtype, strict=True)
        )

    @property
    def nbytes(self) -> int:
        """The memory of all parts."""
        return sum(part.nbytes for part in map(_array, self.parts) if part is not None)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """The parts joined, for those who look on; parts that are None are left out."""
        arrays = [part.ravel() for part in map(_array, self.parts) if part is not None]
        return np.concatenate(arrays).astype(dtype) if arrays else np.zeros(0, dtype)


def _array(part: Any) -> Any:
    return None if part is None else np.asarray(part._array if isinstance(part, Tensor) else part)


def bundle_of(arrays: Sequence[Any]) -> Bundle:
    """The results of a forward as one; the dtype is that of the floating ones, which alone have gradients."""
    floating = [array.dtype for array in arrays if array.dtype.kind in "fc"]
    dtype = np.result_type(*floating) if floating else np.dtype(np.bool_)
    return Bundle(tuple(arrays), (sum(array.size for array in arrays),), dtype)
