"""Recurrent layers over whole sequences."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Tensor
from .functional.gru import gru_layer
from .functional.lstm import lstm_layer
from .functional.rnn import NONLINEARITIES, rnn_layer
from .recurrent_base import RNNBase


class RNN(RNNBase):
    """A stack of simple recurrent layers, h_t = tanh(W_ih·x_t + b_ih + W_hh·h_(t−1) + b_hh).

    Parameters of layer k: `weight_ih_lk` (hidden, features), `weight_hh_lk` (hidden, hidden), `bias_ih_lk`,
    `bias_hh_lk`, and those with `_reverse` behind; all start from U(−b, b) with b = 1/√hidden.

    Args:
        input_size: the features of the input.
        hidden_size: those of the state.
        num_layers: how many layers; each gets the outputs of the one before.
        nonlinearity: "tanh" or "relu".
        bias: False for layers without b.
        batch_first: whether input and output are (N, length, features) and not (length, N, features).
        dropout: the probability of dropout between layers.
        bidirectional: add a second direction, from the end, to each layer; its outputs stand behind the first's.
        dtype: of the parameters; the default dtype if not given.
        rng: the generator of the start values; the default one if not given.

    Raises:
        ValueError: for counts below 1 and an unknown nonlinearity.

    >>> import pullback as pb
    >>> layer = pb.nn.RNN(3, 4, num_layers=2)
    >>> output, h_n = layer(pb.randn(5, 2, 3))
    >>> output.shape, h_n.shape
    ((5, 2, 4), (2, 2, 4))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        dtype: Any = None,
        rng: np.random.Generator | None = None,
    ) -> None:
        if nonlinearity not in NONLINEARITIES:
            raise ValueError(f"RNN: nonlinearity must be 'tanh' or 'relu', not {nonlinearity!r}")
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, 0, dtype, rng
        )
        self.nonlinearity = nonlinearity

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Tensor]:
        """Run over sequences.

        Args:
            input: shape (length, N, input_size), the layout of `batch_first`, (length, input_size) for one sequence,
                or a PackedSequence.
            hx: the initial state, shape (layers·directions, N, hidden_size), without N for one sequence; zeros if None.

        Returns:
            The outputs of the last layer in the input's layout, and the last state of each layer and direction.
        """
        output, (hidden,) = self._run(input, None if hx is None else (hx,))
        return output, hidden

    def _layer(
        self, rows: Any, states: Any, weights: tuple[Any, ...], sizes: tuple[int, ...], reverse: bool
    ) -> tuple[Tensor, ...]:
        return rnn_layer(
            rows, *states, *weights, batch_sizes=sizes, reverse=reverse, nonlinearity=self.nonlinearity
        )


