"""Where images lie while they are convolved: flat, block by block, in a buffer with borders of zeros."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..settings import config
from . import vectors
from .jit import Array, jit
from .tiles import LONG, VECTORS, move, move_every_other

BUFFER = 1 << 20  # bytes of a block
LEAST = 512  # places of a block, if there are as many


class Lie(NamedTuple):
    """How things lie in the buffer; rows and columns are those of a plane, which has every s-th of the image."""

    row_stride: int
    column_stride: int
    top: int  # rows of the border before an image
    left: int
    images: int  # of a block at most
    rows: int  # of the result, of a block at most
    more: int  # rows that a plane has beyond those of the result
    pitch: int  # from a row to the next one
    plane: int  # from an image to the next one
    length: int  # of one plane of one channel, with all images and a rest for the last vectors
    lanes: int


def lie_of(
    size: tuple[int, ...], places: tuple[int, ...], channels: int, count: int, windows: Any, dtype: Any
) -> Lie:
    """Blocks that fit into a buffer, of images with so many channels; `windows` is of two axes."""
    reach = [
        (k - 1) * d // s for k, d, s in zip(windows.kernel, windows.dilation, windows.stride, strict=True)
    ]
    shared = []
    for n, m, over, s, (before, _) in zip(
        size, places, reach, windows.stride, windows.padding, strict=True
    ):  # zeros at the end of a row and at the beginning of the next are the same ones
        after = m + over - -((-n - before) // s)
        shared.append(max(0, min(before // s, after, over)))
    pitch = places[1] + reach[1] - shared[1]
    step_rows, step_columns = windows.stride
    remainders = min(step_rows, (windows.kernel[0] - 1) * windows.dilation[0] + 1) * min(
        step_columns, (windows.kernel[1] - 1) * windows.dilation[1] + 1
    )
    budget = BUFFER // (channels * remainders * dtype.itemsize * pitch)  # in rows
    budget = min(budget, -(-count * places[0] // (4 * config.threads)))
    budget = max(1, budget, LEAST // pitch)
    height = places[0] + reach[0]
    images = min(count, max(1, budget // height))
    rows = places[0] if images > 1 else min(places[0], budget)
    plane = (rows + reach[0] - (shared[0] if rows == places[0] else 0)) * pitch
    lanes = vectors.BYTES // dtype.itemsize
    rest = (reach[0] + 1) * pitch + reach[1] + lanes * max(VECTORS, LONG)
    (top, _), (left, _) = windows.padding
    return Lie(
        step_rows, step_columns, top, left, images, rows, reach[0], pitch, plane, images * plane + rest, lanes
    )


@jit()
def block_of(lie: Any, index: int, count: int, height: int) -> Any:
    """Which images and rows of the result a block has."""
    if lie.rows == height:
        first = index * lie.images
        return first, min(first + lie.images, count), 0, height
    parts = -(-height // lie.rows)
    image, row = index // parts, index % parts * lie.rows
    return image, image + 1, row, min(row + lie.rows, height)


@jit()
def lay(x: Array, lie: Any, remainders: Array, block: Any, buffer: Array) -> None:
    """Copy what a block needs of the images."""
    first, last, top, bottom = block
    channels, height, width = x.shape[1:]
    flat = x.reshape(x.size)
    rows, step = lie.plane // lie.pitch, lie.column_stride
    if lie.images == 1:
        rows = bottom - top + lie.more
    for channel in range(channels):
        for k in range(len(remainders)):
            start = (channel * len(remainders) + k) * lie.length
            left = lie.left - remainders[k, 1]
            low = min(max(-(-left // step), 0), lie.pitch)
            high = max(low, min(lie.pitch, (width - 1 + left) // step + 1))
            for image in range(first, last):
                for i in range(rows):
                    y = (top + i) * lie.row_stride + remainders[k, 0] - lie.top
                    inside = 0 <= y < height
                    for j in range(low if inside else lie.pitch):
                        buffer[start + j] = 0
                    if inside:
                        here = ((image * channels + channel) * height + y) * width + step * low - left
                        if step == 1:
                            move(flat, here, buffer, start + low, high - low)
                        elif step == 2:
                            move_every_other(flat, here, buffer, start + low, high - low)
                        else:
                            for j in range(high - low):
                                buffer[start + low + j] = flat[here + step * j]
                        for j in range(high, lie.pitch):
                            buffer[start + j] = 0
                    start += lie.pitch


@jit()
def lay_gradient(g: Array, lie: Any, block: Any, buffer: Array, run: int) -> None:
    """Copy a block of g to the places of its windows, with zeros between."""
    first, last, top, bottom = block
    filters, height, width = g.shape[1:]
    flat = g.reshape(g.size)
    for filter in range(filters):
        start = filter * lie.length
        end = start
        for image in range(first, last):
            for i in range(bottom - top):
                begin = start + (image - first) * lie.plane + i * lie.pitch
                buffer[end:begin] = 0
                there = ((image * filters + filter) * height + top + i) * width
                move(flat, there, buffer, begin, width)
                end = begin + width
        buffer[end : start + run] = 0


def blocks_of(lie: Lie, count: int, height: int) -> int:
    """How many blocks there are."""
    return -(-count // lie.images) if lie.rows == height else count * -(-height // lie.rows)
