"""NumPy's functions that are no operations of ours, written in those that are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .convert import asarray
from .ops import decompose, elementwise, inverse, join, norm, reduce, shape, sort
from .ops.arrange import tril, triu
from .ops.complex import conj
from .ops.linalg import matmul, matrix_transpose
from .tensor import Tensor, wrap


def plain(tree: Any) -> Any:
    """Arrays in place of the Tensors in an argument."""
    if isinstance(tree, Tensor):
        return np.asarray(tree._array)
    if isinstance(tree, (list, tuple)) and not hasattr(tree, "_fields"):
        return type(tree)(map(plain, tree))
    return {key: plain(value) for key, value in tree.items()} if isinstance(tree, dict) else tree


def moving(function: Callable[..., Any], at: int = 0) -> Callable[..., Any]:
    """A function that only moves, repeats or leaves out the elements of its argument `at`: it moves their places."""

    def moved(*args: Any, **kwargs: Any) -> Tensor:
        a = asarray(args[at])
        places = np.arange(a.size).reshape(a.shape)
        given = [places if i == at else plain(x) for i, x in enumerate(args)]
        result: Tensor = shape.reshape(a, -1)[function(*given, **plain(kwargs))]
        return result

    return moved


def reshape(
    a: Any, /, newshape: Any = None, order: str = "C", *, copy: bool | None = None, **named: Any
) -> Tensor:
    """`np.reshape`, in the order of rows (C) or of columns (F)."""
    newshape = named.pop("shape", newshape)
    if named:
        raise TypeError(f"np.reshape got an unexpected keyword argument {next(iter(named))!r}")
    rows = order in ("C", "A")
    result: Tensor = (
        shape.reshape(a, newshape, copy=copy) if rows else moving(np.reshape)(a, newshape, order=order)
    )
    return result


def ravel(a: Any, order: str = "C") -> Tensor:
    """`np.ravel`."""
    if order in ("C", "A", "K"):
        flat: Tensor = shape.ravel(asarray(a))
        return flat
    moved: Tensor = moving(np.ravel)(a, order=order)
    return moved


def block(arrays: Any) -> Tensor:
    """`np.block`: nested lists of blocks, joined along the last axes."""
    depth, inner = 0, arrays
    while isinstance(inner, list):
        if not inner:
            raise ValueError("np.block: one of the lists is empty")
        depth, inner = depth + 1, inner[0]

    def leaves(part: Any) -> Any:
        return [x for item in part for x in leaves(item)] if isinstance(part, list) else [part]

    ndim = max(depth, *(np.ndim(x) for x in leaves(arrays)))

    def joined(part: Any, level: int) -> Tensor:
        if isinstance(part, list) != (level < depth):
            raise ValueError("np.block: the lists are not all nested to the same depth")
        if not isinstance(part, list):
            x = asarray(part)
            return shape.reshape(x, (1,) * (ndim - x.ndim) + x.shape)
        return shape.concat([joined(item, level + 1) for item in part], axis=level - depth)

    return joined(arrays, 0)


def select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Tensor:
    """`np.select`: of several choices the first whose condition holds."""
    if len(condlist) != len(choicelist) or not condlist:
        raise ValueError(f"np.select: {len(condlist)} conditions for {len(choicelist)} choices")
    result: Any = default
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        result = elementwise.where(condition, choice, result)
    return asarray(result)


def polyval(p: Any, x: Any) -> Any:
    """`np.polyval`: a polynomial with the highest power first, by Horner's scheme."""
    value = elementwise.multiply(asarray(x), 0)
    for coefficient in p:
        value = value * x + coefficient
    return value


def vander(x: Any, N: int | None = None, increasing: bool = False) -> Tensor:  # noqa: N803 - NumPy's name
    """`np.vander`: powers of x in columns."""
    x = asarray(x)
    if x.ndim != 1:
        raise ValueError(f"np.vander needs a vector, and x has shape {x.shape}")
    powers = np.arange(x.size if N is None else N, dtype=x.dtype)
    result: Tensor = x[:, None] ** (powers if increasing else powers[::-1])
    return result


