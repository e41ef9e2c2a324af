"""The product of two matrices, with a row added to each of its rows.

NumPy's BLAS knows a processor by its name, and takes slow loops where it does not know it; AVX-512 of AMD's processors
lies idle in OpenBLAS 0.3, which costs half of the time. The loops here are those of K. Goto and R. van de Geijn,
"Anatomy of high-performance matrix multiplication", 2008: a panel, some columns and some rows of y, is copied so that
it lies in order and stays in the cache while all rows of x meet it, 8 at a time (`panels.py`).

The last rows and columns are taken together with some before them, which are then computed twice and come out the
same; so there is no other loop for what is left over.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import Array, jit, plain
from .panels import TALL, WIDE, multiplied_by_one, multiplied_by_three, multiplied_by_two, plus, turned
from .registry import pays
from .threads import split
from .tiles import move
from .vectors import BYTES

DEPTH = 256  # rows of a panel
ROWS = 512  # of x for which a panel is used before the next one is laid
LEAST = 1 << 18  # products for which it pays at all
WORK = 1 << 22  # products that are worth a thread


@jit()
def _lay(
    y: Array, down: int, right: int, top: int, rows: int, left: int, lanes: int, width: int, panel: Array
) -> None:
    """Some rows of y, from column `left` on, side by side."""
    if right == 1:
        for k in range(rows):
            move(y, (top + k) * down + left, panel, k * width, width)
        return
    whole = rows // lanes * lanes
    for j in range(0, width, lanes):
        for k in range(0, whole, lanes):
            turned(y, (left + j) * right + top + k, right, panel, k * width + j, width)
    for k in range(whole, rows):
        for j in range(width):
            panel[k * width + j] = y[(left + j) * right + top + k]


@jit()
def _product(
    x: Array,
    across: int,
    along: int,
    y: Array,
    down: int,
    right: int,
    depth: int,
    added: Array,
    lanes: int,
    band: int,
    out: Array,
    start: int,
    stop: int,
) -> None:
    """The vectors of columns from start to stop, of one band of rows after the other."""
    count, columns = out.shape
    vectors = -(-columns // lanes)
    results = out.reshape(out.size)
    panel = np.empty(DEPTH * WIDE * lanes, x.dtype)
    some = np.empty((band + TALL) * WIDE * lanes, x.dtype)
    while start < stop:
        top, first = start // vectors * band, start % vectors
        bottom, last = min(count, top + band), min(vectors, first + stop - start)
        parts = -(-(last - first) // WIDE)
        wide = min(-(-(last - first) // parts), columns // lanes)
        width = wide * lanes
        left = min(first * lanes, columns - width)
        for begin in range(0, depth, DEPTH):
            rows = min(DEPTH, depth - begin)
            _lay(y, down, right, begin, rows, left, lanes, width, panel)
            target = 0
            for row in range(top, bottom, TALL):
                place = min(row, count - TALL) * across + begin * along
                if wide == 3:
                    multiplied_by_three(x, place, along, across, panel, 0, rows, some, target, width, begin)
                elif wide == 2:
                    multiplied_by_two(x, place, along, across, panel, 0, rows, some, target, width, begin)
                else:
                    multiplied_by_one(x, place, along, across, panel, 0, rows, some, target, width, begin)
                target += TALL * width
        here = 0
        for row in range(top, bottom, TALL):
            for i in range(TALL):
                there = (min(row, count - TALL) + i) * columns + left
                for j in range(0, width, lanes):
                    plus(some, here, added, left + j, results, there + j)
                    here += lanes
        start += wide


def _flat(matrix: Array) -> tuple[Array, int, int]:
    """The numbers in a row, and how far apart neighbours in a column and in a row are."""
    if matrix.flags.c_contiguous or not matrix.flags.f_contiguous:
        matrix = plain(matrix)
        return matrix.reshape(-1), matrix.shape[1], 1
    matrix = plain(matrix.T)
    return matrix.reshape(-1), 1, matrix.shape[1]


def matrix_product(x: Array, y: Array, added: Array | None = None, out: Array | None = None) -> Any:
    """x·y, and a row added to each of its rows; on processors with vectors of 64 bytes."""
    if BYTES < 64:
        return NotImplemented
    lanes = BYTES // x.itemsize
    given = [array for array in (y, added, out) if array is not None]
    if not all(type(array) is np.ndarray and array.dtype == x.dtype for array in given):
        return NotImplemented
    if not x.ndim == y.ndim == 2 or x.shape[1] != y.shape[0]:
        return NotImplemented
    (rows, depth), columns = x.shape, y.shape[1]
    if rows < TALL or columns < lanes or not pays(rows * columns * depth, LEAST):
        return NotImplemented
    row = np.zeros(columns, x.dtype) if added is None else plain(added)
    if out is None:
        out = np.empty((rows, columns), x.dtype)
    elif not out.flags.c_contiguous or out.shape != (rows, columns):
        return NotImplemented
    if row.shape != (columns,):
        return NotImplemented
    bands, vectors = -(-rows // ROWS), -(-columns // lanes)
    band = -(-rows // (bands * TALL)) * TALL
    bands = -(-rows // band)
    smallest = -(-WORK // (band * lanes * depth))
    split(_product, bands * vectors, smallest, *_flat(x), *_flat(y), depth, row, lanes, band, out)
    return out
