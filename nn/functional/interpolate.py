"""Images of another size: interpolation between their elements, axis by axis."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...autograd import Tensor, asarray
from .axis_map import AxisMap, region_map, taps_by_rank
from .check import check_floating, whole_per_axis
from .pool import avg_pool, linear_along_axes, map_samples

Array = np.ndarray[Any, Any]

_KINDS = {"linear": "linear", "bilinear": "linear", "trilinear": "linear", "bicubic": "cubic"}
_MODES = {
    1: ("nearest", "nearest-exact", "linear", "area"),
    2: ("nearest", "nearest-exact", "bilinear", "bicubic", "area"),
    3: ("nearest", "nearest-exact", "trilinear", "area"),
}


@functools.lru_cache(maxsize=512)
def linear_map(
    size: int, places: int, kind: str, align_corners: bool, scale: float | None, antialias: bool = False
) -> AxisMap:
    """Interpolation from `size` elements to `places`.

    Args:
        size: how many elements there are.
        places: how many the result has.
        kind: "nearest", "nearest-exact", "linear" or "cubic".
        align_corners: whether the outermost elements keep their places, instead of the outer edges.
        scale: places per element, where that is not places/size.
        antialias: whether the neighbourhood widens where the result is smaller.
    """
    step = size / places if scale is None else 1 / scale
    if align_corners:
        step = (size - 1) / (places - 1) if places > 1 else 0.0
    if kind.startswith("nearest"):
        elements = _nearest(size, places, kind, step)
        return AxisMap(size, places, list(taps_by_rank(np.arange(places), elements, None)), label=kind)
    if antialias:
        weights = _widened(size, places, kind, step)
    else:
        weights = _neighbours(size, places, kind, step, align_corners)
    at, elements = np.nonzero(weights)
    return AxisMap(size, places, list(taps_by_rank(at, elements, weights[at, elements])), label=kind)


def _nearest(size: int, places: int, kind: str, step: float) -> Array:
    """The element below each place; PyTorch computes it in float32, which decides at the boundaries."""
    i, narrow = np.arange(places), np.float32(step)
    if kind == "nearest-exact":
        found = np.floor(((i + 0.5) * np.float64(narrow)).astype(np.float32))
    else:
        found = np.floor(i.astype(np.float32) * narrow)
    return np.minimum(found.astype(np.int64), size - 1)


def _neighbours(size: int, places: int, kind: str, step: float, align_corners: bool) -> Array:
    """The weights of the two or four elements around each place, as a matrix."""
    i = np.arange(places)
    at = i * step if align_corners else (i + 0.5) * step - 0.5
    weights = np.zeros((places, size))
    if kind == "linear":
        at = np.maximum(at, 0) if places != size else i.astype(float)
    low = np.minimum(np.floor(at), size - 1)
    t = np.clip(at - low, 0, 1)
    around = (1 - t, t) if kind == "linear" else [_cubic(t + 1 - k, -0.75) for k in range(4)]
    for k, weight in enumerate(around):
        element = np.clip(low.astype(np.int64) + k - (kind == "cubic"), 0, size - 1)
        np.add.at(weights, (i, element), weight)
    return weights


def _widened(size: int, places: int, kind: str, step: float) -> Array:
    """The weights of a filter as wide as the step, as a matrix."""
    width = max(step, 1.0)
    reach = (1.0 if kind == "linear" else 2.0) * width
    centre = (np.arange(places)[:, None] + 0.5) * step
    low, high = (np.trunc(centre + side * reach + 0.5) for side in (-1, 1))
    element = np.arange(size)
    distance = (element + 0.5 - centre) / width
    shape = np.maximum(1 - np.abs(distance), 0) if kind == "linear" else _cubic(distance, -0.5)
    weights = np.where((element >= low) & (element < high), shape, 0)
    normal: Array = weights / weights.sum(1, keepdims=True)
    return normal


def _cubic(x: Array, a: float) -> Array:
    """The convolution kernel of Keys, "Cubic convolution interpolation for digital image processing", 1981."""
    x = np.abs(x)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = a * (((x - 5) * x + 8) * x - 4)
    return np.where(x <= 1, near, np.where(x < 2, far, 0))


resample = linear_along_axes(
    "resample",
    "resample",
    map_samples(
        ((2, 3), (linear_map(3, 7, "linear", False, None),)),
        ((4, 3), (linear_map(4, 3, "cubic", True, None), linear_map(3, 5, "nearest", False, None))),
        ((5,), (linear_map(5, 2, "cubic", False, 0.5),)),
    ),
    """Interpolation: each place is a weighted sum of its neighbours in the input. What interpolate computes.

    In backward each neighbour gets its weight's part of the place's gradient.
    """,
)


def interpolate(
    input: Any,
    size: int | Sequence[int] | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """The input at another size.

    Args:
        input: shape (N, C, L), (N, C, H, W) or (N, C, D, H, W), floating.
        size: the new size of the last axes, one number for all or one for each.
        scale_factor: by what to multiply the sizes instead; they are rounded down.
        mode: "nearest" takes the element below each place (as PyTorch and OpenCV do), "nearest-exact" the nearest one;
            "linear", "bilinear" and "trilinear" (for one, two, three axes) draw straight lines between neighbours;
            "bicubic" lays cubic curves through four, with a = −0.75; "area" takes the average of regions.
        align_corners: whether the outermost elements keep their places, so that the rest is spread between them; by
            default elements are squares, and their outer edges keep their places. For linear and cubic modes.
        recompute_scale_factor: take the rounded sizes' ratio for the scale, instead of `scale_factor` itself.
        antialias: with "bilinear" and "bicubic", widen the filter where the image shrinks, so that all of it counts.

    Returns:
        A tensor of shape (N, C, *size).

    Raises:
        ValueError: for an input without batch and channels, an unknown mode, options that have no meaning in a mode,
            and unless exactly one of size and scale_factor is given.

    >>> import pullback as pb
    >>> from pullback.nn import functional as F
    >>> F.interpolate(pb.tensor([[[0.0, 4.0]]]), size=4, mode="linear")
    tensor([[[0., 1., 3., 4.]]], dtype=float32)
    """
    x = asarray(input)
    check_floating("interpolate", "the input", x)
    axes = x.ndim - 2
    if axes not in _MODES:
        raise ValueError(
            f"interpolate: input of shape {x.shape} must be (N, C, L), (N, C, H, W) or (N, C, D, H, W)"
        )
    if mode not in _MODES[axes]:
        raise ValueError(
            f"interpolate: for input of shape {x.shape} the modes are {', '.join(_MODES[axes])}, not {mode!r}"
        )
    if align_corners is not None and mode not in _KINDS:
        raise ValueError(f"interpolate: align_corners has no meaning with mode {mode!r}; leave it out")
    if antialias and mode not in ("bilinear", "bicubic"):
        raise ValueError(f"interpolate: antialias works with bilinear and bicubic, not with mode {mode!r}")
    old = x.shape[2:]
    if 0 in old:
        raise ValueError(f"interpolate: input of shape {x.shape} has nothing to interpolate between")
    new, scales = _sizes(old, size, scale_factor, recompute_scale_factor)
    maps: list[AxisMap] = []
    for n, m, scale in zip(old, new, scales, strict=True):
        if (antialias and m == n) or (axes == 2 and mode == "nearest" and m in (n, 2 * n)):
            scale = None  # as PyTorch has it for images, and only for them
        if mode == "area":
            maps.append(region_map(n, m))
        else:
            kind = _KINDS.get(mode, mode)
            maps.append(linear_map(n, m, kind, bool(align_corners), scale, bool(antialias)))
    return (avg_pool if mode == "area" else resample)(x, maps=tuple(maps))


def _sizes(
    old: tuple[int, ...], size: Any, scale_factor: Any, recompute: bool | None
) -> tuple[tuple[int, ...], tuple[float | None, ...]]:
    """The new sizes, and the scales where they are not the sizes' ratio."""
    if (size is None) == (scale_factor is None):
        raise ValueError("interpolate: give either size or scale_factor")
    if size is not None:
        if recompute:
            raise ValueError("interpolate: recompute_scale_factor has no meaning with size")
        return whole_per_axis("interpolate: size", size, len(old)), (None,) * len(old)
    several = isinstance(scale_factor, (tuple, list))
    scales = tuple(map(float, scale_factor)) if several else (float(scale_factor),) * len(old)
    if len(scales) != len(old) or not all(0 < scale < math.inf for scale in scales):
        raise ValueError(
            f"interpolate: scale_factor is a positive number, or {len(old)} of them, not {scale_factor!r}"
        )
    new = tuple(math.floor(n * scale) for n, scale in zip(old, scales, strict=True))
    if min(new) < 1:
        raise ValueError(f"interpolate: scale_factor {scale_factor!r} leaves nothing of a size of {old}")
    return new, (None,) * len(old) if recompute else scales
