"""Convolution layers, plain and transposed, over one, two and three axes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from ..autograd import Tensor, get_default_dtype
from . import init
from .functional import (
    conv1d,
    conv2d,
    conv3d,
    conv_transpose1d,
    conv_transpose2d,
    conv_transpose3d,
    pad,
)
from .functional.check import whole, whole_per_axis
from .functional.conv import borders, transposed_size
from .module import Module
from .parameter import Parameter

PerAxis = int | tuple[int, ...]

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


class _Convolution(Module):
    """What all convolution layers share: the settings, and the parameters with their start values."""

    axes: ClassVar[int]
    transposed: ClassVar[bool] = False

    def _set_up(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: PerAxis,
        stride: PerAxis,
        padding: PerAxis | str,
        dilation: PerAxis,
        output_padding: PerAxis,
        groups: int,
        bias: bool,
        padding_mode: str,
        dtype: Any,
        rng: np.random.Generator | None,
    ) -> None:
        name, axes = type(self).__name__, self.axes
        self.in_channels = whole(f"{name}: in_channels", in_channels)
        self.out_channels = whole(f"{name}: out_channels", out_channels)
        self.groups = whole(f"{name}: groups", groups)
        for what, count in (("in_channels", self.in_channels), ("out_channels", self.out_channels)):
            if count % self.groups:
                raise ValueError(f"{name}: {what} {count} do not fall into {self.groups} groups")
        self.kernel_size = whole_per_axis(f"{name}: kernel_size", kernel_size, axes)
        self.stride = whole_per_axis(f"{name}: stride", stride, axes)
        self.dilation = whole_per_axis(f"{name}: dilation", dilation, axes)
        self._borders = borders(name, padding, self.kernel_size, self.stride, self.dilation)
        self.padding = padding if isinstance(padding, str) else tuple(before for before, _ in self._borders)
        self.output_padding = whole_per_axis(f"{name}: output_padding", output_padding, axes, 0)
        modes = PADDING_MODES[:1] if self.transposed else PADDING_MODES
        if padding_mode not in modes:
            raise ValueError(f"{name}: padding_mode is one of {', '.join(modes)}, not {padding_mode!r}")
        self.padding_mode = padding_mode
        dtype = get_default_dtype() if dtype is None else np.dtype(dtype)
        ends = (
            (self.in_channels, self.out_channels)
            if self.transposed
            else (self.out_channels, self.in_channels)
        )
        self.weight = Parameter(np.empty((ends[0], ends[1] // self.groups, *self.kernel_size), dtype))
        self.bias = Parameter(np.empty(self.out_channels, dtype)) if bias else None
        self.reset_parameters(rng=rng)

    def reset_parameters(self, *, rng: np.random.Generator | None = None) -> None:
        """Draw new start values: U(−b, b) with b = 1/√(elements that a filter reads)."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5), rng=rng)
        if self.bias is not None:
            bound = 1 / math.sqrt(math.prod(self.weight.shape[1:]))
            init.uniform_(self.bias, -bound, bound, rng=rng)

    def extra_repr(self) -> str:
        """The settings that are not the default."""
        parts = [
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        ]
        for name, default in (("padding", 0), ("dilation", 1), ("output_padding", 0)):
            value = getattr(self, name)
            if value != (default,) * self.axes:
                parts.append(f"{name}={value}")
        parts += [f"groups={self.groups}"] if self.groups != 1 else []
        parts += ["bias=False"] if self.bias is None else []
        parts += [f"padding_mode={self.padding_mode}"] if self.padding_mode != "zeros" else []
        return ", ".join(parts)


class _Plain(_Convolution):
    """The arguments and the forward of Conv1d, Conv2d and Conv3d."""

    function: ClassVar[Callable[..., Tensor]]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: PerAxis,
        stride: PerAxis = 1,
        padding: PerAxis | str = 0,
        dilation: PerAxis = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        *,
        dtype: Any = None,
        rng: np.random.Generator | None = None,
    ) -> None:
        super().__init__()
        self._set_up(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            0,
            groups,
            bias,
            padding_mode,
            dtype,
            rng,
        )

    def forward(self, input: Any) -> Tensor:
        """Convolve the input."""
        padding: Any = self.padding
        if self.padding_mode != "zeros":
            flat = [width for pair in reversed(self._borders) for width in pair]
            input, padding = pad(input, flat, mode=self.padding_mode), 0
        return type(self).function(
            input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups
        )


class _Transposed(_Convolution):
    """The arguments and the forward of the transposed layers."""

    transposed = True
    function: ClassVar[Callable[..., Tensor]]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: PerAxis,
        stride: PerAxis = 1,
        padding: PerAxis = 0,
        output_padding: PerAxis = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: PerAxis = 1,
        padding_mode: str = "zeros",
        *,
        dtype: Any = None,
        rng: np.random.Generator | None = None,
    ) -> None:
        super().__init__()
        self._set_up(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            output_padding,
            groups,
            bias,
            padding_mode,
            dtype,
            rng,
        )

    def forward(self, input: Any, output_size: Sequence[int] | None = None) -> Tensor:
        """Transpose the convolution.

        Args:
            input: what to enlarge.
            output_size: the result's size along the spatial axes (or all axes), among the sizes that the convolution
                would map to the input's; it takes the place of `output_padding`.

        Raises:
            ValueError: for a size that is not among them.
        """
        more = self.output_padding if output_size is None else self._more(input, output_size)
        return type(self).function(
            input, self.weight, self.bias, self.stride, self.padding, more, self.groups, self.dilation
        )

    def _more(self, input: Any, output_size: Sequence[int]) -> tuple[int, ...]:
        """The output padding that leads to a size."""
        name, wanted = type(self).__name__, tuple(output_size)
        wanted = wanted[-self.axes :] if len(wanted) in (self.axes + 1, self.axes + 2) else wanted
        cut = tuple(before for before, _ in self._borders)
        spatial = tuple(input.shape)[-self.axes :]
        least = transposed_size(spatial, self.kernel_size, self.stride, cut, self.dilation)
        most = tuple(n + s - 1 for n, s in zip(least, self.stride, strict=True))
        fits = len(wanted) == self.axes and all(
            low <= size <= high for low, size, high in zip(least, wanted, most, strict=True)
        )
        if not fits:
            raise ValueError(
                f"{name}: output_size {tuple(output_size)} cannot come from input of shape {tuple(input.shape)}; the "
                f"spatial sizes lie from {least} to {most}"
            )
        return tuple(size - low for low, size in zip(least, wanted, strict=True))


