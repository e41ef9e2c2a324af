"""What NumPy functions do when they meet a Tensor: the operation that overrides them, or a clear refusal.

A declaration names the NumPy functions with which it agrees in its arguments; `numpy_functions.py` has those that
differ. A function that has no operation runs on the arrays if no gradient can be lost by it, and gives Tensors; else
it is refused by its name.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from . import numpy_reductions, numpy_writing
from .convert import asarray
from .numpy_compositions import plain
from .numpy_functions import KEYWORDS
from .numpy_reductions import stored
from .op import NUMPY_OVERRIDES
from .ops import cumulative, order, shape, special
from .tensor import Tensor, wrap

# ufunc.reduce(x, axis=0) and ufunc.accumulate(x, axis=0)
_REDUCTIONS: dict[np.ufunc, Callable[..., Any]] = {
    np.add: numpy_reductions.sum,
    np.multiply: numpy_reductions.prod,
    np.maximum: numpy_reductions.max,
    np.minimum: numpy_reductions.min,
    np.logaddexp: special.logsumexp,
    np.logical_and: numpy_reductions.all,
    np.logical_or: numpy_reductions.any,
}
_ACCUMULATIONS: dict[np.ufunc, Callable[..., Any]] = {
    np.add: cumulative.cumulative_sum,
    np.multiply: cumulative.cumulative_prod,
    np.maximum: lambda x, axis: order.cummax(x, axis).values,
    np.minimum: lambda x, axis: order.cummin(x, axis).values,
    np.logaddexp: cumulative.logcumsumexp,
}
_OPTIONS = {
    "__call__": {"dtype"},
    "reduce": {"axis", "keepdims", "dtype", "initial"},
    "accumulate": {"axis", "dtype"},
}

# what they give is no real number that could have a gradient: integers, truth values, texts, dtypes
_WITHOUT_GRADIENT = {
    np.argpartition, np.array2string, np.array_equiv, np.array_repr, np.array_str, np.bincount, np.common_type,
    np.digitize, np.iscomplex, np.isneginf, np.isposinf, np.isreal, np.lexsort, np.may_share_memory,
    np.min_scalar_type, np.nanargmax, np.nanargmin, np.result_type, np.shares_memory,
}  # fmt: skip


def apply_ufunc(ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """`np.tanh(x)`, `ndarray * x`, `np.add(x, y, out=z, where=m)`, `np.add.reduce(x)`, `np.multiply.outer`."""
    if not kwargs and method == "__call__" and ufunc in NUMPY_OVERRIDES:
        return NUMPY_OVERRIDES[ufunc](*inputs)  # mostly
    called = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
    if not any(_tracked((inputs, kwargs))) and _into_arrays(kwargs.get("out")):
        return getattr(ufunc, method)(*plain(inputs), **plain(kwargs))
    if method == "at":
        if numpy_writing.at(ufunc, *inputs):
            return None
        raise _gap(called)
    known: Any = {"__call__": NUMPY_OVERRIDES, "outer": NUMPY_OVERRIDES, "reduce": _REDUCTIONS}
    function = known.get(method, _ACCUMULATIONS if method == "accumulate" else {}).get(ufunc)
    if function is None and method == "__call__":
        function = _of_scipy(ufunc)
    if function is None:
        return _without_operation(called, getattr(ufunc, method), inputs, kwargs)
    out = kwargs.pop("out", (None,))
    where = kwargs.pop("where", True)
    kwargs = {name: value for name, value in kwargs.items() if not _is_default(name, value)}
    options = _OPTIONS.get(method, set()) - ({"initial"} if ufunc is np.logaddexp else set())
    unknown = kwargs.keys() - options
    if where is not True and (
        method not in ("__call__", "reduce") or (ufunc is np.logaddexp and method == "reduce")
    ):
        unknown |= {"where"}
    if unknown:
        raise _gap(f"{called} with {', '.join(sorted(unknown))}=")
    if method == "outer":
        first, second = (asarray(x) for x in inputs)
        result = function(shape.reshape(first, first.shape + (1,) * second.ndim), second)
    elif method == "__call__":
        if "dtype" in kwargs:
            inputs = tuple(asarray(x).astype(kwargs["dtype"]) for x in inputs)
        if where is not True:
            return _masked(called, function, inputs, out[0], where)
        result = function(*inputs)
    else:
        kwargs |= {"where": where} if where is not True else {}
        result = function(*inputs[:1], **{"axis": 0} | kwargs)
    if isinstance(result, tuple):
        return tuple(
            stored(x, target) for x, target in zip(result, out * 2 if len(out) == 1 else out, strict=True)
        )
    return stored(result, out[0])


def _is_default(name: str, value: Any) -> bool:
    """Keywords that ask for nothing, or for what is no matter here."""
    if name == "axis":
        return False
    return (
        value is None
        or name in ("order", "subok")
        or (name == "casting" and value in ("same_kind", "unsafe"))
    )


def _tracked(tree: Any) -> Iterator[bool]:
    """For each Tensor in an argument, whether it requires a gradient."""
    if isinstance(tree, Tensor):
        yield tree.requires_grad
    elif isinstance(tree, (list, tuple)):
        for item in tree:
            yield from _tracked(item)
    elif isinstance(tree, dict):
        yield from _tracked(list(tree.values()))


def _into_arrays(out: Any) -> bool:
    """Whether results are to be written into ndarrays and not into Tensors."""
    return out is not None and not any(
        isinstance(x, Tensor) for x in (out if isinstance(out, tuple) else (out,))
    )


def _without_operation(
    name: str,
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    harmless: bool = False,
) -> Any:
    """NumPy itself computes what has no operation of ours, unless a gradient would be lost."""
    if not harmless and any(_tracked((args, kwargs))):
        raise _gap(name)
    out = kwargs.pop("out", None)
    result = _wrapped(function(*plain(args), **plain(kwargs)))
    if isinstance(result, tuple):
        outs = out if isinstance(out, tuple) else (None,) * len(result)
        return type(result)(map(stored, result, outs)) if out is not None else result
    return stored(result, out[0] if isinstance(out, tuple) else out)


def _wrapped(result: Any) -> Any:
    """Tensors in place of the arrays of numbers in a result."""
    if isinstance(result, (np.ndarray, np.generic)) and result.dtype.kind in "biufc":
        return wrap(result, None)
    if isinstance(result, tuple) and hasattr(result, "_fields"):
        return type(result)(*map(_wrapped, result))
    return type(result)(map(_wrapped, result)) if isinstance(result, (list, tuple)) else result


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
    if override is None or (_into_arrays(kwargs.get("out")) and not any(_tracked((args, kwargs)))):
        module = getattr(function, "__module__", None) or "numpy"
        name = f"{module.removeprefix('numpy.')}.{function.__name__}".removeprefix("numpy.")
        if override is not None:
            return function(*plain(args), **plain(kwargs))
        return _without_operation(name, function, args, kwargs, function in _WITHOUT_GRADIENT)
    out = kwargs.pop("out", None)
    names = KEYWORDS.get(function, {})
    return stored(override(*args, **{names.get(key, key): value for key, value in kwargs.items()}), out)


def _gap(name: str) -> TypeError:
    return TypeError(
        f"np.{name} has no operation in pullback, so its gradient would be lost; write it with the functions of "
        "`pullback`, or call it on x.detach().numpy() if no gradient is wanted"
    )
