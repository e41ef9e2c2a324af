"""Smooth activations as modules, and those that join or compare whole slices; the piecewise ones: `rectifier.py`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd import Tensor, get_default_dtype, sigmoid, tanh
from . import functional as F  # noqa: N812 - the field's abbreviation
from . import init
from .functional.check import whole
from .module import Module
from .parameter import Parameter


class Activation(Module):
    """The base of activations: a function without parameters, whose settings its representation shows."""

    _shown: tuple[str, ...] = ()
    inplace: bool = False

    def extra_repr(self) -> str:
        """The settings."""
        shown = [f"{name}={getattr(self, name)!r}" for name in self._shown]
        return ", ".join([*shown, *(["inplace=True"] if self.inplace else [])])


class Sigmoid(Activation):
    """1/(1 + e⁻ˣ), element by element.

    >>> import pullback as pb
    >>> pb.nn.Sigmoid()(pb.tensor([0.0])).tolist()
    [0.5]
    """

    def forward(self, input: Any) -> Tensor:
        """Apply the function."""
        return sigmoid(input)


class Tanh(Activation):
    """The hyperbolic tangent, element by element.

    >>> import pullback as pb
    >>> pb.nn.Tanh()(pb.tensor([0.0])).tolist()
    [0.0]
    """

    def forward(self, input: Any) -> Tensor:
        """Apply the function."""
        return tanh(input)


class GELU(Activation):
    """x·Φ(x), element by element, Φ being the normal distribution function; see `functional.gelu`.

    Args:
        approximate: "none", or "tanh" for the approximation by a hyperbolic tangent.

    >>> import pullback as pb
    >>> round(pb.nn.GELU()(pb.tensor(1.0)).item(), 4)
    0.8413
    """

    _shown = ("approximate",)

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Any) -> Tensor:
        """Apply the function."""
        return F.gelu(input, approximate=self.approximate)


class SiLU(Activation):
    """x·σ(x), element by element, also known as swish; see `functional.silu`.

    Args:
        inplace: write the result over the input.

    >>> import pullback as pb
    >>> pb.nn.SiLU()(pb.tensor([0.0])).tolist()
    [0.0]
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Any) -> Tensor:
        """Apply the function."""
        return F.silu(input, inplace=self.inplace)


