"""The products of two matrices, or of two stacks of them, with a row added to each of their rows.

NumPy's BLAS knows a processor by its name, and takes slow loops where it does not know it; AVX-512 of AMD's processors
lies idle in OpenBLAS 0.3, which costs half of the time. The loops here are those of K. Goto and R. van de Geijn,
"Anatomy of high-performance matrix multiplication", 2008: a panel, some columns and some rows of y, is copied so that
it lies in order and stays in the cache while all rows of x meet it, 8 at a time (`panels.py`).

The last rows and columns are taken together with some before them, which are then computed twice and come out the
same; so there is no other loop for what is left over.
"""

from __future__ import annotations

import math
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
WORK = 1 << 21  # products that are worth a thread


@jit()
def _lay(
    y: Array,
    begin: int,
    down: int,
    right: int,
    top: int,
    rows: int,
    left: int,
    lanes: int,
    width: int,
    panel: Array,
) -> None:
    """Some rows of the matrix that begins somewhere in y, from column `left` on, side by side."""
    begin += top * down + left * right
    if right == 1:
        for k in range(rows):
            move(y, begin + k * down, panel, k * width, width)
        return
    whole = rows // lanes * lanes
    for j in range(0, width, lanes):
        for k in range(0, whole, lanes):
            turned(y, begin + j * right + k, right, panel, k * width + j, width)
    for k in range(whole, rows):
        for j in range(width):
            panel[k * width + j] = y[begin + j * right + k]


@jit()
def _products(
    x: Array,
    apart: int,
    across: int,
    along: int,
    y: Array,
    between: int,
    down: int,
    right: int,
    depth: int,
    added: Array,
    least: Any,
    lanes: int,
    band: int,
    out: Array,
    start: int,
    stop: int,
) -> None:
    """The vectors of columns from start to stop: of one band of rows after the other, of one matrix after the other."""
    _, count, columns = out.shape
    vectors, bands = -(-columns // lanes), -(-count // band)
    results = out.reshape(out.size)
    panel = np.empty(DEPTH * WIDE * lanes, x.dtype)
    some = np.empty((band + TALL) * WIDE * lanes, x.dtype)
    while start < stop:
        which, first = start // vectors, start % vectors
        matrix, top = which // bands, which % bands * band
        bottom, last = min(count, top + band), min(vectors, first + stop - start)
        parts = -(-(last - first) // WIDE)
        wide = min(-(-(last - first) // parts), columns // lanes)
        width = wide * lanes
        left = min(first * lanes, columns - width)
        for begin in range(0, depth, DEPTH):
            rows = min(DEPTH, depth - begin)
            _lay(y, matrix * between, down, right, begin, rows, left, lanes, width, panel)
            target = 0
            for row in range(top, bottom, TALL):
                place = matrix * apart + min(row, count - TALL) * across + begin * along
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
                there = (matrix * count + min(row, count - TALL) + i) * columns + left
                for j in range(0, width, lanes):
                    plus(some, here, added, left + j, least, results, there + j)
                    here += lanes
        start += wide


def _laid(stack: Array) -> tuple[Array, int, int, int]:
    """The memory of a stack of matrices as numbers in a row, and how far apart matrices, rows and columns are."""
    if stack.flags.c_contiguous or not stack.flags.writeable:
        flat = plain(stack)
        return flat.reshape(-1), flat.shape[1] * flat.shape[2], flat.shape[2], 1
    turned = stack.swapaxes(1, 2)
    if turned.flags.c_contiguous:
        return turned.reshape(-1), turned.shape[1] * turned.shape[2], 1, turned.shape[2]
    steps = [step // stack.itemsize for step in stack.strides]
    if 1 not in steps[1:] or min(stack.strides) < 0 or any(step % stack.itemsize for step in stack.strides):
        return _laid(plain(stack))
    extent = 1 + sum((length - 1) * step for length, step in zip(stack.shape, steps, strict=True))
    flat = np.lib.stride_tricks.as_strided(stack, (extent,), (stack.itemsize,))
    return flat, steps[0], steps[1], steps[2]


def matrix_product(
    x: Array, y: Array, added: Array | None = None, out: Array | None = None, rectified: bool = False
) -> Any:
    """x·y, and a row added to each of its rows; on processors with vectors of 64 bytes."""
    if BYTES < 64 or x.ndim < 2:
        return NotImplemented
    lanes = BYTES // x.itemsize
    given = [array for array in (y, added, out) if array is not None]
    if not all(type(array) is np.ndarray and array.dtype == x.dtype for array in given):
        return NotImplemented
    lead, (rows, depth) = x.shape[:-2], x.shape[-2:]
    if y.ndim != x.ndim or y.shape[:-1] != (*lead, depth):
        return NotImplemented
    columns, count = y.shape[-1], math.prod(lead)
    if rows < 2 or not columns or not pays(count * rows * columns * depth, LEAST):
        return NotImplemented
    # BLAS would wake threads of its own, and these cost the kernels behind it more than zeros do
    if rows < TALL:
        tall = np.zeros((*lead, TALL, depth), x.dtype)
        tall[..., :rows, :] = x
        low = matrix_product(tall, y)
        if low is NotImplemented:
            return NotImplemented
        result = np.add(low[..., :rows, :], 0 if added is None else added, out=out)
        return np.maximum(result, 0, out=result) if rectified else result
    if columns < lanes:
        wide = np.zeros((*y.shape[:-1], lanes), y.dtype)
        wide[..., :columns] = y
        narrow = matrix_product(x, wide)
        if narrow is NotImplemented:
            return NotImplemented
        result = np.add(narrow[..., :columns], 0 if added is None else added, out=out)
        return np.maximum(result, 0, out=result) if rectified else result
    row = np.zeros(columns, x.dtype) if added is None else plain(added)
    if out is None:
        out = np.empty((*lead, rows, columns), x.dtype)
    elif not out.flags.c_contiguous or out.shape != (*lead, rows, columns):
        return NotImplemented
    if row.shape != (columns,):
        return NotImplemented
    bands, vectors = -(-rows // ROWS), -(-columns // lanes)
    band = -(-rows // (bands * TALL)) * TALL
    bands = -(-rows // band)
    smallest = -(-WORK // (band * lanes * depth))
    stacks = (array if array.ndim == 3 else array.reshape(count, *array.shape[-2:]) for array in (x, y, out))
    left, right, results = stacks
    split(
        _products,
        count * bands * vectors,
        smallest,
        *_laid(left),
        *_laid(right),
        depth,
        row,
        x.dtype.type(0 if rectified else -np.inf),
        lanes,
        band,
        results,
    )
    return out


def matmul(x: Array, y: Array, /) -> Any:
    """x·y of matrices, of stacks of the same number of them, and of a stack with one matrix."""
    if x.ndim > 2 and y.ndim == 2 and x.size:
        found = matrix_product(x.reshape(-1, x.shape[-1]), y)
        return found if found is NotImplemented else found.reshape(*x.shape[:-1], y.shape[1])
    return matrix_product(x, y)
