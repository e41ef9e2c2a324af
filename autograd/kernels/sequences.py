"""What the recurrent layers share: each thread takes some of the sequences through all steps, and waits for nobody.

The weights are laid in panels once (`panels.py`), so that they stay in the cache while inputs and states, side by side
in one row, meet them step after step; on the way back the gradients of both come from one product as well. What is
done per number, gates and their slopes, happens between two products, where the numbers still are in the cache. Loops
write one array each: LLVM turns a loop into vectors only if few comparisons tell that its arrays do not overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from . import vectors
from .jit import Array, jit, plain
from .panels import TALL, multiplied_by_one, multiplied_by_two, turned
from .threads import split
from .vectors import REGISTERS

LARGEST = 1 << 24  # bytes of weights; more of them are not to be read by each thread in each step
WORK = 1 << 21  # products of numbers that are worth a thread
VECTORS, _multiplied = (2, multiplied_by_two) if REGISTERS == 32 else (1, multiplied_by_one)


def takes(weights: Sequence[Array | None], *arrays: Array | None) -> bool:
    """Whether the arrays are of one dtype, with elements, and the weights stay in the cache."""
    given = [weight for weight in weights if weight is not None]
    everything = [*given, *(array for array in arrays if array is not None)]
    return (
        vectors.BYTES > 0
        and all(type(array) is np.ndarray and array.size for array in everything)
        and len({array.dtype for array in everything}) == 1
        and sum(weight.nbytes for weight in given) <= LARGEST
    )


def width_of(dtype: Any) -> int:
    """How many numbers a row of a panel has."""
    return VECTORS * vectors.BYTES // int(dtype.itemsize)


@jit()
def _lay(
    flat: Array, down: int, right: int, depth: int, columns: int, lanes: int, width: int, panels: Array
) -> None:
    """The matrix of the numbers flat[k·down + n·right] in panels, which hold zeros where it has no numbers."""
    for column in range(0, columns, lanes):
        start = column // width * width * depth + column % width
        done = 0
        if down == 1 and column + lanes <= columns:
            done = depth // lanes * lanes
            for k in range(0, done, lanes):
                turned(flat, column * right + k, right, panels, start + k * width, width)
        for k in range(done, depth):
            for j in range(min(lanes, columns - column)):
                panels[start + k * width + j] = flat[k * down + (column + j) * right]


def panels_of(matrix: Array | None, dtype: Any) -> Array:
    """A matrix that rows are multiplied by, in panels; nothing for none."""
    if matrix is None:
        return np.empty(0, dtype)
    width = width_of(dtype)
    depth, columns = matrix.shape
    panels = np.zeros(-(-columns // width) * width * depth, dtype)
    turn = matrix.T.flags.c_contiguous
    flat = plain(matrix.T if turn else matrix).reshape(-1)
    down, right = (1, depth) if turn else (columns, 1)
    _lay(flat, down, right, depth, columns, width // VECTORS, width, panels)
    return panels


def row_of(bias: Array | None, columns: int, dtype: Any) -> Array:
    """A bias, or zeros, as wide as all panels of a matrix with so many columns."""
    width = width_of(dtype)
    row = np.zeros(-(-columns // width) * width, dtype)
    if bias is not None:
        row[:columns] = bias
    return row


@jit()
def times(rows: Array, depth: int, panels: Array, blocks: int, width: int, out: Array) -> None:
    """out = rows·panels for the first blocks of rows, which stand one behind another; as wide as all panels."""
    pitch = panels.size // depth
    for first in range(0, pitch, width):
        for index in range(blocks):
            place, goal = index * TALL * depth, index * TALL * pitch + first
            _multiplied(rows, place, 1, depth, panels, first * depth, depth, out, goal, pitch, 0)


def split_sequences(
    function: Any, batch_sizes: Sequence[int], reverse: bool, work: int, *arguments: Any
) -> Any:
    """Call function(*arguments, firsts, sizes, width, start, stop) for the blocks of sequences from start to stop.

    Args:
        function: compiled.
        batch_sizes: how many sequences take part in each step.
        reverse: whether the last step is the first one that is computed.
        work: products of numbers for one sequence and step.
        arguments: what comes first; the dtype is that of the first one.

    Returns:
        What the calls returned. `firsts` and `sizes` are the first row of each step and how many rows it has, in the
        order in which they are computed.
    """
    sizes = np.array(batch_sizes, np.int64)
    firsts = np.cumsum(sizes) - sizes
    if reverse:
        sizes, firsts = sizes[::-1].copy(), firsts[::-1].copy()
    smallest = max(1, WORK // max(1, TALL * len(sizes) * work))
    blocks = -(-batch_sizes[0] // TALL)
    return split(function, blocks, smallest, *arguments, firsts, sizes, width_of(arguments[0].dtype))
