"""NumPy's functions under NumPy's signatures, where a declaration of ours does not agree with them in its arguments.

All meet in one table, `NUMPY_OVERRIDES`, where `numpy_protocol.py` looks them up.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from . import creation, numpy_reductions, numpy_writing
from . import numpy_compositions as compositions
from .convert import asarray
from .op import NUMPY_OVERRIDES
from .ops import (
    angles,
    arithmetic,
    compare,
    covariance,
    cumulative,
    decompose,
    einsum,
    elementwise,
    fft,
    gather,
    inverse,
    join,
    linalg,
    missing,
    norm,
    order,
    reduce,
    shape,
    signal,
    sort,
    turn,
)
from .tensor import Tensor

# NumPy's keywords where nothing else differs
KEYWORDS: dict[Callable[..., Any], dict[str, str]] = {
    np.clip: {"a_min": "min", "a_max": "max"},
    np.nanvar: {"ddof": "correction"},
    np.nanstd: {"ddof": "correction"},
    np.tile: {"reps": "repetitions"},
}


def _take(a: Any, indices: Any, axis: int | None = None, out: Any = None, mode: str = "raise") -> Tensor:
    a = asarray(a)
    if mode != "raise":
        length = a.size if axis is None else a.shape[axis]
        places = indices if isinstance(indices, Tensor) else np.asarray(indices)
        indices = np.clip(places, 0, length - 1) if mode == "clip" else places % length
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


def _rows(m: Any, y: Any, rowvar: bool) -> Tensor:
    """A row of observations for each variable of `np.cov`."""
    tables = [x if x.ndim == 2 else x.reshape(1, -1) for x in (asarray(x) for x in (m, y) if x is not None)]
    tables = [x if rowvar or x.shape[0] == 1 else x.T for x in tables]
    return tables[0] if len(tables) == 1 else shape.concat(tables)


def _cov(
    m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: float | None = None,
    fweights: Any = None, aweights: Any = None,
) -> Tensor:  # fmt: skip
    correction = (0 if bias else 1) if ddof is None else ddof
    return covariance.cov(_rows(m, y, rowvar), correction=correction, fweights=fweights, aweights=aweights)


def _filled(a: Any, value: float) -> Tensor:
    """a with a value for nan."""
    return elementwise.where(elementwise.isnan(a), value, a)


def _wide(x: Any) -> Tensor:
    x = asarray(x)
    return x.astype(np.complex128 if x.dtype.kind == "c" else np.float64, copy=False)  # type: ignore[no-any-return]  # a Tensor


def _where(condition: Any, x: Any = None, y: Any = None) -> Any:
    if x is None and y is None:
        return sort.nonzero(condition)
    return elementwise.where(condition, x, y)


_FUNCTIONS: dict[Callable[..., Any], Callable[..., Any]] = {
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
    np.rint: elementwise.round,
    np.rollaxis: lambda a, axis, start=0: shape.moveaxis(
        a, axis, start - 1 if axis % a.ndim < start else start
    ),
    np.shape: lambda x: x.shape,
    np.size: lambda a, axis=None: a.size if axis is None else a.shape[axis],
    np.sort: _along_last(sort.sort),
    np.split: join.split,
    np.take: _take,
    np.take_along_axis: _take_along_axis,
    np.unique: compositions.unique,
    np.unique_all: sort.unique_all,
    np.unique_counts: sort.unique_counts,
    np.unique_inverse: sort.unique_inverse,
    np.unique_values: sort.unique_values,
    np.unstack: join.unstack,
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
    np.linalg.qr: lambda a, mode="reduced": (
        decompose.qr(a, mode="reduced").R if mode == "r" else decompose.qr(a, mode=mode)
    ),
    np.linalg.eigh: lambda a, UPLO=None: decompose.eigh(compositions.triangle(a, UPLO)),  # noqa: N803 - NumPy's name - NumPy's
    np.linalg.eigvalsh: lambda a, UPLO=None: decompose.eigvalsh(compositions.triangle(a, UPLO)),  # noqa: N803 - NumPy's name
    np.linalg.pinv: lambda a, rcond=None, hermitian=False, *, rtol=None: inverse.pinv(
        a, rtol=rcond if rtol is None else rtol
    ),
    np.linalg.cond: compositions.cond,
    np.linalg.multi_dot: lambda arrays: functools.reduce(einsum.dot, arrays),
    np.matvec: compositions.matvec,
    np.vecmat: compositions.vecmat,
    np.vdot: compositions.vdot,
    np.diag: lambda v, k=0: join.diag(v, k),
    np.diagflat: lambda v, k=0: join.diag(asarray(v).reshape(-1), k),
    np.cov: _cov,
    np.corrcoef: lambda x, y=None, rowvar=True: covariance.corrcoef(_rows(x, y, rowvar)),
    np.block: compositions.block,
    np.select: compositions.select,
    np.polyval: compositions.polyval,
    np.vander: compositions.vander,
    np.gradient: compositions.gradient,
    np.ediff1d: compositions.ediff1d,
    np.reshape: compositions.reshape,
    np.ravel: compositions.ravel,
    np.compress: compositions.moving(np.compress, 1),
    np.extract: compositions.moving(np.extract, 1),
    np.delete: compositions.moving(np.delete),
    np.resize: compositions.moving(np.resize),
    np.nancumsum: lambda a, axis=None, dtype=None: cumulative.cumsum(_filled(a, 0), axis, dtype=dtype),
    np.nancumprod: lambda a, axis=None, dtype=None: cumulative.cumprod(_filled(a, 1), axis, dtype=dtype),
    np.fix: elementwise.trunc,
    np.astype: lambda x, dtype, copy=True, device=None: shape.astype(x, dtype, copy=copy),
    np.partition: lambda a, kth, axis=-1, kind=None, order=None: _along_last(sort.sort)(a, axis),
    np.divmod: lambda x1, x2: (arithmetic.floor_divide(x1, x2), arithmetic.remainder(x1, x2)),
    np.modf: lambda x: (elementwise.subtract(x, elementwise.trunc(x)), elementwise.trunc(x)),
    np.float_power: lambda x1, x2: elementwise.pow(_wide(x1), _wide(x2)),
    np.sum: numpy_reductions.sum,
    np.prod: numpy_reductions.prod,
    np.max: numpy_reductions.max,
    np.amax: numpy_reductions.max,
    np.min: numpy_reductions.min,
    np.amin: numpy_reductions.min,
    np.mean: numpy_reductions.mean,
    np.var: numpy_reductions.var,
    np.std: numpy_reductions.std,
    np.all: numpy_reductions.all,
    np.any: numpy_reductions.any,
    np.copyto: numpy_writing.copyto,
    np.put: numpy_writing.put,
    np.putmask: numpy_writing.putmask,
    np.place: numpy_writing.place,
    np.fill_diagonal: numpy_writing.fill_diagonal,
    np.put_along_axis: numpy_writing.put_along_axis,
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
    _FUNCTIONS[getattr(np.fft, _name)] = _transform(getattr(fft, _name))
for _name in ("fft", "ifft", "rfft", "irfft"):
    _FUNCTIONS[getattr(np.fft, f"{_name}n")] = _transforms(getattr(fft, f"{_name}n"))
    _FUNCTIONS[getattr(np.fft, f"{_name}2")] = _transforms(getattr(fft, f"{_name}n"), (-2, -1))

for _function, _override in _FUNCTIONS.items():
    NUMPY_OVERRIDES.setdefault(_function, _override)  # what a declaration of the user's names is the user's
