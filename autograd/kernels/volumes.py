"""Convolution over three axes as one over two: slices that a window sees together are channels of one image.

A filter of K slices over C channels is a filter over C·K channels of the images that lie at the places along the first
axis. Their slices are copied for it, some volumes at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .jit import Array

BUFFER = 1 << 24  # bytes of images whose slices are copied together


def _flat(windows: Any) -> Any:
    """How the windows lie over the last two axes."""
    return type(windows)(*(along[1:] for along in windows))


def _some(x: Array, windows: Any, places: int) -> Iterator[slice]:
    """Volumes that are taken together."""
    each = x[0].size * windows.kernel[0] * places // x.shape[2] * x.itemsize
    step = max(1, BUFFER // max(each, 1))
    return (slice(start, start + step) for start in range(0, len(x), step))


def _along(size: int, windows: Any, places: int) -> Iterator[tuple[int, slice, slice]]:
    """For each slice of a filter: its number, the places whose windows have it, and the slices that they see."""
    step, (before, _) = windows.stride[0], windows.padding[0]
    for k in range(windows.kernel[0]):
        first = k * windows.dilation[0] - before
        low = max(0, -(first // step))
        high = min(places, (size - 1 - first) // step + 1)
        if low < high:
            yield k, slice(low, high), slice(first + low * step, first + (high - 1) * step + 1, step)


def _images(x: Array, windows: Any, places: int) -> Array:
    """Volumes (N, C, D, H, W) as images (N·places, C·K, H, W)."""
    count, channels, size = x.shape[:3]
    out = np.zeros((count, places, channels, windows.kernel[0], *x.shape[3:]), x.dtype)
    for k, there, seen in _along(size, windows, places):
        out[:, there, :, k] = x[:, :, seen].swapaxes(1, 2)
    return out.reshape(count * places, -1, *x.shape[3:])


def _filters(weight: Array) -> Array:
    return weight.reshape(len(weight), -1, *weight.shape[3:])


def correlate(
    plane: Callable[..., Any], x: Array, weight: Array, windows: Any, groups: int, bias: Array
) -> Any:
    """The product of every window with every filter; `plane` is the same over two axes."""
    places = windows.places(x.shape[2:])
    out = np.empty((len(x), len(weight), *places), x.dtype)
    for some in _some(x, windows, places[0]):
        part = plane(_images(x[some], windows, places[0]), _filters(weight), _flat(windows), groups, bias)
        if part is NotImplemented:
            return part
        out[some] = part.reshape(-1, places[0], len(weight), *places[1:]).swapaxes(1, 2)
    return out


def weight_gradient(plane: Callable[..., Any], x: Array, g: Array, windows: Any, groups: int) -> Any:
    """The gradient of the filters; `plane` is the same over two axes."""
    filters, places = g.shape[1:3]
    shape = (filters, x.shape[1] // groups, *windows.kernel)
    total = np.zeros(shape, x.dtype)
    for some in _some(x, windows, places):
        above = np.ascontiguousarray(g[some].swapaxes(1, 2)).reshape(-1, filters, *g.shape[3:])
        part = plane(_images(x[some], windows, places), above, _flat(windows), groups)
        if part is NotImplemented:
            return part
        total += part.reshape(shape)
    return total


def spread(
    plane: Callable[..., Any],
    g: Array,
    weight: Array,
    size: tuple[int, ...],
    windows: Any,
    groups: int,
    bias: Array,
) -> Any:
    """What `correlate` does, transposed; `plane` is the same over two axes."""
    filters, places = g.shape[1:3]
    channels = groups * weight.shape[1]
    out = np.empty((len(g), channels, *size), g.dtype)
    out[:] = bias[:, None, None, None]
    for some in _some(out, windows, places):
        above = np.ascontiguousarray(g[some].swapaxes(1, 2)).reshape(-1, filters, *g.shape[3:])
        part = plane(above, _filters(weight), size[1:], _flat(windows), groups)
        if part is NotImplemented:
            return part
        part = part.reshape(-1, places, channels, windows.kernel[0], *size[1:])
        for k, there, seen in _along(size[0], windows, places):
            out[some, :, seen] += part[:, there, :, k].swapaxes(1, 2)
    return out
