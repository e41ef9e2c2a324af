"""Long short-term memory over whole sequences; see `sequences.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .jit import Array, jit, plain
from .maths import tanh
from .panels import TALL
from .sequences import panels_of, row_of, split_sequences, takes, times


@jit(reordered=True)
def _forward(
    input: Array,
    panels: Array,
    bias: Array,
    projection: Array,
    gates: Array,
    cells: Array,
    squashed: Array,
    output: Array,
    hidden: Array,
    cell: Array,
    firsts: Array,
    sizes: Array,
    width: int,
    start: int,
    stop: int,
) -> None:
    """The blocks of sequences from start to stop; the weights and the bias are those of the gates' halved arguments."""
    w, features, inputs = cells.shape[1], output.shape[1], input.shape[1]
    depth, pitch, out_pitch = features + inputs, len(bias), projection.size // w
    begin, end = start * TALL, min(stop * TALL, len(hidden))
    most = (stop - start) * TALL
    half = gates.dtype.type(0.5)
    joint, fed = np.zeros(most * depth, gates.dtype), np.empty(most * pitch, gates.dtype)
    full, projected = np.zeros(most * w, gates.dtype), np.empty(most * out_pitch, gates.dtype)
    for row in range(begin, end):
        joint[(row - begin) * depth : (row - begin) * depth + features] = hidden[row]
    for step in range(len(sizes)):
        count = min(end, sizes[step]) - begin
        if count <= 0:
            continue
        first, blocks = firsts[step] + begin, (count + TALL - 1) // TALL
        for row in range(count):
            joint[row * depth + features : (row + 1) * depth] = input[first + row]
        times(joint, depth, panels, blocks, width, fed)
        for row in range(count):
            given, gate = fed[row * pitch : row * pitch + 4 * w], gates[first + row]
            for k in range(4 * w):
                gate[k] = tanh(given[k] + bias[k])
            i_f, o = gate[: 2 * w], gate[3 * w :]
            for k in range(2 * w):
                i_f[k] = half * i_f[k] + half
            for k in range(w):
                o[k] = half * o[k] + half
            i, f, new = gate[:w], gate[w : 2 * w], gate[2 * w : 3 * w]
            now, small, out = cell[begin + row], squashed[first + row], full[row * w : (row + 1) * w]
            for k in range(w):
                now[k] = f[k] * now[k] + i[k] * new[k]
            for k in range(w):
                small[k] = tanh(now[k])
            for k in range(w):
                out[k] = o[k] * small[k]
            cells[first + row] = now
        if projection.size:
            times(full, w, projection, blocks, width, projected)
        for row in range(count):
            out = (
                projected[row * out_pitch : row * out_pitch + features]
                if projection.size
                else full[row * w : (row + 1) * w]
            )
            joint[row * depth : row * depth + features] = out
            output[first + row] = out
    for row in range(begin, end):
        hidden[row] = joint[(row - begin) * depth : (row - begin) * depth + features]


def run(
    input: Array,
    hidden: Array,
    cell: Array,
    weight_ih: Array,
    weight_hh: Array,
    bias: Array | None,
    weight_hr: Array | None,
    batch_sizes: Sequence[int],
    reverse: bool,
) -> Any:
    """The states, gates, cells and their tanh of all steps; the first state and cell become the last ones."""
    if not takes((weight_ih, weight_hh, weight_hr), input, hidden, cell, bias):
        return NotImplemented
    total, w, dtype = len(input), cell.shape[1], input.dtype
    gates, cells, squashed = (np.empty((total, n * w), dtype) for n in (4, 1, 1))
    output = np.empty((total, hidden.shape[1]), dtype)
    weights = np.concatenate((weight_hh, weight_ih), axis=1).T
    projection = None if weight_hr is None else weight_hr.T
    split_sequences(
        _forward, batch_sizes, reverse, weights.size,
        plain(input), panels_of(weights, dtype), row_of(bias, 4 * w, dtype),
        panels_of(projection, dtype), gates, cells, squashed, output, hidden, cell,
    )  # fmt: skip
    return output, gates, cells, squashed


