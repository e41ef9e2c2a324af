"""Gated recurrent units over whole sequences; see `sequences.py`."""

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
    panels_ih: Array,
    panels_hh: Array,
    bias: Array,
    inner_bias: Array,
    gates: Array,
    inner: Array,
    output: Array,
    hidden: Array,
    firsts: Array,
    sizes: Array,
    width: int,
    start: int,
    stop: int,
) -> None:
    """The blocks of sequences from start to stop; weights and bias are those of the halved arguments of r and z."""
    w, inputs = output.shape[1], input.shape[1]
    begin, end = start * TALL, min(stop * TALL, len(hidden))
    most, pitch = (stop - start) * TALL, len(bias)
    half = gates.dtype.type(0.5)
    x, state = np.zeros(most * inputs, gates.dtype), np.zeros(most * w, gates.dtype)
    from_x, from_h = np.empty(most * pitch, gates.dtype), np.empty(most * pitch, gates.dtype)
    for row in range(begin, end):
        state[(row - begin) * w : (row - begin + 1) * w] = hidden[row]
    for step in range(len(sizes)):
        count = min(end, sizes[step]) - begin
        if count <= 0:
            continue
        first, blocks = firsts[step] + begin, (count + TALL - 1) // TALL
        for row in range(count):
            x[row * inputs : (row + 1) * inputs] = input[first + row]
        times(x, inputs, panels_ih, blocks, width, from_x)
        times(state, w, panels_hh, blocks, width, from_h)
        for row in range(count):
            one, other = from_x[row * pitch : (row + 1) * pitch], from_h[row * pitch : (row + 1) * pitch]
            gate, own, h = gates[first + row], inner[first + row], state[row * w : (row + 1) * w]
            for k in range(2 * w):
                gate[k] = half * tanh(one[k] + other[k] + bias[k]) + half
            r, z, n = gate[:w], gate[w : 2 * w], gate[2 * w : 3 * w]
            one_n, other_n, bias_n = one[2 * w : 3 * w], other[2 * w : 3 * w], bias[2 * w : 3 * w]
            for k in range(w):
                own[k] = other_n[k] + inner_bias[k]
            for k in range(w):
                n[k] = tanh(one_n[k] + bias_n[k] + r[k] * own[k])
            for k in range(w):
                h[k] = n[k] + z[k] * (h[k] - n[k])
            output[first + row] = h
    for row in range(begin, end):
        hidden[row] = state[(row - begin) * w : (row - begin + 1) * w]


def run(
    input: Array,
    hidden: Array,
    weight_ih: Array,
    weight_hh: Array,
    bias: Array | None,
    inner_bias: Array | None,
    batch_sizes: Sequence[int],
    reverse: bool,
) -> Any:
    """The states, gates and what the state adds to n of all steps; the first state becomes the last one."""
    if not takes((weight_ih, weight_hh), input, hidden, bias, inner_bias):
        return NotImplemented
    total, w, dtype = len(input), hidden.shape[1], input.dtype
    gates, inner, output = (np.empty((total, n * w), dtype) for n in (3, 1, 1))
    split_sequences(
        _forward, batch_sizes, reverse, weight_ih.size + weight_hh.size,
        plain(input), panels_of(weight_ih.T, dtype), panels_of(weight_hh.T, dtype),
        row_of(bias, 3 * w, dtype), row_of(inner_bias, w, dtype), gates, inner, output, hidden,
    )  # fmt: skip
    return output, gates, inner


