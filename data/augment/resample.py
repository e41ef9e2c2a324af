"""Values between pixels: windows stretched to another size, and images read at any points."""

from __future__ import annotations

from typing import Any

import numpy as np

from .transform import Array, filling, require_floating

INTERPOLATIONS = ("nearest", "bilinear")
PADDINGS = ("constant", "edge", "reflect")


def require_interpolation(interpolation: str) -> str:
    """Refuse what is no way to interpolate."""
    if interpolation not in INTERPOLATIONS:
        raise ValueError(f"interpolation is 'nearest' or 'bilinear', not {interpolation!r}")
    return interpolation


def require_padding(mode: str, *also: str) -> str:
    """Refuse what is no way to go on beyond the border."""
    if mode not in (*PADDINGS, *also):
        raise ValueError(f"padding_mode is one of {', '.join((*PADDINGS, *also))}, not {mode!r}")
    return mode


def stretch(
    images: Array,
    tops: Array,
    lefts: Array,
    heights: Array,
    widths: Array,
    size: tuple[int, int],
    interpolation: str,
    antialias: bool,
) -> Array:
    """A window of each image in another size.

    Both axes are weighted means, two matrix products. With antialiasing each new pixel is the mean over all that it
    covers, weighted by a triangle, so that nothing is passed over when an image is made smaller.
    """
    if interpolation == "nearest":
        rows = _nearest(tops, heights, size[0])
        columns = _nearest(lefts, widths, size[1])
        numbers = np.arange(len(images))[:, None, None]
        picked = images.transpose(0, 2, 3, 1)[numbers, rows[:, :, None], columns[:, None, :]]
        return np.ascontiguousarray(picked.transpose(0, 3, 1, 2))
    require_floating(images, "bilinear interpolation")
    dtype = np.result_type(images.dtype, np.float32)
    down = _weights(tops, heights, images.shape[2], size[0], antialias).astype(dtype)
    across = _weights(lefts, widths, images.shape[3], size[1], antialias).astype(dtype)
    result: Array = down[:, None] @ images.astype(dtype, copy=False) @ across.swapaxes(1, 2)[:, None]
    return result.astype(images.dtype, copy=False)


def _nearest(starts: Array, lengths: Array, size: int) -> Array:
    steps = np.floor((np.arange(size) + 0.5) * (lengths[:, None] / size)).astype(np.int64)
    places: Array = starts[:, None] + np.minimum(steps, lengths[:, None] - 1)
    return places


def _weights(starts: Array, lengths: Array, inside: int, size: int, antialias: bool) -> Array:
    """How much each pixel of an axis counts for each new one, of shape (N, new, old); rows sum to 1."""
    scale = lengths / size
    centres = starts[:, None] + (np.arange(size) + 0.5) * scale[:, None]
    reach = np.maximum(scale, 1.0) if antialias else np.ones_like(scale)
    places = np.arange(inside) + 0.5
    weights = np.maximum(0.0, 1 - np.abs(places - centres[:, :, None]) / reach[:, None, None])
    within = (places > starts[:, None]) & (places < (starts + lengths)[:, None])
    weights = weights * within[:, None, :]
    normal: Array = weights / weights.sum(-1, keepdims=True)
    return normal


def read(images: Array, y: Array, x: Array, interpolation: str, padding_mode: str, fill: Any) -> Array:
    """Images (N, C, H, W) at points: row y and column x, each (N, h, w), where pixel centres are whole numbers."""
    outside = filling(fill, images)
    if interpolation == "nearest":
        return _pick(images, np.floor(y + 0.5), np.floor(x + 0.5), padding_mode, outside)
    require_floating(images, "bilinear interpolation")
    top, left = np.floor(y), np.floor(x)
    dtype = np.result_type(images.dtype, np.float32)
    below, right = ((at - start).astype(dtype)[:, None] for at, start in ((y, top), (x, left)))
    result = np.zeros((*images.shape[:2], *y.shape[1:]), dtype)
    for row, down in ((top, 1 - below), (top + 1, below)):
        for column, across in ((left, 1 - right), (left + 1, right)):
            result += _pick(images, row, column, padding_mode, outside) * (down * across)
    return result.astype(images.dtype, copy=False)


def _pick(images: Array, rows: Array, columns: Array, padding_mode: str, outside: Array) -> Array:
    count, channels, height, width = images.shape
    inner = (_inside(rows, height, padding_mode), _inside(columns, width, padding_mode))
    places = (inner[0] * width + inner[1]).reshape(count, 1, rows.shape[1] * rows.shape[2])
    flat = images.reshape(count, channels, height * width)
    values = np.take_along_axis(flat, places, axis=2).reshape(count, channels, *rows.shape[1:])
    if padding_mode != "constant":
        return values
    there = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    return np.where(there[:, None], values, outside)


def _inside(places: Array, size: int, padding_mode: str) -> Array:
    """Whole numbers brought into 0..size − 1."""
    if padding_mode == "reflect" and size > 1:
        period = 2 * (size - 1)
        places = np.mod(places, period)
        places = np.minimum(places, period - places)
    return np.clip(places, 0, size - 1).astype(np.int64)
