"""The normalisations of channels: what is read from and done to each plane, the numbers of a channel of an example."""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import Array, jit, plain
from .rows import by_rows

LEAST = 2  # numbers in a plane; of one there is nothing to sum


@jit(reordered=True)
def _moments(x: Array, means: Array, deviations: Array, start: int, stop: int) -> None:
    count = x.dtype.type(x.shape[1])
    for row in range(start, stop):
        plane = x[row]
        total = x.dtype.type(0)
        for i in range(len(plane)):
            total += plane[i]
        mean = total / count
        slip, squares = x.dtype.type(0), x.dtype.type(0)
        for i in range(len(plane)):
            centred = plane[i] - mean
            slip += centred
            squares += centred * centred
        slip /= count  # what rounding took from the mean, which counts if it is large
        means[row] = mean + slip
        deviations[row] = squares / count - slip * slip


def moments(x: Array) -> Any:
    """Of each row the mean, and the mean of the squared deviations from it."""
    rows, length = x.shape
    if length < LEAST:
        return NotImplemented
    means, deviations = np.empty(rows, x.dtype), np.empty(rows, x.dtype)
    by_rows(_moments, plain(x), means, deviations)
    return means, deviations


@jit(reordered=True)
def _scaled(x: Array, means: Array, scales: Array, offsets: Array, out: Array, start: int, stop: int) -> None:
    for row in range(start, stop):
        plane, result = x[row], out[row]
        mean, scale, offset = means[row], scales[row], offsets[row]
        for i in range(len(plane)):
            result[i] = (plane[i] - mean) * scale + offset


def scaled(x: Array, means: Array, scales: Array, offsets: Array | None) -> Any:
    """(x − mean)·scale + offset, each one number for a row."""
    if x.shape[1] < LEAST or not x.dtype == means.dtype == scales.dtype:
        return NotImplemented
    out = np.empty_like(x)
    offsets = np.zeros_like(means) if offsets is None else offsets
    by_rows(_scaled, plain(x), means, scales, offsets, out)
    return out


@jit(reordered=True)
def _sums(x: Array, g: Array, means: Array, sums: Array, products: Array, start: int, stop: int) -> None:
    for row in range(start, stop):
        plane, upstream, mean = x[row], g[row], means[row]
        total, product = x.dtype.type(0), x.dtype.type(0)
        for i in range(len(plane)):
            total += upstream[i]
            product += upstream[i] * (plane[i] - mean)
        sums[row], products[row] = total, product


def sums(x: Array, g: Array, means: Array) -> Any:
    """Of each row Σ g and Σ g·(x − mean)."""
    rows, length = x.shape
    if length < LEAST or not x.dtype == g.dtype == means.dtype:
        return NotImplemented
    totals, products = np.empty(rows, x.dtype), np.empty(rows, x.dtype)
    by_rows(_sums, plain(x), plain(g), means, totals, products)
    return totals, products


@jit(reordered=True)
def _slopes(
    x: Array,
    g: Array,
    means: Array,
    factors: Array,
    slopes: Array,
    offsets: Array,
    out: Array,
    start: int,
    stop: int,
) -> None:
    for row in range(start, stop):
        plane, upstream, result = x[row], g[row], out[row]
        mean, factor, slope, offset = means[row], factors[row], slopes[row], offsets[row]
        for i in range(len(plane)):
            result[i] = upstream[i] * factor + (plane[i] - mean) * slope + offset


def slopes(x: Array, g: Array, means: Array, factors: Array, slopes: Array, offsets: Array) -> Any:
    """g·factor + (x − mean)·slope + offset, each one number for a row."""
    if x.shape[1] < LEAST or len({array.dtype for array in (x, g, means, factors, slopes, offsets)}) > 1:
        return NotImplemented
    out = np.empty_like(x)
    by_rows(_slopes, plain(x), plain(g), means, factors, slopes, offsets, out)
    return out
