"""The GRU layer as one operation over all steps, and its cell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...autograd import Tensor, asarray, matmul, matrix_transpose, sigmoid, tanh
from ...autograd.extend import MIXER, given, kernel, matrix_product, op
from .rnn import Hidden
from .scan import before, check_layer, composed_scan, steps

Array = np.ndarray[Any, Any]


def gru_layer(
    input: Any,
    h0: Any,
    weight_ih: Any,
    weight_hh: Any,
    bias_ih: Any = None,
    bias_hh: Any = None,
    *,
    batch_sizes: Sequence[int],
    reverse: bool = False,
) -> Hidden:
    """A layer of gated recurrent units in one direction.

    With x' = W_ih·x_t + b_ih and h' = W_hh·h_(t−1) + b_hh in three parts, r = σ(x'_r + h'_r), z = σ(x'_z + h'_z),
    n = tanh(x'_n + r·h'_n): h_t = (1 − z)·n + z·h_(t−1). Cho et al., "Learning phrase representations using RNN
    encoder–decoder", EMNLP 2014, with r inside as in PyTorch and cuDNN.

    Args:
        input: the steps below each other, shape (rows, features); see `rnn_layer`.
        h0: the initial state, shape (sequences, hidden).
        weight_ih: shape (3·hidden, features), the parts in the order r, z, n.
        weight_hh: shape (3·hidden, hidden).
        bias_ih: shape (3·hidden,), or None.
        bias_hh: the same.
        batch_sizes: how many sequences, the first ones, take part in each step; does not rise.
        reverse: whether to begin with the last step.

    Returns:
        `output`, the states of all steps in the layout of the input, and `hidden`, the last of each sequence.

    Raises:
        ValueError: for shapes that do not fit.
        TypeError: for dtypes that differ.

    >>> import pullback as pb
    >>> states = pb.nn.functional.gru_layer(
    ...     pb.ones((2, 3)), pb.ones((1, 2)), pb.zeros((6, 3)), pb.zeros((6, 2)), batch_sizes=(1, 1))
    >>> states.output.tolist()
    [[0.5, 0.5], [0.25, 0.25]]
    """
    input, h0, weight_ih, weight_hh = map(asarray, (input, h0, weight_ih, weight_hh))
    biases = {"bias_ih": bias_ih, "bias_hh": bias_hh}
    sizes = tuple(map(int, batch_sizes))
    check_layer("gru_layer", input, {"h0": h0}, weight_ih, weight_hh, biases, sizes, 3)
    return _gru_op(input, h0, weight_ih, weight_hh, bias_ih, bias_hh, batch_sizes=sizes, reverse=reverse)


def gru_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Tensor:
    """One step of `gru_layer` for inputs (N, features) and states (N, hidden)."""
    return gru_layer(input, hx, w_ih, w_hh, b_ih, b_hh, batch_sizes=np.shape(input)[:1]).hidden


def _gru(
    input: Array,
    h0: Array,
    weight_ih: Array,
    weight_hh: Array,
    bias_ih: Array | None = None,
    bias_hh: Array | None = None,
    *,
    batch_sizes: tuple[int, ...],
    reverse: bool,
) -> Any:
    """h_t = (1 − z)·n + z·h_(t−1), all steps. `gru_layer` is the function that checks.

    The gates r and z are one tanh, since σ(a) = tanh(a/2)/2 + 1/2.
    """
    w = h0.shape[1]
    half = np.repeat(np.array((0.5, 0.5, 1.0), input.dtype), w)[:, None]  # for r, z, n
    bias, inner_bias = bias_ih, None
    if bias_hh is not None:
        bias = np.concatenate([bias_hh[: 2 * w], np.zeros(w, input.dtype)])
        bias = bias if bias_ih is None else bias + bias_ih
        inner_bias = bias_hh[2 * w :]
    bias = None if bias is None else bias * half[:, 0]
    hidden = h0.copy()
    output, gates, inner = _run(
        input, hidden, weight_ih * half, weight_hh * half, bias, inner_bias, batch_sizes, reverse
    )
    return (output, hidden), gates, inner


@kernel("gru.run", over=1 << 8)
def _run(
    input: Array,
    hidden: Array,
    weight_ih: Array,
    weight_hh: Array,
    bias: Array | None,
    inner_bias: Array | None,
    batch_sizes: tuple[int, ...],
    reverse: bool,
) -> tuple[Array, Array, Array]:
    """The states, gates and what the state adds to n of all steps; the first state becomes the last one.

    The weights and the bias are those of the halved arguments of r and z. `inner_bias` is that of h'_n.
    """
    w = hidden.shape[1]
    gates = matrix_product(input, weight_ih.T, bias)
    inner, output = (np.empty((len(input), w), input.dtype) for _ in range(2))
    fed = np.empty((len(hidden), 3 * w), input.dtype)
    for rows, size in steps(batch_sizes, reverse):
        here, h = gates[rows], hidden[:size]
        from_h = np.matmul(h, weight_hh.T, out=fed[:size])
        r_z, n, own = here[:, : 2 * w], here[:, 2 * w :], inner[rows]
        r_z += from_h[:, : 2 * w]
        np.tanh(r_z, out=r_z)
        r_z *= 0.5
        r_z += 0.5
        own[...] = from_h[:, 2 * w :]
        if inner_bias is not None:
            own += inner_bias
        n += np.multiply(r_z[:, :w], own, out=output[rows])
        np.tanh(n, out=n)
        h -= n
        h *= r_z[:, w:]
        h += n
        output[rows] = h
    return output, gates, inner


@kernel("gru.run_back", over=1 << 8)
def _run_back(
    g: Array,
    d_hidden: Array,
    gates: Array,
    inner: Array,
    output: Array,
    h0: Array,
    weight_ih: Array | None,
    weight_hh: Array,
    batch_sizes: tuple[int, ...],
    reverse: bool,
) -> tuple[Array, Array, Array | None, Array, Array]:
    """The gradients of x' and h', of the input, and of both biases.

    What does not depend on the next step is computed for all steps at once. `d_hidden`, the gradient of the last
    state, becomes that of the first one. Without `weight_ih` the input needs no gradient.
    """
    w = h0.shape[1]
    order = steps(batch_sizes, reverse)
    r, z, n = (gates[:, k * w : (k + 1) * w] for k in range(3))
    d_n = (1 - z) * (1 - n * n)  # becomes the gradient of n's argument
    slopes_hh = np.empty_like(gates)
    np.multiply(d_n * inner, r * (1 - r), out=slopes_hh[:, :w])
    np.multiply(before(output, h0, order) - n, z * (1 - z), out=slopes_hh[:, w : 2 * w])
    np.multiply(d_n, r, out=slopes_hh[:, 2 * w :])
    by_gate = slopes_hh.reshape(len(gates), 3, w)
    for rows, size in order[::-1]:
        state, here = d_hidden[:size], by_gate[rows]
        state += g[rows]
        d_n[rows] *= state
        here *= state[:, None]
        state *= z[rows]
        state += slopes_hh[rows] @ weight_hh
    slopes_ih = np.concatenate([slopes_hh[:, : 2 * w], d_n], axis=1)
    ones = np.ones(len(gates), gates.dtype)
    d_input = None if weight_ih is None else matrix_product(slopes_ih, weight_ih)
    return slopes_ih, slopes_hh, d_input, ones @ slopes_ih, ones @ slopes_hh


def _gru_rule(
    g: Any,
    out: Any,
    input: Any,
    h0: Any,
    weight_ih: Any,
    weight_hh: Any,
    gates: Array,
    inner: Array,
    batch_sizes: tuple[int, ...],
    reverse: bool,
    needs: Any,
) -> tuple[Any, ...]:
    """Backpropagation through time; the gradients of the weights at the end, from all steps."""
    d_hidden = g[1].copy()
    slopes_ih, slopes_hh, d_input, d_bias_ih, d_bias_hh = _run_back(
        g[0],
        d_hidden,
        gates,
        inner,
        out[0],
        h0,
        weight_ih if needs.input else None,
        weight_hh,
        batch_sizes,
        reverse,
    )
    previous = before(out[0], h0, steps(batch_sizes, reverse)) if needs.weight_hh else None
    return (
        d_input if needs.input else None,
        d_hidden if needs.h0 else None,
        matrix_product(slopes_ih.T, input) if needs.weight_ih else None,
        matrix_product(slopes_hh.T, previous) if needs.weight_hh else None,
        d_bias_ih if needs.bias_ih else None,
        d_bias_hh if needs.bias_hh else None,
    )


def _composed_gru(
    input: Any,
    h0: Any,
    weight_ih: Any,
    weight_hh: Any,
    bias_ih: Any = None,
    bias_hh: Any = None,
    *,
    batch_sizes: tuple[int, ...],
    reverse: bool,
) -> Hidden:
    w = h0.shape[1]

    def step(x: Any, h: Any) -> tuple[Any, ...]:
        fed = matmul(h, matrix_transpose(weight_hh))
        fed = fed if bias_hh is None else fed + bias_hh
        r, z = (sigmoid(x[..., k * w : (k + 1) * w] + fed[..., k * w : (k + 1) * w]) for k in range(2))
        n = tanh(x[..., 2 * w :] + r * fed[..., 2 * w :])
        return (n + z * (h - n),)

    return Hidden(*composed_scan(step, input, (h0,), weight_ih, bias_ih, batch_sizes, reverse))


_SHAPES = ((5, 3), (2, 2), (6, 3), (6, 2), (6,), (6,))

_gru_op: Callable[..., Hidden] = op(
    _gru,
    "input h0 weight_ih weight_hh bias_ih bias_hh",
    joint=_gru_rule,
    residuals="gates inner",
    composed=_composed_gru,
    outputs=Hidden,
    gate=MIXER,
    name="gru_layer",
    symbol="GRU",
    samples=given(
        (_SHAPES, {"batch_sizes": (2, 2, 1), "reverse": False}),
        (_SHAPES, {"batch_sizes": (2, 2, 1), "reverse": True}),
        (_SHAPES[:4], {"batch_sizes": (2, 2, 1), "reverse": False}),
    ),
)
