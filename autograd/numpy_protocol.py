"""What NumPy functions do when they meet a Tensor: the operation that overrides them, or a clear refusal.

A declaration names the NumPy functions with which it agrees in its arguments. Where they differ, the
functions below have NumPy's signature; all meet in one table, `NUMPY_OVERRIDES`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from . import creation
from .convert import asarray
from .op import NUMPY_OVERRIDES
from .ops import (
    angles,
    compare,
    cumulative,
    decompose,
    einsum,
    elementwise,
    fft,
    gather,
    join,
    linalg,
    missing,
    norm,
    order,
    reduce,
    shape,
    signal,
    sort,
    special,
    turn,
)
from .tensor import Tensor

# ufunc.reduce(x, axis=0) and ufunc.accumulate(x, axis=0) are operations of ours
_REDUCTIONS: dict[np.ufunc, Callable[..., Any]] = {
    np.add: reduce.sum,
    np.multiply: cumulative.prod,
    np.maximum: reduce.max,
    np.minimum: reduce.min,
    np.logaddexp: special.logsumexp,
    np.logical_and: reduce.all,
    np.logical_or: reduce.any,
}
_ACCUMULATIONS: dict[np.ufunc, Callable[..., Any]] = {
    np.add: cumulative.cumulative_sum,
    np.multiply: cumulative.cumulative_prod,
    np.maximum: lambda x, axis: order.cummax(x, axis).values,
    np.minimum: lambda x, axis: order.cummin(x, axis).values,
    np.logaddexp: cumulative.logcumsumexp,
}

# NumPy's keywords where nothing else differs
_KEYWORDS: dict[Callable[..., Any], dict[str, str]] = {
    np.clip: {"a_min": "min", "a_max": "max"},
    np.var: {"ddof": "correction"},
    np.std: {"ddof": "correction"},
    np.nanvar: {"ddof": "correction"},
    np.nanstd: {"ddof": "correction"},
    np.tile: {"reps": "repetitions"},
}


def _take(a: Any, indices: Any, axis: int | None = None) -> Tensor:
    return gather.take(a.reshape(-1) if axis is None else a, indices, axis=0 if axis is None else axis)


def _take_along_axis(arr: Any, indices: Any, axis: int | None = -1) -> Tensor:
    return gather.take_along_axis(
        arr.reshape(-1) if axis is None else arr, indices, axis=0 if axis is None else axis
    )


def _along_last(function: Callable[..., Any]) -> Callable[..., Any]:
    """`np.sort` and `np.argsort`: the flattened array if axis is None; every kind of ours is stable."""

    def on_arrays(a: Any, axis: int | None = -1, kind: str | None = None, *, stable: bool = True) -> Tensor:
        result: Tensor = function(a.reshape(-1) if axis is None else a, -1 if axis is None else axis)
        return result

    return on_arrays


def _diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Tensor:
    return join.diff(a, axis=axis, n=n, prepend=prepend, append=append)


def _meshgrid(*xi: Any, indexing: str = "xy") -> list[Tensor]:
    return join.meshgrid(*xi, indexing=indexing)


def _where(condition: Any, x: Any = None, y: Any = None) -> Any:
    if x is None and y is None:
        return sort.nonzero(condition)
    return elementwise.where(condition, x, y)


NUMPY_OVERRIDES |= {
    np.allclose: compare.allclose,
    np.append: lambda arr, values, axis=None: shape.concat([arr, values], axis),
    np.argwhere: compare.argwhere,
    np.array_equal: compare.array_equal,
    np.average: turn.average,
    np.flatnonzero: lambda a: sort.nonzero(a.reshape(-1))[0],
    np.fliplr: turn.fliplr,
    np.flipud: turn.flipud,
    np.ptp: lambda a, axis=None, keepdims=False: (
        reduce.max(a, axis, keepdims=keepdims) - reduce.min(a, axis, keepdims=keepdims)
    ),
    np.rot90: turn.rot90,
    np.argsort: _along_last(sort.argsort),
    np.array_split: join.array_split,
    np.atleast_1d: join.atleast_1d,
    np.atleast_2d: join.atleast_2d,
    np.atleast_3d: join.atleast_3d,
    np.broadcast_arrays: lambda *args: tuple(join.broadcast_arrays(*args)),
    np.column_stack: join.column_stack,
    np.cumprod: cumulative.cumprod,
    np.cumsum: cumulative.cumsum,
    np.degrees: angles.rad2deg,
    np.diagonal: join.diagonal,
    np.diff: _diff,
    np.dsplit: join.dsplit,
    np.dstack: join.dstack,
    np.empty_like: creation.empty_like,
    np.fabs: elementwise.abs,
    np.full_like: creation.full_like,
    np.hsplit: join.hsplit,
    np.hstack: join.hstack,
    np.iscomplexobj: lambda x: x.dtype.kind == "c",
    np.isrealobj: lambda x: x.dtype.kind != "c",
    np.meshgrid: _meshgrid,
    np.ndim: lambda x: x.ndim,
    np.nonzero: sort.nonzero,
    np.ones_like: creation.ones_like,
    np.radians: angles.deg2rad,
    np.ravel: shape.ravel,
    np.rint: elementwise.round,
    np.rollaxis: lambda a, axis, start=0: shape.moveaxis(
        a, axis, start - 1 if axis % a.ndim < start else start
    ),
    np.shape: lambda x: x.shape,
    np.size: lambda x: x.size,
    np.sort: _along_last(sort.sort),
    np.split: join.split,
    np.std: reduce.std,
    np.take: _take,
    np.take_along_axis: _take_along_axis,
    np.unique: sort.unique_values,
    np.unique_all: sort.unique_all,
    np.unique_counts: sort.unique_counts,
    np.unique_inverse: sort.unique_inverse,
    np.unique_values: sort.unique_values,
    np.unstack: join.unstack,
    np.var: reduce.var,
    np.vsplit: join.vsplit,
    np.vstack: join.vstack,
    np.where: _where,
    np.zeros_like: creation.zeros_like,
    np.correlate: signal.correlate,
    np.interp: signal.interp,
    np.median: order.median,
    np.nanmax: missing.nanmax,
    np.nanmean: missing.nanmean,
    np.nanmedian: order.nanmedian,
    np.nanmin: missing.nanmin,
    np.nanpercentile: order.nanpercentile,
    np.nanprod: missing.nanprod,
    np.nanquantile: order.nanquantile,
    np.nanstd: missing.nanstd,
    np.nansum: missing.nansum,
    np.nanvar: missing.nanvar,
    np.percentile: order.percentile,
    np.quantile: order.quantile,
    np.trapezoid: signal.trapezoid,
    np.cumulative_sum: cumulative.cumulative_sum,
    np.cumulative_prod: cumulative.cumulative_prod,
    np.einsum: lambda subscripts, *operands, optimize=True: einsum.einsum(subscripts, *operands),
    np.tensordot: lambda a, b, axes=2: einsum.tensordot(a, b, axes=axes),
    np.linalg.tensordot: einsum.tensordot,
    np.inner: einsum.inner,
    np.dot: einsum.dot,
    np.outer: linalg.outer,
    np.linalg.outer: linalg.outer,
    np.kron: linalg.kron,
    np.matrix_transpose: linalg.matrix_transpose,
    np.linalg.matrix_transpose: linalg.matrix_transpose,
    np.cross: lambda a, b, axis=-1: linalg.cross(a, b, axis=axis),
    np.trace: lambda a, offset=0, axis1=0, axis2=1, dtype=None: linalg.trace(
        shape.moveaxis(a, (axis1, axis2), (-2, -1)), offset=offset, dtype=dtype
    ),
    np.linalg.trace: linalg.trace,
    np.linalg.svd: lambda a, full_matrices=True, compute_uv=True: (
        decompose.svd(a, full_matrices=full_matrices) if compute_uv else decompose.svdvals(a)
    ),
    np.linalg.qr: lambda a, mode="reduced": decompose.qr(a, mode=mode),
    np.linalg.norm: norm.norm,
    np.linalg.matrix_norm: norm.matrix_norm,
    np.fft.fftshift: lambda x, axes=None: fft.fftshift(x, axes=axes),
    np.fft.ifftshift: lambda x, axes=None: fft.ifftshift(x, axes=axes),
}


def _transform(function: Callable[..., Any]) -> Callable[..., Any]:
    """A Fourier transform of one axis under NumPy's signature."""
    return lambda a, n=None, axis=-1, norm=None: function(a, n=n, axis=axis, norm=norm or "backward")


