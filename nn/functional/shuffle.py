"""Channels and places in another order."""

from __future__ import annotations

from typing import Any

from ...autograd import Tensor, asarray, permute_dims, reshape
from .check import whole


def pixel_shuffle(input: Any, upscale_factor: int) -> Tensor:
    """Groups of r² channels as r × r pixels: (..., C·r², H, W) becomes (..., C, H·r, W·r).

    Shi et al., "Real-time single image and video super-resolution using an efficient sub-pixel convolutional neural
    network", CVPR 2016.

    Args:
        input: three axes or more.
        upscale_factor: r.

    Raises:
        ValueError: for channels that are no multiple of r².

    >>> import pullback as pb
    >>> from pullback.nn import functional as F
    >>> F.pixel_shuffle(pb.tensor([[[1.0]], [[2.0]], [[3.0]], [[4.0]]]), 2)
    tensor([[[1., 2.],
             [3., 4.]]], dtype=float32)
    """
    x, r = _image("pixel_shuffle", input), whole("pixel_shuffle: upscale_factor", upscale_factor)
    *lead, channels, height, width = x.shape
    if channels % r**2:
        raise ValueError(
            f"pixel_shuffle: the {channels} channels of input of shape {x.shape} are no multiple of {r}² = {r**2}"
        )
    n = len(lead)
    split = reshape(x, (*lead, channels // r**2, r, r, height, width))
    order = (*range(n), n, n + 3, n + 1, n + 4, n + 2)
    return reshape(permute_dims(split, order), (*lead, channels // r**2, height * r, width * r))


def pixel_unshuffle(input: Any, downscale_factor: int) -> Tensor:
    """The inverse of `pixel_shuffle`: (..., C, H·r, W·r) becomes (..., C·r², H, W).

    Args:
        input: three axes or more.
        downscale_factor: r.

    Raises:
        ValueError: for a height or width that is no multiple of r.

    >>> import pullback as pb
    >>> from pullback.nn import functional as F
    >>> F.pixel_unshuffle(pb.tensor([[[1.0, 2.0], [3.0, 4.0]]]), 2).tolist()
    [[[1.0]], [[2.0]], [[3.0]], [[4.0]]]
    """
    x, r = _image("pixel_unshuffle", input), whole("pixel_unshuffle: downscale_factor", downscale_factor)
    *lead, channels, height, width = x.shape
    if height % r or width % r:
        raise ValueError(
            f"pixel_unshuffle: height and width of input of shape {x.shape} must be multiples of {r}"
        )
    n = len(lead)
    split = reshape(x, (*lead, channels, height // r, r, width // r, r))
    order = (*range(n), n, n + 2, n + 4, n + 1, n + 3)
    return reshape(permute_dims(split, order), (*lead, channels * r**2, height // r, width // r))


def channel_shuffle(input: Any, groups: int) -> Tensor:
    """The channels of all groups in turn: from (g groups of m) to (m groups of g), along the second axis.

    Zhang et al., "ShuffleNet: an extremely efficient convolutional neural network for mobile devices", CVPR 2018.

    Args:
        input: shape (N, C, ...), three axes or more.
        groups: into how many groups the channels fall.

    Raises:
        ValueError: for channels that are no multiple of the groups.

    >>> import pullback as pb
    >>> from pullback.nn import functional as F
    >>> F.channel_shuffle(pb.tensor([[[1.0], [2.0], [3.0], [4.0]]]), 2).tolist()
    [[[1.0], [3.0], [2.0], [4.0]]]
    """
    x, g = _image("channel_shuffle", input), whole("channel_shuffle: groups", groups)
    images, channels, *size = x.shape
    if channels % g:
        raise ValueError(
            f"channel_shuffle: the {channels} channels of input of shape {x.shape} do not fall into {g} groups"
        )
    split = reshape(x, (images, g, channels // g, *size))
    return reshape(permute_dims(split, (0, 2, 1, *range(3, split.ndim))), x.shape)


def _image(where: str, input: Any) -> Tensor:
    x = asarray(input)
    if x.ndim < 3:
        raise ValueError(f"{where}: input of shape {x.shape} must have three axes or more")
    return x