class Conv1d(_Plain):
    """Filters that slide over sequences of shape (N, C, L) or (C, L); the arguments are those of `Conv2d`.

    >>> import pullback as pb
    >>> pb.nn.Conv1d(4, 6, 3, padding="same")(pb.zeros((2, 4, 10))).shape
    (2, 6, 10)
    """

    axes = 1
    function = staticmethod(conv1d)


class Conv2d(_Plain):
    """Filters that slide over images: y = w ∗ x + b at every place; see `functional.conv2d`.

    `weight` has shape (out_channels, in_channels/groups, *kernel_size), `bias` (out_channels,). Both start from
    U(−b, b) with b = 1/√(in_channels/groups · elements of the kernel). An input of shape (N, C, H, W) becomes
    (N, out_channels, H', W'); N may be missing. H' = ⌊(H + 2·padding − dilation·(K − 1) − 1)/stride⌋ + 1.
    See https://cs231n.github.io/convolutional-networks/.

    Args:
        in_channels: the channels of the input.
        out_channels: how many filters.
        kernel_size: of a filter, one number or one for each axis; so are stride, padding and dilation.
        stride: the step of the windows.
        padding: how far the border goes on each side; "same" for as much as keeps the size, "valid" for none.
        dilation: the spacing of a window's elements.
        groups: into how many groups the channels fall; in_channels of them make a depthwise convolution.
        bias: False for a layer without b.
        padding_mode: what the border holds: "zeros", "reflect", "replicate" or "circular".
        dtype: of the parameters; the default dtype if not given.
        rng: the generator of the start values; the default one if not given.

    Raises:
        ValueError: for settings out of range.

    >>> import pullback as pb
    >>> layer = pb.nn.Conv2d(3, 10, 5, padding=2)
    >>> layer(pb.zeros((1, 3, 32, 32))).shape
    (1, 10, 32, 32)
    >>> sum(p.size for p in layer.parameters())
    760
    """

    axes = 2
    function = staticmethod(conv2d)


class Conv3d(_Plain):
    """Filters that slide over volumes of shape (N, C, D, H, W) or (C, D, H, W); the arguments are those of `Conv2d`.

    >>> import pullback as pb
    >>> pb.nn.Conv3d(1, 2, (1, 3, 3), stride=2)(pb.zeros((1, 4, 9, 9))).shape
    (2, 2, 4, 4)
    """

    axes = 3
    function = staticmethod(conv3d)


class ConvTranspose1d(_Transposed):
    """The transposed convolution of sequences, (N, C, L) or (C, L); the arguments are those of `ConvTranspose2d`.

    >>> import pullback as pb
    >>> pb.nn.ConvTranspose1d(2, 4, 3, stride=2)(pb.zeros((2, 5))).shape
    (4, 11)
    """

    axes = 1
    function = staticmethod(conv_transpose1d)


class ConvTranspose2d(_Transposed):
    """The transposed convolution of images, which enlarges them; see `functional.conv_transpose2d`.

    `weight` has shape (in_channels, out_channels/groups, *kernel_size), `bias` (out_channels,). An input of shape
    (N, C, H, W) becomes (N, out_channels, H', W'); N may be missing. Several sizes H are mapped to one by a
    convolution with a stride; `output_padding`, or `output_size` in the call, says which is meant.
    H' = (H − 1)·stride − 2·padding + dilation·(K − 1) + output_padding + 1.

    Args:
        in_channels: the channels of the input.
        out_channels: the channels of the result.
        kernel_size: of a filter, one number or one for each axis; so are the following.
        stride: how far apart neighbours put their filters.
        padding: how much of the result is cut off on each side.
        output_padding: how much longer the result is at the end.
        groups: into how many groups the channels fall.
        bias: False for a layer without bias.
        dilation: the spacing of a filter's elements.
        padding_mode: "zeros", the only one that has a meaning here.
        dtype: of the parameters; the default dtype if not given.
        rng: the generator of the start values; the default one if not given.

    Raises:
        ValueError: for settings out of range.

    >>> import pullback as pb
    >>> layer = pb.nn.ConvTranspose2d(6, 3, 4, stride=2, padding=1)
    >>> layer(pb.zeros((1, 6, 8, 8))).shape
    (1, 3, 16, 16)
    >>> layer(pb.zeros((1, 6, 8, 8)), output_size=(17, 16)).shape
    (1, 3, 17, 16)
    """

    axes = 2
    function = staticmethod(conv_transpose2d)


class ConvTranspose3d(_Transposed):
    """The transposed convolution of volumes, (N, C, D, H, W) or (C, D, H, W); see `ConvTranspose2d`.

    >>> import pullback as pb
    >>> pb.nn.ConvTranspose3d(2, 1, 2, stride=2)(pb.zeros((1, 2, 2, 3, 4))).shape
    (1, 1, 4, 6, 8)
    """

    axes = 3
    function = staticmethod(conv_transpose3d)
