"""Convolution: three operations that are each other's gradients, over any number of axes.

A convolution is linear in its input and in its filters, so its gradients are a transposed convolution and a
correlation of the input with the gradient; these are linear in the same way, and the three close under
differentiation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...autograd import Tensor
from ...autograd.extend import DISTRIBUTOR, SWITCHER, batch_size, given, op, spread
from . import windows as kernels
from .windows import Windows

Array = np.ndarray[Any, Any]
Sizes = tuple[int, ...]
Pairs = tuple[tuple[int, int], ...]


def _over_all_but_channels(g: Any) -> Any:
    return np.sum(g, axis=(0, *range(2, g.ndim)))


def _convolution(
    input: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    stride: Sizes,
    padding: Pairs,
    dilation: Sizes,
    groups: int,
) -> Array:
    """Every filter slides over the input: the sum of products at each place, plus the filter's bias.

    It is what conv1d, conv2d and conv3d compute. `input` has shape (N, C, *size), `weight` (O, C/groups, *kernel)
    and `bias` (O,); there is a stride, a pair of borders and a dilation for each spatial axis. The gradient of the
    input is a transposed convolution of g with the weight; that of the weight correlates the input with g.
    """
    lie = Windows(weight.shape[2:], stride, padding, dilation)
    return kernels.correlate(input, weight, lie, groups, bias)


def _convolution_transpose(
    input: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    size: Sizes,
    stride: Sizes,
    padding: Pairs,
    dilation: Sizes,
    groups: int,
) -> Array:
    """Each element of the input puts its multiple of a filter into the result, where they add up.

    It is what conv_transpose1d, 2d and 3d compute, and the gradient of a convolution for its input. `input` has
    shape (N, C, *places), `weight` (C, O/groups, *kernel) and the result (N, O, *size).
    """
    lie = Windows(weight.shape[2:], stride, padding, dilation)
    return kernels.spread(input, weight, size, lie, groups, bias)


def _convolution_weight(
    input: Array,
    gradient: Array,
    *,
    kernel_size: Sizes,
    stride: Sizes,
    padding: Pairs,
    dilation: Sizes,
    groups: int,
) -> Array:
    """The gradient of a convolution for its filters: the input, correlated with the gradient of the result.

    `input` has shape (N, C, *size), `gradient` (N, O, *places) and the result (O, C/groups, *kernel_size).
    """
    return kernels.weight_gradient(input, gradient, Windows(kernel_size, stride, padding, dilation), groups)


# inside vmap: examples that share their filters are images of one batch, others are groups of channels


def _images(x: Any) -> Any:
    return np.reshape(x, (x.shape[0] * x.shape[1], *x.shape[2:]))


def _channels(x: Any) -> Any:
    """(examples, N, C, ...) as (N, examples·C, ...)."""
    return np.reshape(np.moveaxis(x, 0, 1), (x.shape[1], x.shape[0] * x.shape[2], *x.shape[3:]))


def _from_channels(x: Any, size: int) -> Any:
    """The inverse of `_channels`."""
    return np.moveaxis(np.reshape(x, (x.shape[0], size, x.shape[1] // size, *x.shape[2:])), 1, 0)


def _batch(
    call: Any,
    batched: tuple[bool, ...],
    input: Any,
    weight: Any,
    bias: Any,
    *,
    groups: int,
    **parameters: Any,
) -> Any:
    size = batch_size(batched, (input, weight, bias))
    if not batched[0]:
        input = spread(input, size)
    if not batched[1]:
        shared = None if batched[2] else bias
        flat = call(_images(input), weight, shared, groups=groups, **parameters)
        result = np.reshape(flat, (size, input.shape[1], *flat.shape[1:]))
    else:
        shared = None
        flat = call(_channels(input), _images(weight), None, groups=size * groups, **parameters)
        result = _from_channels(flat, size)
    if bias is None or shared is not None:
        return result
    ones = (1,) * (result.ndim - 3)
    return result + np.reshape(bias, (size if batched[2] else 1, 1, result.shape[2], *ones))


def _batch_weight(
    call: Any, batched: tuple[bool, ...], input: Any, gradient: Any, *, groups: int, **parameters: Any
) -> Any:
    size = batch_size(batched, (input, gradient))
    both = [x if b else spread(x, size) for x, b in zip((input, gradient), batched, strict=True)]
    flat = call(*map(_channels, both), groups=size * groups, **parameters)
    return np.reshape(flat, (size, flat.shape[0] // size, *flat.shape[1:]))


def _options(
    stride: Sizes = (1,), padding: Pairs = ((0, 0),), dilation: Sizes = (1,), groups: int = 1, **others: Any
) -> dict[str, Any]:
    return {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups, **others}


_PLANE = _options((2, 1), ((1, 1), (0, 2)), (1, 2))

convolution: Callable[..., Tensor] = op(
    _convolution,
    "input weight bias",
    input=lambda g, weight, input_shape, stride, padding, dilation, groups: convolution_transpose.raw(
        g,
        weight,
        None,
        size=input_shape[2:],
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
    ),
    weight=lambda g, input, weight_shape, stride, padding, dilation, groups: convolution_weight.raw(
        input,
        g,
        kernel_size=weight_shape[2:],
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
    ),
    bias=_over_all_but_channels,
    gate={"input": SWITCHER, "weight": SWITCHER, "bias": DISTRIBUTOR},
    name="convolution",
    symbol="∗",
    batch=_batch,
    samples=given(
        (((2, 2, 5), (3, 2, 3), (3,)), _options()),
        (((1, 4, 5), (4, 2, 2)), _options((2,), ((1, 0),), groups=2)),
        (((2, 1, 4, 6), (2, 1, 3, 2), (2,)), _PLANE),
        (((1, 2, 2, 2), (3, 2, 1, 1), (3,)), _options((1, 1), ((0, 0),) * 2, (1, 1))),
        (((1, 1, 3, 3, 2), (2, 1, 2, 1, 2)), _options((1, 2, 1), ((0, 1), (0, 0), (1, 0)), (2, 1, 1))),
        (((0, 2, 4), (3, 2, 3), (3,)), _options()),
    ),
)

convolution_transpose: Callable[..., Tensor] = op(
    _convolution_transpose,
    "input weight bias",
    input=lambda g, weight, stride, padding, dilation, groups: convolution.raw(
        g, weight, None, stride=stride, padding=padding, dilation=dilation, groups=groups
    ),
    weight=lambda g, input, weight_shape, stride, padding, dilation, groups: convolution_weight.raw(
        g,
        input,
        kernel_size=weight_shape[2:],
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
    ),
    bias=_over_all_but_channels,
    gate={"input": SWITCHER, "weight": SWITCHER, "bias": DISTRIBUTOR},
    name="convolution_transpose",
    symbol="∗ᵀ",
    batch=_batch,
    samples=given(
        (((2, 2, 3), (2, 3, 3), (3,)), _options(size=(5,))),
        (((1, 4, 3), (4, 1, 2)), _options((2,), ((1, 0),), groups=2, size=(5,))),
        (((1, 2, 3, 3), (2, 1, 3, 2), (1,)), {**_PLANE, "size": (5, 3)}),
        (((1, 2, 2, 2), (2, 3, 1, 1)), _options((1, 1), ((0, 0),) * 2, (1, 1), size=(2, 2))),
    ),
)

convolution_weight: Callable[..., Tensor] = op(
    _convolution_weight,
    "input gradient",
    input=lambda g, gradient, input_shape, stride, padding, dilation, groups: convolution_transpose.raw(
        gradient,
        g,
        None,
        size=input_shape[2:],
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
    ),
    gradient=lambda g, input, stride, padding, dilation, groups: convolution.raw(
        input, g, None, stride=stride, padding=padding, dilation=dilation, groups=groups
    ),
    gate=SWITCHER,
    name="convolution_weight",
    symbol="∗ᵂ",
    batch=_batch_weight,
    samples=given(
        (((2, 2, 5), (2, 3, 3)), _options(kernel_size=(3,))),
        (((1, 4, 5), (1, 4, 3)), _options((2,), ((1, 0),), groups=2, kernel_size=(2,))),
        (((1, 2, 5, 3), (1, 2, 3, 3)), {**_PLANE, "kernel_size": (3, 2)}),
    ),
)
