"""Sorting, and what stands on it: extremes by number, quantiles, distinct values."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..calling import respell
from ..convert import asarray
from ..family import Family
from ..gate import BLOCK, RELAY
from ..op import op
from ..samples import given
from ..tensor import Tensor, wrap
from ..vectorise import refused_batch, shape_depends_on_values
from .gather import take, take_along_axis

_CASES = given(
    (((5,),), {}),
    (((3, 4),), {"axis": 0}),
    (((3, 4),), {"axis": -1, "descending": True}),
    (((2, 3, 2),), {"axis": 1}),
    (((0, 3),), {"axis": 0}),
    family=Family.ALONG,
)


def _order(x: Any, axis: int, descending: bool, stable: bool) -> Any:
    kind = "stable" if stable else None
    if not descending:
        return np.argsort(x, axis=axis, kind=kind)
    backwards = np.argsort(np.flip(x, axis), axis=axis, kind=kind)  # so that ties stay in their order
    return np.flip(np.asarray(x.shape[axis] - 1 - backwards), axis)


@op(
    "x",
    gate=BLOCK,
    method=True,
    samples=_CASES,
    reference=lambda x, axis=-1, descending=False: np.argsort(-x if descending else x, axis=axis),
)
def argsort(x: Any, /, axis: int = -1, *, descending: bool = False, stable: bool = True) -> Any:
    """The indices that sort x along an axis; nan counts as the largest number.

    >>> import pullback as pb
    >>> pb.argsort(pb.tensor([3.0, 1.0, 2.0]))
    tensor([1, 2, 0], dtype=int64)
    """
    return _order(x, axis, descending, stable)


@op(
    "x",
    x=lambda g, x, axis, descending, stable: take_along_axis.raw(
        g,
        np.argsort(argsort.raw(_values(x), axis, descending=descending, stable=stable), axis=axis),
        axis=axis,
    ),
    gate=RELAY,
    samples=_CASES,
    reference=lambda x, axis=-1, descending=False: -np.sort(-x, axis) if descending else np.sort(x, axis),
)
def sort(x: Any, /, axis: int = -1, *, descending: bool = False, stable: bool = True) -> Any:
    """The elements in order along an axis; nan counts as the largest number.

    The gradient goes back to where each element came from; equal elements count in their order.

    >>> import pullback as pb
    >>> pb.sort(pb.tensor([3.0, 1.0, 2.0]), descending=True)
    tensor([3., 2., 1.], dtype=float32)
    """
    return np.take_along_axis(x, _order(x, axis, descending, stable), axis=axis)


def _values(x: Any) -> Any:
    """The array of a Tensor: what a discrete choice looks at."""
    return x._array if isinstance(x, Tensor) else x


class TopK(NamedTuple):
    """The largest or smallest elements, and where they were."""

    values: Tensor
    indices: Tensor


def topk(x: Any, k: int, axis: int = -1, *, largest: bool = True, **spelling: Any) -> TopK:
    """The k largest elements along an axis, in descending order, with their indices; or the k smallest.

    Args:
        x: the array.
        k: how many, at most the length of the axis.
        axis: along which (PyTorch's `dim`).
        largest: false for the smallest, in ascending order.

    >>> import pullback as pb
    >>> pb.topk(pb.tensor([3.0, 1.0, 2.0]), 2).values
    tensor([3., 2.], dtype=float32)
    """
    axis, _ = respell("topk", spelling, axis, default=-1)
    x = asarray(x)
    if x.ndim == 0:
        raise ValueError("topk needs at least one axis; reshape a number to (1,) first")
    if not 0 <= k <= x.shape[axis]:
        raise ValueError(f"topk: there are no {k} elements along axis {axis} of shape {x.shape}")
    indices = take(argsort(x, axis, descending=largest), np.arange(k), axis=axis)
    return TopK(take_along_axis(x, indices, axis=axis), indices)


# distinct values: their gradients would depend on which of the equal ones is meant, so nothing passes


class UniqueAll(NamedTuple):
    """The distinct values, where each first occurs, where each element went, and how often each occurs."""

    values: Tensor
    indices: Tensor
    inverse_indices: Tensor
    counts: Tensor


class UniqueCounts(NamedTuple):
    """The distinct values and how often each occurs."""

    values: Tensor
    counts: Tensor


class UniqueInverse(NamedTuple):
    """The distinct values, and for each element of x which of them it is."""

    values: Tensor
    inverse_indices: Tensor


_REPEATED = np.array([[2.0, 1.0], [2.0, 3.0]])


@op(
    "x",
    gate=BLOCK,
    samples=given(((_REPEATED,), {}), (((3,),), {}), (((0,),), {})),
    batch=refused_batch("unique_values"),
    reference=np.unique,
)
def unique_values(x: Any, /) -> Any:
    """The distinct values of x in ascending order; each nan counts by itself. No gradient passes.

    >>> import pullback as pb
    >>> pb.unique_values(pb.tensor([2, 1, 2]))
    tensor([1, 2], dtype=int64)
    """
    return np.unique_values(x) if np.ndim(x) == 0 else np.sort(np.unique_values(x))


@shape_depends_on_values
def unique_all(x: Any, /) -> UniqueAll:
    """The distinct values of x with first indices, inverse indices and counts. No gradient passes.

    >>> import pullback as pb
    >>> pb.unique_all(pb.tensor([2, 1, 2])).indices
    tensor([1, 0], dtype=int64)
    """
    return UniqueAll(*(wrap(part, None) for part in np.unique_all(asarray(x).detach().numpy())))


@shape_depends_on_values
def unique_counts(x: Any, /) -> UniqueCounts:
    """The distinct values of x and how often each occurs. No gradient passes.

    >>> import pullback as pb
    >>> pb.unique_counts(pb.tensor([2, 1, 2])).counts
    tensor([1, 2], dtype=int64)
    """
    return UniqueCounts(*(wrap(part, None) for part in np.unique_counts(asarray(x).detach().numpy())))


@shape_depends_on_values
def unique_inverse(x: Any, /) -> UniqueInverse:
    """The distinct values of x, and for each element which of them it is. No gradient passes.

    >>> import pullback as pb
    >>> pb.unique_inverse(pb.tensor([2, 1, 2])).inverse_indices
    tensor([1, 0, 1], dtype=int64)
    """
    return UniqueInverse(*(wrap(part, None) for part in np.unique_inverse(asarray(x).detach().numpy())))


@shape_depends_on_values
def nonzero(x: Any, /) -> tuple[Tensor, ...]:
    """The indices of the elements that are not zero, one tensor for each axis.

    >>> import pullback as pb
    >>> pb.nonzero(pb.tensor([0.0, 5.0, 7.0]))
    (tensor([1, 2], dtype=int64),)
    """
    x = asarray(x)
    if x.ndim == 0:
        raise ValueError("nonzero needs at least one axis; reshape a number to (1,) first")
    return tuple(wrap(part, None) for part in np.nonzero(x.detach().numpy()))
