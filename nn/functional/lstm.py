"""The LSTM layer as one operation over all steps, and its cell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...autograd import Tensor, asarray, matmul, matrix_transpose, sigmoid, tanh
from ...autograd.extend import MIXER, given, kernel, op
from .scan import before, check_layer, composed_scan, steps

Array = np.ndarray[Any, Any]


class HiddenAndCell(NamedTuple):
    """Results of an LSTM layer."""

    output: Tensor
    hidden: Tensor
    cell: Tensor


def lstm_layer(
    input: Any,
    h0: Any,
    c0: Any,
    weight_ih: Any,
    weight_hh: Any,
    bias_ih: Any = None,
    bias_hh: Any = None,
    weight_hr: Any = None,
    *,
    batch_sizes: Sequence[int],
    reverse: bool = False,
) -> HiddenAndCell:
    """A layer of long short-term memory in one direction.

    With a = W_ih·x_t + b_ih + W_hh·h_(t−1) + b_hh in four parts, i = σ(a_i), f = σ(a_f), g = tanh(a_g), o = σ(a_o):
    c_t = f·c_(t−1) + i·g and h_t = o·tanh(c_t), which W_hr then projects if it is given. Hochreiter and Schmidhuber,
    "Long short-term memory", 1997, with the forget gate of Gers et al., 2000.

    Args:
        input: the steps below each other, shape (rows, features); see `rnn_layer`.
        h0: the initial state, shape (sequences, hidden), or (sequences, projected).
        c0: the initial cell, shape (sequences, hidden).
        weight_ih: shape (4·hidden, features), the parts in the order i, f, g, o.
        weight_hh: shape (4·hidden, hidden), or (4·hidden, projected).
        bias_ih: shape (4·hidden,), or None.
        bias_hh: the same.
        weight_hr: shape (projected, hidden), or None.
        batch_sizes: how many sequences, the first ones, take part in each step; does not rise.
        reverse: whether to begin with the last step.

    Returns:
        `output`, the states of all steps in the layout of the input; `hidden` and `cell`, the last ones.

    Raises:
        ValueError: for shapes that do not fit.
        TypeError: for dtypes that differ.

    >>> import pullback as pb
    >>> states = pb.nn.functional.lstm_layer(
    ...     pb.ones((2, 3)), pb.zeros((1, 2)), pb.ones((1, 2)), pb.zeros((8, 3)), pb.zeros((8, 2)), batch_sizes=(1, 1))
    >>> states.cell.tolist()
    [[0.25, 0.25]]
    """
    input, h0, c0, weight_ih, weight_hh = map(asarray, (input, h0, c0, weight_ih, weight_hh))
    biases = {"bias_ih": bias_ih, "bias_hh": bias_hh}
    sizes = tuple(map(int, batch_sizes))
    check_layer("lstm_layer", input, {"h0": h0, "c0": c0}, weight_ih, weight_hh, biases, sizes, 4, weight_hr)
    return _lstm_op(
        input, h0, c0, weight_ih, weight_hh, bias_ih, bias_hh, weight_hr, batch_sizes=sizes, reverse=reverse
    )


def lstm_cell(
    input: Any, hx: tuple[Any, Any], w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None
) -> tuple[Tensor, Tensor]:
    """One step of `lstm_layer` for inputs (N, features) and a pair of states (N, hidden); the new pair."""
    found = lstm_layer(input, *hx, w_ih, w_hh, b_ih, b_hh, batch_sizes=np.shape(input)[:1])
    return found.hidden, found.cell


def _lstm(
    input: Array,
    h0: Array,
    c0: Array,
    weight_ih: Array,
    weight_hh: Array,
    bias_ih: Array | None = None,
    bias_hh: Array | None = None,
    weight_hr: Array | None = None,
    *,
    batch_sizes: tuple[int, ...],
    reverse: bool,
) -> Any:
    """c_t = f·c_(t−1) + i·g and h_t = o·tanh(c_t), all steps. `lstm_layer` is the function that checks.

    All gates are one tanh, since σ(a) = tanh(a/2)/2 + 1/2.
    """
    width = c0.shape[1]
    half = np.repeat(np.array(_HALF, input.dtype), width)
    gates = input @ weight_ih.T
    for bias in (bias_ih, bias_hh):
        if bias is not None:
            gates += bias
    gates *= half
    feeding = (weight_hh * half[:, None]).T
    total = len(input)
    cells, squashed, full = (np.empty((total, width), input.dtype) for _ in range(3))
    output = full if weight_hr is None else np.empty((total, h0.shape[1]), input.dtype)
    hidden, cell = h0.copy(), c0.copy()
    fed = np.empty((len(h0), 4 * width), input.dtype)
    for rows, size in steps(batch_sizes, reverse):
        np.matmul(hidden[:size], feeding, out=fed[:size])
        _step(gates[rows], fed[:size], cell[:size], cells[rows], squashed[rows], full[rows])
        if weight_hr is not None:
            np.matmul(full[rows], weight_hr.T, out=output[rows])
        hidden[:size], cell[:size] = output[rows], cells[rows]
    return (output, hidden, cell), gates, cells, squashed


@kernel("sequences.lstm_step", over=1 << 11)
def _step(gates: Array, fed: Array, cell: Array, cells: Array, squashed: Array, hidden: Array) -> None:
    """One step: from the halved arguments of the gates, in two parts, the gates, the new cell, its tanh, the state."""
    width = cells.shape[1]
    half = np.repeat(np.array(_HALF, gates.dtype), width)
    gates += fed
    np.tanh(gates, out=gates)
    gates *= half
    gates += 1 - half
    i, f, new, o = (gates[:, k * width : (k + 1) * width] for k in range(4))
    np.multiply(f, cell, out=cells)
    cells += np.multiply(i, new, out=fed[:, :width])
    np.tanh(cells, out=squashed)
    np.multiply(o, squashed, out=hidden)


_HALF = (0.5, 0.5, 1.0, 0.5)  # of i, f, g, o


@kernel("sequences.lstm_back_in_time", over=1 << 11, by=3)
def _back_in_time(
    g: Array,
    d_hidden: Array,
    d_cell: Array,
    gates: Array,
    squashed: Array,
    previous: Array,
    weight_hh: Array,
    weight_hr: Array | None,
    order: list[tuple[slice, int]],
) -> tuple[Array, Array | None]:
    """The gradients of the gates' arguments and, with a projection, of the states, for all steps.

    What does not depend on the next step is computed for all steps at once. `d_hidden` and `d_cell`, the gradients of
    the last state and cell, become those of the first ones.
    """
    w = squashed.shape[1]
    i, f, new, o = (gates[:, k * w : (k + 1) * w] for k in range(4))
    slopes = gates * (1 - gates)  # becomes the gradient of a
    np.subtract(1, new * new, out=slopes[:, 2 * w : 3 * w])
    slopes[:, :w] *= new
    slopes[:, w : 2 * w] *= previous
    slopes[:, 2 * w : 3 * w] *= i
    slopes[:, 3 * w :] *= squashed
    by_gate = slopes.reshape(len(slopes), 4, w)
    through = o * (1 - squashed * squashed)
    d_output = np.array(g) if weight_hr is not None else None
    for rows, size in order[::-1]:
        d_h = d_hidden[:size] + g[rows]
        if d_output is not None:
            d_output[rows] = d_h
            d_h = d_h @ weight_hr
        here, d_c = by_gate[rows], d_cell[:size]
        here[:, 3] *= d_h
        d_h *= through[rows]
        d_c += d_h
        here[:, :3] *= d_c[:, None]
        d_c *= f[rows]
        np.matmul(slopes[rows], weight_hh, out=d_hidden[:size])
    return slopes, d_output


def _lstm_rule(
    g: Any,
    out: Any,
    input: Any,
    h0: Any,
    c0: Any,
    weight_ih: Any,
    weight_hh: Any,
    weight_hr: Any,
    gates: Array,
    cells: Array,
    squashed: Array,
    batch_sizes: tuple[int, ...],
    reverse: bool,
    needs: Any,
) -> tuple[Any, ...]:
    """Backpropagation through time; the gradients of the weights at the end, from all steps."""
    w = c0.shape[1]
    order = steps(batch_sizes, reverse)
    d_hidden, d_cell = g[1].copy(), g[2].copy()
    before_each = before(cells, c0, order)
    slopes, d_output = _back_in_time(
        g[0], d_hidden, d_cell, gates, squashed, before_each, weight_hh, weight_hr, order
    )
    o = gates[:, 3 * w :]
    d_bias = np.ones(len(slopes), slopes.dtype) @ slopes if needs.bias_ih or needs.bias_hh else None
    return (
        slopes @ weight_ih if needs.input else None,
        d_hidden if needs.h0 else None,
        d_cell if needs.c0 else None,
        slopes.T @ input if needs.weight_ih else None,
        slopes.T @ before(out[0], h0, order) if needs.weight_hh else None,
        d_bias if needs.bias_ih else None,
        d_bias if needs.bias_hh else None,
        d_output.T @ (o * squashed) if d_output is not None and needs.weight_hr else None,
    )


def _composed_lstm(
    input: Any,
    h0: Any,
    c0: Any,
    weight_ih: Any,
    weight_hh: Any,
    bias_ih: Any = None,
    bias_hh: Any = None,
    weight_hr: Any = None,
    *,
    batch_sizes: tuple[int, ...],
    reverse: bool,
) -> HiddenAndCell:
    w = c0.shape[1]

    def step(x: Any, h: Any, c: Any) -> tuple[Any, ...]:
        a = x + matmul(h, matrix_transpose(weight_hh))
        a = a if bias_hh is None else a + bias_hh
        i, f, o = (sigmoid(a[..., k * w : (k + 1) * w]) for k in (0, 1, 3))
        c = f * c + i * tanh(a[..., 2 * w : 3 * w])
        h = o * tanh(c)
        return (h if weight_hr is None else matmul(h, matrix_transpose(weight_hr))), c

    return HiddenAndCell(*composed_scan(step, input, (h0, c0), weight_ih, bias_ih, batch_sizes, reverse))


_SHAPES = ((5, 3), (2, 2), (2, 2), (8, 3), (8, 2), (8,), (8,))
_PROJECTED = ((5, 3), (2, 1), (2, 2), (8, 3), (8, 1), (8,), (8,), (1, 2))

_lstm_op: Callable[..., HiddenAndCell] = op(
    _lstm,
    "input h0 c0 weight_ih weight_hh bias_ih bias_hh weight_hr",
    joint=_lstm_rule,
    residuals="gates cells squashed",
    composed=_composed_lstm,
    outputs=HiddenAndCell,
    gate=MIXER,
    name="lstm_layer",
    symbol="LSTM",
    samples=given(
        (_SHAPES, {"batch_sizes": (2, 2, 1), "reverse": False}),
        (_PROJECTED, {"batch_sizes": (2, 2, 1), "reverse": True}),
        (_SHAPES[:5], {"batch_sizes": (2, 2, 1), "reverse": True}),
    ),
)
