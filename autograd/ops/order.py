"""What depends on order along axes: medians and quantiles, running extremes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..batched import all_values
from ..calling import respell
from ..convert import asarray
from ..family import Family
from ..gate import BLOCK
from ..methods import method
from ..op import op
from ..samples import given
from ..tensor import Tensor
from .elementwise import floor, isnan, maximum, minimum, where
from .gather import take_along_axis
from .reduce import Axis, reduced_axes
from .reduce import sum as total
from .shape import expand_dims, moveaxis, permute_dims, reshape
from .sort import sort


def _last(x: Tensor, axis: Axis) -> Tensor:
    """The axes that are reduced, as one, in the last place."""
    axes = reduced_axes(x.shape, axis)
    rest = tuple(i for i in range(x.ndim) if i not in axes)
    count = int(np.prod([x.shape[i] for i in axes], dtype=int))
    return reshape(permute_dims(x, rest + axes), (*(x.shape[i] for i in rest), count))


def _kept(result: Tensor, x: Tensor, axis: Axis, leading: int) -> Tensor:
    """The reduced axes put back with length 1, behind those of the quantiles."""
    return expand_dims(result, tuple(leading + a for a in reduced_axes(x.shape, axis)))


def _quantile(name: str, x: Any, q: Any, axis: Axis, keepdims: bool, skip_nan: bool) -> Tensor:
    x = asarray(x)
    if x.dtype.kind not in "fiu":
        raise TypeError(f"{name} needs real numbers, and x is {x.dtype}")
    levels = _levels(name, q)
    flat = sort(_last(x, axis))
    length = flat.shape[-1]
    if length == 0:
        raise ValueError(f"{name}: x of shape {x.shape} has no elements along the axes")
    missing = total(isnan(flat), -1, keepdims=True)
    last: Any = maximum(length - missing if skip_nan else length + 0 * missing, 1) - 1
    place = reshape(levels, -1) * last
    lower = floor(place)
    below = lower.astype(np.int64)
    share = (place - lower).astype(flat.dtype if flat.dtype.kind == "f" else np.float64)
    low = take_along_axis(flat, below)
    high = take_along_axis(flat, minimum(below + 1, last))
    found = low + where(share == 0, 0, high - low) * share  # an infinite neighbour that counts nothing
    if not skip_nan and np.any(all_values(missing)):
        found = where(missing > 0, flat[..., -1:], found)  # nan stands last
    result = reshape(moveaxis(found, -1, 0), (*levels.shape, *flat.shape[:-1]))
    return _kept(result, x, axis, levels.ndim) if keepdims else result


def _levels(name: str, q: Any) -> Tensor:
    """The levels, which have no gradient, in double precision."""
    levels = asarray(q, dtype=np.float64)
    if levels.requires_grad:
        raise RuntimeError(f"the level of {name} has no gradient; pass it as q.detach()")
    values = all_values(levels)
    if values.size and not (values.min() >= 0 and values.max() <= 1):
        raise ValueError(f"{name}: the levels must lie within 0 and 1 (0 and 100 for percentiles)")
    return levels


def quantile(x: Any, q: Any, axis: Axis = None, *, keepdims: bool = False, **spelling: Any) -> Tensor:
    """The value below which a share q of the elements lies, on the line between its two neighbours in order.

    Args:
        x: the array; with a nan among the elements the result is nan.
        q: one level between 0 and 1, or an array of them, whose axes come first in the result.
        axis: along which axes (also `dim`); all if None.
        keepdims: keep the reduced axes with length 1.

    >>> import pullback as pb
    >>> pb.quantile(pb.tensor([1.0, 2.0, 4.0]), 0.75)
    tensor(3., dtype=float32)
    """
    axis, keepdims = respell("quantile", spelling, axis, keepdims)
    return _quantile("quantile", x, q, axis, keepdims, False)


def nanquantile(x: Any, q: Any, axis: Axis = None, *, keepdims: bool = False, **spelling: Any) -> Tensor:
    """`quantile` of the elements that are not nan; nan where there are none.

    >>> import pullback as pb
    >>> pb.nanquantile(pb.tensor([1.0, pb.nan, 3.0]), 0.5)
    tensor(2., dtype=float32)
    """
    axis, keepdims = respell("nanquantile", spelling, axis, keepdims)
    return _quantile("nanquantile", x, q, axis, keepdims, True)


def _hundredth(q: Any) -> Any:
    return (q if isinstance(q, Tensor) else asarray(q, dtype=np.float64)) / 100


def percentile(x: Any, q: Any, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
    """`quantile` with levels from 0 to 100.

    >>> import pullback as pb
    >>> pb.percentile(pb.tensor([1.0, 2.0, 4.0]), 75)
    tensor(3., dtype=float32)
    """
    return _quantile("percentile", x, _hundredth(q), axis, keepdims, False)


def nanpercentile(x: Any, q: Any, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
    """`percentile` of the elements that are not nan.

    >>> import pullback as pb
    >>> pb.nanpercentile(pb.tensor([1.0, pb.nan, 3.0]), 50)
    tensor(2., dtype=float32)
    """
    return _quantile("nanpercentile", x, _hundredth(q), axis, keepdims, True)


def median(x: Any, axis: Axis = None, *, keepdims: bool = False, **spelling: Any) -> Tensor:
    """The middle element, or the mean of the two in the middle; each of these gets half the gradient.

    >>> import pullback as pb
    >>> x = pb.tensor([1.0, 7.0, 2.0, 4.0], requires_grad=True)
    >>> pb.median(x).backward()
    >>> x.grad
    tensor([0. , 0. , 0.5, 0.5], dtype=float32)
    """
    axis, keepdims = respell("median", spelling, axis, keepdims)
    return _quantile("median", x, 0.5, axis, keepdims, False)


def nanmedian(x: Any, axis: Axis = None, *, keepdims: bool = False, **spelling: Any) -> Tensor:
    """`median` of the elements that are not nan; nan where there are none.

    >>> import pullback as pb
    >>> pb.nanmedian(pb.tensor([1.0, pb.nan, 3.0]))
    tensor(2., dtype=float32)
    """
    axis, keepdims = respell("nanmedian", spelling, axis, keepdims)
    return _quantile("nanmedian", x, 0.5, axis, keepdims, True)


class RunningExtreme(NamedTuple):
    """The extremes up to each place, and where they stand."""

    values: Tensor
    indices: Tensor


@op(
    "x",
    gate=BLOCK,
    samples=given(
        (((5,),), {"axis": 0}),
        (((3, 4),), {"axis": 0}),
        (((3, 4),), {"axis": -1, "largest": False}),
        ((np.array([1.0, 3.0, 3.0, np.nan, 5.0]),), {"axis": 0}),
        (((0, 2),), {"axis": 0}),
        family=Family.ALONG,
    ),
    reference=lambda x, axis, largest=True: (
        np.apply_along_axis(lambda v: [_last_extreme(v[: i + 1], largest) for i in range(v.size)], axis, x)
        if x.size
        else np.zeros(x.shape, int)
    ),
)
def running_extreme(x: Any, /, axis: int, *, largest: bool = True) -> Any:
    """The place of the largest element up to each one (or the smallest), the last at a tie; a nan is an extreme."""
    x = np.asarray(x)
    best = (np.maximum if largest else np.minimum).accumulate(x, axis=axis)
    is_new = (x == best) | np.isnan(x)
    along = (-1,) + (1,) * (x.ndim - 1 - axis % x.ndim)
    places = np.where(is_new, np.arange(x.shape[axis]).reshape(along), 0)
    return np.maximum.accumulate(places, axis=axis)


def _last_extreme(x: Any, largest: bool) -> int:
    """The same for one vector, plainly: for the tests."""
    missing = np.flatnonzero(np.isnan(x))
    extreme = np.max(x) if largest else np.min(x)
    return int((missing if missing.size else np.flatnonzero(x == extreme))[-1])


def _running(name: str, x: Any, axis: int | None, spelling: dict[str, Any], largest: bool) -> RunningExtreme:
    axis, _ = respell(name, spelling, axis)
    x = asarray(x)
    if axis is None:
        if x.ndim != 1:
            raise ValueError(f"{name} needs an axis for {x.ndim} axes; only for one it may be left out")
        axis = 0
    indices = running_extreme(x, axis, largest=largest)
    return RunningExtreme(take_along_axis(x, indices, axis=axis), indices)


def cummax(x: Any, /, axis: int | None = None, **spelling: Any) -> RunningExtreme:
    """The largest element up to each place, and its index, the last one at a tie; it gets the gradient.

    >>> import pullback as pb
    >>> pb.cummax(pb.tensor([1.0, 3.0, 2.0])).values
    tensor([1., 3., 3.], dtype=float32)
    """
    return _running("cummax", x, axis, spelling, True)


def cummin(x: Any, /, axis: int | None = None, **spelling: Any) -> RunningExtreme:
    """The smallest element up to each place, and its index, the last one at a tie; it gets the gradient.

    >>> import pullback as pb
    >>> pb.cummin(pb.tensor([3.0, 1.0, 2.0])).values
    tensor([3., 1., 1.], dtype=float32)
    """
    return _running("cummin", x, axis, spelling, False)


method("median")(median)
method("quantile")(quantile)
