"""Layers that put a border around their input."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ..autograd import Tensor
from .functional import pad
from .module import Module

Widths = int | tuple[int, ...]


class _Pad(Module):
    """What all of them share: a border on the last axes."""

    axes: ClassVar[int]
    mode: ClassVar[str]

    def __init__(self, padding: Widths) -> None:
        super().__init__()
        name, count = type(self).__name__, 2 * self.axes
        widths = (padding,) * count if isinstance(padding, (int, np.integer)) else tuple(padding)
        if len(widths) != count:
            raise ValueError(
                f"{name}: padding is one number, or {count} (before and after, the last axis first), not {padding!r}"
            )
        self.padding = widths

    def forward(self, input: Any) -> Tensor:
        """Put the border around the input."""
        return pad(input, self.padding, self.mode)

    def extra_repr(self) -> str:
        """The widths."""
        return f"{self.padding}"


class _ConstantPad(_Pad):
    """A border of a value of one's own."""

    mode = "constant"

    def __init__(self, padding: Widths, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Any) -> Tensor:
        """Put the border around the input."""
        return pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        """The widths and the value."""
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPad):
    """A border of one value, around (N, C, L) or (C, L); see `functional.pad`.

    Args:
        padding: one width, or (left, right); negative ones cut off.
        value: what the border holds.

    >>> import pullback as pb
    >>> pb.nn.ConstantPad1d(1, 0.5)(pb.ones((1, 1, 4))).shape
    (1, 1, 6)
    """

    axes = 1


class ConstantPad2d(_ConstantPad):
    """A border of one value, around (N, C, H, W) or (C, H, W); see `functional.pad`.

    Args:
        padding: one width, or (left, right, top, bottom); negative ones cut off.
        value: what the border holds.

    >>> import pullback as pb
    >>> pb.nn.ConstantPad2d(1, 0.5)(pb.ones((1, 1, 4, 5))).shape
    (1, 1, 6, 7)
    """

    axes = 2


class ConstantPad3d(_ConstantPad):
    """A border of one value, around (N, C, D, H, W) or (C, D, H, W); see `functional.pad`.

    Args:
        padding: one width, or (left, right, top, bottom, front, back); negative ones cut off.
        value: what the border holds.

    >>> import pullback as pb
    >>> pb.nn.ConstantPad3d(1, 0.5)(pb.ones((1, 1, 3, 4, 5))).shape
    (1, 1, 5, 6, 7)
    """

    axes = 3


class ZeroPad1d(_Pad):
    """A border of zeros, around (N, C, L) or (C, L); see `functional.pad`.

    Args:
        padding: one width, or (left, right); negative ones cut off.

    >>> import pullback as pb
    >>> pb.nn.ZeroPad1d(1)(pb.ones((1, 1, 4))).shape
    (1, 1, 6)
    """

    axes = 1
    mode = "constant"


class ZeroPad2d(_Pad):
    """A border of zeros, around (N, C, H, W) or (C, H, W); see `functional.pad`.

    Args:
        padding: one width, or (left, right, top, bottom); negative ones cut off.

    >>> import pullback as pb
    >>> pb.nn.ZeroPad2d(1)(pb.ones((1, 1, 4, 5))).shape
    (1, 1, 6, 7)
    """

    axes = 2
    mode = "constant"


class ZeroPad3d(_Pad):
    """A border of zeros, around (N, C, D, H, W) or (C, D, H, W); see `functional.pad`.

    Args:
        padding: one width, or (left, right, top, bottom, front, back); negative ones cut off.

    >>> import pullback as pb
    >>> pb.nn.ZeroPad3d(1)(pb.ones((1, 1, 3, 4, 5))).shape
    (1, 1, 5, 6, 7)
    """

    axes = 3
    mode = "constant"


