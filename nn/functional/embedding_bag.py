"""Rows of a table, reduced in bags."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...autograd import Tensor, asarray, where
from ...autograd.extend import MIXER, each_example, given, op, scattered
from .check import check_one_dtype, check_shape
from .embedding import check_table, frequencies, in_range, row_number, shorten

Array = np.ndarray[Any, Any]

MODES = ("sum", "mean", "max")


class Bags(NamedTuple):
    """Which rows are read, and where each bag begins."""

    numbers: Array  # of the rows
    owners: Array  # the bag of each
    starts: Array  # where in `numbers` each bag begins; bags may be empty


@each_example
def embedding_bag(
    input: Any,
    weight: Any,
    offsets: Any = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Any = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """The sum, mean or maximum of the rows of a table in each bag, without keeping the rows.

    Args:
        input: the numbers of the rows, integers: shape (bags, length), or (N,) with `offsets`.
        weight: the table, shape (rows, width), floating.
        offsets: for input (N,): where in it each bag begins, integers that begin with 0 and do not fall.
        max_norm: as in `embedding`.
        norm_type: as in `embedding`.
        scale_grad_by_freq: as in `embedding`; not with "max".
        mode: "sum", "mean" or "max"; an empty bag gives zeros.
        sparse: as in `embedding`.
        per_sample_weights: a factor for each row, of the input's shape; with "sum" only.
        include_last_offset: whether the last of `offsets` is the end of the last bag, and begins none.
        padding_idx: a row that counts in no bag, as if it were not there.

    Returns:
        A tensor of shape (bags, width).

    Raises:
        IndexError: for a number that is no row's.
        TypeError: for numbers that are not integers, and a table that is not floating.
        ValueError: for shapes and options that do not fit.

    >>> import pullback as pb
    >>> table = pb.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    >>> numbers, offsets = pb.tensor([0, 2, 1]), pb.tensor([0, 2])
    >>> pb.nn.functional.embedding_bag(numbers, table, offsets).tolist()
    [[3.0, 4.0], [3.0, 4.0]]
    """
    input, weight = asarray(input), asarray(weight)
    check_table("embedding_bag", input, weight)
    if mode not in MODES:
        raise ValueError(f"embedding_bag: mode must be 'sum', 'mean' or 'max', not {mode!r}")
    if mode == "max" and scale_grad_by_freq:
        raise ValueError("embedding_bag: scale_grad_by_freq has no meaning with mode 'max'")
    if per_sample_weights is not None:
        per_sample_weights = asarray(per_sample_weights)
        if mode != "sum":
            raise ValueError(f"embedding_bag: per_sample_weights go with mode 'sum' only, not with {mode!r}")
        check_shape("embedding_bag", "per_sample_weights", per_sample_weights, input.shape, "the input's")
        check_one_dtype("embedding_bag", weight=weight, per_sample_weights=per_sample_weights)
    bags, kept = _bags(
        input, offsets, include_last_offset, row_number("padding_idx", padding_idx, len(weight))
    )
    in_range(bags.numbers, len(weight))
    if max_norm is not None:
        shorten(weight, asarray(bags.numbers), max_norm, norm_type)
    if mode == "max":
        return _bag_maxima(weight, bags)
    factors = None if per_sample_weights is None else per_sample_weights.reshape((-1,))[kept]
    if mode == "mean":
        lengths = np.bincount(bags.owners, minlength=len(bags.starts))
        factors = asarray((1 / lengths[bags.owners]).astype(weight.dtype))
    return _bag_sums(weight, factors, bags=bags, scale_grad_by_freq=scale_grad_by_freq)


def _bags(
    input: Tensor, offsets: Any, include_last_offset: bool, padding_idx: int | None
) -> tuple[Bags, Array]:
    """The bags without padding, and which of the input's elements are left."""
    numbers = input.detach().numpy()
    if numbers.ndim == 2:
        if offsets is not None:
            raise ValueError(
                "embedding_bag: for an input of two axes each row is a bag, and offsets must be left out"
            )
        starts = np.arange(len(numbers)) * numbers.shape[1]
    elif numbers.ndim != 1 or offsets is None:
        raise ValueError(
            f"embedding_bag: the input has shape {numbers.shape} and must be (bags, length), or (N,) with offsets"
        )
    else:
        starts = asarray(offsets).detach().numpy()
        if starts.ndim != 1 or starts.dtype.kind not in "iu":
            raise ValueError(
                f"embedding_bag: offsets are integers of shape (bags,), not {starts.dtype} of shape {starts.shape}"
            )
        if len(starts) and (starts[0] != 0 or (np.diff(starts) < 0).any() or starts[-1] > len(numbers)):
            raise ValueError(
                f"embedding_bag: offsets must begin with 0, not fall and not go beyond the input's length "
                f"{len(numbers)}"
            )
        if include_last_offset:
            if not len(starts):
                raise ValueError("embedding_bag: with include_last_offset there is at least one offset")
            numbers, starts = numbers[: starts[-1]], starts[:-1]
    count = numbers.size
    lengths = np.diff(starts, append=count) if len(starts) else np.zeros(0, np.int64)
    numbers, owners = numbers.reshape(-1), np.repeat(np.arange(len(starts)), lengths)
    kept = np.arange(count) if padding_idx is None else np.flatnonzero(numbers != padding_idx)
    owners = owners[kept]
    return Bags(numbers[kept], owners, np.searchsorted(owners, np.arange(len(starts)))), kept


