"""Convolution over one, two and three axes, with PyTorch's names; the operations are those of `convolution.py`.

See https://cs231n.github.io/convolutional-networks/.
"""

from __future__ import annotations

import math
from typing import Any

from ...autograd import Tensor, asarray
from .check import check_axes, check_dtypes, check_shape, whole, whole_per_axis
from .convolution import Pairs, Sizes, convolution, convolution_transpose
from .windows import Windows

PerAxis = int | tuple[int, ...]


def conv1d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: PerAxis = 1,
    padding: PerAxis | str = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
) -> Tensor:
    """Filters that slide over a sequence; see `conv2d`, which has one axis more.

    Args:
        input: shape (N, C, L) or (C, L).
        weight: shape (O, C/groups, K).
        bias: shape (O,).
        stride: the step.
        padding: how many zeros at both ends, "same" or "valid".
        dilation: the spacing of a window's elements.
        groups: into how many groups the channels fall.

    >>> import pullback as pb
    >>> from pullback.nn import functional as F
    >>> F.conv1d(pb.tensor([[1.0, 2.0, 4.0]]), pb.tensor([[[1.0, -1.0]]]))
    tensor([[-1., -2.]], dtype=float32)
    """
    return _conv("conv1d", 1, input, weight, bias, stride, padding, dilation, groups)


def conv2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: PerAxis = 1,
    padding: PerAxis | str = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
) -> Tensor:
    """Filters that slide over images: at each place the sum of the products of a filter and what it covers.

    y[n, o, i, j] = b[o] + Σ w[o, c, k, l] · x[n, c, i·stride + k·dilation − padding, j·stride + l·dilation − padding],
    with zeros outside of x. As usual in learning, the filters are not flipped.

    Args:
        input: images of shape (N, C, H, W), or one of shape (C, H, W).
        weight: filters of shape (O, C/groups, K, L), of the same dtype.
        bias: shape (O,); none if left out.
        stride: the step, one number or one for each axis; so are padding and dilation.
        padding: how many zeros on each side; "same" for as many as keep the size (one more at the end where the
            number is odd), "valid" for none.
        dilation: the spacing of a window's elements.
        groups: into how many groups the channels fall; each has filters of its own. With one channel in each it is
            a depthwise convolution.

    Returns:
        A tensor of shape (N, O, H', W') with H' = ⌊(H + 2·padding − dilation·(K − 1) − 1)/stride⌋ + 1; without N for
        one image.

    Raises:
        ValueError: for shapes that do not fit, with both; for options out of range.
        TypeError: for dtypes that are not floating, or differ.

    >>> import pullback as pb
    >>> from pullback.nn import functional as F
    >>> F.conv2d(pb.ones((1, 1, 3, 3)), pb.ones((1, 1, 3, 3)), padding=1)[0, 0]
    tensor([[4., 6., 4.],
            [6., 9., 6.],
            [4., 6., 4.]], dtype=float32)
    """
    return _conv("conv2d", 2, input, weight, bias, stride, padding, dilation, groups)


def conv3d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: PerAxis = 1,
    padding: PerAxis | str = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
) -> Tensor:
    """Filters that slide over volumes; see `conv2d`, which has one axis less.

    Args:
        input: shape (N, C, D, H, W) or (C, D, H, W).
        weight: shape (O, C/groups, K, L, M).
        bias: shape (O,).
        stride: the step.
        padding: how many zeros on each side, "same" or "valid".
        dilation: the spacing of a window's elements.
        groups: into how many groups the channels fall.

    >>> import pullback as pb
    >>> from pullback.nn import functional as F
    >>> F.conv3d(pb.ones((1, 2, 2, 2)), pb.ones((1, 1, 2, 2, 2))).tolist()
    [[[[8.0]]]]
    """
    return _conv("conv3d", 3, input, weight, bias, stride, padding, dilation, groups)