class ReflectionPad1d(_Pad):
    """A border that mirrors the input, around (N, C, L) or (C, L); see `functional.pad`.

    Args:
        padding: one width, or (left, right); negative ones cut off.

    >>> import pullback as pb
    >>> pb.nn.ReflectionPad1d(1)(pb.ones((1, 1, 4))).shape
    (1, 1, 6)
    """

    axes = 1
    mode = "reflect"


class ReflectionPad2d(_Pad):
    """A border that mirrors the input, around (N, C, H, W) or (C, H, W); see `functional.pad`.

    Args:
        padding: one width, or (left, right, top, bottom); negative ones cut off.

    >>> import pullback as pb
    >>> pb.nn.ReflectionPad2d(1)(pb.ones((1, 1, 4, 5))).shape
    (1, 1, 6, 7)
    """

    axes = 2
    mode = "reflect"


class ReflectionPad3d(_Pad):
    """A border that mirrors the input, around (N, C, D, H, W) or (C, D, H, W); see `functional.pad`.

    Args:
        padding: one width, or (left, right, top, bottom, front, back); negative ones cut off.

    >>> import pullback as pb
    >>> pb.nn.ReflectionPad3d(1)(pb.ones((1, 1, 3, 4, 5))).shape
    (1, 1, 5, 6, 7)
    """

    axes = 3
    mode = "reflect"


class ReplicationPad1d(_Pad):
    """A border that repeats the edge, around (N, C, L) or (C, L); see `functional.pad`.

    Args:
        padding: one width, or (left, right); negative ones cut off.

    >>> import pullback as pb
    >>> pb.nn.ReplicationPad1d(1)(pb.ones((1, 1, 4))).shape
    (1, 1, 6)
    """

    axes = 1
    mode = "replicate"


class ReplicationPad2d(_Pad):
    """A border that repeats the edge, around (N, C, H, W) or (C, H, W); see `functional.pad`.

    Args:
        padding: one width, or (left, right, top, bottom); negative ones cut off.

    >>> import pullback as pb
    >>> pb.nn.ReplicationPad2d(1)(pb.ones((1, 1, 4, 5))).shape
    (1, 1, 6, 7)
    """

    axes = 2
    mode = "replicate"


class ReplicationPad3d(_Pad):
    """A border that repeats the edge, around (N, C, D, H, W) or (C, D, H, W); see `functional.pad`.

    Args:
        padding: one width, or (left, right, top, bottom, front, back); negative ones cut off.

    >>> import pullback as pb
    >>> pb.nn.ReplicationPad3d(1)(pb.ones((1, 1, 3, 4, 5))).shape
    (1, 1, 5, 6, 7)
    """

    axes = 3
    mode = "replicate"


class CircularPad1d(_Pad):
    """A border from the other end, around (N, C, L) or (C, L); see `functional.pad`.

    Args:
        padding: one width, or (left, right); negative ones cut off.

    >>> import pullback as pb
    >>> pb.nn.CircularPad1d(1)(pb.ones((1, 1, 4))).shape
    (1, 1, 6)
    """

    axes = 1
    mode = "circular"


class CircularPad2d(_Pad):
    """A border from the other end, around (N, C, H, W) or (C, H, W); see `functional.pad`.

    Args:
        padding: one width, or (left, right, top, bottom); negative ones cut off.

    >>> import pullback as pb
    >>> pb.nn.CircularPad2d(1)(pb.ones((1, 1, 4, 5))).shape
    (1, 1, 6, 7)
    """

    axes = 2
    mode = "circular"


class CircularPad3d(_Pad):
    """A border from the other end, around (N, C, D, H, W) or (C, D, H, W); see `functional.pad`.

    Args:
        padding: one width, or (left, right, top, bottom, front, back); negative ones cut off.

    >>> import pullback as pb
    >>> pb.nn.CircularPad3d(1)(pb.ones((1, 1, 3, 4, 5))).shape
    (1, 1, 5, 6, 7)
    """

    axes = 3
    mode = "circular"