class LSTM(RNNBase):
    """A stack of layers of long short-term memory; see `functional.lstm_layer` for the formula.

    Parameters of layer k: `weight_ih_lk` (4·hidden, features), `weight_hh_lk` (4·hidden, hidden), `bias_ih_lk`,
    `bias_hh_lk`, with proj_size `weight_hr_lk` (proj_size, hidden), and those with `_reverse` behind; all start from
    U(−b, b) with b = 1/√hidden.

    A learnable initial state is a Parameter that is given as h_0 and c_0, spread over the sequences. Truncated
    backpropagation through time: run over pieces of a sequence, and detach the states between them.

    Args:
        input_size: the features of the input.
        hidden_size: those of the cell.
        num_layers: how many layers; each gets the outputs of the one before.
        bias: False for layers without b.
        batch_first: whether input and output are (N, length, features) and not (length, N, features).
        dropout: the probability of dropout between layers.
        bidirectional: add a second direction, from the end, to each layer; its outputs stand behind the first's.
        proj_size: project the state to so many features; 0 for none.
        dtype: of the parameters; the default dtype if not given.
        rng: the generator of the start values; the default one if not given.

    Raises:
        ValueError: for counts below 1 and a proj_size that is not less than hidden_size.

    >>> import pullback as pb
    >>> layer = pb.nn.LSTM(3, 4)
    >>> sequence, states = pb.randn(6, 2, 3), None
    >>> for piece in (sequence[:3], sequence[3:]):  # truncated backpropagation through time
    ...     output, states = layer(piece, states)
    ...     output.sum().backward()
    ...     states = tuple(state.detach() for state in states)
    >>> start = pb.nn.Parameter(pb.zeros((1, 1, 4)))  # learnable
    >>> h_0 = pb.broadcast_to(start, (1, 2, 4))
    >>> output, (h_n, c_n) = layer(sequence, (h_0, h_0))
    >>> output.shape, h_n.shape, c_n.shape
    ((6, 2, 4), (1, 2, 4), (1, 2, 4))
    """

    gates = 4

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        *,
        dtype: Any = None,
        rng: np.random.Generator | None = None,
    ) -> None:
        super().__init__(
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            proj_size,
            dtype,
            rng,
        )

    def forward(self, input: Any, hx: tuple[Any, Any] | None = None) -> tuple[Any, tuple[Tensor, Tensor]]:
        """Run over sequences.

        Args:
            input: shape (length, N, input_size), the layout of `batch_first`, (length, input_size) for one sequence,
                or a PackedSequence.
            hx: the initial states h_0, of shape (layers·directions, N, hidden_size or proj_size), and c_0, of shape
                (layers·directions, N, hidden_size), both without N for one sequence; zeros if None.

        Returns:
            The outputs of the last layer in the input's layout, and the pair of the last states of all layers and
            directions.
        """
        if hx is not None and (not isinstance(hx, (tuple, list)) or len(hx) != 2):
            raise ValueError("LSTM: the initial states are a pair (h_0, c_0)")
        output, (hidden, cell) = self._run(input, None if hx is None else tuple(hx))
        return output, (hidden, cell)

    def _layer(
        self, rows: Any, states: Any, weights: tuple[Any, ...], sizes: tuple[int, ...], reverse: bool
    ) -> tuple[Tensor, ...]:
        return lstm_layer(rows, *states, *weights, batch_sizes=sizes, reverse=reverse)


class GRU(RNNBase):
    """A stack of layers of gated recurrent units; see `functional.gru_layer` for the formula.

    Parameters of layer k: `weight_ih_lk` (3·hidden, features), `weight_hh_lk` (3·hidden, hidden), `bias_ih_lk`,
    `bias_hh_lk`, and those with `_reverse` behind; all start from U(−b, b) with b = 1/√hidden.

    Args:
        input_size: the features of the input.
        hidden_size: those of the state.
        num_layers: how many layers; each gets the outputs of the one before.
        bias: False for layers without b.
        batch_first: whether input and output are (N, length, features) and not (length, N, features).
        dropout: the probability of dropout between layers.
        bidirectional: add a second direction, from the end, to each layer; its outputs stand behind the first's.
        dtype: of the parameters; the default dtype if not given.
        rng: the generator of the start values; the default one if not given.

    Raises:
        ValueError: for counts below 1.

    >>> import pullback as pb
    >>> layer = pb.nn.GRU(3, 4, batch_first=True, bidirectional=True)
    >>> output, h_n = layer(pb.randn(2, 5, 3))
    >>> output.shape, h_n.shape
    ((2, 5, 8), (2, 2, 4))
    """

    gates = 3

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        dtype: Any = None,
        rng: np.random.Generator | None = None,
    ) -> None:
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, 0, dtype, rng
        )

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Tensor]:
        """Run over sequences; arguments and results are those of `RNN`."""
        output, (hidden,) = self._run(input, None if hx is None else (hx,))
        return output, hidden

    def _layer(
        self, rows: Any, states: Any, weights: tuple[Any, ...], sizes: tuple[int, ...], reverse: bool
    ) -> tuple[Tensor, ...]:
        return gru_layer(rows, *states, *weights, batch_sizes=sizes, reverse=reverse)
