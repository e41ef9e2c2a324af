"""Convolution with filters of 3 × 3 and a stride of 1, with 16 products where the definition has 36.

The result falls into tiles of 2 × 2. A block of tile rows, of one image or more, is brought to the points
(`points.py`); at each point the sums over channels are a product of two matrices (`tiles.py`); and some filters'
sums at all points come back as places. What rounding leaves is relative to the largest number that a window sees times
the largest element of the filter, and an infinite number would be subtracted from itself, so that a result with one is
computed anew by definition.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..settings import config
from . import vectors
from .jit import Array, jit
from .points import (
    filters_at_points,
    filters_from_points,
    gradient_at_points,
    image_at_points,
    result_from_points,
    turned,
)
from .threads import split
from .tiles import FILTERS, ROWS, VECTORS, WIDE, move, outer, products_from_zero

IMAGE = 600_000  # bytes of a block at its points,
RESULT = 256_000  # and of what comes back at a time
FEWEST = 192  # tiles that are worth reading all filters, and
MOST = 512
LARGEST = 1 << 20  # channels times filters whose values at the points are kept in memory
SHARE = 1 << 19  # products that are worth a thread


class Cut(NamedTuple):
    """How the tiles are taken."""

    top: int  # rows of the border before an image
    left: int
    rows: int  # tile rows of a block
    length: int  # of a channel at a point: the tiles of a block, and a rest for the last vectors
    apart: int  # from a point of the image to the next one,
    results_apart: int  # and of what comes back
    group: int  # parts of the filters that come back together
    lanes: int


def suits(kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...], shape: Any) -> bool:
    """Whether it pays: for 3 × 3 filters and enough of them, of channels, and of tiles; `shape` is of the result,
    (N, channels, O, height, width)."""
    count, channels, filters, height, width = shape
    return (
        kernel == (3, 3)
        and math.prod(stride) == math.prod(dilation) == 1
        and min(channels, filters) >= 8
        and channels * filters <= LARGEST
        and count * -(-height // 2) * -(-width // 2) >= FEWEST // 4
    )


def cut_of(shape: tuple[int, ...], channels: int, border: tuple[int, int], dtype: Any) -> Cut:
    """Blocks for a result of this shape, of images with so many channels."""
    count, filters, height, width = shape
    lanes = vectors.BYTES // dtype.itemsize
    tall, wide = -(-height // 2), -(-width // 2)
    step = VECTORS * lanes
    budget = min(MOST, max(FEWEST, IMAGE // (16 * channels * dtype.itemsize)))
    most = max(1, min(budget // wide, -(-count * tall // config.threads)))
    used = {rows: rows * wide / (-(-rows * wide // step) * step) for rows in range(1, most + 1)}
    rows = max(used, key=lambda rows: (round(used[rows], 1), rows))
    length = -(-rows * wide // step) * step + lanes
    group = max(1, RESULT // (16 * FILTERS * length * dtype.itemsize))
    group = min(group, -(-filters // FILTERS))
    line = 64 // dtype.itemsize
    # numbers of all points that a power of two lies between would share a few places of the cache
    image, result = ((-(-rows * length // line) | 1) * line for rows in (channels, group * FILTERS))
    return Cut(*border, rows, length, image, result, group, lanes)


def cut_of_gradient(shape: tuple[int, ...], channels: int, border: tuple[int, int], dtype: Any) -> Cut:
    """Blocks for the gradient of filters, where the gradient of the result has this shape."""
    count, filters, height, width = shape
    lanes, line = vectors.BYTES // dtype.itemsize, 64 // dtype.itemsize
    tall, wide = -(-height // 2), -(-width // 2)
    budget = min(MOST, max(FEWEST, IMAGE // (16 * (channels + filters) * dtype.itemsize)))
    rows = max(1, min(budget // wide, -(-count * tall // config.threads)))
    length = rows * wide + lanes
    across = -(-filters // (WIDE * lanes)) * WIDE * lanes
    image, result = (
        (-(-number * length // line) | 1) * line for number in (-(-channels // ROWS) * ROWS, across)
    )
    return Cut(*border, rows, length, image, result, 1, lanes)


@jit()
def lay_at_points(
    x: Array, cut: Any, first: int, last: int, tall: int, wide: int, some: Array, out: Array
) -> None:
    """The tile rows from first to last of all images at the points: out is (16, channels, length), flat."""
    channels, height, width = x.shape[1:]
    flat = x.reshape(x.size)
    pitch = pitch_of(wide, cut.lanes)
    begin, goal = max(0, -cut.left), max(0, cut.left)
    span = max(0, min(width - begin, pitch - goal))
    for channel in range(channels):
        row = first
        while row < last:
            image, above = row // tall, row % tall
            rows = min(tall - above, last - row)
            for i in range(2 * rows + 2):
                y = 2 * above + i - cut.top
                if 0 <= y < height:
                    here = ((image * channels + channel) * height + y) * width + begin
                    move(flat, here, some, i * pitch + goal, span)
                else:
                    some[i * pitch : (i + 1) * pitch] = 0
            for i in range(rows):
                there = channel * cut.length + (row - first + i) * wide
                for t in range(0, wide, cut.lanes):
                    image_at_points(some, 2 * i * pitch + 2 * t, pitch, out, there + t, cut.apart)
            row += rows


@jit(inside=True)
def pitch_of(wide: int, lanes: int) -> int:
    """How long a row is from which vectors of tiles are taken."""
    return -(-wide // lanes) * lanes * 2 + lanes + 2


@jit()
def _correlate(x: Array, cut: Any, points: Array, bias: Array, out: Array, start: int, stop: int) -> bool:
    """The result of the blocks from start to stop; points is (parts, 16, channels, filters of a part). Whether all
    is finite."""
    count, filters, height, width = out.shape
    channels, lanes, length = x.shape[1], cut.lanes, cut.length
    parts, _, _, each = points.shape
    tall, wide = (height + 1) // 2, (width + 1) // 2
    factors, results = points.reshape(points.size), out.reshape(out.size)
    image = np.zeros(16 * cut.apart, x.dtype)
    sums = np.zeros(16 * cut.results_apart, x.dtype)
    some = np.zeros((2 * cut.rows + 2) * pitch_of(wide, lanes), x.dtype)
    jumps = np.arange(channels) * length
    seen = np.zeros(lanes, x.dtype)
    for block in range(start, stop):
        first, last = block * cut.rows, min(count * tall, (block + 1) * cut.rows)
        lay_at_points(x, cut, first, last, tall, wide, some, image)
        for begin in range(0, parts, cut.group):
            end = min(parts, begin + cut.group)
            for point in range(16):
                for part in range(begin, end):
                    factor = (part * 16 + point) * channels * each
                    goal = point * cut.results_apart + (part - begin) * each * length
                    for place in range(0, (last - first) * wide, VECTORS * lanes):
                        here = point * cut.apart + place
                        products_from_zero(
                            image, here, jumps, factors, factor, channels, sums, goal + place, length
                        )
            for filter in range(begin * each, min(filters, end * each)):
                for row in range(first, last):
                    here = (filter - begin * each) * length + (row - first) * wide
                    i = row % tall * 2
                    there = ((row // tall * filters + filter) * height + i) * width
                    for t in range(0, wide, lanes):
                        left = width - 2 * t
                        result_from_points(
                            sums,
                            here + t,
                            cut.results_apart,
                            bias[filter],
                            results,
                            there + 2 * t,
                            width,
                            left,
                            left if i + 1 < height else 0,
                            seen,
                        )
    return not np.isnan(seen).any()


@jit()
def _lay_gradient_at_points(
    g: Array, cut: Any, first: int, last: int, tall: int, wide: int, some: Array, out: Array
) -> None:
    """The tile rows from first to last of g at the points: out is (16, parts, length, filters of a part), flat."""
    filters, height, width = g.shape[1:]
    flat = g.reshape(g.size)
    lanes, each = cut.lanes, WIDE * cut.lanes
    side = lanes * lanes
    for begin in range(0, filters, lanes):
        part = begin // each
        for row in range(first, last):
            image, i = row // tall, row % tall * 2
            there = ((image * filters + begin) * height + i) * width
            for t in range(0, wide, lanes):
                left = width - 2 * t
                for k in range(2):
                    number = left if i + k < height else 0
                    turned(
                        flat,
                        there + k * width + 2 * t,
                        height * width,
                        filters - begin,
                        number,
                        some,
                        2 * k * side,
                        side,
                    )
                goal = (part * cut.length + (row - first) * wide + t) * each + begin % each
                for tile in range(min(lanes, wide - t)):
                    gradient_at_points(some, tile * lanes, side, out, goal + tile * each, cut.results_apart)


@jit()
def _weight_gradient(x: Array, cut: Any, g: Array, start: int, stop: int) -> Array:
    """What the blocks from start to stop add to the gradient, at the points: (16, channels, filters)."""
    count, filters, height, width = g.shape
    channels, length, each = x.shape[1], cut.length, WIDE * cut.lanes
    tall, wide = (height + 1) // 2, (width + 1) // 2
    rows, parts = -(-channels // ROWS) * ROWS, -(-filters // each)
    total = np.zeros(16 * rows * parts * each, x.dtype)
    image = np.zeros(16 * cut.apart, x.dtype)
    gradient = np.zeros(16 * cut.results_apart, x.dtype)
    some = np.zeros((2 * cut.rows + 2) * pitch_of(wide, cut.lanes), x.dtype)
    columns = np.zeros(4 * cut.lanes * cut.lanes, x.dtype)
    for block in range(start, stop):
        first, last = block * cut.rows, min(count * tall, (block + 1) * cut.rows)
        lay_at_points(x, cut, first, last, tall, wide, some, image)
        _lay_gradient_at_points(g, cut, first, last, tall, wide, columns, gradient)
        for point in range(16):
            for part in range(parts):
                here = point * cut.results_apart + part * length * each
                for row in range(0, rows, ROWS):
                    goal = ((point * rows + row) * parts + part) * each
                    there = point * cut.apart + row * length
                    steps = (last - first) * wide
                    outer(gradient, here, each, image, there, length, steps, total, goal, parts * each)
    return total.reshape((16, rows, parts * each))


def weight_gradient(x: Array, g: Array, border: tuple[int, int]) -> Array | None:
    """The gradient of the filters, (O, C, 3, 3), for x, (N, C, height, width), and g, (N, O, *places); None if some
    of it is not finite."""
    count, filters, height = g.shape[:3]
    channels = x.shape[1]
    cut = cut_of_gradient(g.shape, channels, border, x.dtype)
    blocks = -(-count * -(-height // 2) // cut.rows)
    smallest = max(1, SHARE // (4 * cut.length * channels * filters))
    total, *others = split(_weight_gradient, blocks, smallest, x, cut, g)
    for other in others:
        total += other
    out = np.empty((filters, channels, 3, 3), x.dtype)
    split(filters_from_points, filters, max(1, SHARE // (64 * channels)), total, out)
    return out if np.isfinite(out).all() else None


def correlate(
    x: Array,
    weight: Array,
    bias: Array,
    border: tuple[int, int],
    places: tuple[int, ...],
    half_turn: bool,
) -> Array | None:
    """The product of every 3 × 3 window with every filter, plus the filter's bias; None if some of it is not finite.

    Args:
        x: (N, C, height, width).
        weight: (O, C, 3, 3); for `half_turn` (C, O, 3, 3), and each filter is turned by half a circle.
        bias: (O,).
        border: how many rows and columns of zeros are before an image.
        places: the height and the width of the result.
        half_turn: what the gradient of the input needs.
    """
    filters, channels = weight.shape[:2]
    begin, steps = 0, (9 * channels, 9, 3, 1)
    if half_turn:
        filters, channels = channels, filters
        begin, steps = 8, (9, 9 * filters, -3, -1)
    out = np.empty((len(x), filters, *places), x.dtype)
    parts = -(-filters // FILTERS)
    points = np.empty((parts, 16, channels, FILTERS), x.dtype)
    flat = weight.reshape(-1)
    split(
        filters_at_points,
        parts,
        max(1, SHARE // (16 * channels * FILTERS)),
        flat,
        begin,
        steps,
        filters,
        points,
    )
    cut = cut_of(out.shape, channels, border, x.dtype)
    blocks = -(-len(x) * -(-places[0] // 2) // cut.rows)
    smallest = max(1, SHARE // (4 * cut.length * channels * filters))
    finite = split(_correlate, blocks, smallest, x, cut, points, bias, out)
    return out if all(finite) else None
