"""Turning and mirroring, filling under a mask, and weighted means: short compositions."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..batched import all_values
from ..calling import respell
from ..convert import asarray
from ..tensor import Tensor
from .elementwise import divide, where
from .reduce import Axis, mean, reduced_axes
from .reduce import sum as total
from .shape import broadcast_to, copy, flip, reshape, swapaxes


def fliplr(x: Any, /) -> Tensor:
    """The columns in reverse order.

    >>> import pullback as pb
    >>> pb.fliplr(pb.tensor([[1, 2], [3, 4]])).tolist()
    [[2, 1], [4, 3]]
    """
    x = asarray(x)
    if x.ndim < 2:
        raise ValueError(f"fliplr needs at least two axes, and x has shape {x.shape}")
    return flip(x, axis=1)


def flipud(x: Any, /) -> Tensor:
    """The rows in reverse order.

    >>> import pullback as pb
    >>> pb.flipud(pb.tensor([[1, 2], [3, 4]])).tolist()
    [[3, 4], [1, 2]]
    """
    x = asarray(x)
    if x.ndim < 1:
        raise ValueError("flipud needs at least one axis")
    return flip(x, axis=0)


def rot90(x: Any, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Tensor:
    """x turned k quarter turns in the plane of two axes, from the first towards the second.

    Args:
        x: the array.
        k: how many turns; negative ones go the other way.
        axes: the plane.

    >>> import pullback as pb
    >>> pb.rot90(pb.tensor([[1, 2], [3, 4]])).tolist()
    [[2, 4], [1, 3]]
    """
    x = asarray(x)
    first, second = (axis % x.ndim for axis in axes)
    if first == second:
        raise ValueError(f"rot90 needs two different axes, not {axes}")
    if k % 4 == 2:
        return flip(x, axis=(first, second))
    if k % 2 == 0:
        return copy(x)
    return flip(swapaxes(x, first, second), axis=first if k % 4 == 1 else second)


def masked_fill(x: Any, mask: Any, value: Any, /) -> Tensor:
    """x with a value where the mask holds; there the gradient goes to the value, if it is a tensor.

    >>> import pullback as pb
    >>> pb.masked_fill(pb.tensor([1.0, 2.0]), pb.asarray([True, False]), 0.0)
    tensor([0., 2.], dtype=float32)
    """
    return where(asarray(mask), value, asarray(x))


def average(
    x: Any, axis: Axis = None, weights: Any = None, *, keepdims: bool = False, **spelling: Any
) -> Tensor:
    """The weighted mean, Σ w·x / Σ w; both x and the weights get gradients.

    Args:
        x: the array.
        axis: along which axes (also `dim`); all if None.
        weights: of the shape of x, or of its length along the one axis; all the same if None.
        keepdims: keep the reduced axes with length 1.

    >>> import pullback as pb
    >>> pb.average(pb.tensor([1.0, 5.0]), weights=pb.tensor([3.0, 1.0]))
    tensor(2., dtype=float32)
    """
    axis, keepdims = respell("average", spelling, axis, keepdims)
    x = asarray(x)
    if weights is None:
        return mean(x, axis, keepdims=keepdims)
    weights = asarray(weights)
    if weights.shape != x.shape:
        axes = reduced_axes(x.shape, axis)
        if weights.ndim != 1 or len(axes) != 1 or weights.size != x.shape[axes[0]]:
            raise ValueError(
                f"average: weights of shape {weights.shape} fit neither x of shape {x.shape} nor its axis {axis}"
            )
        along = tuple(-1 if i == axes[0] else 1 for i in range(x.ndim))
        weights = broadcast_to(reshape(weights, along), x.shape)
    whole = total(weights, axis, keepdims=keepdims)
    if not np.all(all_values(whole) != 0):
        raise ZeroDivisionError("average: the weights sum to zero")
    return divide(total(x * weights, axis, keepdims=keepdims), whole)