def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """`np.gradient`: central differences inside, one-sided ones at the edges."""
    f = asarray(f)
    axes = tuple(range(f.ndim)) if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
    if any(isinstance(x, Tensor) and x.requires_grad for x in varargs):
        raise TypeError("np.gradient has no gradient for its spacing; give the spacing as .detach()")
    spacings = [plain(x) for x in varargs] or [1.0]
    spacings = spacings * len(axes) if len(spacings) == 1 else spacings
    if len(spacings) != len(axes) or edge_order not in (1, 2):
        raise TypeError("np.gradient: a spacing per axis is needed, and an edge_order of 1 or 2")
    found = []
    order: Any = edge_order  # NumPy's types want the very number
    for along, spacing in zip(axes, spacings, strict=True):
        count = f.shape[along]
        if count < edge_order + 1:
            raise ValueError(
                f"np.gradient: axis {along} of {f.shape} is too short; {edge_order + 1} are needed"
            )
        # at each point three neighbours count; a comb with every third tooth shows the weight of one of them
        numbers = np.arange(count)
        combs = [np.gradient(1.0 * (numbers % 3 == k), spacing, edge_order=order) for k in range(3)]
        first = np.clip(numbers - 1, 0, max(count - 3, 0))
        column = (-1, *(1,) * (f.ndim - 1 - along % f.ndim))
        terms = []
        for neighbour in (first + k for k in range(min(3, count))):
            weight = np.stack(combs)[neighbour % 3, numbers].reshape(column)
            weight = weight.astype(f.dtype) if f.dtype.kind in "fc" else weight
            terms.append(f[(*(slice(None),) * (along % f.ndim), neighbour)] * weight)
        found.append(sum(terms[1:], terms[0]))
    return found[0] if len(found) == 1 else tuple(found)


def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Tensor:
    """`np.ediff1d`."""
    parts = [join.diff(asarray(ary).reshape(-1))]
    parts += [] if to_end is None else [asarray(to_end).reshape(-1)]
    parts[:0] = [] if to_begin is None else [asarray(to_begin).reshape(-1)]
    return parts[0] if len(parts) == 1 else shape.concat(parts)


def unique(
    ar: Any,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    **options: Any,
) -> Any:
    """`np.unique`; no gradient passes."""
    if not (return_index or return_inverse or return_counts or options):
        return sort.unique_values(ar)
    options |= {
        "return_index": return_index,
        "return_inverse": return_inverse,
        "return_counts": return_counts,
    }
    found: Any = np.unique(plain(ar), **options)
    return tuple(wrap(x, None) for x in found) if isinstance(found, tuple) else wrap(found, None)


def triangle(a: Any, uplo: str | None) -> Any:
    """The Hermitian matrix of which one triangle is given; a itself, which is to be Hermitian, without `uplo`."""
    if uplo is None:
        return a
    if uplo.upper() not in ("L", "U"):
        raise ValueError(f"UPLO must be 'L' or 'U', not {uplo!r}")
    inside, strict = (tril(a), tril(a, -1)) if uplo.upper() == "L" else (triu(a), triu(a, 1))
    return inside + conj(matrix_transpose(strict))


def cond(x: Any, p: Any = None) -> Any:
    """`np.linalg.cond`: the ratio of the extreme singular values, or ‖x‖·‖x⁻¹‖ in another norm."""
    if p in (None, 2, -2):
        values = decompose.svdvals(x)
        return values[..., 0] / values[..., -1] if p != -2 else values[..., -1] / values[..., 0]
    return norm.matrix_norm(x, ord=p) * norm.matrix_norm(inverse.inv(x), ord=p)


def matvec(x1: Any, x2: Any) -> Any:
    """`np.matvec`."""
    return matmul(x1, asarray(x2)[..., None])[..., 0]


def vecmat(x1: Any, x2: Any) -> Any:
    """`np.vecmat`, which conjugates the vector."""
    return matmul(conj(asarray(x1))[..., None, :], x2)[..., 0, :]


def vdot(a: Any, b: Any) -> Any:
    """`np.vdot`: the product of all elements, those of a conjugated."""
    return reduce.sum(elementwise.multiply(conj(asarray(a).reshape(-1)), asarray(b).reshape(-1)))
