"""Layers that change the size of images: interpolation, and channels turned to pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..autograd import Tensor
from .functional import channel_shuffle, interpolate, pixel_shuffle, pixel_unshuffle
from .module import Module


class Upsample(Module):
    """The input at another size, (N, C, *size) to (N, C, *new size); see `functional.interpolate`.

    Args:
        size: the new size of the last axes, one number for all or one for each.
        scale_factor: by what to multiply the sizes instead; they are rounded down.
        mode: "nearest", "nearest-exact", "linear", "bilinear", "trilinear", "bicubic" or "area".
        align_corners: whether the outermost elements keep their places; for linear and cubic modes.
        recompute_scale_factor: take the rounded sizes' ratio for the scale.

    >>> import pullback as pb
    >>> pb.nn.Upsample(scale_factor=2)(pb.tensor([[[1.0, 2.0]]]))
    tensor([[[1., 1., 2., 2.]]], dtype=float32)
    """

    def __init__(
        self,
        size: int | Sequence[int] | None = None,
        scale_factor: float | Sequence[float] | None = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:
        super().__init__()
        self.size = size
        self.scale_factor: float | tuple[float, ...] | None
        if isinstance(scale_factor, (tuple, list)):
            self.scale_factor = tuple(map(float, scale_factor))
        else:
            self.scale_factor = float(scale_factor) if scale_factor else None  # type: ignore[arg-type]  # one number
        self.mode = mode
        self.align_corners = align_corners
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, input: Any) -> Tensor:
        """Change the size."""
        return interpolate(
            input, self.size, self.scale_factor, self.mode, self.align_corners, self.recompute_scale_factor
        )

    def extra_repr(self) -> str:
        """The settings."""
        size = f"size={self.size!r}" if self.scale_factor is None else f"scale_factor={self.scale_factor!r}"
        return f"{size}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """`Upsample` with mode "nearest".

    Args:
        size: the new (H, W), or one number for both.
        scale_factor: by what to multiply them instead.

    >>> import pullback as pb
    >>> pb.nn.UpsamplingNearest2d(scale_factor=2)(pb.zeros((1, 1, 2, 3))).shape
    (1, 1, 4, 6)
    """

    def __init__(
        self,
        size: int | Sequence[int] | None = None,
        scale_factor: float | Sequence[float] | None = None,
    ) -> None:
        super().__init__(size, scale_factor, mode="nearest")


class UpsamplingBilinear2d(Upsample):
    """`Upsample` with mode "bilinear" and corners that keep their places.

    Args:
        size: the new (H, W), or one number for both.
        scale_factor: by what to multiply them instead.

    >>> import pullback as pb
    >>> pb.nn.UpsamplingBilinear2d((1, 3))(pb.tensor([[[[0.0, 1.0]]]])).tolist()
    [[[[0.0, 0.5, 1.0]]]]
    """

    def __init__(
        self,
        size: int | Sequence[int] | None = None,
        scale_factor: float | Sequence[float] | None = None,
    ) -> None:
        super().__init__(size, scale_factor, mode="bilinear", align_corners=True)


class PixelShuffle(Module):
    """Groups of r² channels as r × r pixels, (..., C·r², H, W) to (..., C, H·r, W·r).

    See `functional.pixel_shuffle`.

    Args:
        upscale_factor: r.

    >>> import pullback as pb
    >>> pb.nn.PixelShuffle(2)(pb.zeros((1, 8, 3, 3))).shape
    (1, 2, 6, 6)
    """

    def __init__(self, upscale_factor: int) -> None:
        super().__init__()
        self.upscale_factor = upscale_factor

    def forward(self, input: Any) -> Tensor:
        """Turn channels to pixels."""
        return pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self) -> str:
        """The setting."""
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """The inverse of `PixelShuffle`, (..., C, H·r, W·r) to (..., C·r², H, W).

    Args:
        downscale_factor: r.

    >>> import pullback as pb
    >>> pb.nn.PixelUnshuffle(2)(pb.zeros((1, 2, 6, 6))).shape
    (1, 8, 3, 3)
    """

    def __init__(self, downscale_factor: int) -> None:
        super().__init__()
        self.downscale_factor = downscale_factor

    def forward(self, input: Any) -> Tensor:
        """Turn pixels to channels."""
        return pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self) -> str:
        """The setting."""
        return f"downscale_factor={self.downscale_factor}"


class ChannelShuffle(Module):
    """The channels of all groups in turn; see `functional.channel_shuffle`.

    Args:
        groups: into how many groups the channels fall.

    >>> import pullback as pb
    >>> pb.nn.ChannelShuffle(2)(pb.tensor([[[1.0], [2.0], [3.0], [4.0]]])).tolist()
    [[[1.0], [3.0], [2.0], [4.0]]]
    """

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, input: Any) -> Tensor:
        """Shuffle the channels."""
        return channel_shuffle(input, self.groups)

    def extra_repr(self) -> str:
        """The setting."""
        return f"groups={self.groups}"