@jit(reordered=True)
def _backward(
    g: Array,
    d_hidden: Array,
    gates: Array,
    inner: Array,
    output: Array,
    initial: Array,
    panels_ih: Array,
    panels_hh: Array,
    slopes_ih: Array,
    slopes_hh: Array,
    d_input: Array,
    firsts: Array,
    sizes: Array,
    width: int,
    start: int,
    stop: int,
) -> Array:
    """The blocks of sequences from start to stop; returns what they add to the gradients of both biases."""
    w, inputs = output.shape[1], d_input.shape[1]
    begin, end = start * TALL, min(stop * TALL, len(d_hidden))
    most, one = (stop - start) * TALL, gates.dtype.type(1)
    d_bias = np.zeros((2, 3 * w), gates.dtype)
    own_ih, own_hh = np.zeros(most * 3 * w, gates.dtype), np.zeros(most * 3 * w, gates.dtype)
    pitch, in_pitch = panels_hh.size // (3 * w), panels_ih.size // (3 * w)
    back, to_x = np.empty(most * pitch, gates.dtype), np.empty(most * in_pitch, gates.dtype)
    for step in range(len(sizes) - 1, -1, -1):
        count = min(end, sizes[step]) - begin
        if count <= 0:
            continue
        first, blocks = firsts[step] + begin, (count + TALL - 1) // TALL
        for row in range(count):
            gate, hn = gates[first + row], inner[first + row]
            r, z, n = gate[:w], gate[w : 2 * w], gate[2 * w : 3 * w]
            there = step > 0 and begin + row < sizes[step - 1]
            before = output[firsts[step - 1] + begin + row] if there else initial[begin + row]
            d_h, above = d_hidden[begin + row], g[first + row]
            slope_ih, slope_hh = (
                own_ih[row * 3 * w : (row + 1) * 3 * w],
                own_hh[row * 3 * w : (row + 1) * 3 * w],
            )
            d_r, d_z, d_n = slope_ih[:w], slope_ih[w : 2 * w], slope_ih[2 * w : 3 * w]
            d_hn = slope_hh[2 * w : 3 * w]
            for k in range(w):
                d_h[k] += above[k]
            for k in range(w):
                d_n[k] = d_h[k] * (one - z[k]) * (one - n[k] * n[k])
            for k in range(w):
                d_r[k] = d_n[k] * hn[k] * r[k] * (one - r[k])
            for k in range(w):
                d_z[k] = d_h[k] * (before[k] - n[k]) * z[k] * (one - z[k])
            for k in range(w):
                d_hn[k] = d_n[k] * r[k]
            for k in range(w):
                d_h[k] *= z[k]
            slope_hh[: 2 * w] = slope_ih[: 2 * w]
            for k in range(3 * w):
                d_bias[0, k] += slope_ih[k]
            for k in range(3 * w):
                d_bias[1, k] += slope_hh[k]
            slopes_ih[first + row] = slope_ih
            slopes_hh[first + row] = slope_hh
        times(own_hh, 3 * w, panels_hh, blocks, width, back)
        for row in range(count):
            d_h, more = d_hidden[begin + row], back[row * pitch : row * pitch + w]
            for k in range(w):
                d_h[k] += more[k]
        if inputs:
            times(own_ih, 3 * w, panels_ih, blocks, width, to_x)
            for row in range(count):
                d_input[first + row] = to_x[row * in_pitch : row * in_pitch + inputs]
    return d_bias


def run_back(
    g: Array,
    d_hidden: Array,
    gates: Array,
    inner: Array,
    output: Array,
    h0: Array,
    weight_ih: Array | None,
    weight_hh: Array,
    batch_sizes: Sequence[int],
    reverse: bool,
) -> Any:
    """The gradients of what W_ih and W_hh add to the gates, of the input, and of both biases."""
    if not takes((weight_ih, weight_hh), g, d_hidden, gates, inner, output, h0):
        return NotImplemented
    g, gates, inner, output, h0 = map(plain, (g, gates, inner, output, h0))
    slopes_ih, slopes_hh = np.empty_like(gates), np.empty_like(gates)
    d_input = np.empty((0, 0) if weight_ih is None else (len(g), weight_ih.shape[1]), g.dtype)
    work = weight_hh.size + (0 if weight_ih is None else weight_ih.size)
    parts = split_sequences(
        _backward, batch_sizes, reverse, work,
        g, d_hidden, gates, inner, output, h0, panels_of(weight_ih, g.dtype), panels_of(weight_hh, g.dtype),
        slopes_ih, slopes_hh, d_input,
    )  # fmt: skip
    d_bias_ih, d_bias_hh = sum(parts[1:], parts[0])
    return slopes_ih, slopes_hh, None if weight_ih is None else d_input, d_bias_ih, d_bias_hh
