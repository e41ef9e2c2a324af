"""Tables of vectors that are looked up by number."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from ..autograd import Tensor, asarray, get_default_dtype
from ..autograd.extend import writable
from . import init
from .functional.check import check_positive, whole
from .functional.embedding import embedding, row_number
from .functional.embedding_bag import MODES, embedding_bag
from .module import Module
from .parameter import Parameter


class _Table(Module):
    """A table of vectors with the settings that both kinds of looking up have."""

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None,
        max_norm: float | None,
        norm_type: float,
        scale_grad_by_freq: bool,
        sparse: bool,
        weight: Any,
        requires_grad: bool,
        dtype: Any,
        rng: np.random.Generator | None,
    ) -> None:
        super().__init__()
        self.num_embeddings = whole("num_embeddings", num_embeddings)
        self.embedding_dim = whole("embedding_dim", embedding_dim)
        self.padding_idx = row_number("padding_idx", padding_idx, self.num_embeddings)
        where = type(self).__name__
        self.max_norm = None if max_norm is None else check_positive(where, "max_norm", max_norm)
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.sparse = sparse
        shape = (self.num_embeddings, self.embedding_dim)
        if weight is None:
            dtype = get_default_dtype() if dtype is None else np.dtype(dtype)
            self.weight = Parameter(np.empty(shape, dtype), requires_grad)
            self.reset_parameters(rng=rng)
        else:
            self.weight = Parameter(asarray(weight), requires_grad, dtype=dtype)
            if self.weight.shape != shape:
                raise ValueError(
                    f"{where}: the given weight has shape {self.weight.shape} and must have {shape}"
                )

    def reset_parameters(self, *, rng: np.random.Generator | None = None) -> None:
        """Draw the table from the normal distribution; the padding row is zero."""
        init.normal_(self.weight, rng=rng)
        if self.padding_idx is not None:
            writable(self.weight)[self.padding_idx] = 0

    @classmethod
    def from_pretrained(cls, embeddings: Any, freeze: bool = True, **options: Any) -> Self:
        """A layer with a copy of this table.

        Args:
            embeddings: shape (num_embeddings, embedding_dim), floating.
            freeze: whether the table is not trained.
            **options: the other settings.

        Raises:
            ValueError: for a table that is not a matrix.
        """
        shape = np.shape(embeddings)
        if len(shape) != 2:
            raise ValueError(f"{cls.__name__}: the table is a matrix, and not of shape {shape}")
        make: Any = cls
        layer: Self = make(*shape, _weight=embeddings, _freeze=freeze, **options)
        return layer

    def _shown(self, *names: str) -> str:
        """The sizes, and those of some settings that are not the usual ones."""
        usual = {"padding_idx": None, "max_norm": None, "norm_type": 2.0, "scale_grad_by_freq": False}
        usual |= {"sparse": False}
        settings = [f"{name}={getattr(self, name)}" for name in names if getattr(self, name) != usual[name]]
        return ", ".join([f"{self.num_embeddings}, {self.embedding_dim}", *settings])


class Embedding(_Table):
    """A table of vectors, looked up by number; see `functional.embedding`.

    `weight` has shape (num_embeddings, embedding_dim) and starts from the normal distribution; its row
    `padding_idx` starts as zeros and gets no gradient.

    Args:
        num_embeddings: how many rows the table has.
        embedding_dim: how long they are.
        padding_idx: a row that is not trained; negative numbers count from the end.
        max_norm: rows that are read and are longer than this are first shortened to it, in place.
        norm_type: the p of the norm that `max_norm` means.
        scale_grad_by_freq: divide the gradient of a row by how often it was read.
        sparse: taken for PyTorch's sake: the gradient is kept as rows in any case, until `.grad` is read.
        dtype: of the table; the default dtype if not given.
        rng: the generator of the start values; the default one if not given.

    Raises:
        ValueError: for counts below 1 and a padding_idx that is no row.

    >>> import pullback as pb
    >>> layer = pb.nn.Embedding(10, 3, padding_idx=0)
    >>> layer(pb.tensor([[1, 2, 0]])).shape
    (1, 3, 3)
    >>> layer(pb.tensor(0)).tolist()
    [0.0, 0.0, 0.0]
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Any = None,
        _freeze: bool = False,
        *,
        dtype: Any = None,
        rng: np.random.Generator | None = None,
    ) -> None:
        super().__init__(
            num_embeddings, embedding_dim, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse,
            _weight, not _freeze, dtype, rng,
        )  # fmt: skip

    def forward(self, input: Any) -> Tensor:
        """Map integers (*) to (*, embedding_dim)."""
        return embedding(
            input, self.weight, self.padding_idx, self.max_norm, self.norm_type, self.scale_grad_by_freq
        )

    def extra_repr(self) -> str:
        """The settings that are not the usual ones."""
        return self._shown("padding_idx", "max_norm", "norm_type", "scale_grad_by_freq", "sparse")


class EmbeddingBag(_Table):
    """The sum, mean or maximum of the rows of a table in each bag; see `functional.embedding_bag`.

    `weight` has shape (num_embeddings, embedding_dim) and starts from the normal distribution; its row
    `padding_idx` starts as zeros, counts in no bag and gets no gradient.

    Args:
        num_embeddings: how many rows the table has.
        embedding_dim: how long they are.
        max_norm: rows that are read and are longer than this are first shortened to it, in place.
        norm_type: the p of the norm that `max_norm` means.
        scale_grad_by_freq: divide the gradient of a row by how often it was read; not with "max".
        mode: "sum", "mean" or "max".
        sparse: taken for PyTorch's sake, as in `Embedding`.
        include_last_offset: whether the last offset is the end of the last bag.
        padding_idx: a row that is not trained; negative numbers count from the end.
        dtype: of the table; the default dtype if not given.
        rng: the generator of the start values; the default one if not given.

    Raises:
        ValueError: for counts below 1, an unknown mode and a padding_idx that is no row.

    >>> import pullback as pb
    >>> layer = pb.nn.EmbeddingBag(10, 3, mode="sum")
    >>> layer(pb.tensor([1, 2, 4, 5, 4]), pb.tensor([0, 3])).shape
    (2, 3)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        _weight: Any = None,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        _freeze: bool = False,
        *,
        dtype: Any = None,
        rng: np.random.Generator | None = None,
    ) -> None:
        if mode not in MODES:
            raise ValueError(f"EmbeddingBag: mode must be 'sum', 'mean' or 'max', not {mode!r}")
        super().__init__(
            num_embeddings, embedding_dim, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse,
            _weight, not _freeze, dtype, rng,
        )  # fmt: skip
        self.mode = mode
        self.include_last_offset = include_last_offset

    def forward(self, input: Any, offsets: Any = None, per_sample_weights: Any = None) -> Tensor:
        """Map integers (bags, length), or (N,) with offsets, to (bags, embedding_dim)."""
        return embedding_bag(
            input,
            self.weight,
            offsets,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.mode,
            self.sparse,
            per_sample_weights,
            self.include_last_offset,
            self.padding_idx,
        )

    def extra_repr(self) -> str:
        """The settings."""
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return self._shown("max_norm", "norm_type", "scale_grad_by_freq") + f", mode={self.mode!r}{padding}"
