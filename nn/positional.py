"""What tells a model that reads all positions at once where each of them stands."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd import Tensor, asarray, get_default_dtype
from . import init
from .functional.check import check_dtypes, whole
from .module import Module
from .parameter import Parameter


class _PositionalEncoding(Module):
    """Adds a row of a table to each position."""

    def __init__(self, d_model: int, max_len: int, batch_first: bool) -> None:
        super().__init__()
        self.d_model = whole("d_model", d_model)
        self.max_len = whole("max_len", max_len)
        self.batch_first = batch_first

    def _add(self, input: Any, table: Tensor) -> Tensor:
        input = asarray(input)
        where = type(self).__name__
        if input.ndim not in (2, 3) or input.shape[-1] != self.d_model:
            layout = f"(N, L, {self.d_model})" if self.batch_first else f"(L, N, {self.d_model})"
            raise ValueError(
                f"{where}: the input has shape {input.shape} and must be {layout} or (L, {self.d_model})"
            )
        check_dtypes(where, input, table=table)
        length = input.shape[1 if self.batch_first and input.ndim == 3 else 0]
        if length > self.max_len:
            raise ValueError(
                f"{where}: {length} positions are more than it was made for, max_len={self.max_len}"
            )
        rows = table[:length]
        if input.ndim == 3 and not self.batch_first:
            rows = rows.reshape((length, 1, self.d_model))
        result: Tensor = input + rows
        return result

    def extra_repr(self) -> str:
        """The settings."""
        return f"{self.d_model}, max_len={self.max_len}" + (", batch_first=True" if self.batch_first else "")


class SinusoidalPositionalEncoding(_PositionalEncoding):
    """Adds waves of falling frequency: PE(p, 2i) = sin(p/10000^(2i/d)), PE(p, 2i+1) = cos(p/10000^(2i/d)).

    Vaswani et al., "Attention is all you need", NeurIPS 2017. The table is the buffer `pe`, of shape
    (max_len, d_model), which is not saved.

    Args:
        d_model: d, the features.
        max_len: how many positions there may be.
        batch_first: whether inputs are (N, L, d) and not (L, N, d); (L, d) is taken in any case.
        dtype: of the table; the default dtype if not given.

    Raises:
        ValueError: for counts below 1; when called, for other shapes and too many positions.

    >>> import pullback as pb
    >>> pb.nn.SinusoidalPositionalEncoding(4)(pb.zeros((1, 4))).tolist()
    [[0.0, 1.0, 0.0, 1.0]]
    """

    pe: Tensor

    def __init__(
        self, d_model: int, max_len: int = 5000, batch_first: bool = False, *, dtype: Any = None
    ) -> None:
        super().__init__(d_model, max_len, batch_first)
        dtype = get_default_dtype() if dtype is None else np.dtype(dtype)
        columns = np.arange(self.d_model)
        angles = np.arange(self.max_len)[:, None] * np.exp(
            -math.log(10000) * (columns - columns % 2) / self.d_model
        )
        table = np.where(columns % 2, np.cos(angles), np.sin(angles)).astype(dtype)
        self.register_buffer("pe", asarray(table), persistent=False)

    def forward(self, input: Any) -> Tensor:
        """Add to each position its waves."""
        return self._add(input, self.pe)


class LearnedPositionalEncoding(_PositionalEncoding):
    """Adds a trained vector to each position.

    `weight` has shape (max_len, d_model) and starts from the normal distribution with standard deviation 0.02, as in
    Radford et al., "Language models are unsupervised multitask learners", 2019.

    Args:
        d_model: the features.
        max_len: how many positions there may be.
        batch_first: whether inputs are (N, L, d_model) and not (L, N, d_model); (L, d_model) is taken in any case.
        dtype: of the parameter; the default dtype if not given.
        rng: the generator of the start values; the default one if not given.

    Raises:
        ValueError: for counts below 1; when called, for other shapes and too many positions.

    >>> import pullback as pb
    >>> pb.nn.LearnedPositionalEncoding(4, max_len=10)(pb.zeros((5, 2, 4))).shape
    (5, 2, 4)
    """

    def __init__(
        self,
        d_model: int,
        max_len: int,
        batch_first: bool = False,
        *,
        dtype: Any = None,
        rng: np.random.Generator | None = None,
    ) -> None:
        super().__init__(d_model, max_len, batch_first)
        dtype = get_default_dtype() if dtype is None else np.dtype(dtype)
        self.weight = Parameter(np.empty((self.max_len, self.d_model), dtype))
        self.reset_parameters(rng=rng)

    def reset_parameters(self, *, rng: np.random.Generator | None = None) -> None:
        """Draw new start values."""
        init.normal_(self.weight, std=0.02, rng=rng)

    def forward(self, input: Any) -> Tensor:
        """Add to each position its vector."""
        return self._add(input, self.weight)