def conv_transpose1d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: PerAxis = 1,
    padding: PerAxis = 0,
    output_padding: PerAxis = 0,
    groups: int = 1,
    dilation: PerAxis = 1,
) -> Tensor:
    """The transposed convolution of a sequence; see `conv_transpose2d`.

    >>> import pullback as pb
    >>> from pullback.nn import functional as F
    >>> F.conv_transpose1d(pb.tensor([[1.0, 2.0]]), pb.tensor([[[1.0, 10.0]]]), stride=2)
    tensor([[ 1., 10.,  2., 20.]], dtype=float32)
    """
    return _conv_transpose(
        "conv_transpose1d", 1, input, weight, bias, stride, padding, output_padding, groups, dilation
    )


def conv_transpose2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: PerAxis = 1,
    padding: PerAxis = 0,
    output_padding: PerAxis = 0,
    groups: int = 1,
    dilation: PerAxis = 1,
) -> Tensor:
    """What `conv2d` does to a gradient, as a layer: each element puts its multiple of a filter into the result.

    It enlarges: an H × W image becomes ((H − 1)·stride − 2·padding + dilation·(K − 1) + output_padding + 1) high.
    Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016.

    Args:
        input: images of shape (N, C, H, W), or one of shape (C, H, W).
        weight: filters of shape (C, O/groups, K, L), of the same dtype.
        bias: shape (O,); none if left out.
        stride: how far apart neighbours put their filters, one number or one for each axis; so are the following.
        padding: how much of the result is cut off on each side.
        output_padding: how much longer the result is at the end; less than the stride or the dilation.
        groups: into how many groups the channels fall.
        dilation: the spacing of a filter's elements.

    Raises:
        ValueError: for shapes that do not fit, with both; for options out of range.
        TypeError: for dtypes that are not floating, or differ.

    >>> import pullback as pb
    >>> from pullback.nn import functional as F
    >>> F.conv_transpose2d(pb.ones((1, 2, 2)), pb.ones((1, 1, 2, 2)))[0]
    tensor([[1., 2., 1.],
            [2., 4., 2.],
            [1., 2., 1.]], dtype=float32)
    """
    return _conv_transpose(
        "conv_transpose2d", 2, input, weight, bias, stride, padding, output_padding, groups, dilation
    )


def conv_transpose3d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: PerAxis = 1,
    padding: PerAxis = 0,
    output_padding: PerAxis = 0,
    groups: int = 1,
    dilation: PerAxis = 1,
) -> Tensor:
    """The transposed convolution of a volume; see `conv_transpose2d`.

    >>> import pullback as pb
    >>> from pullback.nn import functional as F
    >>> F.conv_transpose3d(pb.ones((1, 1, 1, 1)), pb.ones((1, 3, 2, 2, 2))).shape
    (3, 2, 2, 2)
    """
    return _conv_transpose(
        "conv_transpose3d", 3, input, weight, bias, stride, padding, output_padding, groups, dilation
    )


def _conv(
    where: str,
    axes: int,
    input: Any,
    weight: Any,
    bias: Any,
    stride: PerAxis,
    padding: PerAxis | str,
    dilation: PerAxis,
    groups: int,
) -> Tensor:
    input, weight = asarray(input), asarray(weight)
    bias = None if bias is None else asarray(bias)
    groups = whole(f"{where}: groups", groups)
    channels = weight.shape[1] * groups if weight.ndim == axes + 2 else 0
    why = "its second axis" if groups == 1 else f"its second axis times groups={groups}"
    _check(where, axes, input, weight, bias, channels, why)
    if weight.shape[0] % groups:
        raise ValueError(f"{where}: the {weight.shape[0]} filters do not fall into {groups} groups")
    check_shape(where, "the bias", bias, weight.shape[:1], "one number for each filter")
    steps = whole_per_axis(f"{where}: stride", stride, axes)
    spacing = whole_per_axis(f"{where}: dilation", dilation, axes)
    pairs = borders(where, padding, weight.shape[2:], steps, spacing)
    places = Windows(weight.shape[2:], steps, pairs, spacing).places(input.shape[input.ndim - axes :])
    if min(places) < 1:
        raise ValueError(
            f"{where}: a window of size {Windows(weight.shape[2:], steps, pairs, spacing).extent()} (with dilation "
            f"{spacing}) does not fit into input of shape {input.shape} with padding {padding}"
        )
    alone = input.ndim == axes + 1
    images = input[None] if alone else input
    result = convolution(images, weight, bias, stride=steps, padding=pairs, dilation=spacing, groups=groups)
    return result[0] if alone else result