def _transforms(function: Callable[..., Any], last: tuple[int, int] | None = None) -> Callable[..., Any]:
    """One of several axes, by default all or the last two."""
    return lambda a, s=None, axes=last, norm=None: function(a, s=s, axes=axes, norm=norm or "backward")


for _name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft"):
    NUMPY_OVERRIDES[getattr(np.fft, _name)] = _transform(getattr(fft, _name))
for _name in ("fft", "ifft", "rfft", "irfft"):
    NUMPY_OVERRIDES[getattr(np.fft, f"{_name}n")] = _transforms(getattr(fft, f"{_name}n"))
    NUMPY_OVERRIDES[getattr(np.fft, f"{_name}2")] = _transforms(getattr(fft, f"{_name}n"), (-2, -1))


def apply_ufunc(ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """`np.tanh(x)`, `ndarray * x`, `np.add(x, y, out=z, where=m)`, `np.add.reduce(x)`, `np.multiply.outer`."""
    out = kwargs.pop("out", (None,))[0]
    where = kwargs.pop("where", True)
    known = {"__call__": NUMPY_OVERRIDES, "reduce": _REDUCTIONS, "accumulate": _ACCUMULATIONS}
    overrides: Any = known.get(method, {})
    function = NUMPY_OVERRIDES.get(ufunc) if method == "outer" else overrides.get(ufunc)
    called = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
    if function is None and method == "__call__":
        function = _of_scipy(ufunc)
    if function is None:
        raise _gap(called)
    given = {name for name, value in kwargs.items() if value is not None}
    allowed = {"reduce": {"axis", "keepdims", "dtype"}, "accumulate": {"axis", "dtype"}}.get(method, set())
    unknown = given - allowed | ({"where"} if where is not True and method != "__call__" else set())
    if unknown:
        raise _gap(f"{called} with {', '.join(sorted(unknown))}=")
    if method == "outer":
        first, second = (asarray(x) for x in inputs)
        return _store(function(shape.reshape(first, first.shape + (1,) * second.ndim), second), out)
    if method == "__call__":
        return (
            _store(function(*inputs), out) if where is True else _masked(called, function, inputs, out, where)
        )
    axis = kwargs.get("axis", 0)
    options = {name: kwargs[name] for name in given - {"axis"}}
    return _store(function(*inputs[:1], axis=axis, **options), out)


def _of_scipy(ufunc: np.ufunc) -> Callable[..., Any] | None:
    """Our function for one of SciPy's, which is there by the same name if SciPy is loaded at all."""
    from . import special as ours

    theirs = sys.modules.get("scipy.special")
    same = theirs is not None and getattr(theirs, ufunc.__name__, None) is ufunc
    return getattr(ours, ufunc.__name__, None) if same else None


def _masked(name: str, function: Callable[..., Any], inputs: tuple[Any, ...], out: Any, where: Any) -> Any:
    """The result where the mask holds, `out` as it was elsewhere; nothing is computed there, so no nan arises."""
    if not isinstance(out, Tensor):
        raise TypeError(
            f"np.{name} with where= needs out=, a Tensor that has the other elements; "
            "pb.where(condition, x, y) gives a new one"
        )
    mask = np.broadcast_to(where.detach().numpy() if isinstance(where, Tensor) else where, out.shape)
    parts = (
        x if isinstance(x, (int, float, complex)) else shape.broadcast_to(asarray(x), out.shape)[mask]
        for x in inputs
    )
    out[mask] = function(*parts)
    return out


def apply_function(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """`np.sum(x)`, `np.concatenate([x, y])` and the like."""
    override = NUMPY_OVERRIDES.get(function)
    if override is None:
        raise _gap(f"{function.__module__.removeprefix('numpy.')}.{function.__name__}".removeprefix("numpy."))
    out = kwargs.pop("out", None)
    names = _KEYWORDS.get(function, {})
    return _store(override(*args, **{names.get(key, key): value for key, value in kwargs.items()}), out)


def _store(result: Any, out: Any) -> Any:
    if out is None:
        return result
    if not isinstance(out, Tensor):
        raise TypeError(
            f"out= must be a Tensor when an argument is one, not {type(out).__name__}: in an array the gradient "
            "would be lost; detach the arguments with .detach().numpy() if that is meant"
        )
    from .inplace import write_whole

    return write_whole(out, result)


def _gap(name: str) -> TypeError:
    return TypeError(
        f"np.{name} has no operation in pullback, so its gradient would be lost; write it with the functions of "
        "`pullback`, or call it on x.detach().numpy() if no gradient is wanted"
    )
