"""Maps along one axis: which elements each place of a result reads, and with what weight.

Averages over windows, averages over regions and interpolation all work axis by axis, and along an axis they are a
few weighted copies: tap t of every place reads one element. As long as the elements of a tap stand evenly, they are
a slice, and nothing is copied. The transposed map, which is the gradient, has taps of its own. A maximum goes over
the same taps.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from ...autograd.extend import kernel

Array = np.ndarray[Any, Any]
Part = slice | Array


class Tap(NamedTuple):
    """Some places of the result, the element that each of them reads, and the weights (None for ones)."""

    places: Part
    elements: Part
    weights: Array | None = None


class AxisMap:
    """A linear map from `size` elements to `places` of them, in taps; each sum is divided by its divisor."""

    def __init__(
        self, size: int, places: int, taps: Sequence[Tap], divisor: Array | None = None, label: str = ""
    ) -> None:
        self.size, self.places, self.divisor, self.label = size, places, divisor, label
        self.taps = tuple(taps)

    def __repr__(self) -> str:
        return f"<{self.label}: {self.size} to {self.places}>"

    @functools.cached_property
    def transposed_taps(self) -> tuple[Tap, ...]:
        """The same connections, seen from the elements."""
        if all(isinstance(tap.elements, slice) for tap in self.taps):  # no element comes twice in a tap
            return tuple(Tap(tap.elements, tap.places, tap.weights) for tap in self.taps)
        parts = [
            (_numbers(t.places, self.places), _numbers(t.elements, self.size), t.weights) for t in self.taps
        ]
        places, elements = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
        weights = np.concatenate([np.ones(len(p)) if w is None else w for p, _, w in parts])
        return tuple(taps_by_rank(elements, places, weights))

    @functools.cached_property
    def has_own_elements(self) -> bool:
        """Whether no element is read twice: windows that do not overlap."""
        read = [_numbers(tap.elements, self.size) for tap in self.taps]
        return bool(np.bincount(np.concatenate([*read, np.zeros(0, int)])).max(initial=0) <= 1)

    @functools.cached_property
    def is_total(self) -> bool:
        """Whether the only place reads every element once: global pooling."""
        unweighted = all(tap.weights is None for tap in self.taps)
        return self.places == 1 and len(self.taps) == self.size and unweighted

    @functools.cached_property
    def reads_everywhere(self) -> bool:
        """Whether every place reads an element."""
        at = [_numbers(tap.places, self.places) for tap in self.taps]
        return len(np.unique(np.concatenate([*at, np.zeros(0, int)]))) == self.places

    @functools.cached_property
    def reach(self) -> tuple[int, Fraction]:
        """How many elements the widest place spans, and how far neighbouring places lie apart."""
        low, high = np.full(self.places, self.size), np.full(self.places, -1)
        for tap in self.taps:
            at, elements = _numbers(tap.places, self.places), _numbers(tap.elements, self.size)
            np.minimum.at(low, at, elements)
            np.maximum.at(high, at, elements)
        span = int((high - low).max(initial=-1)) + 1
        if self.places > self.size:
            return span, Fraction(self.size, self.places)
        return span, Fraction(int(np.diff([low, high]).max(initial=1)))  # at the borders spans are cut

    def sums(self, x: Array, axis: int) -> Array:
        """The map along an axis."""
        out = _sums(x, axis, self.places, self.taps)
        return out if self.divisor is None else np.divide(out, _along(self.divisor, x, axis), out=out)

    def spread(self, g: Array, axis: int) -> Array:
        """The transposed map along an axis."""
        g = g if self.divisor is None else g / _along(self.divisor, g, axis)
        return _sums(g, axis, self.size, self.transposed_taps)

    def maxima(self, x: Array, axis: int) -> Array:
        """The largest element of each place, along an axis."""
        first = self.taps[0]
        whole = _covers(first.places, self.places)
        if whole:
            out = np.array(_picked(x, axis, first.elements))
        else:
            out = np.full((*x.shape[:axis], self.places, *x.shape[axis + 1 :]), -np.inf, x.dtype)
        for tap in self.taps[whole:]:
            target = _picked(out, axis, tap.places)
            np.maximum(target, _picked(x, axis, tap.elements), out=target)
        return out


def in_order(maps: Sequence[AxisMap], ndim: int, transposed: bool = False) -> list[tuple[AxisMap, int]]:
    """Maps of the last axes, with their axes, in the order that keeps what lies between them small.

    Outer axes, along which whole rows are added, go first where the array shrinks, and last where it grows.
    """
    numbered = [(each, ndim - len(maps) + i) for i, each in enumerate(maps)]
    shrinks = math.prod(each.places for each in maps) <= math.prod(each.size for each in maps)
    return numbered if shrinks != transposed else numbered[::-1]


@kernel("pooling.winners", over=1 << 10)
def winners(x: Array, maxima: Array, maps: Sequence[AxisMap]) -> Array:
    """Where the maxima lie, as numbers of elements in the flattened last axes: the first of equals, the last nan."""
    size, count = x.shape[x.ndim - len(maps) :], len(maps)
    numbers = np.arange(math.prod(size)).reshape(size)
    found = np.zeros(maxima.shape, np.int64)
    taps = list(itertools.product(*(m.taps for m in maps)))

    def views(combination: Sequence[Tap]) -> Iterator[Array]:
        for array, is_element in ((found, False), (maxima, False), (x, True), (numbers, True)):
            for i, tap in enumerate(combination):
                array = _picked(array, array.ndim - count + i, tap.elements if is_element else tap.places)
            yield array

    for combination in reversed(taps):  # so that the first one stays
        target, largest, values, places = views(combination)
        np.copyto(target, places, where=values == largest)
    if np.isnan(maxima).any():
        for combination in taps:
            target, _, values, places = views(combination)
            np.copyto(target, places, where=np.isnan(values))
    return found


@kernel("pooling.scattered", over=1 << 10)
def scattered(g: Array, found: Array, size: tuple[int, ...], apart: bool) -> Array:
    """g added to zeros at the places that `winners` found; `apart` if no place can come twice."""
    lead = g.shape[: g.ndim - len(size)]
    rows, elements = math.prod(lead), math.prod(size)
    out = np.zeros((rows, elements), g.dtype)
    count = math.prod(g.shape[g.ndim - len(size) :])
    at = found.reshape(rows, count)
    if apart:
        np.put_along_axis(out, at, g.reshape(rows, count), 1)
    else:
        flat = (at + (np.arange(rows) * elements)[:, None]).ravel()
        np.add.at(out.reshape(-1), flat, g.ravel())
    return out.reshape(*lead, *size)


def taps_by_rank(places: Array, elements: Array, weights: Array | None) -> Iterator[Tap]:
    """Taps from connections: the first one of every place, then the second of those that have one, and so on."""
    order = np.lexsort((elements, places))
    places, elements = places[order], elements[order]
    weights = None if weights is None else weights[order]
    starts = np.concatenate(([0], np.flatnonzero(np.diff(places)) + 1)) if len(places) else np.zeros(0, int)
    rank = np.arange(len(places)) - np.repeat(starts, np.diff(np.append(starts, len(places))))
    for t in range(int(rank.max(initial=-1)) + 1):
        chosen = rank == t
        own = None if weights is None or (weights[chosen] == 1).all() else weights[chosen]
        yield Tap(evenly(places[chosen]), evenly(elements[chosen]), own)


def evenly(numbers: Array) -> Part:
    """Numbers as a slice, if they grow evenly."""
    if len(numbers) == 1:
        return slice(int(numbers[0]), int(numbers[0]) + 1)
    step = int(numbers[1] - numbers[0])
    if step > 0 and (np.diff(numbers) == step).all():
        return slice(int(numbers[0]), int(numbers[-1]) + 1, step)
    return numbers


def _numbers(part: Part, length: int) -> Array:
    return np.arange(length)[part] if isinstance(part, slice) else part


def _covers(part: Part, length: int) -> bool:
    return isinstance(part, slice) and range(length)[part] == range(length)


def _picked(x: Array, axis: int, part: Part) -> Array:
    """Some elements along an axis: a view for a slice."""
    if isinstance(part, slice):
        index: tuple[Any, ...] = (slice(None),) * axis + (part,)
        view: Array = x[index]
        return view
    return x.take(part, axis)


def _along(values: Array, x: Array, axis: int) -> Array:
    """A value for each place along an axis, to broadcast against x, in its dtype."""
    return values.reshape((-1,) + (1,) * (x.ndim - axis - 1)).astype(x.dtype)


def _sums(x: Array, axis: int, places: int, taps: Sequence[Tap]) -> Array:
    out: Array | None = None
    shape = (*x.shape[:axis], places, *x.shape[axis + 1 :])
    for tap in taps:
        values = _picked(x, axis, tap.elements)
        if tap.weights is not None:
            values = values * _along(tap.weights, x, axis)
        if out is None and _covers(tap.places, places):
            out = values if values.base is None and values is not x else values.copy()
            continue
        out = np.zeros(shape, x.dtype) if out is None else out
        index: tuple[Any, ...] = (slice(None),) * axis + (tap.places,)
        out[index] += values
    return np.zeros(shape, x.dtype) if out is None else out


# the maps


@functools.lru_cache(maxsize=512)
def window_map(size: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool) -> AxisMap:
    """The sum over windows; borders count nothing."""
    places = window_places(size, kernel, stride, padding, dilation, ceil_mode)
    taps = []
    for k in range(kernel):
        start = k * dilation - padding
        low, high = max(0, -(start // stride)), min(places, (size - 1 - start) // stride + 1)
        if low < high:
            part = slice(start + low * stride, start + (high - 1) * stride + 1, stride)
            taps.append(Tap(slice(low, high), part))
    return AxisMap(size, places, taps, label="windows")


@functools.lru_cache(maxsize=512)
def average_map(
    size: int, kernel: int, stride: int, padding: int, ceil_mode: bool, include: bool, divisor: float | None
) -> AxisMap:
    """The average over windows, divided by how many elements there are (with the border, if it is included)."""
    windows = window_map(size, kernel, stride, padding, 1, ceil_mode)
    start = np.arange(windows.places) * stride - padding
    end = np.minimum(start + kernel, size + padding)
    counts = end - start if include else np.minimum(end, size) - np.maximum(start, 0)
    if divisor is not None:
        counts = np.full(windows.places, divisor)
    return AxisMap(size, windows.places, windows.taps, counts, "windows")


def window_places(size: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool) -> int:
    """How many windows there are; with `ceil_mode` also one that reaches over the end, if it begins before it."""
    spare = size + 2 * padding - dilation * (kernel - 1) - 1
    places = (spare + (stride - 1 if ceil_mode else 0)) // stride + 1
    return places - 1 if ceil_mode and (places - 1) * stride >= size + padding else places


@functools.lru_cache(maxsize=512)
def region_map(size: int, places: int) -> AxisMap:
    """The average over regions that cover the axis: from ⌊i·size/places⌋ to ⌈(i + 1)·size/places⌉."""
    start, end = _regions(size, places)
    lengths = end - start
    at = np.repeat(np.arange(places), lengths)
    element = np.arange(len(at)) - np.repeat(np.cumsum(lengths) - lengths, lengths) + start[at]
    taps = taps_by_rank(at, element, None)
    return AxisMap(size, places, list(taps), end - start, "regions")


@functools.lru_cache(maxsize=512)
def region_maximum_map(size: int, places: int) -> AxisMap:
    """The same regions for maxima: shorter ones repeat their last element."""
    start, end = _regions(size, places)
    most = int((end - start).max(initial=0))
    taps = [Tap(slice(0, places), evenly(np.minimum(start + t, end - 1))) for t in range(most)]
    return AxisMap(size, places, taps, label="regions")


def _regions(size: int, places: int) -> tuple[Array, Array]:
    i = np.arange(places)
    return i * size // places, -(-(i + 1) * size // places)
