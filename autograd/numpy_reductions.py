"""NumPy's reductions under NumPy's signatures: with `where=`, `initial=`, `dtype=`, `out=` and `ddof=`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .convert import asarray
from .ops import cumulative, reduce
from .ops.elementwise import maximum, minimum, where
from .ops.reduce import Axis
from .tensor import Tensor


def stored(result: Any, out: Any) -> Any:
    """A result as it is, or written into `out`, which must be able to take its graph."""
    if out is None:
        return result
    if not isinstance(out, Tensor):
        raise TypeError(
            f"out= must be a Tensor when an argument is one, not {type(out).__name__}: in an array the gradient "
            "would be lost; detach the arguments with .detach().numpy() if that is meant"
        )
    from .inplace import write_whole

    return write_whole(out, result)


def _mask(x: Tensor, keep: Any) -> Any:
    return np.broadcast_to(keep.astype(bool) if isinstance(keep, Tensor) else np.asarray(keep, bool), x.shape)


def _kept(x: Any, keep: Any, neutral: Any) -> Tensor:
    """x where the mask holds, and elsewhere what changes nothing."""
    x = asarray(x)
    return x if keep is True else where(_mask(x, keep), x, neutral)


def sum(
    a: Any, axis: Axis = None, dtype: Any = None, out: Any = None, keepdims: bool = False,
    initial: Any = None, where: Any = True,
) -> Any:  # fmt: skip
    """`np.sum`."""
    total = reduce.sum(_kept(a, where, 0), axis, dtype=dtype, keepdims=keepdims)
    return stored(total if initial is None else total + initial, out)


def prod(
    a: Any, axis: Axis = None, dtype: Any = None, out: Any = None, keepdims: bool = False,
    initial: Any = None, where: Any = True,
) -> Any:  # fmt: skip
    """`np.prod`."""
    product = cumulative.prod(_kept(a, where, 1), axis, dtype=dtype, keepdims=keepdims)
    return stored(product if initial is None else product * initial, out)


def _extreme(name: str, reduction: Callable[..., Any], fold: Callable[..., Any]) -> Callable[..., Any]:
    def extreme(
        a: Any,
        axis: Axis = None,
        out: Any = None,
        keepdims: bool = False,
        initial: Any = None,
        where: Any = True,
    ) -> Any:
        if where is not True and initial is None:
            raise ValueError(
                f"np.{name} with where= needs initial=, which counts where the mask leaves nothing over"
            )
        found = reduction(_kept(a, where, initial), axis, keepdims=keepdims)
        return stored(found if initial is None else fold(found, initial), out)

    return extreme


max = _extreme("max", reduce.max, maximum)
min = _extreme("min", reduce.min, minimum)


def mean(
    a: Any, axis: Axis = None, dtype: Any = None, out: Any = None, keepdims: bool = False, where: Any = True
) -> Any:
    """`np.mean`."""
    a = asarray(a) if dtype is None else asarray(a).astype(dtype)
    if where is True:
        return stored(reduce.mean(a, axis, keepdims=keepdims), out)
    return stored(
        reduce.sum(_kept(a, where, 0), axis, keepdims=keepdims) / _count(a, axis, keepdims, where), out
    )


def _count(a: Tensor, axis: Axis, keepdims: bool, keep: Any) -> Any:
    return np.sum(_mask(a, keep), axis=axis, keepdims=keepdims)


def var(
    a: Any, axis: Axis = None, dtype: Any = None, out: Any = None, ddof: float = 0, keepdims: bool = False,
    *, where: Any = True, correction: float | None = None,
) -> Any:  # fmt: skip
    """`np.var`."""
    a = asarray(a) if dtype is None else asarray(a).astype(dtype)
    ddof = ddof if correction is None else correction
    if where is True:
        return stored(reduce.var(a, axis, correction=ddof, keepdims=keepdims), out)
    deviation = _kept(a - mean(a, axis, keepdims=True, where=where), where, 0)
    squares = reduce.sum(deviation * deviation, axis, keepdims=keepdims)
    return stored(squares / np.maximum(_count(a, axis, keepdims, where) - ddof, 0), out)


def std(
    a: Any, axis: Axis = None, dtype: Any = None, out: Any = None, ddof: float = 0, keepdims: bool = False,
    *, where: Any = True, correction: float | None = None,
) -> Any:  # fmt: skip
    """`np.std`."""
    if where is not True:
        return stored(
            var(a, axis, dtype, None, ddof, keepdims, where=where, correction=correction) ** 0.5, out
        )
    a = asarray(a) if dtype is None else asarray(a).astype(dtype)
    ddof = ddof if correction is None else correction
    return stored(reduce.std(a, axis, correction=ddof, keepdims=keepdims), out)


def _truth(reduction: Callable[..., Any], neutral: bool) -> Callable[..., Any]:
    def truth(
        a: Any, axis: Axis = None, out: Any = None, keepdims: bool = False, *, where: Any = True
    ) -> Any:
        return stored(reduction(_kept(a, where, neutral), axis, keepdims=keepdims), out)

    return truth


all = _truth(reduce.all, True)
any = _truth(reduce.any, False)
