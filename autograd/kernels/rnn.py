"""Simple recurrent layers over whole sequences; see `sequences.py`."""

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
    rectified: bool,
    output: Array,
    hidden: Array,
    firsts: Array,
    sizes: Array,
    width: int,
    start: int,
    stop: int,
) -> None:
    """The blocks of sequences from start to stop."""
    w, inputs, pitch = output.shape[1], input.shape[1], len(bias)
    depth, most = w + inputs, (stop - start) * TALL
    begin, end = start * TALL, min(stop * TALL, len(hidden))
    zero = output.dtype.type(0)
    joint, fed = np.zeros(most * depth, output.dtype), np.empty(most * pitch, output.dtype)
    for row in range(begin, end):
        joint[(row - begin) * depth : (row - begin) * depth + w] = hidden[row]
    for step in range(len(sizes)):
        count = min(end, sizes[step]) - begin
        if count <= 0:
            continue
        first, blocks = firsts[step] + begin, (count + TALL - 1) // TALL
        for row in range(count):
            joint[row * depth + w : (row + 1) * depth] = input[first + row]
        times(joint, depth, panels, blocks, width, fed)
        for row in range(count):
            given, out = fed[row * pitch : (row + 1) * pitch], output[first + row]
            if rectified:
                for k in range(w):
                    a = given[k] + bias[k]
                    out[k] = zero if a <= zero else a  # nan stays
            else:
                for k in range(w):
                    out[k] = tanh(given[k] + bias[k])
            joint[row * depth : row * depth + w] = out
    for row in range(begin, end):
        hidden[row] = joint[(row - begin) * depth : (row - begin) * depth + w]


def run(
    input: Array,
    hidden: Array,
    weight_ih: Array,
    weight_hh: Array,
    bias: Array | None,
    batch_sizes: Sequence[int],
    reverse: bool,
    nonlinearity: str,
) -> Any:
    """The states of all steps; the first state becomes the last one."""
    if not takes((weight_ih, weight_hh), input, hidden, bias):
        return NotImplemented
    w, dtype = hidden.shape[1], input.dtype
    output = np.empty((len(input), w), dtype)
    weights = np.concatenate((weight_hh, weight_ih), axis=1).T
    split_sequences(
        _forward, batch_sizes, reverse, weights.size,
        plain(input), panels_of(weights, dtype), row_of(bias, w, dtype), nonlinearity == "relu", output, hidden,
    )  # fmt: skip
    return output


@jit(reordered=True)
def _backward(
    g: Array,
    d_hidden: Array,
    output: Array,
    panels: Array,
    rectified: bool,
    slopes: Array,
    d_input: Array,
    firsts: Array,
    sizes: Array,
    width: int,
    start: int,
    stop: int,
) -> Array:
    """The blocks of sequences from start to stop; returns what they add to the gradient of the bias."""
    w, inputs, most = output.shape[1], d_input.shape[1], (stop - start) * TALL
    begin, end = start * TALL, min(stop * TALL, len(d_hidden))
    one, zero = output.dtype.type(1), output.dtype.type(0)
    d_bias, pitch = np.zeros(w, output.dtype), panels.size // w
    own, back = np.zeros(most * w, output.dtype), np.empty(most * pitch, output.dtype)
    for step in range(len(sizes) - 1, -1, -1):
        count = min(end, sizes[step]) - begin
        if count <= 0:
            continue
        first, blocks = firsts[step] + begin, (count + TALL - 1) // TALL
        for row in range(count):
            slope, h = own[row * w : (row + 1) * w], output[first + row]
            above, later = g[first + row], d_hidden[begin + row]
            if rectified:
                for k in range(w):
                    slope[k] = (above[k] + later[k]) * (one if h[k] > zero else zero)
            else:
                for k in range(w):
                    slope[k] = (above[k] + later[k]) * (one - h[k] * h[k])
            for k in range(w):
                d_bias[k] += slope[k]
            slopes[first + row] = slope
        times(own, w, panels, blocks, width, back)
        for row in range(count):
            d_hidden[begin + row] = back[row * pitch : row * pitch + w]
            if inputs:
                d_input[first + row] = back[row * pitch + w : row * pitch + w + inputs]
    return d_bias


def run_back(
    g: Array,
    d_hidden: Array,
    output: Array,
    weight_ih: Array | None,
    weight_hh: Array,
    batch_sizes: Sequence[int],
    reverse: bool,
    nonlinearity: str,
) -> Any:
    """The gradients of the arguments of the nonlinearity, of the input, and of the biases."""
    if not takes((weight_ih, weight_hh), g, d_hidden, output):
        return NotImplemented
    g, output = plain(g), plain(output)
    slopes = np.empty_like(output)
    weights = weight_hh if weight_ih is None else np.concatenate((weight_hh, weight_ih), axis=1)
    d_input = np.empty((0, 0) if weight_ih is None else (len(g), weight_ih.shape[1]), g.dtype)
    parts = split_sequences(
        _backward, batch_sizes, reverse, weights.size,
        g, d_hidden, output, panels_of(weights, g.dtype), nonlinearity == "relu", slopes, d_input,
    )  # fmt: skip
    return slopes, None if weight_ih is None else d_input, sum(parts[1:], parts[0])
