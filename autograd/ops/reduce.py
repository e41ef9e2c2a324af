"""Operations that take axes away: sums, means, extremes.

Everywhere `axis` is an integer, a tuple of integers or None for all axes, and `keepdims=True` keeps the
reduced axes with length 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..family import Family
from ..gate import BLOCK, DISTRIBUTOR, MIXER, ROUTER
from ..op import SingularPoint, op
from ..samples import of_family, reduction

Axis = int | tuple[int, ...] | None


def reduced_axes(shape: tuple[int, ...], axis: Axis) -> tuple[int, ...]:
    """The axes that are reduced, as non-negative numbers."""
    if axis is None:
        return tuple(range(len(shape)))
    axes = axis if isinstance(axis, tuple) else (axis,)
    return tuple(a % len(shape) for a in axes) if shape else ()  # NumPy takes axis 0 of a scalar


def _count(shape: tuple[int, ...], axis: Axis) -> int:
    return int(np.prod([shape[a] for a in reduced_axes(shape, axis)], dtype=int))


def _one_over(count: float) -> float:
    """A count itself may be too large for float16, its reciprocal is not."""
    return 1 / count if count else float("inf")


def _spread(g: Any, shape: tuple[int, ...], axis: Axis) -> Any:
    """A reduced value against the unreduced shape: its axes of length 1 put back, then broadcast."""
    if axis is None:
        return np.broadcast_to(g, shape)
    axes = reduced_axes(shape, axis)
    kept = tuple(1 if i in axes else length for i, length in enumerate(shape))
    return np.broadcast_to(np.reshape(g, kept), shape)


@op(
    "x",
    x=lambda g, x_shape, axis: _spread(g, x_shape, axis),
    gate=DISTRIBUTOR,
    complex="written",
    symbol="Σ",
    method=True,
    samples=reduction(),
    reference=np.sum,
)
def sum(x: Any, /, axis: Axis = None, *, dtype: Any = None, keepdims: bool = False) -> Any:
    """The sum of the elements, Σ x. The gradient is g for every element.

    Args:
        x: the array.
        axis: along which axes.
        dtype: of the result; small integers are summed in the platform's integer if None.
        keepdims: keep the reduced axes with length 1.

    >>> import pullback as pb
    >>> pb.sum(pb.tensor([[1, 2], [3, 4]]), axis=0)
    tensor([4, 6], dtype=int64)
    """
    return np.sum(x, axis=axis, dtype=dtype, keepdims=keepdims)


@op(
    "x",
    x=lambda g, x_shape, axis: _spread(g * _one_over(_count(x_shape, axis)), x_shape, axis),
    gate=DISTRIBUTOR,
    complex="written",
    method=True,
    samples=reduction(empty=False),
    reference=np.mean,
)
def mean(x: Any, /, axis: Axis = None, *, keepdims: bool = False) -> Any:
    """The mean of the elements, Σ x / n. The gradient is g / n for every element.

    >>> import pullback as pb
    >>> x = pb.tensor([1.0, 2.0, 6.0], requires_grad=True)
    >>> y = pb.mean(x)
    >>> y.backward()
    >>> y.item(), x.grad.tolist()
    (3.0, [0.3333333432674408, 0.3333333432674408, 0.3333333432674408])
    """
    return np.mean(x, axis=axis, keepdims=keepdims)


@op(
    "x",
    x=lambda g, x, axis, correction: (
        _spread(g * (2 * _one_over(_count(x.shape, axis) - correction)), x.shape, axis)
        * (x - np.mean(x, axis=axis, keepdims=True))
    ),
    gate=MIXER,
    complex="written",
    method=True,
    samples=reduction(empty=False, minimum=1),
    reference=lambda x, axis=None, correction=0.0, keepdims=False: np.var(
        x, axis=axis, ddof=correction, keepdims=keepdims
    ),
)
def var(x: Any, /, axis: Axis = None, *, correction: float = 0.0, keepdims: bool = False) -> Any:
    """The variance, Σ (x − mean)² / (n − correction)."""
    return np.var(x, axis=axis, ddof=correction, keepdims=keepdims)


@op(
    "x",
    x=lambda g, x, out, axis, correction: (
        _spread(g / _nonzero(out) * _one_over(_count(x.shape, axis) - correction), x.shape, axis)
        * (x - np.mean(x, axis=axis, keepdims=True))
    ),
    gate=MIXER,
    complex="written",
    method=True,
    samples=reduction(empty=False, minimum=1),
    reference=lambda x, axis=None, correction=0.0, keepdims=False: np.std(
        x, axis=axis, ddof=correction, keepdims=keepdims
    ),
    singular=[SingularPoint((np.array([2.0, 2.0]),), (np.array([0.0, 0.0]),))],
)
def std(x: Any, /, axis: Axis = None, *, correction: float = 0.0, keepdims: bool = False) -> Any:
    """The standard deviation, √var. The gradient is 0 where all elements are equal."""
    return np.std(x, axis=axis, ddof=correction, keepdims=keepdims)


def _nonzero(x: Any) -> Any:
    return np.where(x == 0, 1, x)


def _share_among_ties(g: Any, x: Any, out: Any, axis: Axis) -> Any:
    winners = ((x == _spread(out, x.shape, axis)) | (x != x)).astype(np.promote_types(x.dtype, np.float32))
    return _spread(g, x.shape, axis) * (winners / np.sum(winners, axis=axis, keepdims=True))


@op(
    "x",
    x=lambda g, x, out, axis: _share_among_ties(g, x, out, axis),
    gate=ROUTER,
    method=True,
    samples=reduction(empty=False, distinct=True),
    reference=np.max,
    singular=[SingularPoint((np.array([1.0, 3.0, 3.0]),), (np.array([0.0, 0.5, 0.5]),))],
)
def max(x: Any, /, axis: Axis = None, *, keepdims: bool = False) -> Any:
    """The largest element. The gradient goes to it, and is shared evenly among ties.

    >>> import pullback as pb
    >>> x = pb.tensor([1.0, 3.0, 3.0], requires_grad=True)
    >>> pb.max(x).backward()
    >>> x.grad
    tensor([0. , 0.5, 0.5], dtype=float32)
    """
    return np.max(x, axis=axis, keepdims=keepdims)


@op(
    "x",
    x=lambda g, x, out, axis: _share_among_ties(g, x, out, axis),
    gate=ROUTER,
    method=True,
    samples=reduction(empty=False, distinct=True),
    reference=np.min,
    singular=[SingularPoint((np.array([1.0, 1.0, 3.0]),), (np.array([0.5, 0.5, 0.0]),))],
)
def min(x: Any, /, axis: Axis = None, *, keepdims: bool = False) -> Any:
    """The smallest element. The gradient goes to it, and is shared evenly among ties."""
    return np.min(x, axis=axis, keepdims=keepdims)


@op("x", gate=BLOCK, method=True, samples=reduction(), reference=np.all)
def all(x: Any, /, axis: Axis = None, *, keepdims: bool = False) -> Any:
    """Whether all elements are true (not zero)."""
    return np.all(x, axis=axis, keepdims=keepdims)


@op("x", gate=BLOCK, method=True, samples=reduction(), reference=np.any)
def any(x: Any, /, axis: Axis = None, *, keepdims: bool = False) -> Any:
    """Whether any element is true (not zero)."""
    return np.any(x, axis=axis, keepdims=keepdims)


def _single_axis(rng: np.random.Generator) -> Any:
    return (
        sample
        for sample in reduction(empty=False, distinct=True)(rng)
        if not isinstance(sample.parameters.get("axis"), tuple)
    )


_arg_samples = of_family(_single_axis, Family.REDUCTION)


@op(
    "x",
    gate=BLOCK,
    method=True,
    numpy=(np.argmax,),
    samples=_arg_samples,
    reference=np.argmax,
)
def argmax(x: Any, /, axis: int | None = None, *, keepdims: bool = False) -> Any:
    """The index of the largest element, the first one at a tie; into the flat array if axis is None."""
    return np.argmax(x, axis=axis, keepdims=keepdims)


@op(
    "x",
    gate=BLOCK,
    method=True,
    numpy=(np.argmin,),
    samples=_arg_samples,
    reference=np.argmin,
)
def argmin(x: Any, /, axis: int | None = None, *, keepdims: bool = False) -> Any:
    """The index of the smallest element, the first one at a tie; into the flat array if axis is None."""
    return np.argmin(x, axis=axis, keepdims=keepdims)


@op(
    "x",
    gate=BLOCK,
    method=True,
    numpy=(np.count_nonzero,),
    samples=reduction(),
    reference=np.count_nonzero,
)
def count_nonzero(x: Any, /, axis: Axis = None, *, keepdims: bool = False) -> Any:
    """How many elements are not zero."""
    return np.sum(np.asarray(x) != 0, axis=axis, dtype=np.int64, keepdims=keepdims)
