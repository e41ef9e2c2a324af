"""Single steps of the recurrent layers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd import Tensor, asarray, get_default_dtype, zeros
from . import init
from .functional.check import check_shape, whole
from .functional.gru import gru_cell
from .functional.lstm import lstm_cell
from .functional.rnn import NONLINEARITIES, rnn_relu_cell, rnn_tanh_cell
from .module import Module
from .parameter import Parameter


class RNNCellBase(Module):
    """What the cells share: parameters, and inputs of one example or a batch. States that are left out are zeros."""

    gates = 1

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool, dtype: Any, rng: np.random.Generator | None
    ) -> None:
        super().__init__()
        self.input_size = whole("input_size", input_size)
        self.hidden_size = whole("hidden_size", hidden_size)
        self.bias = bias
        dtype = get_default_dtype() if dtype is None else np.dtype(dtype)
        rows = self.gates * self.hidden_size
        self.weight_ih = Parameter(np.empty((rows, self.input_size), dtype))
        self.weight_hh = Parameter(np.empty((rows, self.hidden_size), dtype))
        self.bias_ih = Parameter(np.empty(rows, dtype)) if bias else None
        self.bias_hh = Parameter(np.empty(rows, dtype)) if bias else None
        self.reset_parameters(rng=rng)

    def reset_parameters(self, *, rng: np.random.Generator | None = None) -> None:
        """Draw new start values."""
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound, rng=rng)

    @property
    def _weights(self) -> tuple[Any, ...]:
        return self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh

    def _batch(self, input: Any, states: tuple[Any, ...] | None) -> tuple[Tensor, list[Tensor], bool]:
        """Input and states as batches, and whether they were one example."""
        where, x = type(self).__name__, asarray(input)
        if x.ndim not in (1, 2) or x.shape[-1] != self.input_size:
            raise ValueError(
                f"{where}: the input has shape {x.shape} and must be (N, {self.input_size}) or ({self.input_size},) "
                "(input_size)"
            )
        shape = (*x.shape[:-1], self.hidden_size)
        count = 2 if self.gates == 4 else 1
        if states is None:
            states = (zeros(shape, dtype=x.dtype),) * count
        found = [asarray(state) for state in states]
        for state in found:
            check_shape(where, "the state", state, shape, "as many examples as the input, and hidden_size")
        if x.ndim == 2:
            return x, found, False
        return x.reshape((1, *x.shape)), [state.reshape((1, *shape)) for state in found], True

    def extra_repr(self) -> str:
        """The settings."""
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else ", bias=False")


class RNNCell(RNNCellBase):
    """One step h' = tanh(W_ih·x + b_ih + W_hh·h + b_hh) of `RNN`.

    Args:
        input_size: the features of the input.
        hidden_size: those of the state.
        bias: False for a cell without b.
        nonlinearity: "tanh" or "relu".
        dtype: of the parameters; the default dtype if not given.
        rng: the generator of the start values; the default one if not given.

    Raises:
        ValueError: for counts below 1 and an unknown nonlinearity.

    >>> import pullback as pb
    >>> cell = pb.nn.RNNCell(3, 4)
    >>> h = cell(pb.randn(2, 3))
    >>> cell(pb.randn(2, 3), h).shape
    (2, 4)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        *,
        dtype: Any = None,
        rng: np.random.Generator | None = None,
    ) -> None:
        if nonlinearity not in NONLINEARITIES:
            raise ValueError(f"RNNCell: nonlinearity must be 'tanh' or 'relu', not {nonlinearity!r}")
        super().__init__(input_size, hidden_size, bias, dtype, rng)
        self.nonlinearity = nonlinearity

    def forward(self, input: Any, hx: Any = None) -> Tensor:
        """Map input (N, input_size) and state (N, hidden_size), or both without N, to the next state."""
        x, (h,), alone = self._batch(input, None if hx is None else (hx,))
        step = rnn_tanh_cell if self.nonlinearity == "tanh" else rnn_relu_cell
        new = step(x, h, *self._weights)
        return new[0] if alone else new

    def extra_repr(self) -> str:
        """The settings."""
        return super().extra_repr() + ("" if self.nonlinearity == "tanh" else ", nonlinearity=relu")


class LSTMCell(RNNCellBase):
    """One step of `LSTM`; the arguments are those of `RNNCell`, without the nonlinearity.

    >>> import pullback as pb
    >>> cell = pb.nn.LSTMCell(3, 4)
    >>> h, c = cell(pb.randn(2, 3))
    >>> h, c = cell(pb.randn(2, 3), (h, c))
    >>> h.shape, c.shape
    ((2, 4), (2, 4))
    """

    gates = 4

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        *,
        dtype: Any = None,
        rng: np.random.Generator | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, dtype, rng)

    def forward(self, input: Any, hx: tuple[Any, Any] | None = None) -> tuple[Tensor, Tensor]:
        """Map input (N, input_size) and states (h, c), or all without N, to the next states."""
        if hx is not None and (not isinstance(hx, (tuple, list)) or len(hx) != 2):
            raise ValueError("LSTMCell: the states are a pair (h, c)")
        x, (h, c), alone = self._batch(input, None if hx is None else tuple(hx))
        h, c = lstm_cell(x, (h, c), *self._weights)
        return (h[0], c[0]) if alone else (h, c)


class GRUCell(RNNCellBase):
    """One step of `GRU`; the arguments are those of `RNNCell`, without the nonlinearity.

    >>> import pullback as pb
    >>> pb.nn.GRUCell(3, 4)(pb.randn(2, 3)).shape
    (2, 4)
    """

    gates = 3

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        *,
        dtype: Any = None,
        rng: np.random.Generator | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, dtype, rng)

    def forward(self, input: Any, hx: Any = None) -> Tensor:
        """Map input (N, input_size) and state (N, hidden_size), or both without N, to the next state."""
        x, (h,), alone = self._batch(input, None if hx is None else (hx,))
        new = gru_cell(x, h, *self._weights)
        return new[0] if alone else new
