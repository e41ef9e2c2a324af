"""Sizes, parameter counts and receptive fields of convolutions and pooling, as one works them out by hand.

See https://cs231n.github.io/convolutional-networks/.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from ..functional.check import whole, whole_per_axis
from ..module import Module

PerAxis = int | Sequence[int]


def conv_output_size(
    input_size: PerAxis,
    kernel_size: PerAxis,
    stride: PerAxis = 1,
    padding: PerAxis = 0,
    dilation: PerAxis = 1,
    *,
    ceil_mode: bool = False,
    exact: bool = False,
) -> Any:
    """How long the axes are that a convolution or pooling gives: ⌊(W + 2P − D·(K − 1) − 1)/S⌋ + 1.

    Args:
        input_size: W, one number, or one for each axis.
        kernel_size: K; one number, or one for each axis, as are the next three.
        stride: S.
        padding: P, on each side.
        dilation: D.
        ceil_mode: count a last window that reaches over the border, as pooling layers with `ceil_mode` do; it must
            begin inside the input or the padding on its left.
        exact: refuse a stride that does not divide, where the last elements would see no window.

    Returns:
        One number for one number, else a tuple.

    Raises:
        ValueError: for windows that do not fit, and with `exact` for those that do not tile the input.

    >>> from pullback.nn.utils import conv_output_size
    >>> conv_output_size(32, 5, padding=2)
    32
    >>> conv_output_size((227, 227), 11, stride=4)
    (55, 55)
    """
    axes = len(input_size) if isinstance(input_size, Sequence) else 1
    sizes = whole_per_axis("input_size", _plain(input_size), axes, 0)
    windows = whole_per_axis("kernel_size", _plain(kernel_size), axes)
    steps = whole_per_axis("stride", _plain(stride), axes)
    borders = whole_per_axis("padding", _plain(padding), axes, 0)
    gaps = whole_per_axis("dilation", _plain(dilation), axes)
    lengths = []
    for size, window, step, border, gap in zip(sizes, windows, steps, borders, gaps, strict=True):
        room = size + 2 * border - gap * (window - 1) - 1
        if room < 0:
            raise ValueError(
                f"a window of {gap * (window - 1) + 1} does not fit into {size} elements with a border of {border} on "
                "each side"
            )
        if exact and room % step:
            raise ValueError(
                f"a stride of {step} does not divide: ({size} + 2·{border} − {gap * (window - 1) + 1})/{step} is "
                f"{Fraction(room, step)}; choose another padding or stride"
            )
        length = -(-room // step) + 1 if ceil_mode else room // step + 1
        if ceil_mode and (length - 1) * step >= size + border:
            length -= 1
        lengths.append(length)
    return tuple(lengths) if isinstance(input_size, Sequence) else lengths[0]


class ConvGeometry(NamedTuple):
    """What a convolution makes of an input: `output_shape`, `parameters` and `multiply_adds` for one example."""

    output_shape: tuple[int, ...]
    parameters: int
    multiply_adds: int


def conv_geometry(
    input_shape: Sequence[int],
    out_channels: int,
    kernel_size: PerAxis,
    stride: PerAxis = 1,
    padding: PerAxis = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
    bias: bool = True,
) -> ConvGeometry:
    """The output shape, the number of parameters and the work of a convolution, without building it.

    Args:
        input_shape: of one example, (C, *size).
        out_channels: how many filters.
        kernel_size: of a filter, one number or one for each axis.
        stride: the step of the windows.
        padding: how far the border goes on each side.
        dilation: the spacing of a window's elements.
        groups: into how many groups the channels fall.
        bias: whether each filter has a bias.

    Raises:
        ValueError: for settings out of range and windows that do not fit.

    >>> from pullback.nn.utils import conv_geometry
    >>> conv_geometry((3, 32, 32), 10, 5, padding=2)
    ConvGeometry(output_shape=(10, 32, 32), parameters=760, multiply_adds=768000)
    """
    channels, *size = (whole("input_shape", n) for n in input_shape)
    out = whole("out_channels", out_channels)
    if channels % whole("groups", groups) or out % groups:
        raise ValueError(f"{channels} input and {out} output channels do not fall into {groups} groups")
    window = whole_per_axis("kernel_size", _plain(kernel_size), len(size))
    lengths = conv_output_size(size, window, stride, padding, dilation)
    elements = channels // groups * math.prod(window)
    return ConvGeometry((out, *lengths), out * (elements + bool(bias)), out * elements * math.prod(lengths))


def count_parameters(model: Module, trainable: bool = False) -> int:
    """The number of elements in all parameters of a model; a shared one counts once.

    Args:
        model: the module.
        trainable: count only those that require gradients.

    >>> from pullback import nn
    >>> nn.utils.count_parameters(nn.Conv2d(3, 10, 5))
    760
    """
    return sum(p.size for p in model.parameters() if p.requires_grad or not trainable)


class Field(NamedTuple):
    """What one element of a layer's output sees of the input: `size` elements; neighbours lie `jump` apart."""

    size: tuple[int, ...]
    jump: tuple[Fraction, ...]


