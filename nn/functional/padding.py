"""Borders around arrays, with PyTorch's way of saying how wide they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...autograd import Tensor, asarray
from ...autograd import pad as with_border

_MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def pad(input: Any, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """The input with a border; the gradient of an element is that of all its copies.

    Args:
        input: the array.
        pad: the widths, in pairs (before, after), beginning with the last axis: (left, right, top, bottom, ...). A
            negative width cuts off, after the border is made: "reflect" and "replicate" still see what is cut off
            at the other end, while "circular" joins the ends that are left.
        mode: "constant"; or where the border's values come from: "reflect" mirrors at the outermost elements without
            repeating them, "replicate" repeats the outermost element, "circular" goes on at the other end.
        value: the border's value for "constant", 0 if not given.

    Raises:
        ValueError: for widths that do not fit the input or the mode, and for an unknown mode.

    >>> import pullback as pb
    >>> from pullback.nn import functional as F
    >>> F.pad(pb.tensor([[1.0, 2.0, 3.0]]), (2, 1), mode="reflect")
    tensor([[3., 2., 1., 2., 3., 2.]], dtype=float32)
    """
    input = asarray(input)
    if mode not in _MODES:
        raise ValueError(f"pad: mode is one of {', '.join(_MODES)}, not {mode!r}")
    if value and mode != "constant":
        raise ValueError(
            f"pad: mode {mode!r} takes its values from the input, so value={value!r} has no meaning"
        )
    pairs = _pairs(input, pad)
    for axis, (size, widths) in enumerate(zip(input.shape, pairs, strict=True)):
        n = size + sum(min(width, 0) for width in widths) if mode == "circular" else size
        most = {"reflect": n - 1, "circular": n, "replicate": max(widths) if n else 0}.get(mode, max(widths))
        if max(widths) > max(most, 0):
            raise ValueError(
                f"pad: a border of {max(widths)} is too wide for axis {axis} of input of shape {input.shape} in mode "
                f"{mode!r}, which takes at most {max(most, 0)}"
            )
        if size + sum(widths) < 0:
            raise ValueError(
                f"pad: {widths} cuts off more than axis {axis} of input of shape {input.shape} has"
            )
    cut = [(min(before, 0), min(after, 0)) for before, after in pairs]
    border = tuple((max(before, 0), max(after, 0)) for before, after in pairs)
    if mode == "circular":
        return _bordered(_cut(input, cut), border, mode, value)
    return _cut(_bordered(input, border, mode, value), cut)


def _bordered(input: Tensor, border: tuple[tuple[int, int], ...], mode: str, value: float | None) -> Tensor:
    if not any(map(any, border)):
        return input
    if mode == "constant":
        return with_border(input, border, constant_values=value or 0.0)
    return with_border(input, border, _MODES[mode])


def _cut(input: Tensor, cut: Sequence[tuple[int, int]]) -> Tensor:
    if not any(map(any, cut)):
        return input
    return input[
        tuple(slice(-before, n + after) for n, (before, after) in zip(input.shape, cut, strict=True))
    ]


def _pairs(input: Any, widths: Sequence[int]) -> list[tuple[int, int]]:
    """The widths before and after for each axis of the input."""
    if len(widths) % 2 or len(widths) > 2 * input.ndim:
        raise ValueError(
            f"pad: the widths are pairs (before, after) for the last axes, and {tuple(widths)} does not fit input of "
            f"shape {input.shape}"
        )
    for width in widths:
        if isinstance(width, bool) or not isinstance(width, (int, np.integer)):
            raise ValueError(f"pad: a width is a whole number, not {width!r}")
    given = [(int(a), int(b)) for a, b in zip(widths[::2], widths[1::2], strict=True)][::-1]
    return [(0, 0)] * (input.ndim - len(given)) + given
