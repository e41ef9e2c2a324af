"""Pooling: the operations. The maximum or the average of windows or regions, over any number of last axes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ...autograd import Tensor, reshape, take_along_axis
from ...autograd.extend import BLOCK, DISTRIBUTOR, ROUTER, Family, Sample, of_family, op
from .axis_map import (
    AxisMap,
    average_map,
    in_order,
    region_map,
    region_maximum_map,
    scattered,
    window_map,
    winners,
)

Array = np.ndarray[Any, Any]
Maps = tuple[AxisMap, ...]
Samples = Callable[[np.random.Generator], Iterator[Sample]]


def _max_pool(input: Array, *, maps: Maps) -> Array:
    """The largest element of every window, or of every region. What max_pool and adaptive_max_pool compute.

    In backward all of a window's gradient goes to its largest element; to the first one, in the order of memory, where
    several are equal. A nan is larger than everything.
    """
    out = input
    for each, axis in in_order(maps, input.ndim):
        out = each.maxima(out, axis)
    return out


def _max_pool_rule(g: Array, input: Array, out: Array, maps: Maps) -> tuple[Array]:
    apart = all(each.has_own_elements for each in maps)
    return (scattered(g, winners(input, out, maps), tuple(each.size for each in maps), apart),)


def _flat(x: Any, axes: int) -> Any:
    shape = tuple(x.shape)
    return reshape(x, (*shape[: len(shape) - axes], math.prod(shape[len(shape) - axes :])))


def _composed_max_pool(input: Tensor, *, maps: Maps) -> Tensor:
    """Which elements win is a constant; they are picked."""
    found = max_pool_indices(input.detach(), maps=maps)
    picked = take_along_axis(_flat(input, len(maps)), _flat(found, len(maps)), axis=-1)
    return reshape(picked, found.shape)


def _max_pool_indices(input: Array, *, maps: Maps) -> Array:
    """Where the largest element of every window lies: its number within the last axes, flattened."""
    return winners(input, _max_pool(input, maps=maps), maps)


def _linear_forward(input: Array, *, maps: Maps, transposed: bool = False) -> Array:
    if all(each.is_total for each in maps):
        return _global(input, maps, transposed)
    out = input
    for each, axis in in_order(maps, input.ndim, transposed):
        out = each.spread(out, axis) if transposed else each.sums(out, axis)
    return out


def _global(input: Array, maps: Maps, transposed: bool) -> Array:
    """All elements at once: a product with ones, which sums short rows faster than a sum."""
    lead, size = input.shape[: input.ndim - len(maps)], tuple(each.size for each in maps)
    count = math.prod(1 if each.divisor is None else each.divisor[0] for each in maps)
    if transposed:
        return np.array(np.broadcast_to(input / input.dtype.type(count), (*lead, *size)))
    total = input.reshape(math.prod(lead), math.prod(size)) @ np.ones(math.prod(size), input.dtype)
    total /= input.dtype.type(count)
    return total.reshape(*lead, *(1,) * len(maps))


def linear_along_axes(name: str, symbol: str, samples: Samples, doc: str) -> Callable[..., Tensor]:
    """Declare an operation that is a linear map along each of its last axes; its gradient is the transposed one."""
    operation: Callable[..., Tensor] = op(
        _linear_forward,
        "input",
        input=lambda g, maps, transposed: operation.raw(g, maps=maps, transposed=not transposed),  # type: ignore[attr-defined]  # `op` gives it .raw
        gate=DISTRIBUTOR,
        name=name,
        symbol=symbol,
        samples=samples,
        doc=doc,
    )
    return operation


def map_samples(*cases: tuple[tuple[int, ...], Maps]) -> Samples:
    """Samples of operations along the last axes: shapes of inputs without equal elements, and the maps."""

    def generate(rng: np.random.Generator) -> Iterator[Sample]:
        for shape, maps in cases:
            count = math.prod(shape)
            yield Sample(
                ((rng.permutation(count) + rng.uniform(0, 0.5, count)).reshape(shape),), {"maps": maps}
            )

    return of_family(generate, Family.LEADING)


_MAXIMA = map_samples(
    ((2, 4, 4), (window_map(4, 2, 2, 0, 1, False),) * 2),
    ((5, 6), (window_map(5, 3, 2, 1, 1, True), window_map(6, 2, 1, 1, 2, False))),
    ((2, 7), (region_maximum_map(7, 3),)),
    ((1, 3, 2), (region_maximum_map(3, 5), region_maximum_map(2, 2))),
    ((0, 4), (window_map(4, 2, 2, 0, 1, False),)),
)

max_pool: Callable[..., Tensor] = op(
    _max_pool,
    "input",
    joint=_max_pool_rule,
    composed=_composed_max_pool,
    gate=ROUTER,
    name="max_pool",
    symbol="max",
    samples=_MAXIMA,
)

max_pool_indices: Callable[..., Tensor] = op(
    _max_pool_indices,
    "input",
    gate=BLOCK,
    name="max_pool_indices",
    symbol="argmax",
    samples=_MAXIMA,
)

avg_pool = linear_along_axes(
    "avg_pool",
    "mean",
    map_samples(
        ((2, 4, 4), (average_map(4, 2, 2, 0, False, True, None),) * 2),
        ((5, 6), (average_map(5, 3, 2, 1, True, False, None), average_map(6, 2, 1, 1, False, True, 3.0))),
        ((2, 7), (region_map(7, 3),)),
        ((1, 3, 2), (region_map(3, 5), region_map(2, 2))),
        ((0, 4), (region_map(4, 1),)),
    ),
    """The average of every window, or of every region. What avg_pool and adaptive_avg_pool compute.

    In backward each element of a window gets its share of the window's gradient.
    """,
)
