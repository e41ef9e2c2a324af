"""Pooling: where the largest elements of windows lie, and what comes back to them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .jit import Array, jit, plain
from .threads import split

SHARE = 1 << 14  # places that are worth a thread


@jit()
def _last_nan(plane: Array, rows: Array, columns: Array) -> Any:
    place = 0
    for row in rows:
        for column in columns:
            if row >= 0 and column >= 0 and np.isnan(plane[row, column]):
                place = row * plane.shape[1] + column
    return place


@jit()
def _winners(
    x: Array, maxima: Array, rows: Array, columns: Array, found: Array, start: int, stop: int
) -> None:
    width = x.shape[2]
    for image in range(start, stop):
        plane = x[image]
        for i in range(maxima.shape[1]):
            for j in range(maxima.shape[2]):
                largest, place = maxima[image, i, j], 0
                is_nan = largest != largest
                for k in range(rows.shape[1] - 1, -1, -1):
                    row = rows[i, k]
                    if row < 0:
                        continue
                    for m in range(columns.shape[1] - 1, -1, -1):
                        column = columns[j, m]
                        # no branch, because nobody can guess which one wins
                        hit = (plane[row, max(column, 0)] == largest) & (column >= 0)
                        place = row * width + column if hit else place
                found[image, i, j] = _last_nan(plane, rows[i], columns[j]) if is_nan else place


def _elements(axis_map: Any) -> Array:
    """Which element each place reads with each tap; -1 for none."""
    table = np.full((axis_map.places, len(axis_map.taps)), -1)
    numbers = np.arange(axis_map.size)
    for k, tap in enumerate(axis_map.taps):
        table[tap.places, k] = numbers[tap.elements]
    return table


def winners(x: Array, maxima: Array, maps: Any) -> Any:
    """Where the maxima lie: the first of equals, the last nan; over one and two axes."""
    if len(maps) > 2 or x.dtype != maxima.dtype:
        return NotImplemented
    lead = x.shape[: x.ndim - len(maps)]
    rows = _elements(maps[0]) if len(maps) == 2 else np.zeros((1, 1), np.int64)
    images, largest = (
        plain(array).reshape(math.prod(lead), *(1, *array.shape[len(lead) :])[-2:]) for array in (x, maxima)
    )
    found = np.empty(largest.shape, np.int64)
    share = max(1, SHARE // max(math.prod(largest.shape[1:]), 1))
    split(_winners, len(images), share, images, largest, rows, _elements(maps[-1]), found)
    return found.reshape(maxima.shape)


@jit()
def _scattered(g: Array, found: Array, out: Array, start: int, stop: int) -> None:
    for row in range(start, stop):
        target, places, values = out[row], found[row], g[row]
        target[:] = 0
        for i in range(len(values)):
            target[places[i]] += values[i]


def scattered(g: Array, found: Array, size: tuple[int, ...], apart: bool) -> Any:
    """g added to zeros at places that `winners` found."""
    lead = g.shape[: g.ndim - len(size)]
    rows, elements = math.prod(lead), math.prod(size)
    values, places = plain(g).reshape(rows, -1), plain(found).reshape(rows, -1)
    out = np.empty((rows, elements), g.dtype)
    split(_scattered, rows, max(1, SHARE // max(elements, 1)), values, places, out)
    return out.reshape(*lead, *size)
