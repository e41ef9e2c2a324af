"""Recurrent cells: what happens between the matrix products of two steps, in one pass."""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import Array, jit
from .maths import tanh


@jit(reordered=True)
def _lstm_step(gates: Array, fed: Array, cell: Array, cells: Array, squashed: Array, hidden: Array) -> None:
    rows, width = cells.shape
    half = gates.dtype.type(0.5)
    for row in range(rows):
        gate, from_h = gates[row], fed[row]
        i, f, new, o = gate[:width], gate[width : 2 * width], gate[2 * width : 3 * width], gate[3 * width :]
        for k in range(4 * width):
            gate[k] = tanh(gate[k] + from_h[k])
        for k in range(width):
            i[k] = i[k] * half + half
            f[k] = f[k] * half + half
            o[k] = o[k] * half + half
        before, after, small, out = cell[row], cells[row], squashed[row], hidden[row]
        for k in range(width):
            c = f[k] * before[k] + i[k] * new[k]
            after[k] = c
            small[k] = tanh(c)
            out[k] = o[k] * small[k]


def lstm_step(gates: Array, fed: Array, cell: Array, cells: Array, squashed: Array, hidden: Array) -> Any:
    """One step: the gates from their arguments, then cell, its tanh and the state."""
    if not all(array.flags.c_contiguous for array in (gates, fed, cell, cells, squashed, hidden)):
        return NotImplemented
    _lstm_step(gates, fed, cell, cells, squashed, hidden)
    return None


@jit(reordered=True)
def _lstm_slopes(
    g: Array, d_hidden: Array, d_cell: Array, gates: Array, squashed: Array, previous: Array, slopes: Array
) -> None:
    rows, width = squashed.shape
    one = gates.dtype.type(1)
    for row in range(rows):
        gate, slope = gates[row], slopes[row]
        i, f, new, o = gate[:width], gate[width : 2 * width], gate[2 * width : 3 * width], gate[3 * width :]
        d_i, d_f, d_new, d_o = (
            slope[:width],
            slope[width : 2 * width],
            slope[2 * width : 3 * width],
            slope[3 * width :],
        )
        g_row, dh_row, dc_row, small, before = (
            g[row],
            d_hidden[row],
            d_cell[row],
            squashed[row],
            previous[row],
        )
        for k in range(width):
            d_h = dh_row[k] + g_row[k]
            d_o[k] = d_h * small[k] * o[k] * (one - o[k])
            d_c = dc_row[k] + d_h * o[k] * (one - small[k] * small[k])
            d_i[k] = d_c * new[k] * i[k] * (one - i[k])
            d_f[k] = d_c * before[k] * f[k] * (one - f[k])
            d_new[k] = d_c * i[k] * (one - new[k] * new[k])
            dc_row[k] = d_c * f[k]


def lstm_back_in_time(
    g: Array,
    d_hidden: Array,
    d_cell: Array,
    gates: Array,
    squashed: Array,
    previous: Array,
    weight_hh: Array,
    weight_hr: Array | None,
    order: list[tuple[slice, int]],
) -> Any:
    """The gradients of the gates' arguments and of the states, all steps; d_hidden and d_cell become the first ones."""
    arrays = (g, d_hidden, d_cell, gates, squashed, previous)
    if not all(array.flags.c_contiguous and array.flags.writeable for array in arrays):
        return NotImplemented
    slopes = np.empty_like(gates)
    d_output = None if weight_hr is None else np.array(g)
    for rows, size in order[::-1]:
        d_h, upstream = d_hidden[:size], g[rows]
        if d_output is not None:
            d_output[rows] += d_h
            d_h, upstream = d_output[rows] @ weight_hr, np.zeros_like(squashed[rows])
        _lstm_slopes(upstream, d_h, d_cell[:size], gates[rows], squashed[rows], previous[rows], slopes[rows])
        np.matmul(slopes[rows], weight_hh, out=d_hidden[:size])
    return slopes, d_output
