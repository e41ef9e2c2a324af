"""Sliding windows as the columns of matrices: the kernels behind convolution and folding, on arrays.

The windows are copied, a tile of the images at a time, into a buffer that stays in the cache (im2col), and BLAS
multiplies it. Chellapilla, Puri and Simard, "High performance convolutional neural networks for document
processing", 2006. Nothing loops over images, channels or places one by one: a tile is as many images as fit, or a
range of rows of one that is too big.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ...autograd.extend import kernel

Array = np.ndarray[Any, Any]
Sizes = tuple[int, ...]

TILE = 1 << 20  # bytes of a buffer of columns
FEW = 64  # images with fewer places than this share a product
LONG = 256  # columns that a product needs where it sums over them


class Windows(NamedTuple):
    """How windows lie over the spatial axes: length, step, borders before and after, spacing; one per axis.

    A border after may be negative: so much of the end no window covers.
    """

    kernel: Sizes
    stride: Sizes
    padding: tuple[tuple[int, int], ...]
    dilation: Sizes

    def extent(self) -> Sizes:
        """How far a window reaches, with the gaps between its elements."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.kernel, self.dilation, strict=True))

    def places(self, size: Sizes) -> Sizes:
        """How many windows fit along each axis; zero or less for none."""
        return tuple(
            (n + before + after - reach) // step + 1
            for n, reach, step, (before, after) in zip(
                size, self.extent(), self.stride, self.padding, strict=True
            )
        )

    def are_points(self) -> bool:
        """Whether each window is one element, and each element has one: a 1×1 convolution."""
        return math.prod(self.kernel) == math.prod(self.stride) == 1 and not any(map(any, self.padding))


