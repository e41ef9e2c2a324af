"""Convolution over one and two axes, without a matrix of windows; three are brought to two (`volumes.py`).

Some images, or some rows of one, are copied into a buffer with their border of zeros, so that all of a channel lies
flat, row after row. There the windows' element (k, l) of all places is the same flat run of numbers, moved by an
offset that depends on (k, l) only, so the result at neighbouring places is a sum of moved vectors times weights, over
channels and elements: `tiles.products`. A few of the flat places, where a row ends and the next begins, are computed
in vain. With a stride the numbers of one remainder lie together, (s, t) a plane each, and the same holds.

The gradient of the weight is a sum over flat places, `tiles.sums`, of the moved input times a gradient that has zeros
at the places in vain. The gradient of the input is a convolution of g with turned filters; with a stride, one for each
remainder, which takes every s-th element of the filters.
"""

from __future__ import annotations

import itertools
import math
from typing import Any, NamedTuple

import numpy as np

from . import vectors, volumes, winograd
from .images import Lie, block_of, blocks_of, lay, lay_gradient, lie_of
from .jit import Array, jit, plain
from .threads import split
from .tiles import (
    FILTERS,
    GRADIENTS,
    INPUTS,
    LONG,
    VECTORS,
    move,
    products,
    products_of_one,
    sums,
    sums_of_one,
)

CHUNK = 1 << 11  # places of which some rows of x and g stay in the cache
WORK = 1 << 17  # products that are worth a thread


