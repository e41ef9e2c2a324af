"""The simple recurrent layer as one operation over all steps, and its cells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...autograd import Tensor, asarray, matmul, matrix_transpose, relu, tanh
from ...autograd.extend import MIXER, given, kernel, matrix_product, op
from .scan import check_layer, composed_scan, steps, sum_of, weight_gradients

Array = np.ndarray[Any, Any]

NONLINEARITIES = ("tanh", "relu")


class Hidden(NamedTuple):
    """Results of a recurrent layer with one state."""

    output: Tensor
    hidden: Tensor


def rnn_layer(
    input: Any,
    h0: Any,
    weight_ih: Any,
    weight_hh: Any,
    bias_ih: Any = None,
    bias_hh: Any = None,
    *,
    batch_sizes: Sequence[int],
    reverse: bool = False,
    nonlinearity: str = "tanh",
) -> Hidden:
    """A simple recurrent layer in one direction: h_t = tanh(W_ih·x_t + b_ih + W_hh·h_(t−1) + b_hh).

    Elman, "Finding structure in time", 1990.

    Args:
        input: the steps below each other, shape (rows, features): first step's rows, one for each sequence, and so on.
        h0: the initial state, shape (sequences, hidden).
        weight_ih: shape (hidden, features).
        weight_hh: shape (hidden, hidden).
        bias_ih: shape (hidden,), or None.
        bias_hh: the same.
        batch_sizes: how many sequences, the first ones, take part in each step; does not rise.
        reverse: whether to begin with the last step.
        nonlinearity: "tanh" or "relu".

    Returns:
        `output`, the states of all steps in the layout of the input, and `hidden`, the last of each sequence.

    Raises:
        ValueError: for shapes that do not fit.
        TypeError: for dtypes that differ.

    >>> import pullback as pb
    >>> one = pb.ones((1, 1))
    >>> states = pb.nn.functional.rnn_layer(
    ...     pb.ones((3, 1)), one * 0, one, one, batch_sizes=(1, 1, 1), nonlinearity="relu")
    >>> states.output.tolist(), states.hidden.tolist()
    ([[1.0], [2.0], [3.0]], [[3.0]])
    """
    if nonlinearity not in NONLINEARITIES:
        raise ValueError(f"rnn_layer: nonlinearity must be 'tanh' or 'relu', not {nonlinearity!r}")
    input, h0, weight_ih, weight_hh = map(asarray, (input, h0, weight_ih, weight_hh))
    biases = {"bias_ih": bias_ih, "bias_hh": bias_hh}
    sizes = tuple(map(int, batch_sizes))
    check_layer("rnn_layer", input, {"h0": h0}, weight_ih, weight_hh, biases, sizes, 1)
    return _rnn_op(
        input,
        h0,
        weight_ih,
        weight_hh,
        bias_ih,
        bias_hh,
        batch_sizes=sizes,
        reverse=reverse,
        nonlinearity=nonlinearity,
    )


def rnn_tanh_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Tensor:
    """One step tanh(W_ih·x + b_ih + W_hh·h + b_hh) for inputs (N, features) and states (N, hidden)."""
    return _cell(input, hx, w_ih, w_hh, b_ih, b_hh, "tanh")


def rnn_relu_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Tensor:
    """One step max(0, W_ih·x + b_ih + W_hh·h + b_hh) for inputs (N, features) and states (N, hidden)."""
    return _cell(input, hx, w_ih, w_hh, b_ih, b_hh, "relu")


def _cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, nonlinearity: str) -> Tensor:
    sizes = np.shape(input)[:1]
    found = rnn_layer(input, hx, w_ih, w_hh, b_ih, b_hh, batch_sizes=sizes, nonlinearity=nonlinearity)
    return found.hidden


def _rnn(
    input: Array,
    h0: Array,
    weight_ih: Array,
    weight_hh: Array,
    bias_ih: Array | None = None,
    bias_hh: Array | None = None,
    *,
    batch_sizes: tuple[int, ...],
    reverse: bool,
    nonlinearity: str,
) -> tuple[Array, Array]:
    """h_t = tanh(W_ih·x_t + b_ih + W_hh·h_(t−1) + b_hh), all steps. `rnn_layer` is the function that checks."""
    hidden = h0.copy()
    bias = sum_of(bias_ih, bias_hh)
    output = _run(input, hidden, weight_ih, weight_hh, bias, batch_sizes, reverse, nonlinearity)
    return output, hidden


@kernel("rnn.run", over=1 << 8)
def _run(
    input: Array,
    hidden: Array,
    weight_ih: Array,
    weight_hh: Array,
    bias: Array | None,
    batch_sizes: tuple[int, ...],
    reverse: bool,
    nonlinearity: str,
) -> Array:
    """The states of all steps; the first state becomes the last one."""
    output: Array = matrix_product(input, weight_ih.T, bias)
    fed = np.empty_like(hidden)
    for rows, size in steps(batch_sizes, reverse):
        here = output[rows]
        here += np.matmul(hidden[:size], weight_hh.T, out=fed[:size])
        if nonlinearity == "tanh":
            np.tanh(here, out=here)
        else:
            np.maximum(here, 0, out=here)
        hidden[:size] = here
    return output


@kernel("rnn.run_back", over=1 << 8)
def _run_back(
    g: Array,
    d_hidden: Array,
    output: Array,
    weight_ih: Array | None,
    weight_hh: Array,
    batch_sizes: tuple[int, ...],
    reverse: bool,
    nonlinearity: str,
) -> tuple[Array, Array | None, Array]:
    """The gradients of the arguments of the nonlinearity, of the input, and of the biases.

    `d_hidden`, the gradient of the last state, becomes that of the first one. Without `weight_ih` the input needs no
    gradient.
    """
    slopes = 1 - output * output if nonlinearity == "tanh" else (output > 0).astype(output.dtype)
    for rows, size in steps(batch_sizes, reverse)[::-1]:
        here = slopes[rows]
        here *= d_hidden[:size] + g[rows]
        np.matmul(here, weight_hh, out=d_hidden[:size])
    d_input = None if weight_ih is None else matrix_product(slopes, weight_ih)
    return slopes, d_input, np.ones(len(slopes), slopes.dtype) @ slopes


def _rnn_rule(
    g: Any,
    out: Any,
    input: Any,
    h0: Any,
    weight_ih: Any,
    weight_hh: Any,
    batch_sizes: tuple[int, ...],
    reverse: bool,
    nonlinearity: str,
    needs: Any,
) -> tuple[Any, ...]:
    """Backpropagation through time: d_a = d_h·slope, d_h(t−1) = d_a·W_hh; the weights' gradients at the end."""
    d_hidden = g[1].copy()
    slopes, d_input, d_bias = _run_back(
        g[0],
        d_hidden,
        out[0],
        weight_ih if needs.input else None,
        weight_hh,
        batch_sizes,
        reverse,
        nonlinearity,
    )
    d_ih, d_hh = weight_gradients(
        slopes, input, out[0], h0, steps(batch_sizes, reverse), needs.weight_ih, needs.weight_hh
    )
    return (
        d_input if needs.input else None,
        d_hidden if needs.h0 else None,
        d_ih,
        d_hh,
        d_bias if needs.bias_ih else None,
        d_bias if needs.bias_hh else None,
    )