@kernel("convolution.correlate", over=1 << 10)
def correlate(x: Array, weight: Array, windows: Windows, groups: int, bias: Array | None = None) -> Array:
    """The product of every window with every filter, plus the filter's bias.

    Args:
        x: (N, C, *size).
        weight: (O, C/groups, *kernel).
        windows: how they lie.
        groups: into how many groups the channels fall.
        bias: (O,).

    Returns:
        An array of shape (N, O, *places).
    """
    count, filters, places = len(x), len(weight), windows.places(x.shape[2:])
    rest = math.prod(places[1:])
    depth = math.prod(weight.shape[1:])
    matrix = np.ascontiguousarray(weight).reshape(groups, filters // groups, depth)
    out = np.empty((count, groups, filters // groups, places[0], rest), np.result_type(x, weight))
    if windows.are_points() and places[0] * rest >= FEW:
        points = x.reshape(count, groups, depth, places[0] * rest)
        np.matmul(matrix, points, out=out.reshape(*out.shape[:3], places[0] * rest))
        return _added(out.reshape(count, filters, *places), bias)
    merged = places[0] * rest < FEW
    for images, rows, columns in columns_of(x, windows, groups, merged):
        target = out[images, :, :, rows]
        if merged:
            product = matrix @ columns
            target[...] = np.moveaxis(product.reshape(*out.shape[1:3], len(target), *target.shape[3:]), 2, 0)
        else:
            np.matmul(matrix, columns, out=target.reshape(*target.shape[:3], columns.shape[-1]))
    return _added(out.reshape(count, filters, *places), bias)


def _added(result: Array, bias: Array | None) -> Array:
    if bias is not None:
        result += bias.reshape((-1,) + (1,) * (result.ndim - 2))
    return result


@kernel("convolution.spread", over=1 << 10)
def spread(
    g: Array, weight: Array, size: Sizes, windows: Windows, groups: int, bias: Array | None = None
) -> Array:
    """What `correlate` does, transposed: g of shape (N, O, *places) comes back as (N, C, *size), plus a bias (C,)."""
    count, filters, places = len(g), len(weight), g.shape[2:]
    rest = math.prod(places[1:])
    channels, depth = groups * weight.shape[1], math.prod(weight.shape[1:])
    matrix = weight.reshape(groups, filters // groups, depth).swapaxes(1, 2)
    dtype = np.result_type(g, weight)
    whole = places[0] * rest
    if windows.are_points() and size == places and whole >= FEW:
        spread_out: Array = matrix @ g.reshape(count, groups, filters // groups, whole)
        return _added(spread_out.reshape(count, channels, *size), bias)
    back = _turned(windows, size, places)
    if back is not None and filters <= 2 * channels:  # the columns of g are not much larger than those of x
        turned = np.flip(weight, tuple(range(2, weight.ndim)))
        turned = turned.reshape(groups, filters // groups, *weight.shape[1:]).swapaxes(1, 2)
        return correlate(
            g, turned.reshape(channels, filters // groups, *weight.shape[2:]), back, groups, bias
        )
    out = np.zeros((count, channels, *size), dtype)
    merged = whole < FEW
    steps = _tiles(count, places, groups * depth * dtype.itemsize, 1)
    buffer = np.empty(
        max((_length(i) * _length(r) for i, r in steps), default=0) * rest * groups * depth, dtype
    )
    for images, rows in steps:
        number, across = _length(images), _length(rows)
        part: Array = g[images, :, rows].reshape(number, groups, filters // groups, across * rest)
        if merged:
            part = np.moveaxis(part, 0, 2).reshape(groups, filters // groups, number * across * rest)
        shape = (*part.shape[:-2], depth, part.shape[-1])
        columns = np.matmul(matrix, part, out=buffer[: math.prod(shape)].reshape(shape))
        spatial = (*windows.kernel, *([number] if merged else []), across, *places[1:])
        columns = columns.reshape(*([] if merged else [number]), channels, *spatial)
        if merged:
            columns = np.moveaxis(columns, 1 + len(size), 0)
        add_windows(out[images], columns, windows, rows.start)
    return _added(out, bias)


@kernel("convolution.weight_gradient", over=1 << 10)
def weight_gradient(x: Array, g: Array, windows: Windows, groups: int) -> Array:
    """The gradient of the filters: x of shape (N, C, *size) and g of (N, O, *places) give (O, C/groups, *kernel)."""
    channels, filters = x.shape[1], g.shape[1]
    shape = (filters, channels // groups, *windows.kernel)
    total = np.zeros((groups, filters // groups, math.prod(shape[1:])), np.result_type(x, g))
    for images, rows, columns in columns_of(x, windows, groups, True, LONG):
        part = np.moveaxis(g[images, :, rows], 0, 1)
        total += part.reshape(groups, filters // groups, columns.shape[-1]) @ columns.swapaxes(1, 2)
    return total.reshape(shape)


def columns_of(
    x: Array, windows: Windows, groups: int, merged: bool, least: int = 1
) -> Iterator[tuple[slice, slice, Array]]:
    """The windows of x, tile by tile.

    Args:
        x: (N, C, *size), of any memory layout.
        windows: how they lie.
        groups: into how many groups the channels fall.
        merged: whether the images of a tile share a matrix.
        least: how many columns a tile has at least, if there are as many.

    Yields:
        Which images, which rows (along the first spatial axis), and the columns: shape (images, groups, depth,
        places), or (groups, depth, images·places) if merged. The memory is used again for the next tile.
    """
    x, windows = _cut(x, windows)
    count, channels = x.shape[:2]
    places, axes = windows.places(x.shape[2:]), x.ndim - 2
    rest = math.prod(places[1:])
    depth = channels // groups * math.prod(windows.kernel)
    steps = _tiles(count, places, groups * depth * x.itemsize, least)
    buffer = np.empty(
        max((_length(i) * _length(r) for i, r in steps), default=0) * rest * groups * depth, x.dtype
    )
    border: Array | None = None
    for images, rows in steps:
        source, border = _bordered(x[images], windows, rows, border)
        step = [s * n for s, n in zip(source.strides[2:], windows.dilation, strict=True)]
        stride = [s * n for s, n in zip(source.strides[2:], windows.stride, strict=True)]
        shape = (len(source), channels, *windows.kernel, _length(rows), *places[1:])
        view = as_strided(source, shape, (*source.strides[:2], *step, *stride), writeable=False)
        columns: tuple[int, ...]
        if merged:
            view = np.moveaxis(view, 0, 1 + axes)
            columns = (groups, depth, shape[0] * shape[2 + axes] * rest)
        else:
            columns = (shape[0], groups, depth, shape[2 + axes] * rest)
        tile = buffer[: view.size].reshape(view.shape)
        np.copyto(tile, view)
        yield images, rows, tile.reshape(columns)


def add_windows(out: Array, columns: Array, windows: Windows, first: int = 0) -> None:
    """Add every window to the elements that it was taken from (col2im).

    Args:
        out: (N, C, *size), added to.
        columns: (N, C, *kernel, *places), in any memory layout.
        windows: how they lie.
        first: which row the first of the columns belongs to.
    """
    size = out.shape[2:]
    places = columns.shape[2 + len(size) :]
    firsts = (first, *(0,) * (len(size) - 1))
    along = [
        [_overlap(k * d - before + f * step, n, count, step) for k in range(length)]
        for length, d, (before, _), f, n, count, step in zip(
            windows.kernel,
            windows.dilation,
            windows.padding,
            firsts,
            size,
            places,
            windows.stride,
            strict=True,
        )
    ]
    for offset in itertools.product(*map(range, windows.kernel)):
        spots = [along[axis][k] for axis, k in enumerate(offset)]
        there: tuple[Any, ...] = (..., *(there for there, _ in spots))
        here: tuple[Any, ...] = (slice(None), slice(None), *offset, *(here for _, here in spots))
        out[there] += columns[here]


def _overlap(start: int, size: int, count: int, step: int) -> tuple[slice, slice]:
    """Of the elements start, start + step, ... (`count` of them) those that lie in [0, size), and which they are."""
    low = max(0, -(start // step))
    high = min(count, (size - 1 - start) // step + 1)
    if low >= high:
        return slice(0, 0), slice(0, 0)
    return slice(start + low * step, start + (high - 1) * step + 1, step), slice(low, high)


def _turned(windows: Windows, size: Sizes, places: Sizes) -> Windows | None:
    """With a stride of 1 a transposed convolution is one with turned filters; None where it is not."""
    padding = []
    for n, m, reach, (before, _) in zip(size, places, windows.extent(), windows.padding, strict=True):
        start = reach - 1 - before
        padding.append((start, n - m + reach - 1 - start))
    if math.prod(windows.stride) > 1 or min(start for start, _ in padding) < 0:
        return None
    return windows._replace(padding=tuple(padding))


def _cut(x: Array, windows: Windows) -> tuple[Array, Windows]:
    """Without what negative borders cut off."""
    if all(after >= 0 for _, after in windows.padding):
        return x, windows
    spatial = zip(x.shape[2:], windows.padding, strict=True)
    part: tuple[Any, ...] = (..., *(slice(0, n + min(after, 0)) for n, (_, after) in spatial))
    return x[part], windows._replace(padding=tuple((a, max(b, 0)) for a, b in windows.padding))


def _bordered(x: Array, windows: Windows, rows: slice, border: Array | None) -> tuple[Array, Array | None]:
    """What the windows of some rows see of x, with its border of zeros; and the memory of the border, for later."""
    step, reach = windows.stride[0], windows.extent()[0]
    before, _ = windows.padding[0]
    start, stop = rows.start * step - before, (rows.stop - 1) * step + reach - before
    low, high = (min(max(end, 0), x.shape[2]) for end in (start, stop))
    inside = x[:, :, low:high]
    if not any(map(any, windows.padding)):
        return inside, None
    shape = (
        *x.shape[:2],
        stop - start,
        *(n + a + b for n, (a, b) in zip(x.shape[3:], windows.padding[1:], strict=True)),
    )
    if border is None or border.shape != shape:
        border = np.zeros(shape, x.dtype)
    top = low - start if low < high else stop - start
    border[:, :, :top] = 0
    border[:, :, top + high - low :] = 0
    middle = tuple(slice(a, a + n) for n, (a, _) in zip(x.shape[3:], windows.padding[1:], strict=True))
    border[(slice(None), slice(None), slice(top, top + high - low), *middle)] = inside
    return border, border


def _tiles(count: int, places: Sizes, bytes_per_place: int, least: int) -> list[tuple[slice, slice]]:
    """Ranges of images and of rows whose columns fit into a buffer."""
    if not count or not math.prod(places):
        return []
    row = math.prod(places[1:])
    budget = max(TILE // max(bytes_per_place, 1), least)  # in places
    images = min(count, max(1, budget // (row * places[0])))
    rows = places[0] if images > 1 else min(places[0], max(1, budget // row))
    return [
        (slice(i, min(i + images, count)), slice(r, min(r + rows, places[0])))
        for i in range(0, count, images)
        for r in range(0, places[0], rows)
    ]


def _length(part: slice) -> int:
    length: int = part.stop - part.start
    return length
