"""Layers that normalise rows or channels by their own statistics."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Tensor, get_default_dtype
from . import init
from .functional.activated import check_activation, shown_activation
from .functional.check import check_positive, whole
from .functional.group_norm import group_norm
from .functional.norm import layer_norm, rms_norm, shape_of_rows
from .functional.response_norm import local_response_norm
from .module import Module
from .parameter import Parameter


class AffineNorm(Module):
    """A layer whose weight and bias, where it has them, start as ones and zeros."""

    weight: Parameter | None
    bias: Parameter | None = None

    def _make(self, shape: tuple[int, ...], weight: bool, bias: bool, dtype: Any) -> None:
        dtype = get_default_dtype() if dtype is None else np.dtype(dtype)
        self.weight = Parameter(np.empty(shape, dtype)) if weight else None
        self.bias = Parameter(np.empty(shape, dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the weight to ones and the bias to zeros."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)


class LayerNorm(AffineNorm):
    """Normalises over the last axes; see `functional.layer_norm` for the formula.

    Args:
        normalized_shape: the lengths of the last axes, over which the statistics go; an int for one axis.
        eps: ε, which keeps the quotient finite.
        elementwise_affine: False for a layer without weight and bias.
        bias: False for a layer without bias.
        dtype: of the parameters; the default dtype if not given.
        activation: of the result, by the name that `functional.layer_norm` knows; none if not given.

    Raises:
        ValueError: for lengths below 1, an ε that is not positive, and an unknown activation.

    >>> import pullback as pb
    >>> pb.nn.LayerNorm(4)(pb.randn(2, 3, 4)).shape
    (2, 3, 4)
    """

    activation: str | None = None  # also of a layer that was pickled without

    def __init__(
        self,
        normalized_shape: Any,
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        *,
        dtype: Any = None,
        activation: str | None = None,
    ) -> None:
        super().__init__()
        self.activation = check_activation("LayerNorm", activation)
        self.normalized_shape = shape_of_rows(normalized_shape)
        self.eps = check_positive("LayerNorm", "eps", eps)
        self.elementwise_affine = elementwise_affine
        self._make(self.normalized_shape, elementwise_affine, elementwise_affine and bias, dtype)

    def forward(self, input: Any) -> Tensor:
        """Normalise (..., *normalized_shape)."""
        return layer_norm(
            input, self.normalized_shape, self.weight, self.bias, self.eps, activation=self.activation
        )

    def extra_repr(self) -> str:
        """The settings."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
            f"bias={self.bias is not None}{shown_activation(self.activation)}"
        )


class RMSNorm(AffineNorm):
    """Divides by the root mean square over the last axes; see `functional.rms_norm` for the formula.

    Args:
        normalized_shape: the lengths of the last axes, over which the mean goes; an int for one axis.
        eps: ε; the machine precision of the input's dtype if None.
        elementwise_affine: False for a layer without weight.
        dtype: of the parameters; the default dtype if not given.

    Raises:
        ValueError: for lengths below 1 and an ε that is not positive.

    >>> import pullback as pb
    >>> pb.nn.RMSNorm(4)(pb.randn(2, 3, 4)).shape
    (2, 3, 4)
    """

    def __init__(
        self,
        normalized_shape: Any,
        eps: float | None = None,
        elementwise_affine: bool = True,
        *,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = shape_of_rows(normalized_shape)
        self.eps = None if eps is None else check_positive("RMSNorm", "eps", eps)
        self.elementwise_affine = elementwise_affine
        self._make(self.normalized_shape, elementwise_affine, False, dtype)

    def forward(self, input: Any) -> Tensor:
        """Normalise (..., *normalized_shape)."""
        return rms_norm(input, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        """The settings."""
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class GroupNorm(AffineNorm):
    """Normalises groups of channels in each example; see `functional.group_norm` for the formula.

    Args:
        num_groups: how many groups the channels make.
        num_channels: how many channels the input has; a multiple of num_groups.
        eps: ε, which keeps the quotient finite.
        affine: False for a layer without weight and bias.
        bias: False for a layer without bias.
        dtype: of the parameters; the default dtype if not given.
        activation: of the result, by the name that `functional.group_norm` knows; none if not given.

    Raises:
        ValueError: for counts below 1 or that do not divide, an ε that is not positive, and an unknown activation.

    >>> import pullback as pb
    >>> pb.nn.GroupNorm(2, 6)(pb.randn(2, 6, 5, 5)).shape
    (2, 6, 5, 5)
    """

    activation: str | None = None  # also of a layer that was pickled without

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        *,
        bias: bool = True,
        dtype: Any = None,
        activation: str | None = None,
    ) -> None:
        super().__init__()
        self.activation = check_activation("GroupNorm", activation)
        self.num_groups = whole("num_groups", num_groups)
        self.num_channels = whole("num_channels", num_channels)
        if self.num_channels % self.num_groups:
            raise ValueError(
                f"GroupNorm: {self.num_channels} channels (num_channels) do not divide into "
                f"{self.num_groups} groups (num_groups)"
            )
        self.eps = check_positive("GroupNorm", "eps", eps)
        self.affine = affine
        self._make((self.num_channels,), affine, affine and bias, dtype)

    def forward(self, input: Any) -> Tensor:
        """Normalise (N, C, *)."""
        if not self.affine and input.ndim > 1 and input.shape[1] != self.num_channels:
            raise ValueError(
                f"GroupNorm: input of shape {input.shape} has {input.shape[1]} channels, its axis 1, and must "
                f"have {self.num_channels} (num_channels)"
            )
        return group_norm(
            input, self.num_groups, self.weight, self.bias, self.eps, activation=self.activation
        )

    def extra_repr(self) -> str:
        """The settings."""
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}{shown_activation(self.activation)}"
        )


class LocalResponseNorm(Module):
    """Divides by the size of the neighbouring channels; see `functional.local_response_norm` for the formula.

    Args:
        size: how many neighbouring channels count.
        alpha: the factor of their squares.
        beta: the exponent.
        k: what the sum is added to.

    Raises:
        ValueError: for a size below 1.

    >>> import pullback as pb
    >>> pb.nn.LocalResponseNorm(2)(pb.randn(2, 6, 5, 5)).shape
    (2, 6, 5, 5)
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size = whole("size", size)
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def forward(self, input: Any) -> Tensor:
        """Normalise (N, C, *)."""
        return local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        """The settings."""
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
