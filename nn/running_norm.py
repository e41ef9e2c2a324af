"""Layers that normalise channels and may keep running statistics for evaluation."""

from __future__ import annotations

from typing import Any

from ..autograd import Tensor, asarray, get_default_dtype, ones, tensor, zeros
from ..autograd.extend import writable
from .functional.activated import check_activation, shown_activation
from .functional.batch_norm import batch_norm
from .functional.check import check_axes, check_positive, check_probability, whole
from .functional.group_norm import instance_norm
from .norm import AffineNorm


class _RunningNorm(AffineNorm):
    """What batch and instance normalisation share: the parameters and the running statistics."""

    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None
    activation: str | None = None  # also of a layer that was pickled without
    layouts: tuple[str, ...]  # the inputs that a kind takes
    _optional_state = frozenset({"num_batches_tracked"})

    def __init__(
        self,
        num_features: int,
        eps: float,
        momentum: float | None,
        affine: bool,
        track_running_stats: bool,
        bias: bool,
        dtype: Any,
        activation: str | None,
    ) -> None:
        super().__init__()
        where = type(self).__name__
        self.activation = check_activation(where, activation)
        self.num_features = whole("num_features", num_features)
        self.eps = check_positive(where, "eps", eps)
        self.momentum = None if momentum is None else check_probability(where, "momentum", momentum)
        self.affine = affine
        self.track_running_stats = track_running_stats
        dtype = get_default_dtype() if dtype is None else dtype
        shape = (self.num_features,)
        tracked = track_running_stats
        self.register_buffer("running_mean", zeros(shape, dtype=dtype) if tracked else None)
        self.register_buffer("running_var", ones(shape, dtype=dtype) if tracked else None)
        self.register_buffer("num_batches_tracked", tensor(0) if tracked else None)
        self._make(shape, affine, affine and bias, dtype)

    def reset_running_stats(self) -> None:
        """Forget the batches: mean 0, variance 1, count 0."""
        for buffer, start in ((self.running_mean, 0), (self.running_var, 1), (self.num_batches_tracked, 0)):
            if buffer is not None:
                writable(buffer)[...] = start

    def reset_parameters(self) -> None:
        """Set the weight to ones, the bias to zeros, and forget the batches."""
        self.reset_running_stats()
        super().reset_parameters()

    def _check_input(self, input: Any, axis: int = 1) -> None:
        where = type(self).__name__
        check_axes(where, input, self.layouts)
        if input.shape[axis] != self.num_features:
            raise ValueError(
                f"{where}: input of shape {input.shape} has {input.shape[axis]} channels, its axis {axis}, and "
                f"must have {self.num_features} (num_features)"
            )

    def extra_repr(self) -> str:
        """The settings."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
            f"{shown_activation(self.activation)}"
        )


class _BatchNorm(_RunningNorm):
    """Batch normalisation of any rank."""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        bias: bool = True,
        dtype: Any = None,
        activation: str | None = None,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, bias, dtype, activation)

    def forward(self, input: Any) -> Tensor:
        """Normalise, and in training let the running statistics move."""
        input = asarray(input)
        self._check_input(input)
        mean, variance = self.running_mean, self.running_var
        if self.training and not self.track_running_stats:
            mean = variance = None
        count = self.num_batches_tracked if self.training and self.track_running_stats else None
        momentum = self.momentum
        if momentum is None:
            momentum = 0.0 if count is None else 1 / (int(count.item()) + 1)
        use_batch = self.training or mean is None or variance is None
        output = batch_norm(
            input,
            mean,
            variance,
            self.weight,
            self.bias,
            use_batch,
            momentum,
            self.eps,
            activation=self.activation,
        )
        if count is not None:
            writable(count)[...] += 1
        return output


class BatchNorm2d(_BatchNorm):
    """Normalises each channel by the statistics of the batch; see `functional.batch_norm` for the formula.

    In training the running statistics follow those of the batches; evaluation (`.eval()`) uses them. The buffers
    are `running_mean`, `running_var` (unbiased) and `num_batches_tracked`. Input and output have shape
    (N, C, H, W).

    Args:
        num_features: C, the number of channels.
        eps: ε, which keeps the quotient finite.
        momentum: how far the running statistics move with each batch; None for the mean of all batches.
        affine: False for a layer without weight and bias.
        track_running_stats: False for a layer that keeps none, and uses those of the batch in evaluation too.
        bias: False for a layer without bias.
        dtype: of parameters and buffers; the default dtype if not given.
        activation: of the result, by the name that `functional.batch_norm` knows; none if not given.

    Raises:
        ValueError: for counts below 1, an ε that is not positive, a momentum outside of 0 to 1, an unknown activation;
            when called, for an input of another rank or number of channels.

    >>> import pullback as pb
    >>> layer = pb.nn.BatchNorm2d(3)
    >>> layer(pb.randn(4, 3, 5, 5)).shape
    (4, 3, 5, 5)
    >>> layer.num_batches_tracked.item()
    1
    """

    layouts = ("(N, C, H, W)",)


class BatchNorm1d(_BatchNorm):
    """Batch normalisation of shape (N, C) or (N, C, L); the arguments are those of `BatchNorm2d`.

    >>> import pullback as pb
    >>> pb.nn.BatchNorm1d(3)(pb.randn(4, 3)).shape
    (4, 3)
    """

    layouts = ("(N, C)", "(N, C, L)")


class BatchNorm3d(_BatchNorm):
    """Batch normalisation of shape (N, C, D, H, W); the arguments are those of `BatchNorm2d`.

    >>> import pullback as pb
    >>> pb.nn.BatchNorm3d(3)(pb.randn(4, 3, 2, 2, 2)).shape
    (4, 3, 2, 2, 2)
    """

    layouts = ("(N, C, D, H, W)",)


class _InstanceNorm(_RunningNorm):
    """Instance normalisation of any rank."""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        *,
        bias: bool = True,
        dtype: Any = None,
        activation: str | None = None,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, bias, dtype, activation)

    def forward(self, input: Any) -> Tensor:
        """Normalise, and in training let the running statistics move."""
        input = asarray(input)
        alone = self.layouts[0].count(",") + 1
        self._check_input(input, 0 if input.ndim == alone else 1)
        output = instance_norm(
            input.reshape((1, *input.shape)) if input.ndim == alone else input,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or not self.track_running_stats,
            0.0 if self.momentum is None else self.momentum,
            self.eps,
            activation=self.activation,
        )
        result: Tensor = output.reshape(input.shape)
        return result


class InstanceNorm2d(_InstanceNorm):
    """Normalises each channel of each example; see `functional.instance_norm` for the formula.

    Input and output have shape (N, C, H, W) or (C, H, W).

    Args:
        num_features: C, the number of channels.
        eps: ε, which keeps the quotient finite.
        momentum: how far the running statistics, if kept, move with each batch.
        affine: True for a layer with weight and bias.
        track_running_stats: True for a layer that keeps running statistics, and uses them in evaluation.
        bias: False for a layer without bias.
        dtype: of parameters and buffers; the default dtype if not given.
        activation: of the result, by the name that `functional.instance_norm` knows; none if not given.

    Raises:
        ValueError: for counts below 1, an ε that is not positive, a momentum outside of 0 to 1, an unknown activation;
            when called, for an input of another rank or number of channels.

    >>> import pullback as pb
    >>> pb.nn.InstanceNorm2d(3)(pb.randn(4, 3, 5, 5)).shape
    (4, 3, 5, 5)
    """

    layouts = ("(C, H, W)", "(N, C, H, W)")


class InstanceNorm1d(_InstanceNorm):
    """Instance normalisation of shape (N, C, L) or (C, L); the arguments are those of `InstanceNorm2d`.

    >>> import pullback as pb
    >>> pb.nn.InstanceNorm1d(3)(pb.randn(4, 3, 5)).shape
    (4, 3, 5)
    """

    layouts = ("(C, L)", "(N, C, L)")


class InstanceNorm3d(_InstanceNorm):
    """Instance normalisation of shape (N, C, D, H, W) or (C, D, H, W); the arguments are those of `InstanceNorm2d`.

    >>> import pullback as pb
    >>> pb.nn.InstanceNorm3d(3)(pb.randn(4, 3, 2, 2, 2)).shape
    (4, 3, 2, 2, 2)
    """

    layouts = ("(C, D, H, W)", "(N, C, D, H, W)")