def borders(where: str, padding: Any, kernel: Sizes, stride: Sizes, dilation: Sizes) -> Pairs:
    """The zeros before and after along each axis, from numbers, "same" or "valid"."""
    if not isinstance(padding, str):
        return tuple((p, p) for p in whole_per_axis(f"{where}: padding", padding, len(kernel), 0))
    if padding == "valid":
        return ((0, 0),) * len(kernel)
    if padding != "same":
        raise ValueError(f"{where}: padding is 'same', 'valid' or numbers, not {padding!r}")
    if max(stride) > 1:
        raise ValueError(
            f"{where}: padding='same' keeps the size only with stride 1, and the stride is {stride}"
        )
    total = [(k - 1) * d for k, d in zip(kernel, dilation, strict=True)]
    return tuple((n // 2, n - n // 2) for n in total)


def _conv_transpose(
    where: str,
    axes: int,
    input: Any,
    weight: Any,
    bias: Any,
    stride: PerAxis,
    padding: PerAxis,
    output_padding: PerAxis,
    groups: int,
    dilation: PerAxis,
) -> Tensor:
    input, weight = asarray(input), asarray(weight)
    bias = None if bias is None else asarray(bias)
    groups = whole(f"{where}: groups", groups)
    _check(
        where,
        axes,
        input,
        weight,
        bias,
        weight.shape[0] if weight.ndim else 0,
        "its first axis",
    )
    if weight.shape[0] % groups:
        raise ValueError(f"{where}: the {weight.shape[0]} channels do not fall into {groups} groups")
    check_shape(
        where, "the bias", bias, (weight.shape[1] * groups,), "one number for each channel of the result"
    )
    steps = whole_per_axis(f"{where}: stride", stride, axes)
    spacing = whole_per_axis(f"{where}: dilation", dilation, axes)
    cut = whole_per_axis(f"{where}: padding", padding, axes, 0)
    more = whole_per_axis(f"{where}: output_padding", output_padding, axes, 0)
    for extra, step, space in zip(more, steps, spacing, strict=True):
        if extra >= max(step, space):
            raise ValueError(
                f"{where}: output_padding {more} must be less than stride {steps} or dilation {spacing}, else the end "
                "of the result would depend on nothing"
            )
    natural = transposed_size(input.shape[input.ndim - axes :], weight.shape[2:], steps, cut, spacing)
    size = tuple(n + extra for n, extra in zip(natural, more, strict=True))
    if min(size) < 1:
        raise ValueError(
            f"{where}: input of shape {input.shape} and weight of shape {weight.shape} with padding {cut} leave a "
            f"result of size {size}"
        )
    pairs = tuple(
        (p, p - extra) for p, extra in zip(cut, more, strict=True)
    )  # what is longer is less cut off
    alone = input.ndim == axes + 1
    result = convolution_transpose(
        input[None] if alone else input,
        weight,
        bias,
        size=size,
        stride=steps,
        padding=pairs,
        dilation=spacing,
        groups=groups,
    )
    return result[0] if alone else result


def transposed_size(places: Sizes, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes) -> Sizes:
    """The size of a transposed convolution's result, without output padding."""
    return tuple(
        (n - 1) * s - 2 * p + d * (k - 1) + 1
        for n, k, s, p, d in zip(places, kernel, stride, padding, dilation, strict=True)
    )


def _check(where: str, axes: int, input: Any, weight: Any, bias: Any, channels: int, why: str) -> None:
    check_dtypes(where, input, weight=weight, bias=bias)
    letters = ", ".join("DHW"[3 - axes :] if axes > 1 else "L")
    check_axes(where, input, (f"(C, {letters})", f"(N, C, {letters})"))
    if weight.ndim != axes + 2 or math.prod(weight.shape) == 0:
        raise ValueError(
            f"{where}: the weight has shape {weight.shape} and must have {axes + 2} axes, none of them empty"
        )
    if input.shape[-axes - 1] != channels:
        raise ValueError(
            f"{where}: input of shape {input.shape} has {input.shape[-axes - 1]} channels, and weight of shape "
            f"{weight.shape} is for {channels} ({why})"
        )
