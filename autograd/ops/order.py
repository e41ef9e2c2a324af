"""What depends on order along axes: medians and quantiles, running extremes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..convert import asarray
from ..methods import method
from ..source import respell
from ..tensor import Tensor, wrap
from .elementwise import where
from .gather import take_along_axis
from .reduce import Axis, reduced_axes
from .shape import expand_dims, permute_dims, reshape, stack
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
    levels = np.asarray(q._readable(f"the level of {name}") if isinstance(q, Tensor) else q, dtype=np.float64)
    if levels.size and not (levels.min() >= 0 and levels.max() <= 1):
        raise ValueError(f"{name}: the levels must lie within 0 and 1 (0 and 100 for percentiles)")
    flat = sort(_last(x, axis))
    length = flat.shape[-1]
    if length == 0:
        raise ValueError(f"{name}: x of shape {x.shape} has no elements along the axes")
    values = np.asarray(flat._array)
    missing = np.isnan(values).sum(axis=-1) if values.dtype.kind == "f" else np.zeros(values.shape[:-1], int)
    counts = length - missing if skip_nan else np.full(missing.shape, length)
    parts = []
    for level in levels.reshape(-1):
        place = level * (np.maximum(counts, 1) - 1)
        lower = np.floor(place).astype(np.int64)
        upper = np.minimum(lower + 1, np.maximum(counts, 1) - 1)
        share = (place - lower).astype(flat.dtype if flat.dtype.kind == "f" else np.float64)
        low = take_along_axis(flat, lower[..., None])[..., 0]
        high = take_along_axis(flat, upper[..., None])[..., 0]
        part = low + where(share == 0, 0, high - low) * share  # an infinite neighbour that counts nothing
        if not skip_nan and missing.any():
            part = where(missing > 0, flat[..., -1], part)  # nan stands last
        parts.append(part)
    result = reshape(stack(parts), (*levels.shape, *parts[0].shape))
    return _kept(result, x, axis, levels.ndim) if keepdims else result


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
    return (q.detach().numpy() if isinstance(q, Tensor) else np.asarray(q)) / 100


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


def _running(
    name: str, ufunc: np.ufunc, x: Any, axis: int | None, spelling: dict[str, Any]
) -> RunningExtreme:
    axis, _ = respell(name, spelling, axis)
    x = asarray(x)
    if axis is None:
        if x.ndim != 1:
            raise ValueError(f"{name} needs an axis for {x.ndim} axes; only for one it may be left out")
        axis = 0
    data = np.asarray(x._array)
    best = ufunc.accumulate(data, axis=axis)
    along = (-1,) + (1,) * (x.ndim - 1 - axis % x.ndim)
    is_new = (data == best) | np.isnan(data)
    places = np.where(is_new, np.arange(data.shape[axis]).reshape(along), 0)
    indices = wrap(np.maximum.accumulate(places, axis=axis), None)
    return RunningExtreme(take_along_axis(x, indices, axis=axis), indices)


def cummax(x: Any, /, axis: int | None = None, **spelling: Any) -> RunningExtreme:
    """The largest element up to each place, and its index, the last one at a tie; it gets the gradient.

    >>> import pullback as pb
    >>> pb.cummax(pb.tensor([1.0, 3.0, 2.0])).values
    tensor([1., 3., 3.], dtype=float32)
    """
    return _running("cummax", np.maximum, x, axis, spelling)


def cummin(x: Any, /, axis: int | None = None, **spelling: Any) -> RunningExtreme:
    """The smallest element up to each place, and its index, the last one at a tie; it gets the gradient.

    >>> import pullback as pb
    >>> pb.cummin(pb.tensor([3.0, 1.0, 2.0])).values
    tensor([3., 1., 1.], dtype=float32)
    """
    return _running("cummin", np.minimum, x, axis, spelling)


method("median")(median)
method("quantile")(quantile)
