"""Gradients of indexing: the values and where they belong, until somebody needs the whole array.

The gradient of `x[index]` is zero but for the places that were picked. Backward keeps it as it came, so that many
reads of one array (the steps of a sequence, the rows of an embedding) cost what they read, and makes it an array
before a rule, a hook or anything recorded sees it. A leaf keeps it until its `.grad` is read.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .kernels import kernel

if TYPE_CHECKING:
    from .tensor import Tensor


_MUCH = 2  # times the size of the array; then the values are added up
_FEW = 8  # rows for one number that are not worth a product of their own


class Scattered:
    """The gradient of an array of a shape: zero, with values added at the places that indices pick."""

    __slots__ = ("dtype", "pieces", "shape")

    def __init__(self, pieces: list[tuple[tuple[Any, ...], Any]], shape: tuple[int, ...], dtype: Any) -> None:
        self.pieces = pieces
        self.shape = shape
        self.dtype = dtype

    @property
    def nbytes(self) -> int:
        """The memory of the values."""
        return sum(values.nbytes for _, values in self.pieces)

    def add_to(self, out: np.ndarray) -> None:
        """Add the values to an array of the shape."""
        for index, values in self.pieces:
            add_at(out, index, values)

    def dense(self) -> Any:
        """The whole array."""
        out = np.zeros(self.shape, self.dtype)
        self.add_to(out)
        return out if out.ndim else out[()]

    def extend(self, other: Scattered) -> None:
        """Add another gradient of the same array; what is kept never takes more than a few times the whole array."""
        self.pieces += other.pieces
        if self.nbytes > _MUCH * math.prod(self.shape) * self.dtype.itemsize:
            found = self.rows()
            if found is None:
                self.pieces = [((Ellipsis,), self.dense())]
            else:
                numbers, rows = summed(np.concatenate(found[0]), np.concatenate(found[1]), self.shape[0])
                self.pieces = [((numbers,), rows)]

    def snapshot(self) -> Scattered:
        """The same values as they are now, whatever is added later."""
        return Scattered(list(self.pieces), self.shape, self.dtype)

    def copy(self) -> Scattered:
        """The same with values of its own."""
        return Scattered([(index, values.copy()) for index, values in self.pieces], self.shape, self.dtype)

    def astype(self, dtype: Any) -> Scattered:
        """The same in another dtype."""
        pieces = [(index, values.astype(dtype)) for index, values in self.pieces]
        return Scattered(pieces, self.shape, np.dtype(dtype))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self.dense(), dtype)

    def rows(self) -> tuple[list[np.ndarray], list[np.ndarray]] | None:
        """The numbers of the rows that are not zero, and the rows; None if it is not made of whole rows."""
        numbers, values = [], []
        for index, part in self.pieces:
            first = index[0] if index else None
            of_rows = isinstance(first, (int, np.integer)) or (
                isinstance(first, np.ndarray) and first.dtype.kind in "iu"
            )
            if not of_rows or isinstance(first, (bool, np.bool_)) or any(map(_narrows, index[1:])):
                return None
            flat = np.ravel(np.asarray(first, np.intp))
            numbers.append(np.where(flat < 0, flat + self.shape[0], flat))
            values.append(np.reshape(part, (flat.size, *self.shape[1:])))
        return numbers, values


def _narrows(part: Any) -> bool:
    return not (part is Ellipsis or (isinstance(part, slice) and part == slice(None)))


def merged(first: Any, second: Any, owned: bool) -> Any:
    """The sum of two gradients, one of them Scattered; `first` is changed if it is, or is `owned`."""
    if isinstance(first, Scattered):
        if isinstance(second, Scattered):
            first.extend(second)
            return first
        first, second, owned = second, first, False
    if not isinstance(first, (np.ndarray, np.generic)):  # a Tensor
        return first + second.dense()
    total = first if owned and type(first) is np.ndarray else np.array(first)
    second.add_to(total)
    return total


def picks_each_once(index: tuple[Any, ...]) -> bool:
    """Whether no element can be picked twice: no integer arrays, but slices, integers and masks."""
    return not any(isinstance(part, np.ndarray) and part.dtype.kind in "iu" and part.ndim for part in index)


def add_at(out: np.ndarray, index: tuple[Any, ...], values: Any) -> None:
    """`out[index] += values`, where a place that is picked twice receives twice."""
    if picks_each_once(index):
        out[index] += values
    elif isinstance(index[0], np.ndarray) and out.ndim > 1 and not any(map(_narrows, index[1:])):
        rows, sums = summed(index[0].ravel(), np.reshape(values, (index[0].size, *out.shape[1:])), len(out))
        out[rows] += sums
    else:
        np.add.at(out, index, values)


def summed(numbers: np.ndarray, rows: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Each number once, in order, and the sum of its rows; many times as fast as `np.add.at` on rows.

    The first rows of all numbers are taken together, then the second ones, and so on; a number that has more than a
    few is one product with ones.
    """
    if not numbers.size:
        return numbers, rows
    numbers = numbers.astype(np.intp, copy=False)  # a count may be too large for the index's own dtype
    numbers = np.where(numbers < 0, numbers + count, numbers)
    # small integers are sorted by their bytes, in a fraction of the time
    order = np.argsort(numbers.astype(np.uint16) if count <= 1 << 16 else numbers, kind="stable")
    numbers = numbers[order]
    starts = np.flatnonzero(np.concatenate(([True], numbers[1:] != numbers[:-1])))
    sums = _sums_of_runs(rows.reshape(len(rows), -1), order, starts)
    return numbers[starts], sums.reshape(len(starts), *rows.shape[1:])