def widened(
    field: Field, kernel: Sequence[int], stride: Sequence[int | Fraction], dilation: Sequence[int]
) -> Field:
    """The field behind a window that slides over what has this field."""
    size = tuple(
        math.ceil(s + (k - 1) * d * j)
        for s, k, d, j in zip(field.size, kernel, dilation, field.jump, strict=True)
    )
    return Field(size, tuple(j * s for j, s in zip(field.jump, stride, strict=True)))


def widened_by_transposed(
    field: Field, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> Field:
    """The field behind a transposed convolution: the windows overlap, and a place sees those that reach it."""
    reach = [-(-((k - 1) * d + 1) // s) for k, d, s in zip(kernel, dilation, stride, strict=True)]
    size = tuple(math.ceil(s + (r - 1) * j) for s, r, j in zip(field.size, reach, field.jump, strict=True))
    return Field(size, tuple(j / s for j, s in zip(field.jump, stride, strict=True)))


def receptive_field(layers: Iterable[Any]) -> Any:
    """How many input elements one element of the last layer's output sees along an axis: 1 + Σ (K − 1)·D·Π S.

    The product is that of the strides of the layers in front. L layers of stride 1 see 1 + L·(K − 1). Borders are not
    taken into account.

    Args:
        layers: in order, kernel sizes, tuples (kernel_size, stride) or (kernel_size, stride, dilation), or modules;
            of these, the ones with a `kernel_size` count. A Sequential or another module that runs its parts in the
            order of their definition will do.

    Returns:
        One number, or a tuple where it differs between the axes.

    >>> from pullback.nn.utils import receptive_field
    >>> receptive_field([3, 3, 3])
    7
    >>> receptive_field([(7, 2), (3, 2), 3, 3])
    27
    """
    field: Field | None = None
    for kernel, stride, dilation in _windows(layers):
        axes = next((len(x) for x in (kernel, stride, dilation) if isinstance(x, Sequence)), 1)
        if field is None:
            field = Field((1,) * axes, (Fraction(1),) * axes)
        elif len(field.size) != axes:
            most = max(axes, len(field.size))
            if min(axes, len(field.size)) != 1:
                raise ValueError(f"the layers have windows of {len(field.size)} and of {axes} axes")
            axes, field = (
                most,
                Field(field.size * (most // len(field.size)), field.jump * (most // len(field.size))),
            )
        field = widened(
            field,
            whole_per_axis("kernel_size", _plain(kernel), axes),
            whole_per_axis("stride", _plain(stride), axes),
            whole_per_axis("dilation", _plain(dilation), axes),
        )
    if field is None:
        return 1
    return field.size[0] if len(set(field.size)) == 1 else field.size


def _windows(layers: Iterable[Any]) -> Iterable[tuple[Any, Any, Any]]:
    for layer in [layers] if isinstance(layers, Module) else layers:
        if isinstance(layer, Module):
            for part in layer.modules():
                kernel: Any = getattr(part, "kernel_size", None)
                if kernel is not None:
                    stride: Any = getattr(part, "stride", None)
                    yield kernel, kernel if stride is None else stride, getattr(part, "dilation", 1)
        elif isinstance(layer, Sequence):
            yield layer[0], layer[1] if len(layer) > 1 else 1, layer[2] if len(layer) > 2 else 1
        else:
            yield layer, 1, 1


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, Sequence) else value
