"""The LSTM layer as one operation over all steps, and its cell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...autograd import Tensor, asarray, matmul, matrix_transpose, sigmoid, tanh
from ...autograd.extend import MIXER, given, kernel, matrix_product, op
from .scan import before, check_layer, composed_scan, steps, sum_of, weight_gradients

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
    half = np.repeat(np.array(_HALF, input.dtype), c0.shape[1])
    bias = sum_of(bias_ih, bias_hh)
    hidden, cell = h0.copy(), c0.copy()
    output, gates, cells, squashed = _run(
        input,
        hidden,
        cell,
        weight_ih * half[:, None],
        weight_hh * half[:, None],
        None if bias is None else bias * half,
        weight_hr,
        batch_sizes,
        reverse,
    )
    return (output, hidden, cell), gates, cells, squashed


_HALF = (0.5, 0.5, 1.0, 0.5)  # of the arguments of i, f, g, o


@kernel("lstm.run", over=1 << 8)
def _run(
    input: Array,
    hidden: Array,
    cell: Array,
    weight_ih: Array,
    weight_hh: Array,
    bias: Array | None,
    weight_hr: Array | None,
    batch_sizes: tuple[int, ...],
    reverse: bool,
) -> tuple[Array, Array, Array, Array]:
    """The states, gates, cells and their tanh of all steps; the first state and cell become the last ones.

    The weights and the bias are those of the gates' halved arguments.
    """
    gates = matrix_product(input, weight_ih.T, bias)
    total, w = len(gates), cell.shape[1]
    half = np.repeat(np.array(_HALF, input.dtype), w)
    other = 1 - half
    cells, squashed, full = (np.empty((total, w), gates.dtype) for _ in range(3))
    output = full if weight_hr is None else np.empty((total, hidden.shape[1]), gates.dtype)
    fed = np.empty((len(hidden), 4 * w), gates.dtype)
    for rows, size in steps(batch_sizes, reverse):
        here, c, new_c, small = gates[rows], cell[:size], cells[rows], squashed[rows]
        here += np.matmul(hidden[:size], weight_hh.T, out=fed[:size])
        np.tanh(here, out=here)
        here *= half
        here += other
        np.multiply(here[:, w : 2 * w], c, out=new_c)
        new_c += np.multiply(here[:, :w], here[:, 2 * w : 3 * w], out=small)
        np.tanh(new_c, out=small)
        np.multiply(here[:, 3 * w :], small, out=full[rows])
        if weight_hr is not None:
            np.matmul(full[rows], weight_hr.T, out=output[rows])
        hidden[:size], cell[:size] = output[rows], new_c
    return output, gates, cells, squashed


@kernel("lstm.run_back", over=1 << 8)
def _run_back(
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
    batch_sizes: tuple[int, ...],
    reverse: bool,
) -> tuple[Array, Array | None, Array | None, Array]:
    """The gradients of the gates' arguments, of the input, of the projected states, and of the biases.

    What does not depend on the next step is computed for all steps at once. `d_hidden` and `d_cell`, the gradients of
    the last state and cell, become those of the first ones. Without `weight_ih` the input needs no gradient, without
    `weight_hr` there is no projection.
    """
    w = squashed.shape[1]
    order = steps(batch_sizes, reverse)
    i, f, new, o = (gates[:, k * w : (k + 1) * w] for k in range(4))
    slopes = gates * (1 - gates)  # becomes the gradient of a
    np.subtract(1, new * new, out=slopes[:, 2 * w : 3 * w])
    slopes[:, :w] *= new
    slopes[:, w : 2 * w] *= before(cells, c0, order)
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
    d_input = None if weight_ih is None else matrix_product(slopes, weight_ih)
    return slopes, d_input, d_output, np.ones(len(slopes), slopes.dtype) @ slopes


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
    d_hidden, d_cell = g[1].copy(), g[2].copy()
    needed = weight_ih if needs.input else None
    slopes, d_input, d_output, d_bias = _run_back(
        g[0], d_hidden, d_cell, gates, cells, squashed, c0, needed, weight_hh, weight_hr, batch_sizes, reverse
    )
    d_ih, d_hh = weight_gradients(
        slopes, input, out[0], h0, steps(batch_sizes, reverse), needs.weight_ih, needs.weight_hh
    )
    projected = needs.weight_hr and d_output is not None
    return (
        d_input if needs.input else None,
        d_hidden if needs.h0 else None,
        d_cell if needs.c0 else None,
        d_ih,
        d_hh,
        d_bias if needs.bias_ih else None,
        d_bias if needs.bias_hh else None,
        matrix_product(d_output.T, gates[:, 3 * c0.shape[1] :] * squashed) if projected else None,
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