def _composed_rnn(
    input: Any,
    h0: Any,
    weight_ih: Any,
    weight_hh: Any,
    bias_ih: Any = None,
    bias_hh: Any = None,
    *,
    batch_sizes: tuple[int, ...],
    reverse: bool,
    nonlinearity: str,
) -> Hidden:
    function = tanh if nonlinearity == "tanh" else relu

    def step(x: Any, h: Any) -> tuple[Any, ...]:
        fed = matmul(h, matrix_transpose(weight_hh))
        return (function(x + (fed if bias_hh is None else fed + bias_hh)),)

    return Hidden(*composed_scan(step, input, (h0,), weight_ih, bias_ih, batch_sizes, reverse))


_SHAPES = ((5, 3), (2, 2), (2, 3), (2, 2), (2,), (2,))

_rnn_op: Callable[..., Hidden] = op(
    _rnn,
    "input h0 weight_ih weight_hh bias_ih bias_hh",
    joint=_rnn_rule,
    composed=_composed_rnn,
    outputs=Hidden,
    gate=MIXER,
    name="rnn_layer",
    symbol="RNN",
    samples=given(
        (_SHAPES, {"batch_sizes": (2, 2, 1), "reverse": False, "nonlinearity": "tanh"}),
        (_SHAPES, {"batch_sizes": (2, 2, 1), "reverse": True, "nonlinearity": "relu"}),
        (((4, 3), (2, 2), (2, 3), (2, 2)), {"batch_sizes": (2, 2), "reverse": False, "nonlinearity": "tanh"}),
    ),
)
