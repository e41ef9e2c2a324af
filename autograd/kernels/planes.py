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


@jit(inside=True)
def _scaled_number(x: Any, mean: Any, scale: Any, offset: Any) -> Any:
    """(x − mean)·scale + offset, rounded after each step wherever it is computed, so that it has one sign."""
    return (x - mean) * scale + offset


@jit(reordered=True)
def _scaled(
    x: Array,
    means: Array,
    scales: Array,
    offsets: Array,
    least: Any,
    out: Array,
    start: int,
    stop: int,
) -> None:
    for row in range(start, stop):
        plane, result = x[row], out[row]
        mean, scale, offset = means[row], scales[row], offsets[row]
        for i in range(len(plane)):
            y = _scaled_number(plane[i], mean, scale, offset)
            result[i] = least if y <= least else y


def scaled(x: Array, means: Array, scales: Array, offsets: Array | None, rectified: bool = False) -> Any:
    """(x − mean)·scale + offset, each one number for a row; 0 for what is negative, if rectified."""
    if x.shape[1] < LEAST or not x.dtype == means.dtype == scales.dtype:
        return NotImplemented
    out = np.empty_like(x)
    offsets = np.zeros_like(means) if offsets is None else offsets
    least = x.dtype.type(0 if rectified else -np.inf)
    by_rows(_scaled, plain(x), means, scales, offsets, least, out)
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


@jit(reordered=True)
def _opened_sums(
    x: Array,
    g: Array,
    means: Array,
    scales: Array,
    offsets: Array,
    sums: Array,
    products: Array,
    start: int,
    stop: int,
) -> None:
    zero = x.dtype.type(0)
    for row in range(start, stop):
        plane, upstream = x[row], g[row]
        mean, scale, offset = means[row], scales[row], offsets[row]
        total, product = zero, zero
        for i in range(len(plane)):
            h = upstream[i] if _scaled_number(plane[i], mean, scale, offset) > zero else zero
            total += h
            product += h * (plane[i] - mean)
        sums[row], products[row] = total, product


def opened_sums(x: Array, g: Array, means: Array, scales: Array, offsets: Array | None) -> Any:
    """Of each row Σ h and Σ h·(x − mean), where h is g where (x − mean)·scale + offset is positive."""
    rows, length = x.shape
    offsets = np.zeros_like(means) if offsets is None else offsets
    if length < LEAST or len({array.dtype for array in (x, g, means, scales, offsets)}) > 1:
        return NotImplemented
    totals, products = np.empty(rows, x.dtype), np.empty(rows, x.dtype)
    by_rows(_opened_sums, plain(x), plain(g), means, scales, offsets, totals, products)
    return totals, products


@jit(reordered=True)
def _opened_slopes(
    x: Array,
    g: Array,
    means: Array,
    scales: Array,
    offsets: Array,
    factors: Array,
    slopes: Array,
    shifts: Array,
    out: Array,
    start: int,
    stop: int,
) -> None:
    zero = x.dtype.type(0)
    for row in range(start, stop):
        plane, upstream, result = x[row], g[row], out[row]
        mean, scale, offset = means[row], scales[row], offsets[row]
        factor, slope, shift = factors[row], slopes[row], shifts[row]
        for i in range(len(plane)):
            h = upstream[i] if _scaled_number(plane[i], mean, scale, offset) > zero else zero
            result[i] = h * factor + (plane[i] - mean) * slope + shift


def opened_slopes(
    x: Array,
    g: Array,
    means: Array,
    scales: Array,
    offsets: Array | None,
    factors: Array,
    slopes: Array,
    shifts: Array,
) -> Any:
    """h·factor + (x − mean)·slope + shift with the same h."""
    offsets = np.zeros_like(means) if offsets is None else offsets
    arrays = (x, g, means, scales, offsets, factors, slopes, shifts)
    if x.shape[1] < LEAST or len({array.dtype for array in arrays}) > 1:
        return NotImplemented
    out = np.empty_like(x)
    by_rows(_opened_slopes, plain(x), plain(g), means, scales, offsets, factors, slopes, shifts, out)
    return out