@jit()
def _correlate(
    x: Array,
    lie: Any,
    remainders: Array,
    offsets: Array,
    weight: Array,
    out: Array,
    spots: Any,
    start: int,
    stop: int,
) -> None:
    """The result of the blocks from start to stop, at some spots of out; weight is (groups, tiles, depth + 1, filters
    of a tile)."""
    count, filters, whole_height, whole_width = out.shape
    height, width = spots.height, spots.width
    channels, planes = x.shape[1], len(remainders)
    groups, parts, _, each = weight.shape
    depth = weight.shape[2] - 1
    flat, results = weight.reshape(weight.size), out.reshape(out.size)
    buffer = np.zeros(channels * planes * lie.length, x.dtype)
    pitch = lie.length
    some = np.empty(each * pitch, x.dtype)
    for index in range(start, stop):
        block = block_of(lie, index, count, height)
        first, last, top, bottom = block
        lay(x, lie, remainders, block, buffer)
        run = (last - first - 1) * lie.plane + (bottom - top - 1) * lie.pitch + width
        for group in range(groups):
            begin = group * (channels // groups) * planes * lie.length
            for part in range(parts):
                wanted = (group * parts + part) * (depth + 1) * each
                if each == 1:
                    for place in range(0, run, LONG * lie.lanes):
                        products_of_one(
                            buffer, begin + place, offsets, flat, wanted, depth, some, place, pitch
                        )
                else:
                    for place in range(0, run, VECTORS * lie.lanes):
                        products(buffer, begin + place, offsets, flat, wanted, depth, some, place, pitch)
                for f in range(min(each, filters // groups - part * each)):
                    filter = group * (filters // groups) + part * each + f
                    for image in range(first, last):
                        for i in range(bottom - top):
                            here = f * pitch + (image - first) * lie.plane + i * lie.pitch
                            row = spots.top + (top + i) * spots.row_step
                            there = ((image * filters + filter) * whole_height + row) * whole_width
                            if spots.column_step == 1:
                                move(some, here, results, there + spots.left, width)
                            else:
                                for j in range(width):
                                    results[there + spots.left + j * spots.column_step] = some[here + j]


@jit()
def _weight_gradient(
    x: Array,
    lie: Any,
    remainders: Array,
    offsets: Array,
    depth: int,
    g: Array,
    groups: int,
    start: int,
    stop: int,
) -> Array:
    """What the blocks from start to stop add to the gradient, as (groups, rows, columns, block)."""
    count, filters, height, width = g.shape
    channels, planes = x.shape[1], len(remainders)
    each = filters // groups
    tall, wide = (1, LONG) if each == 1 else (GRADIENTS, INPUTS)
    rows, columns = -(-each // tall), -(-depth // wide)
    size = -(-tall * wide // lie.lanes) * lie.lanes
    total = np.zeros(groups * rows * columns * size, x.dtype)
    buffer = np.zeros(channels * planes * lie.length, x.dtype)
    above = np.zeros((filters + tall) * lie.length, x.dtype)
    moved = np.empty_like(offsets)
    for index in range(start, stop):
        block = block_of(lie, index, count, height)
        first, last, top, bottom = block
        run = (last - first - 1) * lie.plane + (bottom - top - 1) * lie.pitch + width
        run = -(-run // lie.lanes) * lie.lanes
        lay(x, lie, remainders, block, buffer)
        lay_gradient(g, lie, block, above, run)
        for group in range(groups):
            begin = group * (channels // groups) * planes * lie.length
            for here in range(0, run, CHUNK):
                steps = min(CHUNK, run - here) // lie.lanes
                for i in range(len(offsets)):
                    moved[i] = offsets[i] + begin + here
                for i in range(rows):
                    row = (group * each + i * tall) * lie.length + here
                    for j in range(columns):
                        goal = ((group * rows + i) * columns + j) * size
                        if each == 1:
                            sums_of_one(above, row, lie.length, buffer, moved, j * wide, steps, total, goal)
                        else:
                            sums(above, row, lie.length, buffer, moved, j * wide, steps, total, goal)
    return total.reshape(groups, rows, columns, size)


def _takes(windows: Any, groups: int, *arrays: Array) -> bool:
    """Whether the arrays are of one dtype, with elements, and of one, two or three spatial axes."""
    return (
        vectors.BYTES > 0
        and len(windows.kernel) in (1, 2, 3)
        and len({array.dtype for array in arrays}) == 1
        and all(isinstance(array, np.ndarray) and array.size for array in arrays)
        and min(windows.dilation) > 0
    )


def _as_plane(windows: Any) -> Any:
    """One axis is two, the first of length 1."""
    if len(windows.kernel) == 2:
        return windows
    return type(windows)(
        (1, *windows.kernel), (1, *windows.stride), ((0, 0), *windows.padding), (1, *windows.dilation)
    )


def _image(x: Array) -> Array:
    return plain(x if x.ndim == 4 else x[:, :, None])


def _offsets(windows: Any, lie: Lie, channels: int) -> tuple[Array, Array]:
    """Which remainders there are, and where in the buffer each channel's and element's numbers begin."""
    ways = [
        [divmod(k * d, s) for k in range(length)]
        for length, d, s in zip(windows.kernel, windows.dilation, windows.stride, strict=True)
    ]
    remainders = sorted({(k, m) for (_, k), (_, m) in itertools.product(*ways)})
    element = [
        remainders.index((k, m)) * lie.length + row * lie.pitch + column
        for (row, k), (column, m) in itertools.product(*ways)
    ]
    firsts = np.arange(channels) * (len(remainders) * lie.length)
    offsets = (firsts[:, None] + np.array(element)).reshape(-1)
    spare = np.zeros(LONG, np.int64)  # what the last block of sums reads, and nobody looks at
    return np.array(remainders, np.int64), np.concatenate([offsets, spare]).astype(np.int64)


def _packed(weight: Array, bias: Array, groups: int) -> Array:
    """Filters as (groups, tiles, depth + 1, filters of a tile), the bias behind them; zeros for those that are
    missing in the last tile."""
    each = len(weight) // groups
    tall = 1 if each == 1 else FILTERS
    parts = -(-each // tall)
    rows = np.zeros((groups, parts * tall, math.prod(weight.shape[1:]) + 1), weight.dtype)
    rows[:, :each, :-1] = weight.reshape(groups, each, -1)
    rows[:, :each, -1] = bias.reshape(groups, each)
    return np.ascontiguousarray(rows.reshape(groups, parts, tall, -1).swapaxes(2, 3))


def correlate(x: Array, weight: Array, windows: Any, groups: int, bias: Array | None = None) -> Any:
    """The product of every window with every filter, plus the filter's bias; over one, two and three axes."""
    bias = np.zeros(len(weight), weight.dtype) if bias is None else bias
    if not _takes(windows, groups, x, weight, bias):
        return NotImplemented
    if len(windows.kernel) == 3:
        return volumes.correlate(correlate, x, weight, windows, groups, bias)
    places = windows.places(x.shape[2:])
    x, weight, windows, across = _image(x), _image(weight), _as_plane(windows), (1, *places)[-2:]
    out = None
    if _is_for_winograd(windows, groups, len(x), x.shape[1], len(weight), across):
        corner = (windows.padding[0][0], windows.padding[1][0])
        out = winograd.correlate(x, weight, bias, corner, across, half_turn=False)
    if out is None:
        out = np.empty((len(x), len(weight), *across), x.dtype)
        spots = _Spots(0, 1, across[0], 0, 1, across[1])
        _correlate_to(out, spots, x, weight, bias, windows, groups)
    return out.reshape(*out.shape[:2], *places)


def _is_for_winograd(
    windows: Any, groups: int, count: int, channels: int, filters: int, places: tuple[int, ...]
) -> bool:
    return groups == 1 and winograd.suits(
        windows.kernel, windows.stride, windows.dilation, (count, channels, filters, *places)
    )


class _Spots(NamedTuple):
    """Which rows and columns of an array a result is written to."""

    top: int
    row_step: int
    height: int
    left: int
    column_step: int
    width: int


def _correlate_to(
    out: Array, spots: _Spots, x: Array, weight: Array, bias: Array, windows: Any, groups: int
) -> None:
    places = (spots.height, spots.width)
    lie = lie_of(x.shape[2:], places, x.shape[1], len(x), windows, x.dtype)
    remainders, offsets = _offsets(windows, lie, x.shape[1] // groups)
    blocks = blocks_of(lie, len(x), spots.height)
    work = len(x) * len(weight) * math.prod(places) * math.prod(weight.shape[1:]) // blocks
    smallest = max(1, WORK // max(work, 1))
    packed = _packed(weight, bias, groups)
    split(_correlate, blocks, smallest, x, lie, remainders, offsets, packed, out, spots)


def weight_gradient(x: Array, g: Array, windows: Any, groups: int) -> Any:
    """The gradient of the filters; over one, two and three axes."""
    if not _takes(windows, groups, x, g):
        return NotImplemented
    if len(windows.kernel) == 3:
        return volumes.weight_gradient(weight_gradient, x, g, windows, groups)
    shape = (g.shape[1], x.shape[1] // groups, *windows.kernel)
    x, g, windows = _image(x), _image(g), _as_plane(windows)
    if _is_for_winograd(windows, groups, len(x), x.shape[1], g.shape[1], g.shape[2:]):
        found = winograd.weight_gradient(x, g, (windows.padding[0][0], windows.padding[1][0]))
        if found is not None:
            return found
    lie = lie_of(x.shape[2:], g.shape[2:], x.shape[1] + g.shape[1], len(x), windows, x.dtype)
    remainders, offsets = _offsets(windows, lie, shape[1])
    blocks = blocks_of(lie, len(x), g.shape[2])
    depth = math.prod(shape[1:])
    smallest = max(1, WORK // max(g.size * depth // blocks, 1))
    parts = split(_weight_gradient, blocks, smallest, x, lie, remainders, offsets, depth, g, groups)
    total = parts[0]
    for part in parts[1:]:
        total += part
    each = shape[0] // groups
    tall, wide = (1, LONG) if each == 1 else (GRADIENTS, INPUTS)
    _, rows, columns, _ = total.shape
    parted = total[..., : tall * wide].reshape(groups, rows, columns, tall, wide).swapaxes(2, 3)
    found = parted.reshape(groups, rows * tall, columns * wide)[:, :each, :depth]
    if not np.isfinite(found).all():  # the zeros at places in vain may have met what is infinite or nan
        return NotImplemented
    return np.ascontiguousarray(found).reshape(shape)


def spread(
    g: Array, weight: Array, size: tuple[int, ...], windows: Any, groups: int, bias: Array | None = None
) -> Any:
    """What `correlate` does, transposed; over one, two and three axes."""
    count, filters = g.shape[:2]
    inputs = weight.shape[1]
    shift = np.zeros(groups * inputs, weight.dtype) if bias is None else bias
    if not _takes(windows, groups, g, weight, shift):
        return NotImplemented
    if len(windows.kernel) == 3:
        return volumes.spread(spread, g, weight, size, windows, groups, shift)
    g, weight, windows = _image(g), _image(weight), _as_plane(windows)
    height, width = (1, *size)[-2:]
    if _is_for_winograd(windows, groups, count, filters, inputs, (height, width)):
        corner = (2 - windows.padding[0][0], 2 - windows.padding[1][0])
        out = winograd.correlate(g, weight, shift, corner, (height, width), half_turn=True)
        if out is not None:
            return out
    turned = weight.reshape(groups, filters // groups, inputs, *windows.kernel).swapaxes(1, 2)
    turned = turned.reshape(groups * inputs, filters // groups, *windows.kernel)
    parts = [
        _remainders(n, *along)
        for n, *along in zip(
            (height, width), windows.kernel, windows.stride, windows.padding, windows.dilation, strict=True
        )
    ]
    out = np.empty((count, groups * inputs, height, width), g.dtype)
    if math.prod(windows.stride) > 1:
        out[:] = shift[:, None, None]  # what no filter reaches
    for rows, columns in itertools.product(*parts):
        lie = type(windows)(
            (rows.elements, columns.elements),
            (1, 1),
            (rows.border, columns.border),
            (rows.step, columns.step),
        )
        spots = _Spots(rows.first, rows.between, rows.number, columns.first, columns.between, columns.number)
        _correlate_to(out, spots, g, turned[:, :, rows.taken, columns.taken], shift, lie, groups)
    return out.reshape(count, groups * inputs, *size)


class _Remainder(NamedTuple):
    """Along one axis, every s-th place of the input, and the convolution of g that gives its gradient."""

    first: int  # these places
    between: int
    number: int
    taken: slice  # these elements of a filter, the last one first
    elements: int
    step: int  # from one of g to the next one
    border: tuple[int, int]


def _remainders(
    size: int, kernel: int, stride: int, padding: tuple[int, int], dilation: int
) -> list[_Remainder]:
    """Those that a filter reaches: place y takes element k from g's place (y + padding - k·dilation)/stride."""
    found = []
    before = padding[0]
    for remainder in range(stride):
        elements = [k for k in range(kernel) if k * dilation % stride == remainder]
        start = -(-(before - remainder) // stride)
        first = start * stride + remainder - before
        if not elements or first < 0 or first >= size:
            continue
        gap = elements[1] - elements[0] if len(elements) > 1 else 1
        reach = elements[-1] * dilation // stride
        stop = elements[0] - gap
        found.append(
            _Remainder(
                first,
                stride,
                -(-(size - first) // stride),
                slice(elements[-1], stop if stop >= 0 else None, -gap),
                len(elements),
                max(1, gap * dilation // stride) if len(elements) > 1 else 1,
                (reach - start, 0),
            )
        )
    return found
