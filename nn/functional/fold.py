"""Windows of images as columns, and columns put together to images: two operations, each the other's gradient."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...autograd import Tensor, asarray
from ...autograd.extend import DISTRIBUTOR, Family, given, op
from . import windows as kernels
from .check import check_axes, check_floating, whole_per_axis
from .windows import Windows

Array = np.ndarray[Any, Any]
Sizes = tuple[int, ...]
PerAxis = int | tuple[int, ...]


def _lie(kernel_size: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes) -> Windows:
    return Windows(kernel_size, stride, tuple((p, p) for p in padding), dilation)


def _windows_to_columns(
    input: Array, *, kernel_size: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes
) -> Array:
    """Every window of images (..., C, H, W) as a column: (..., C·elements, places). What unfold computes.

    In backward each column's gradient goes back to where its elements were taken from.
    """
    lie = _lie(kernel_size, stride, padding, dilation)
    *lead, channels = input.shape[: -len(kernel_size)]
    images = input.reshape(math.prod(lead), channels, *input.shape[-len(kernel_size) :])
    places = math.prod(lie.places(images.shape[2:]))
    depth = channels * math.prod(kernel_size)
    out = np.empty((len(images), depth, places), input.dtype)
    rest = places // lie.places(images.shape[2:])[0]
    for part, rows, columns in kernels.columns_of(images, lie, 1, False):
        out[part, :, rows.start * rest : rows.stop * rest] = columns[:, 0]
    return out.reshape(*lead, depth, places)


def _columns_to_windows(
    input: Array, *, output_size: Sizes, kernel_size: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes
) -> Array:
    """Every column put back to its window, adding up where windows overlap. What fold computes.

    In backward each column gets the gradient of its window.
    """
    lie = _lie(kernel_size, stride, padding, dilation)
    *lead, depth, _ = input.shape
    channels = depth // math.prod(kernel_size)
    out = np.zeros((math.prod(lead), channels, *output_size), input.dtype)
    kernels.add_windows(out, input.reshape(len(out), channels, *kernel_size, *lie.places(output_size)), lie)
    return out.reshape(*lead, channels, *output_size)


_TWO: dict[str, Any] = {"kernel_size": (2, 2), "stride": (1, 1), "padding": (0, 0), "dilation": (1, 1)}
_WIDE: dict[str, Any] = {"kernel_size": (2, 1), "stride": (2, 1), "padding": (1, 0), "dilation": (2, 1)}

windows_to_columns: Callable[..., Tensor] = op(
    _windows_to_columns,
    "input",
    input=lambda g, input_shape, kernel_size, stride, padding, dilation: columns_to_windows.raw(
        g,
        output_size=input_shape[-len(kernel_size) :],
        kernel_size=kernel_size,
        stride=stride,
        padding=padding,
        dilation=dilation,
    ),
    gate=DISTRIBUTOR,
    name="windows_to_columns",
    symbol="unfold",
    samples=given(
        (((2, 2, 3, 3),), _TWO), (((1, 3, 4),), _WIDE), (((0, 1, 2, 2),), _TWO), family=Family.LEADING
    ),
)

columns_to_windows: Callable[..., Tensor] = op(
    _columns_to_windows,
    "input",
    input=lambda g, kernel_size, stride, padding, dilation: windows_to_columns.raw(
        g, kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation
    ),
    gate=DISTRIBUTOR,
    name="columns_to_windows",
    symbol="fold",
    samples=given(
        (((2, 8, 4),), {**_TWO, "output_size": (3, 3)}),
        (((2, 8),), {**_WIDE, "output_size": (3, 4)}),
        family=Family.LEADING,
    ),
)


def unfold(
    input: Any, kernel_size: PerAxis, dilation: PerAxis = 1, padding: PerAxis = 0, stride: PerAxis = 1
) -> Tensor:
    """The windows of images as columns (im2col): what a convolution multiplies its filters by.

    Args:
        input: images of shape (N, C, H, W) or (C, H, W), floating.
        kernel_size: of a window, one number or one for each axis; so are the following.
        dilation: the spacing of a window's elements.
        padding: how many zeros on each side.
        stride: the step of the windows.

    Returns:
        A tensor of shape (N, C·K·L, places), or without N: a column is a window, its channels first.

    Raises:
        ValueError: for shapes and settings that do not fit.

    >>> import pullback as pb
    >>> from pullback.nn import functional as F
    >>> F.unfold(pb.tensor([[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]), 2)
    tensor([[1., 2.],
            [2., 3.],
            [4., 5.],
            [5., 6.]], dtype=float32)
    """
    input = asarray(input)
    check_floating("unfold", "the input", input)
    check_axes("unfold", input, ("(C, H, W)", "(N, C, H, W)"))
    settings = _settings("unfold", kernel_size, dilation, padding, stride)
    if min(_lie(**settings).places(input.shape[-2:])) < 1:
        raise ValueError(
            f"unfold: no window of size {settings['kernel_size']} fits into input of shape {input.shape}"
        )
    return windows_to_columns(input, **settings)


def fold(
    input: Any,
    output_size: PerAxis,
    kernel_size: PerAxis,
    dilation: PerAxis = 1,
    padding: PerAxis = 0,
    stride: PerAxis = 1,
) -> Tensor:
    """Columns put together to images (col2im): each goes to its window, and overlapping windows add up.

    It is the transpose of `unfold`, not its inverse: fold(unfold(x)) counts each element of x as often as windows
    hold it.

    Args:
        input: columns of shape (N, C·K·L, places) or (C·K·L, places), floating.
        output_size: the images' (H, W), or one number for both; the others are those of `unfold`.
        kernel_size: of a window.
        dilation: the spacing of a window's elements.
        padding: how many elements on each side are cut off.
        stride: the step of the windows.

    Returns:
        A tensor of shape (N, C, H, W), or without N.

    Raises:
        ValueError: for shapes and settings that do not fit, with the number of places that there must be.

    >>> import pullback as pb
    >>> from pullback.nn import functional as F
    >>> F.fold(pb.ones((4, 2)), (2, 3), 2)
    tensor([[[1., 2., 1.],
             [1., 2., 1.]]], dtype=float32)
    """
    input = asarray(input)
    check_floating("fold", "the input", input)
    check_axes("fold", input, ("(C·K·L, places)", "(N, C·K·L, places)"))
    size = whole_per_axis("fold: output_size", output_size, 2)
    settings = _settings("fold", kernel_size, dilation, padding, stride)
    elements = math.prod(settings["kernel_size"])
    if input.shape[-2] % elements or not input.shape[-2]:
        raise ValueError(
            f"fold: columns of input of shape {input.shape} have {input.shape[-2]} elements, no multiple of the "
            f"{elements} of a window of size {settings['kernel_size']}"
        )
    places = _lie(**settings).places(size)
    if min(places) < 1 or input.shape[-1] != math.prod(places):
        raise ValueError(
            f"fold: output_size {size} has {' × '.join(map(str, places))} windows, and input of shape {input.shape} "
            f"has {input.shape[-1]} columns"
        )
    return columns_to_windows(input, output_size=size, **settings)


def _settings(where: str, kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> dict[str, Sizes]:
    return {
        "kernel_size": whole_per_axis(f"{where}: kernel_size", kernel_size, 2),
        "stride": whole_per_axis(f"{where}: stride", stride, 2),
        "padding": whole_per_axis(f"{where}: padding", padding, 2, 0),
        "dilation": whole_per_axis(f"{where}: dilation", dilation, 2),
    }