@jit(reordered=True)
def _backward(
    g: Array,
    d_hidden: Array,
    d_cell: Array,
    gates: Array,
    cells: Array,
    squashed: Array,
    initial: Array,
    panels: Array,
    projection: Array,
    slopes: Array,
    d_input: Array,
    d_output: Array,
    firsts: Array,
    sizes: Array,
    width: int,
    start: int,
    stop: int,
) -> Array:
    """The blocks of sequences from start to stop; returns what they add to the gradient of the bias."""
    w, features = cells.shape[1], g.shape[1]
    begin, end = start * TALL, min(stop * TALL, len(d_hidden))
    most = (stop - start) * TALL
    one = gates.dtype.type(1)
    d_bias = np.zeros(4 * w, gates.dtype)
    pitch, in_pitch = panels.size // (4 * w), projection.size // features
    own, back = np.zeros(most * 4 * w, gates.dtype), np.empty(most * pitch, gates.dtype)
    outer = np.zeros(most * features, gates.dtype)
    inner = np.empty(most * in_pitch, gates.dtype)
    for step in range(len(sizes) - 1, -1, -1):
        count = min(end, sizes[step]) - begin
        if count <= 0:
            continue
        first, blocks = firsts[step] + begin, (count + TALL - 1) // TALL
        for row in range(count):
            d_h, above, later = (
                outer[row * features : (row + 1) * features],
                g[first + row],
                d_hidden[begin + row],
            )
            for k in range(features):
                d_h[k] = above[k] + later[k]
        if projection.size:
            times(outer, features, projection, blocks, width, inner)
            for row in range(count):
                d_output[first + row] = outer[row * features : (row + 1) * features]
        for row in range(count):
            d_h = (
                inner[row * in_pitch : row * in_pitch + w]
                if projection.size
                else outer[row * w : (row + 1) * w]
            )
            gate, slope = gates[first + row], own[row * 4 * w : (row + 1) * 4 * w]
            i, f, new, o = gate[:w], gate[w : 2 * w], gate[2 * w : 3 * w], gate[3 * w :]
            d_i, d_f, d_new, d_o = slope[:w], slope[w : 2 * w], slope[2 * w : 3 * w], slope[3 * w :]
            small, d_c = squashed[first + row], d_cell[begin + row]
            there = step > 0 and begin + row < sizes[step - 1]
            before = cells[firsts[step - 1] + begin + row] if there else initial[begin + row]
            for k in range(w):
                d_o[k] = d_h[k] * small[k] * o[k] * (one - o[k])
            for k in range(w):
                d_c[k] += d_h[k] * o[k] * (one - small[k] * small[k])
            for k in range(w):
                d_i[k] = d_c[k] * new[k] * i[k] * (one - i[k])
            for k in range(w):
                d_f[k] = d_c[k] * before[k] * f[k] * (one - f[k])
            for k in range(w):
                d_new[k] = d_c[k] * i[k] * (one - new[k] * new[k])
            for k in range(w):
                d_c[k] *= f[k]
            for k in range(4 * w):
                d_bias[k] += slope[k]
            slopes[first + row] = slope
        times(own, 4 * w, panels, blocks, width, back)
        for row in range(count):
            d_hidden[begin + row] = back[row * pitch : row * pitch + features]
            if d_input.size:
                d_input[first + row] = back[
                    row * pitch + features : row * pitch + features + d_input.shape[1]
                ]
    return d_bias


def run_back(
    g: Array,
    d_hidden: Array,
    d_cell: Array,
    gates: Array,
    cells: Array,
    squashed: Array,
    c0: Array,
    weight_ih: Array | None,
    weight_hh: Array,
    weight_hr: Array | None,
    batch_sizes: Sequence[int],
    reverse: bool,
) -> Any:
    """The gradients of the gates' arguments, of the input, of the projected states, and of the biases."""
    if not takes((weight_ih, weight_hh, weight_hr), g, d_hidden, d_cell, gates, cells, squashed, c0):
        return NotImplemented
    g, gates, cells, squashed, c0 = map(plain, (g, gates, cells, squashed, c0))
    dtype, none = g.dtype, np.empty((0, 0), g.dtype)
    slopes = np.empty_like(gates)
    weights = weight_hh if weight_ih is None else np.concatenate((weight_hh, weight_ih), axis=1)
    d_input = none if weight_ih is None else np.empty((len(g), weight_ih.shape[1]), dtype)
    d_output = none if weight_hr is None else np.empty_like(g)
    parts = split_sequences(
        _backward, batch_sizes, reverse, weights.size,
        g, d_hidden, d_cell, gates, cells, squashed, c0,
        panels_of(weights, dtype), panels_of(weight_hr, dtype), slopes, d_input, d_output,
    )  # fmt: skip
    return slopes, d_input, d_output, sum(parts[1:], parts[0])
