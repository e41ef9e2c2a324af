"""Rows of a table by their numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...autograd import Tensor, asarray
from ...autograd.extend import BLOCK, ROUTER, given, op, scattered, writable
from .check import check_floating, check_positive

Array = np.ndarray[Any, Any]


def embedding(
    input: Any,
    weight: Any,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """Look rows of a table up: weight[input].

    The gradient of the table is kept as the rows that were read, whatever `sparse` says, and becomes a whole array
    when `weight.grad` is read; `autograd.extend.sparse_grad` gives the rows.

    Args:
        input: the numbers of the rows, integers of any shape, from 0 on.
        weight: the table, shape (rows, width), floating.
        padding_idx: a row that gets no gradient; negative numbers count from the end.
        max_norm: rows that are read and are longer than this are first shortened to it, in place.
        norm_type: the p of the norm that `max_norm` means.
        scale_grad_by_freq: divide the gradient of a row by how often it was read; in a second derivative each
            gradient that comes back is divided, and PyTorch divides the last one only.
        sparse: taken for PyTorch's sake; see above.

    Returns:
        A tensor of shape (*input.shape, width).

    Raises:
        IndexError: for a number that is no row's.
        TypeError: for numbers that are not integers, and a table that is not floating.
        ValueError: for a table that is not a matrix.

    >>> import pullback as pb
    >>> table = pb.tensor([[0.0, 0.0], [1.0, 2.0], [3.0, 4.0]])
    >>> pb.nn.functional.embedding(pb.tensor([2, 1]), table).tolist()
    [[3.0, 4.0], [1.0, 2.0]]
    """
    input, weight = asarray(input), asarray(weight)
    check_table("embedding", input, weight)
    padding_idx = row_number("padding_idx", padding_idx, weight.shape[0])
    if max_norm is not None:
        shorten(weight, input, max_norm, norm_type)
    return _embedding_op(input, weight, padding_idx=padding_idx, scale_grad_by_freq=scale_grad_by_freq)


def row_number(name: str, value: int | None, rows: int) -> int | None:
    """A row's number as one from 0 on; None stays.

    Raises:
        ValueError: for a number that is no row's.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not -rows <= value < rows:
        raise ValueError(f"{name} is the number of a row, from {-rows} to {rows - 1}, and not {value!r}")
    return int(value) % rows


def check_table(where: str, input: Any, weight: Any) -> None:
    """Raise ValueError or TypeError for a table that is no floating matrix, and numbers that are no integers."""
    if weight.ndim != 2:
        raise ValueError(f"{where}: the table (weight) is a matrix, and not of shape {weight.shape}")
    check_floating(where, "the table (weight)", weight)
    if input.dtype.kind not in "iu":
        raise TypeError(
            f"{where}: the input holds numbers of rows, which are integers, and not {input.dtype}; "
            "convert it with .astype('int64')"
        )


def shorten(weight: Tensor, input: Tensor, max_norm: float, norm_type: float) -> None:
    """Bring the rows that are read and are longer than `max_norm` to that length, in place."""
    check_positive("embedding", "max_norm", max_norm)
    numbers = np.unique(input.detach().numpy())
    rows = weight.detach().numpy()[in_range(numbers, weight.shape[0])]
    norms = np.linalg.norm(rows, norm_type, axis=1, keepdims=True)
    long = norms[:, 0] > max_norm
    if long.any():
        writable(weight)[numbers[long]] = rows[long] * (max_norm / (norms[long] + 1e-7))


def in_range(input: Any, rows: int) -> Any:
    """The numbers, if each is a row's."""
    if input.size and (input.min() < 0 or input.max() >= rows):
        wrong = int(input.min() if input.min() < 0 else input.max())
        raise IndexError(f"embedding: there is no row {wrong}; the table has {rows}, from 0 on")
    return input


def _embedding(input: Array, weight: Array, *, padding_idx: int | None, scale_grad_by_freq: bool) -> Array:
    """The rows of a table: weight[input]. `embedding` is the function that checks."""
    numbers = in_range(np.asarray(input), len(weight))
    found: Array = np.take(weight, numbers, axis=0)
    return found


def _table_rule(
    g: Any, input: Any, weight_shape: tuple[int, ...], padding_idx: int | None, scale_grad_by_freq: bool
) -> Any:
    """The rows of g, each for the row of the table that was read."""
    numbers = np.asarray(input)
    if scale_grad_by_freq:
        g = g / frequencies(numbers, weight_shape[0], g.dtype)[..., None]
    if padding_idx is not None:
        kept = numbers != padding_idx
        g, numbers = g[kept], numbers[kept]
    return scattered(g, (numbers,), weight_shape)


def frequencies(numbers: Array, rows: int, dtype: Any) -> Array:
    """How often each of the numbers is there."""
    return np.bincount(numbers.ravel(), minlength=rows)[numbers].astype(dtype)


def _batch(call: Any, batched: tuple[bool, ...], input: Any, weight: Any, **parameters: Any) -> Any:
    if batched[1] or parameters["scale_grad_by_freq"]:
        return NotImplemented
    return call(input, weight, **parameters)


_NUMBERS = np.array([[2, 0], [2, 1]])

_embedding_op: Callable[..., Tensor] = op(
    _embedding,
    "input weight",
    weight=_table_rule,
    gate={"input": BLOCK, "weight": ROUTER},
    name="embedding",
    batch=_batch,
    samples=given(
        ((_NUMBERS, (4, 3)), {"padding_idx": None, "scale_grad_by_freq": False}),
        ((np.array(1), (2, 3)), {"padding_idx": None, "scale_grad_by_freq": False}),
        ((np.zeros((0, 2), np.int64), (2, 3)), {"padding_idx": None, "scale_grad_by_freq": False}),
    ),
    reference=lambda input, weight, **options: weight[input],
)
