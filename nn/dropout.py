"""Dropout as modules: random in training, and still in evaluation."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Tensor
from ..autograd.extend import check_generator
from . import functional as F  # noqa: N812 - the field's abbreviation
from .functional.check import check_probability
from .module import Module


class Dropping(Module):
    """The base of modules that drop something at random while training.

    `nn.utils.mc_predict` keeps them random in evaluation.
    """

    p: float

    def __init__(self, p: float, rng: np.random.Generator | None) -> None:
        super().__init__()
        self.p = check_probability(type(self).__name__, "p", p)
        self.rng = check_generator(rng)


class _Dropout(Dropping):
    """Dropout with PyTorch's arguments."""

    def __init__(
        self, p: float = 0.5, inplace: bool = False, *, rng: np.random.Generator | None = None
    ) -> None:
        super().__init__(p, rng)
        self.inplace = inplace

    def extra_repr(self) -> str:
        """The settings."""
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_Dropout):
    """Sets each element to 0 with probability p in training; see `functional.dropout`.

    Inverted dropout scales in training by 1/(1 − p); the original kind (`inverted=False`) scales in evaluation by
    1 − p instead.

    Args:
        p: the probability of a zero.
        inplace: write the result over the input.
        inverted: which of the two kinds.
        rng: the generator of the masks; the program's if not given.

    Raises:
        ValueError: for p outside [0, 1].

    >>> import pullback as pb
    >>> layer = pb.nn.Dropout(0.75)
    >>> sorted(set(layer(pb.ones(100)).tolist()))
    [0.0, 4.0]
    >>> layer.eval()(pb.ones(2)).tolist()
    [1.0, 1.0]
    """

    def __init__(
        self,
        p: float = 0.5,
        inplace: bool = False,
        *,
        inverted: bool = True,
        rng: np.random.Generator | None = None,
    ) -> None:
        super().__init__(p, inplace, rng=rng)
        self.inverted = inverted

    def forward(self, input: Any) -> Tensor:
        """Drop, while training."""
        return F.dropout(input, self.p, self.training, self.inplace, inverted=self.inverted, rng=self.rng)

    def extra_repr(self) -> str:
        """The settings."""
        return super().extra_repr() + ("" if self.inverted else ", inverted=False")


class Dropout1d(_Dropout):
    """Sets whole channels of (N, C, L) or (C, L) to 0 with probability p in training; see `functional.dropout1d`.

    Args:
        p: the probability of a zero channel.
        inplace: write the result over the input.
        rng: the generator of the masks; the program's if not given.

    Raises:
        ValueError: for p outside [0, 1].

    >>> import pullback as pb
    >>> pb.nn.Dropout1d().eval()(pb.ones((1, 1, 2))).tolist()
    [[[1.0, 1.0]]]
    """

    def forward(self, input: Any) -> Tensor:
        """Drop, while training."""
        return F.dropout1d(input, self.p, self.training, self.inplace, rng=self.rng)


class Dropout2d(_Dropout):
    """Sets whole channels of (N, C, H, W) to 0 with probability p in training; see `functional.dropout2d`.

    Args:
        p: the probability of a zero channel.
        inplace: write the result over the input.
        rng: the generator of the masks; the program's if not given.

    Raises:
        ValueError: for p outside [0, 1].

    >>> import pullback as pb
    >>> pb.nn.Dropout2d().eval()(pb.ones((1, 1, 1, 2))).tolist()
    [[[[1.0, 1.0]]]]
    """

    def forward(self, input: Any) -> Tensor:
        """Drop, while training."""
        return F.dropout2d(input, self.p, self.training, self.inplace, rng=self.rng)


class Dropout3d(_Dropout):
    """Sets whole channels of (N, C, D, H, W) or (C, D, H, W) to 0 in training; see `functional.dropout3d`.

    Args:
        p: the probability of a zero channel.
        inplace: write the result over the input.
        rng: the generator of the masks; the program's if not given.

    Raises:
        ValueError: for p outside [0, 1].

    >>> import pullback as pb
    >>> pb.nn.Dropout3d().eval()(pb.ones((1, 1, 1, 2))).tolist()
    [[[[1.0, 1.0]]]]
    """

    def forward(self, input: Any) -> Tensor:
        """Drop, while training."""
        return F.dropout3d(input, self.p, self.training, self.inplace, rng=self.rng)


class AlphaDropout(_Dropout):
    """Dropout that keeps mean 0 and variance 1, for networks of SELUs; see `functional.alpha_dropout`.

    Args:
        p: the probability of a drop.
        inplace: write the result over the input.
        rng: the generator of the masks; the program's if not given.

    Raises:
        ValueError: for p outside [0, 1].

    >>> import pullback as pb
    >>> pb.nn.AlphaDropout().eval()(pb.ones(2)).tolist()
    [1.0, 1.0]
    """

    def forward(self, input: Any) -> Tensor:
        """Drop, while training."""
        return F.alpha_dropout(input, self.p, self.training, self.inplace, rng=self.rng)


class FeatureAlphaDropout(_Dropout):
    """`AlphaDropout` of whole channels of (N, C, ...); see `functional.feature_alpha_dropout`.

    Args:
        p: the probability of a dropped channel.
        inplace: write the result over the input.
        rng: the generator of the masks; the program's if not given.

    Raises:
        ValueError: for p outside [0, 1].

    >>> import pullback as pb
    >>> pb.nn.FeatureAlphaDropout().eval()(pb.ones((1, 2))).tolist()
    [[1.0, 1.0]]
    """

    def forward(self, input: Any) -> Tensor:
        """Drop, while training."""
        return F.feature_alpha_dropout(input, self.p, self.training, self.inplace, rng=self.rng)


class StochasticDepth(Dropping):
    """Drops a residual branch at random in training, with torchvision's arguments; see `functional.stochastic_depth`.

    Args:
        p: the probability that the branch is dropped.
        mode: "batch" for all samples at once, "row" for each by itself.
        rng: the generator of the masks; the program's if not given.

    Raises:
        ValueError: for p outside [0, 1], or another mode.

    >>> import pullback as pb
    >>> pb.nn.StochasticDepth(0.2, "row").eval()(pb.ones((1, 2))).tolist()
    [[1.0, 1.0]]
    """

    def __init__(self, p: float, mode: str, *, rng: np.random.Generator | None = None) -> None:
        super().__init__(p, rng)
        if mode not in ("batch", "row"):
            raise ValueError(f"StochasticDepth: mode must be 'batch' or 'row', not {mode!r}")
        self.mode = mode

    def forward(self, input: Any) -> Tensor:
        """Drop, while training."""
        return F.stochastic_depth(input, self.p, self.mode, self.training, rng=self.rng)

    def extra_repr(self) -> str:
        """The settings."""
        return f"p={self.p}, mode={self.mode}"
