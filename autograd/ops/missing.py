"""Reductions of the elements that are not nan; the missing ones get a zero gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..batched import all_values
from ..calling import respell
from ..convert import asarray
from ..gate import ROUTER
from ..op import SingularPoint, op
from ..samples import elementwise
from ..tensor import Tensor
from . import reduce
from .cumulative import prod
from .elementwise import isnan, logical_not, where
from .reduce import Axis


@op(
    "x",
    x=lambda g, x: np.where(np.isfinite(x), g, 0),
    gate=ROUTER,
    complex="values",
    numpy=(np.nan_to_num,),
    samples=elementwise(1),
    singular=[SingularPoint((np.nan,), (0.0,)), SingularPoint((np.inf,), (0.0,))],
    reference=np.nan_to_num,
)
def nan_to_num(
    x: Any, /, *, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Any:
    """x with numbers for nan and the infinities, for which the largest ones stand; those get no gradient.

    >>> import pullback as pb
    >>> pb.nan_to_num(pb.tensor([1.0, pb.nan]), nan=5.0)
    tensor([1., 5.], dtype=float32)
    """
    return np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)


def _filled(x: Any, value: float) -> tuple[Tensor, Tensor]:
    """x with a value for nan, and where there was none."""
    x = asarray(x)
    present: Tensor = logical_not(isnan(x))
    return (x if np.all(all_values(present)) else where(present, x, value)), present


def nansum(x: Any, axis: Axis = None, *, keepdims: bool = False, **spelling: Any) -> Tensor:
    """The sum of the elements that are not nan.

    >>> import pullback as pb
    >>> pb.nansum(pb.tensor([1.0, pb.nan]))
    tensor(1., dtype=float32)
    """
    axis, keepdims = respell("nansum", spelling, axis, keepdims)
    return reduce.sum(_filled(x, 0)[0], axis, keepdims=keepdims)


def nanprod(x: Any, axis: Axis = None, *, keepdims: bool = False, **spelling: Any) -> Tensor:
    """The product of the elements that are not nan.

    >>> import pullback as pb
    >>> pb.nanprod(pb.tensor([2.0, pb.nan]))
    tensor(2., dtype=float32)
    """
    axis, keepdims = respell("nanprod", spelling, axis, keepdims)
    return prod(_filled(x, 1)[0], axis, keepdims=keepdims)


def nanmean(x: Any, axis: Axis = None, *, keepdims: bool = False, **spelling: Any) -> Tensor:
    """The mean of the elements that are not nan; nan where there are none.

    >>> import pullback as pb
    >>> pb.nanmean(pb.tensor([1.0, pb.nan, 3.0]))
    tensor(2., dtype=float32)
    """
    axis, keepdims = respell("nanmean", spelling, axis, keepdims)
    filled, present = _filled(x, 0)
    count = present.sum(axis=axis, keepdims=keepdims)
    return _where_any(count, reduce.sum(filled, axis, keepdims=keepdims) / _positive(count, filled))


def nanvar(
    x: Any, axis: Axis = None, *, correction: float = 0.0, keepdims: bool = False, **spelling: Any
) -> Tensor:
    """The variance of the elements that are not nan; nan where there are too few.

    >>> import pullback as pb
    >>> pb.nanvar(pb.tensor([1.0, pb.nan, 3.0]))
    tensor(1., dtype=float32)
    """
    axis, keepdims = respell("nanvar", spelling, axis, keepdims)
    x = asarray(x)
    _, present = _filled(x, 0)
    centre = nanmean(x, axis, keepdims=True)
    away = where(present, x - centre, 0)
    free = present.sum(axis=axis, keepdims=keepdims) - correction
    return _where_any(free, reduce.sum(away * away, axis, keepdims=keepdims) / _positive(free, x))


def nanstd(
    x: Any, axis: Axis = None, *, correction: float = 0.0, keepdims: bool = False, **spelling: Any
) -> Tensor:
    """The standard deviation of the elements that are not nan, √nanvar; the gradient is 0 where it is 0.

    >>> import pullback as pb
    >>> pb.nanstd(pb.tensor([1.0, pb.nan, 3.0]))
    tensor(1., dtype=float32)
    """
    axis, keepdims = respell("nanstd", spelling, axis, keepdims)
    variance = nanvar(x, axis, correction=correction, keepdims=keepdims)
    zero = variance.detach() == 0
    return where(zero, 0, where(zero, 1, variance) ** 0.5)


def nanmax(x: Any, axis: Axis = None, *, keepdims: bool = False, **spelling: Any) -> Tensor:
    """The largest of the elements that are not nan; nan where there are none.

    >>> import pullback as pb
    >>> pb.nanmax(pb.tensor([1.0, pb.nan, 3.0]))
    tensor(3., dtype=float32)
    """
    axis, keepdims = respell("nanmax", spelling, axis, keepdims)
    filled, present = _filled(x, -np.inf)
    return _where_any(present.sum(axis=axis, keepdims=keepdims), reduce.max(filled, axis, keepdims=keepdims))


def nanmin(x: Any, axis: Axis = None, *, keepdims: bool = False, **spelling: Any) -> Tensor:
    """The smallest of the elements that are not nan; nan where there are none.

    >>> import pullback as pb
    >>> pb.nanmin(pb.tensor([1.0, pb.nan, 3.0]))
    tensor(1., dtype=float32)
    """
    axis, keepdims = respell("nanmin", spelling, axis, keepdims)
    filled, present = _filled(x, np.inf)
    return _where_any(present.sum(axis=axis, keepdims=keepdims), reduce.min(filled, axis, keepdims=keepdims))


def _positive(count: Any, like: Tensor) -> Any:
    """A number to divide by, in the dtype of the elements."""
    return where(count > 0, count, 1).astype(like.dtype if like.dtype.kind == "f" else np.float64)


def _where_any(count: Any, result: Tensor) -> Tensor:
    """The result where something was counted, else nan."""
    counted = count > 0
    return result if np.all(all_values(counted)) else where(counted, result, np.nan)