@kernel("tables.sums_of_runs", over=1 << 12)
def _sums_of_runs(rows: np.ndarray, order: np.ndarray, starts: np.ndarray) -> Any:
    """The sums of rows that stand behind one another in an order, from each start to the next."""
    rows = rows[order]
    lengths = np.diff(starts, append=len(rows))
    sums = rows[starts]
    few = np.flatnonzero((lengths > 1) & (lengths <= _FEW))
    for i in range(1, _FEW):
        few = few[lengths[few] > i]
        if not few.size:
            break
        sums[few] += rows[starts[few] + i]
    ones = np.ones(lengths.max(), rows.dtype)
    for many in np.flatnonzero(lengths > _FEW):
        length, start = lengths[many], starts[many]
        np.matmul(ones[:length], rows[start : start + length], out=sums[many])
    return sums


class SparseGradient(NamedTuple):
    """The rows of a gradient that are not zero."""

    indices: np.ndarray
    """The numbers of the rows, each once, in order; shape (k,)."""
    values: np.ndarray
    """The rows, of shape (k, ...)."""


def sparse_grad(tensor: Tensor) -> SparseGradient | None:
    """The gradient of a leaf by its rows, where all of it came from reading rows; for optimisers of embeddings.

    Returns:
        None if there is no gradient, or it is a whole array: something else than rows was read, a hook was on the
        leaf, its graph was recorded, or `.grad` has been read since backward.

    >>> import pullback as pb
    >>> from pullback.autograd.extend import sparse_grad
    >>> table = pb.zeros((1000, 2)).requires_grad_()
    >>> table[pb.asarray([7, 3, 7])].sum().backward()
    >>> rows = sparse_grad(table)
    >>> rows.indices.tolist(), rows.values.tolist()
    ([3, 7], [[1.0, 1.0], [2.0, 2.0]])
    """
    held = tensor._grad
    found = held.rows() if isinstance(held, Scattered) else None
    if found is None:
        return None
    numbers, rows = found
    return SparseGradient(*summed(np.concatenate(numbers), np.concatenate(rows), tensor.shape[0]))
