"""Running sums, products and extremes along an axis, and the product of all elements."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..calling import respell
from ..convert import asarray
from ..family import Family
from ..gate import DISTRIBUTOR, MIXER
from ..methods import method
from ..op import SingularPoint, op
from ..samples import given, of_family, reduction
from ..tensor import Tensor
from .reduce import Axis, reduced_axes

_CASES = given(
    (((4,),), {}),
    (((3, 4),), {"axis": 0}),
    (((3, 4),), {"axis": -1, "include_initial": True}),
    (((0, 2),), {"axis": 0}),
    ((np.array([[2.0, 0.0, 3.0], [0.0, 1.0, 0.0]]),), {"axis": 1}),
    family=Family.ALONG,
)


def _one_axis(x: Any, axis: int | None, name: str) -> int:
    if axis is None and np.ndim(x) != 1:
        raise ValueError(f"{name} needs an axis for {np.ndim(x)} axes; only for one it may be left out")
    return 0 if axis is None else axis


def _accumulate(name: str, ufunc: Any, x: Any, axis: int | None, dtype: Any, include_initial: bool) -> Any:
    axis = _one_axis(x, axis, name)
    x = np.asarray(x)
    if dtype is None and x.dtype.kind in "biu":  # as sum does
        dtype = np.sum(np.zeros(1, x.dtype)).dtype
    out = (np.cumsum if ufunc is np.add else np.cumprod)(x, axis=axis, dtype=dtype)
    if include_initial:
        first = np.full_like(np.take(out, [0] if out.shape[axis] else [], axis=axis), ufunc.identity)
        if not out.shape[axis]:
            shape = list(out.shape)
            shape[axis] = 1
            first = np.full(shape, ufunc.identity, out.dtype)
        out = np.concatenate([first, out], axis=axis)
    return out


def _without_initial(g: Any, axis: int, include_initial: bool) -> Any:
    """g, but for the element that stands before the first sum."""
    return g[(slice(None),) * (axis % g.ndim) + (slice(1, None),)] if include_initial else g


def _from_the_end(x: Any, axis: int) -> Any:
    """For each place the sum of what stands there and after it."""
    return np.flip(np.cumsum(np.flip(x, axis), axis=axis), axis)


@op(
    "x",
    x=lambda g, axis, include_initial: _from_the_end(
        _without_initial(g, 0 if axis is None else axis, include_initial), 0 if axis is None else axis
    ),
    gate=DISTRIBUTOR,
    complex="written",
    symbol="Σ…",
    samples=_CASES,
    reference=lambda x, axis=None, include_initial=False: np.cumulative_sum(
        x, axis=axis, include_initial=include_initial
    ),
)
def cumulative_sum(
    x: Any, /, axis: int | None = None, *, dtype: Any = None, include_initial: bool = False
) -> Any:
    """The sums of the elements up to each one; the gradient of each is the sum of g from there on.

    Args:
        x: the array.
        axis: along which; may be left out for one axis.
        dtype: of the result; as for `sum`.
        include_initial: begin with a 0, so that there is one more element.

    >>> import pullback as pb
    >>> pb.cumulative_sum(pb.tensor([1.0, 2.0, 3.0]), include_initial=True)
    tensor([0., 1., 3., 6.], dtype=float32)
    """
    return _accumulate("cumulative_sum", np.add, x, axis, dtype, include_initial)


def _running_product_rule(g: Any, x: Any, axis: int | None, include_initial: bool) -> Any:
    """Σ over the products from each place on, of g times the product of the other factors.

    Dividing the products by x is the quick way; where a factor is 0, they are formed without it.
    """
    axis = 0 if axis is None else axis
    g = _without_initial(g, axis, include_initial)
    if np.all(x != 0):
        return _from_the_end(g * np.cumprod(x, axis=axis), axis) / x
    length = x.shape[axis]
    x, g = np.moveaxis(x, axis, -1)[..., None, :], np.moveaxis(g, axis, -1)[..., None, :]
    others = np.cumprod(np.where(np.eye(length, dtype=bool), 1, x), axis=-1)
    later = np.triu(np.ones((length, length), dtype=bool))
    return np.moveaxis(np.sum(np.where(later, g * others, 0), axis=-1), -1, axis)


@op(
    "x",
    x=_running_product_rule,
    gate=MIXER,
    complex="holomorphic",
    symbol="Π…",
    samples=_CASES,
    reference=lambda x, axis=None, include_initial=False: np.cumulative_prod(
        x, axis=axis, include_initial=include_initial
    ),
)
def cumulative_prod(
    x: Any, /, axis: int | None = None, *, dtype: Any = None, include_initial: bool = False
) -> Any:
    """The products of the elements up to each one; the gradient is exact also where an element is 0.

    Args:
        x: the array.
        axis: along which; may be left out for one axis.
        dtype: of the result; as for `prod`.
        include_initial: begin with a 1, so that there is one more element.

    >>> import pullback as pb
    >>> pb.cumulative_prod(pb.tensor([1.0, 2.0, 3.0]))
    tensor([1., 2., 6.], dtype=float32)
    """
    return _accumulate("cumulative_prod", np.multiply, x, axis, dtype, include_initial)


def _product_rule(g: Any, x: Any, axis: Axis) -> Any:
    """g times the product of the other elements: of those before, times those after."""
    axes = reduced_axes(x.shape, axis)
    rest = tuple(i for i in range(x.ndim) if i not in axes)
    order = rest + axes
    moved = np.transpose(x, order)
    count = int(np.prod([x.shape[i] for i in axes], dtype=int))
    flat = np.reshape(moved, (*(x.shape[i] for i in rest), count))
    one = np.ones((*flat.shape[:-1], 1), flat.dtype)
    before = np.cumprod(np.concatenate([one, flat[..., :-1]], axis=-1), axis=-1)
    after = np.flip(np.cumprod(np.concatenate([one, np.flip(flat[..., 1:], -1)], axis=-1), axis=-1), -1)
    kept = np.reshape(g, (*flat.shape[:-1], 1))
    result = np.reshape(kept * (before * after), moved.shape)
    return np.transpose(result, tuple(int(i) for i in np.argsort(order)))


@op(
    "x",
    x=lambda g, x, axis: np.zeros_like(x) if 0 in x.shape else _product_rule(g, x, axis),
    gate=MIXER,
    complex="holomorphic",
    symbol="Π",
    method=True,
    samples=of_family(
        lambda rng: [*reduction()(rng), *given(((np.array([2.0, 0.0, 3.0]),), {}))(rng)], Family.REDUCTION
    ),
    reference=np.prod,
    singular=[SingularPoint((np.array([0.0, 3.0]),), (np.array([3.0, 0.0]),))],
)
def prod(x: Any, /, axis: Axis = None, *, dtype: Any = None, keepdims: bool = False) -> Any:
    """The product of the elements, Π x. The gradient is g times the product of the others, also beside a 0.

    >>> import pullback as pb
    >>> pb.prod(pb.tensor([2.0, 3.0]))
    tensor(6., dtype=float32)
    """
    return np.prod(x, axis=axis, dtype=dtype, keepdims=keepdims)


def _shares_from_each_place_on(g: Any, x: Any, out: Any, axis: int | None) -> Any:
    """Σᵢ gᵢ·exp(xⱼ − outᵢ) over i ≥ j, term by term: no exponent is positive, so nothing overflows."""
    axis = 0 if axis is None else axis
    later = np.triu(np.ones((x.shape[axis], x.shape[axis]), dtype=bool))
    x = np.moveaxis(x, axis, -1)[..., :, None]
    out, g = np.moveaxis(out, axis, -1)[..., None, :], np.moveaxis(g, axis, -1)[..., None, :]
    exponent = np.where(later & (out > -np.inf), x - out, -np.inf)
    return np.moveaxis(np.sum(np.where(later, g, 0) * np.exp(exponent), axis=-1), -1, axis)


@op(
    "x",
    x=_shares_from_each_place_on,
    gate=MIXER,
    samples=given(
        (((4,),), {}),
        (((3, 4),), {"axis": 0}),
        (((2, 3),), {"axis": -1}),
        (((0, 2),), {"axis": 0}),
        family=Family.ALONG,
    ),
    reference=lambda x, axis=None: np.log(np.cumsum(np.exp(x), axis=0 if axis is None else axis)),
)
def logcumsumexp(x: Any, /, axis: int | None = None) -> Any:
    """log Σ eˣ over the elements up to each one, without overflow.

    The gradient takes memory for every pair of places along the axis.

    Args:
        x: the array.
        axis: along which; may be left out for one axis.

    >>> import pullback as pb
    >>> pb.logcumsumexp(pb.tensor([100.0, 100.0]))
    tensor([100.      , 100.693146], dtype=float32)
    """
    return np.logaddexp.accumulate(x, axis=_one_axis(x, axis, "logcumsumexp"))


# under NumPy's and PyTorch's names


def _flat(name: str, x: Any, axis: int | None, spelling: dict[str, Any]) -> tuple[Tensor, int]:
    axis, _ = respell(name, spelling, axis)
    x = asarray(x)
    return (x.reshape(-1), 0) if axis is None or x.ndim == 0 else (x, axis)


def cumsum(x: Any, /, axis: int | None = None, *, dtype: Any = None, **spelling: Any) -> Tensor:
    """`cumulative_sum`, of the flattened array if axis is None.

    >>> import pullback as pb
    >>> pb.cumsum(pb.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([ 1.,  3.,  6., 10.], dtype=float32)
    """
    flat, along = _flat("cumsum", x, axis, spelling)
    return cumulative_sum(flat, along, dtype=dtype)


def cumprod(x: Any, /, axis: int | None = None, *, dtype: Any = None, **spelling: Any) -> Tensor:
    """`cumulative_prod`, of the flattened array if axis is None.

    >>> import pullback as pb
    >>> pb.cumprod(pb.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([ 1.,  2.,  6., 24.], dtype=float32)
    """
    flat, along = _flat("cumprod", x, axis, spelling)
    return cumulative_prod(flat, along, dtype=dtype)


method("cumsum")(cumsum)
method("cumprod")(cumprod)
