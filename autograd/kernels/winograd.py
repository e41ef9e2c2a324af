"""Convolution with filters of 3 × 3 and a stride of 1, with 16 products where the definition has 36.

The result falls into tiles of 2 × 2. A block of tile rows, of one image or more, is brought to the points
(`points.py`); at each point the sums over channels are a product of two matrices (`tiles.py`); and some filters'
sums at all points come back as places. What rounding leaves is relative to the largest of the 4 × 4 numbers that a
tile sees, and an infinite number would spread over a tile, so that a result with one is computed anew by definition.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..settings import config
from . import vectors
from .jit import Array, jit
from .points import filters_at_points, image_at_points, result_from_points
from .threads import split
from .tiles import FILTERS, VECTORS, move, products_from_zero

IMAGE = 600_000  # bytes of a block at its points,
RESULT = 512_000  # and of what comes back at a time
FEWEST = 96  # tiles that are worth reading all filters, and
MOST = 512
SHARE = 1 << 19  # products that are worth a thread


class Cut(NamedTuple):
    """How the tiles are taken."""

    top: int  # rows of the border before an image
    left: int
    rows: int  # tile rows of a block
    length: int  # of a channel at a point: the tiles of a block, and a rest for the last vectors
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
        and count * -(-height // 2) * -(-width // 2) >= FEWEST // 2
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
    return Cut(*border, rows, length, min(group, -(-filters // FILTERS)), lanes)


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
                    image_at_points(some, 2 * i * pitch + 2 * t, pitch, out, there + t, channels * cut.length)
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
    image = np.zeros(16 * channels * length, x.dtype)
    sums = np.zeros(16 * cut.group * each * length, x.dtype)
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
                    goal = (point * cut.group + part - begin) * each * length
                    for place in range(0, (last - first) * wide, VECTORS * lanes):
                        here = point * channels * length + place
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
                            cut.group * each * length,
                            bias[filter],
                            results,
                            there + 2 * t,
                            width,
                            left,
                            left if i + 1 < height else 0,
                            seen,
                        )
    return not np.isnan(seen).any()


def correlate(
    x: Array,
    weight: Array,
    bias: Array,
    border: tuple[int, int],
    places: tuple[int, ...],
    turned: bool,
) -> Array | None:
    """The product of every 3 × 3 window with every filter, plus the filter's bias; None if some of it is not finite.

    Args:
        x: (N, C, height, width).
        weight: (O, C, 3, 3); for `turned` (C, O, 3, 3), and each filter is turned by half a circle.
        bias: (O,).
        border: how many rows and columns of zeros are before an image.
        places: the height and the width of the result.
        turned: what the gradient of the input needs.
    """
    filters, channels = weight.shape[:2]
    begin, steps = 0, (9 * channels, 9, 3, 1)
    if turned:
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