class Mish(Activation):
    """x·tanh(softplus(x)), element by element; see `functional.mish`.

    Args:
        inplace: write the result over the input.

    >>> import pullback as pb
    >>> pb.nn.Mish()(pb.tensor([0.0])).tolist()
    [0.0]
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Any) -> Tensor:
        """Apply the function."""
        return F.mish(input, inplace=self.inplace)


class Softplus(Activation):
    """log(1 + e^(β·x))/β, element by element; see `functional.softplus`.

    Args:
        beta: how sharp the bend is.
        threshold: where β·x is above it, the result is x itself.

    >>> import pullback as pb
    >>> round(pb.nn.Softplus()(pb.tensor(0.0)).item(), 4)
    0.6931
    """

    _shown = ("beta", "threshold")

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta = beta
        self.threshold = threshold

    def forward(self, input: Any) -> Tensor:
        """Apply the function."""
        return F.softplus(input, self.beta, self.threshold)


class Softsign(Activation):
    """x/(1 + |x|), element by element.

    >>> import pullback as pb
    >>> pb.nn.Softsign()(pb.tensor([1.0])).tolist()
    [0.5]
    """

    def forward(self, input: Any) -> Tensor:
        """Apply the function."""
        return F.softsign(input)


class Tanhshrink(Activation):
    """x − tanh x, element by element.

    >>> import pullback as pb
    >>> pb.nn.Tanhshrink()(pb.tensor([0.0])).tolist()
    [0.0]
    """

    def forward(self, input: Any) -> Tensor:
        """Apply the function."""
        return F.tanhshrink(input)


class LogSigmoid(Activation):
    """log σ(x) = −log(1 + e⁻ˣ), element by element.

    >>> import pullback as pb
    >>> pb.nn.LogSigmoid()(pb.tensor([-10000.0])).tolist()
    [-10000.0]
    """

    def forward(self, input: Any) -> Tensor:
        """Apply the function."""
        return F.logsigmoid(input)


class GLU(Activation):
    """a·σ(b), where a and b are the halves of the input along an axis; see `functional.glu`.

    Args:
        dim: the axis.

    >>> import pullback as pb
    >>> pb.nn.GLU()(pb.tensor([4.0, 0.0])).tolist()
    [2.0]
    """

    _shown = ("dim",)

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Any) -> Tensor:
        """Halve the axis."""
        return F.glu(input, self.dim)


class _AlongOneAxis(Activation):
    """An activation that normalises along an axis."""

    _shown = ("dim",)

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim


class Softmax(_AlongOneAxis):
    """eˣ / Σ eˣ along an axis.

    Args:
        dim: the axis; it may be left out for inputs of one or two axes, which are normalised along the last.

    >>> import pullback as pb
    >>> pb.nn.Softmax(dim=-1)(pb.tensor([0.0, 0.0])).tolist()
    [0.5, 0.5]
    """

    def forward(self, input: Any) -> Tensor:
        """Normalise."""
        return F.softmax(input, self.dim)


class LogSoftmax(_AlongOneAxis):
    """log softmax(x) along an axis, accurate also where softmax underflows.

    Args:
        dim: the axis; it may be left out for inputs of one or two axes, which are normalised along the last.

    >>> import pullback as pb
    >>> pb.nn.LogSoftmax(dim=-1)(pb.tensor([0.0, -10000.0])).tolist()
    [0.0, -10000.0]
    """

    def forward(self, input: Any) -> Tensor:
        """Normalise."""
        return F.log_softmax(input, self.dim)


class Softmin(_AlongOneAxis):
    """softmax(−x) along an axis: the smallest element gets the largest share.

    Args:
        dim: the axis; it may be left out for inputs of one or two axes, which are normalised along the last.

    >>> import pullback as pb
    >>> pb.nn.Softmin(dim=-1)(pb.tensor([0.0, 10000.0])).tolist()
    [1.0, 0.0]
    """

    def forward(self, input: Any) -> Tensor:
        """Normalise."""
        return F.softmin(input, self.dim)


class Softmax2d(Activation):
    """softmax over the channels at each place of an image, shape (N, C, H, W) or (C, H, W).

    >>> import pullback as pb
    >>> pb.nn.Softmax2d()(pb.zeros((2, 4, 3, 3)))[0, :, 0, 0].tolist()
    [0.25, 0.25, 0.25, 0.25]
    """

    def forward(self, input: Any) -> Tensor:
        """Normalise.

        Raises:
            ValueError: for an input with another number of axes.
        """
        if input.ndim not in (3, 4):
            raise ValueError(f"Softmax2d takes (N, C, H, W) or (C, H, W), not shape {input.shape}")
        return F.softmax(input, -3)


class Maxout(Module):
    """The largest of several learned linear maps, for each output: max(w₁ᵀx + b₁, ..., w_kᵀx + b_k).

    It has the k-fold weights of a linear layer, and no activation behind it: ReLU is the case of two maps of which
    one is 0. `weight` has shape (out_features·num_pieces, in_features), the maps of one output being neighbours, and
    `bias` (out_features·num_pieces,); both start as those of `Linear`.
    Goodfellow et al., "Maxout networks", 2013, arXiv:1302.4389.

    Args:
        in_features: the length of the input's last axis.
        out_features: the length of the output's.
        num_pieces: k, the number of maps for each output.
        bias: False for maps without b.
        dtype: of the parameters; the default dtype if not given.
        rng: the generator of the start values; the default one if not given.

    Raises:
        ValueError: for numbers below 1.

    >>> import pullback as pb
    >>> layer = pb.nn.Maxout(3, 2, num_pieces=4)
    >>> layer(pb.ones((5, 3))).shape
    (5, 2)
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        num_pieces: int = 2,
        bias: bool = True,
        *,
        dtype: Any = None,
        rng: np.random.Generator | None = None,
    ) -> None:
        super().__init__()
        self.in_features = whole("in_features", in_features)
        self.out_features = whole("out_features", out_features)
        self.num_pieces = whole("num_pieces", num_pieces)
        dtype = get_default_dtype() if dtype is None else np.dtype(dtype)
        rows = self.out_features * self.num_pieces
        self.weight = Parameter(np.empty((rows, self.in_features), dtype))
        self.bias = Parameter(np.empty(rows, dtype)) if bias else None
        self.reset_parameters(rng=rng)

    def reset_parameters(self, *, rng: np.random.Generator | None = None) -> None:
        """Draw new start values."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5), rng=rng)
        if self.bias is not None:
            bound = 1 / math.sqrt(self.in_features)
            init.uniform_(self.bias, -bound, bound, rng=rng)

    def forward(self, input: Any) -> Tensor:
        """Map (..., in_features) to (..., out_features)."""
        return F.maxout(F.linear(input, self.weight, self.bias), self.num_pieces)

    def extra_repr(self) -> str:
        """The settings."""
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, num_pieces={self.num_pieces}, "
            f"bias={self.bias is not None}"
        )
