"""What NumPy functions do when they meet a Tensor: the operation that overrides them, or a clear refusal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import creation
from .op import NUMPY_OVERRIDES
from .ops import decompose, einsum, fft, linalg, norm, reduce, shape
from .tensor import Tensor

# ufunc.reduce(x, axis=0) is a reduction of ours
_REDUCTIONS: dict[np.ufunc, Callable[..., Any]] = {
    np.add: reduce.sum,
    np.maximum: reduce.max,
    np.minimum: reduce.min,
    np.logical_and: reduce.all,
    np.logical_or: reduce.any,
}

# NumPy's keywords where they differ from the operation's
_KEYWORDS: dict[Callable[..., Any], dict[str, str]] = {
    np.clip: {"a_min": "min", "a_max": "max"},
    np.var: {"ddof": "correction"},
    np.std: {"ddof": "correction"},
}

NUMPY_OVERRIDES |= {
    np.var: reduce.var,
    np.std: reduce.std,
    np.zeros_like: creation.zeros_like,
    np.ones_like: creation.ones_like,
    np.full_like: creation.full_like,
    np.ravel: lambda x: shape.reshape(x, -1),
    np.shape: lambda x: x.shape,
    np.ndim: lambda x: x.ndim,
    np.size: lambda x: x.size,
    np.iscomplexobj: lambda x: x.dtype.kind == "c",
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
    np.diagonal: lambda a, offset=0, axis1=0, axis2=1: linalg.diagonal(
        shape.moveaxis(a, (axis1, axis2), (-2, -1)), offset=offset
    ),
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
    """`np.tanh(x)`, `ndarray * x`, `np.add(x, y, out=z)`, `np.add.reduce(x)`."""
    out = kwargs.pop("out", (None,))[0]
    if method == "__call__":
        function = NUMPY_OVERRIDES.get(ufunc)
    elif method == "reduce" and ufunc in _REDUCTIONS:
        function = _REDUCTIONS[ufunc]
        kwargs.setdefault("axis", 0)
    else:
        function = None
    if function is None or kwargs.keys() - {"axis", "keepdims"}:
        called = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
        options = f" with {', '.join(kwargs)}=" if function is not None else ""
        raise _gap(called + options)
    return _store(function(*inputs, **kwargs), out)


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