def _reduced(ufunc: np.ufunc, rows: Array, bags: Bags) -> Array:
    """A ufunc over the rows of each bag; zeros for an empty one."""
    ends = np.append(bags.starts[1:], len(rows))
    filled = bags.starts < ends
    out = np.zeros((len(bags.starts), rows.shape[1]), rows.dtype)
    if filled.any():
        out[filled] = ufunc.reduceat(rows, bags.starts[filled], axis=0)
    return out


def _embedding_bag(
    weight: Array, factors: Array | None = None, *, bags: Bags, scale_grad_by_freq: bool
) -> Array:
    """The sum of factor·row over the rows of each bag. `embedding_bag` is the function that checks."""
    rows = np.take(weight, bags.numbers, axis=0)
    count, length = len(bags.starts), len(rows) // max(len(bags.starts), 1)
    if length and np.array_equal(bags.starts, np.arange(count) * length) and len(rows) == count * length:
        each = np.ones((1, length), rows.dtype) if factors is None else factors.reshape(count, 1, length)
        return np.matmul(each, rows.reshape(count, length, -1))[:, 0]  # several times as fast as reduceat
    if factors is not None:
        rows *= factors[:, None]
    return _reduced(np.add, rows, bags)


def _bag_table_rule(
    g: Any, factors: Any, bags: Bags, scale_grad_by_freq: bool, weight_shape: tuple[int, ...]
) -> Any:
    """For each row that was read the gradient of its bag, times its factor."""
    parts = g[bags.owners]
    parts = parts if factors is None else parts * factors[:, None]
    if scale_grad_by_freq:
        parts = parts / frequencies(bags.numbers, weight_shape[0], g.dtype)[:, None]
    return scattered(parts, (bags.numbers,), weight_shape)


_bag_sums: Callable[..., Tensor] = op(
    _embedding_bag,
    "weight factors",
    weight=_bag_table_rule,
    factors=lambda g, weight, bags: np.sum(g[bags.owners] * weight[bags.numbers], axis=1),
    gate=MIXER,
    name="embedding_bag",
    samples=given(
        (
            ((3, 2), (4,)),
            {"bags": Bags(np.array([2, 0, 2, 1]), np.array([0, 0, 0, 2]), np.array([0, 3, 3])),
             "scale_grad_by_freq": False},
        ),
        (
            ((3, 2),),
            {"bags": Bags(np.array([1, 1]), np.array([0, 1]), np.array([0, 1])), "scale_grad_by_freq": False},
        ),
    ),
)  # fmt: skip


def _bag_maxima(weight: Tensor, bags: Bags) -> Tensor:
    """The rows' elements that are largest in their bags, the first among equals."""
    count, width = len(bags.numbers), weight.shape[1]
    if not count:
        return weight[:0].sum(axis=0) * np.zeros((len(bags.starts), 1), weight.dtype)
    rows = np.take(weight.detach().numpy(), bags.numbers, axis=0)
    largest = (rows == _reduced(np.maximum, rows, bags)[bags.owners]) | np.isnan(rows)
    winners = _reduced(np.minimum, np.where(largest, np.arange(count)[:, None], count), bags)
    found: Tensor = weight[bags.numbers[winners], np.arange(width)]
    empty = np.bincount(bags.owners, minlength=len(bags.starts)) == 0
    result: Tensor = where(empty[:, None], np.zeros((), weight.dtype), found) if empty.any() else found
    return result
