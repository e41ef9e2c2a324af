"""What the recurrent layers share: the stack, directions, packed sequences, states."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from ..autograd import Tensor, asarray, concat, get_default_dtype, stack, zeros
from . import init
from .functional import dropout
from .functional.check import check_dtypes, check_probability, check_shape, whole
from .module import Module
from .parameter import Parameter
from .utils.rnn import PackedSequence


class RNNBase(Module):
    """What the recurrent layers share: parameters, directions, the stack, and the layouts of sequences and states."""

    gates = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int,
        bias: bool,
        batch_first: bool,
        dropout: float,
        bidirectional: bool,
        proj_size: int,
        dtype: Any,
        rng: np.random.Generator | None,
    ) -> None:
        super().__init__()
        self.input_size = whole("input_size", input_size)
        self.hidden_size = whole("hidden_size", hidden_size)
        self.num_layers = whole("num_layers", num_layers)
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = check_probability(type(self).__name__, "dropout", dropout)
        self.bidirectional = bidirectional
        self.proj_size = whole("proj_size", proj_size, 0)
        if self.proj_size >= self.hidden_size:
            raise ValueError(f"proj_size, {proj_size}, must be less than hidden_size, {hidden_size}")
        if self.dropout and self.num_layers == 1:
            warnings.warn(
                f"dropout={dropout} of a {type(self).__name__} with one layer does nothing: it stands between layers; "
                "give num_layers greater than 1, or use nn.Dropout behind it",
                stacklevel=3,
            )
        dtype = get_default_dtype() if dtype is None else np.dtype(dtype)
        rows, width = self.gates * self.hidden_size, self.proj_size or self.hidden_size
        for layer in range(self.num_layers):
            features = self.input_size if layer == 0 else width * len(self._directions)
            shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, features), "weight_hh": (rows, width)}
            if bias:
                shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
            if self.proj_size:
                shapes["weight_hr"] = (self.proj_size, self.hidden_size)
            for suffix in self._directions:
                for name, shape in shapes.items():
                    setattr(self, f"{name}_l{layer}{suffix}", Parameter(np.empty(shape, dtype)))
        self.reset_parameters(rng=rng)

    def reset_parameters(self, *, rng: np.random.Generator | None = None) -> None:
        """Draw new start values."""
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound, rng=rng)

    def flatten_parameters(self) -> None:
        """Nothing to do here; PyTorch's layers lay their parameters out for the GPU."""

    @property
    def _directions(self) -> tuple[str, ...]:
        return ("", "_reverse") if self.bidirectional else ("",)

    def _weights(self, layer: int, suffix: str) -> tuple[Any, ...]:
        """The parameters of one layer and direction, in the order of the functions."""
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")
        kept = names if self.proj_size else names[:4]
        return tuple(getattr(self, f"{name}_l{layer}{suffix}", None) for name in kept)

    def _run(self, input: Any, states: tuple[Any, ...] | None) -> tuple[Any, tuple[Tensor, ...]]:
        """The output in the input's layout, and the last states, each (directions·layers, N, features)."""
        packed = isinstance(input, PackedSequence)
        alone = False
        order = None
        if packed:
            rows, sizes = input.data, tuple(input.batch_sizes.tolist())
            order = input.sorted_indices
        else:
            input = asarray(input)
            rows, alone = self._in_order(input)
            length, sequences = rows.shape[:2]
            sizes = (sequences,) * length
            rows = rows.reshape((length * sequences, rows.shape[2]))
        if rows.ndim != 2 or rows.shape[1] != self.input_size:
            raise ValueError(
                f"{type(self).__name__}: the packed data have shape {rows.shape} and must have "
                f"(elements, {self.input_size}) (input_size)"
            )
        check_dtypes(type(self).__name__, rows, weight_ih=self._weights(0, "")[0])
        first = self._first_states(states, sizes[0], rows.dtype, alone, order)
        rows, last = self._stack(rows, first, sizes)
        if packed and input.unsorted_indices is not None:
            back = input.unsorted_indices
            last = tuple(state[:, back] for state in last)
        if packed:
            return input._replace(data=rows), last
        if alone:
            return rows, tuple(state[:, 0] for state in last)
        output = rows.reshape((length, sequences, rows.shape[1]))
        return (output.swapaxes(0, 1) if self.batch_first else output), last

    def _in_order(self, input: Tensor) -> tuple[Tensor, bool]:
        """The input as (length, N, features), and whether it is one sequence."""
        axes = "(N, length" if self.batch_first else "(length, N"
        length = input.shape[1 if self.batch_first and input.ndim == 3 else 0] if input.ndim else 0
        if input.ndim not in (2, 3) or input.shape[-1] != self.input_size or not length:
            raise ValueError(
                f"{type(self).__name__}: the input has shape {input.shape} and must be {axes}, {self.input_size}) or "
                f"(length, {self.input_size}), with one step or more and the features input_size"
            )
        if input.ndim == 2:
            return input.reshape((input.shape[0], 1, input.shape[1])), True
        return (input.swapaxes(0, 1) if self.batch_first else input), False

    def _first_states(
        self, states: tuple[Any, ...] | None, sequences: int, dtype: Any, alone: bool, order: Tensor | None
    ) -> list[Tensor]:
        """The initial states, each (layers·directions, N, features), in the order of packed sequences."""
        names = ("h0", "c0") if self.gates == 4 else ("h0",)
        widths = (self.proj_size or self.hidden_size, self.hidden_size)
        found = []
        for i, name in enumerate(names):
            shape: tuple[int, ...] = (self.num_layers * len(self._directions), sequences, widths[i])
            if states is None:
                found.append(zeros(shape, dtype=dtype))
                continue
            state = asarray(states[i])
            expected = (shape[0], shape[2]) if alone else shape
            why = (
                "(layers·directions, features) for one sequence"
                if alone
                else "(layers·directions, N, features)"
            )
            check_shape(type(self).__name__, name, state, expected, why)
            state = state.reshape(shape) if alone else state
            found.append(state if order is None else state[:, order])
        return found

    def _stack(
        self, rows: Tensor, first: list[Tensor], sizes: tuple[int, ...]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """All layers, each in its directions."""
        last: list[tuple[Tensor, ...]] = []
        for layer in range(self.num_layers):
            if layer and self.dropout:
                rows = dropout(rows, self.dropout, self.training)
            outputs = []
            for suffix in self._directions:
                own = tuple(state[len(last)] for state in first)
                output, *states = self._layer(rows, own, self._weights(layer, suffix), sizes, bool(suffix))
                outputs.append(output)
                last.append(tuple(states))
            rows = outputs[0] if len(outputs) == 1 else concat(outputs, axis=1)
        return rows, tuple(stack(states) for states in zip(*last, strict=True))

    def _layer(
        self,
        rows: Tensor,
        states: tuple[Tensor, ...],
        weights: tuple[Any, ...],
        sizes: tuple[int, ...],
        reverse: bool,
    ) -> tuple[Tensor, ...]:
        raise NotImplementedError

    def extra_repr(self) -> str:
        """The settings that are not the usual ones."""
        parts = [f"{self.input_size}, {self.hidden_size}"]
        usual = {"proj_size": 0, "num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0}
        usual |= {"bidirectional": False}
        parts += [
            f"{name}={getattr(self, name)}" for name, value in usual.items() if getattr(self, name) != value
        ]
        return ", ".join(parts)
