"""Operations that repeat, shift, border and cut out elements."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..family import Family, behind_batch, padded
from ..gate import ADDER, BLOCK, MIXER, RELAY, SCALER
from ..op import op
from ..samples import given
from .index import add_at, getitem


def _repeat_index(repeats: Any, axis: int | None, shape: tuple[int, ...]) -> tuple[Any, ...]:
    """Where each element of the result comes from, along the axis (or in the flat array)."""
    if axis is None:
        return (np.repeat(np.arange(int(np.prod(shape, dtype=int))), repeats),)
    at = axis % len(shape)
    return (*(slice(None),) * at, np.repeat(np.arange(shape[at]), repeats))


def _repeat_rule(g: Any, repeats: Any, axis: int | None, x_shape: tuple[int, ...]) -> Any:
    index = _repeat_index(repeats, axis, x_shape)
    if axis is None:
        return np.reshape(add_at.raw(g, index, (int(np.prod(x_shape, dtype=int)),)), x_shape)
    return add_at.raw(g, index, x_shape)


def _batch_repeat(call: Any, batched: tuple[bool, ...], x: Any, repeats: Any, *, axis: int | None) -> Any:
    if batched[1]:
        raise RuntimeError(
            "repeat gives shapes that depend on the values of its repetitions, and inside vmap all examples must have "
            "one shape; pass repetitions that are the same for all examples"
        )
    if axis is None:
        return call(x.reshape((x.shape[0], math.prod(x.shape[1:]))), repeats, axis=1)
    return call(x, repeats, axis=behind_batch(axis, x.ndim - 1))


@op(
    "x repeats",
    x=_repeat_rule,
    gate={"x": ADDER, "repeats": BLOCK},
    complex="written",
    numpy=(np.repeat,),
    batch=_batch_repeat,
    samples=given(
        (((2, 3), 2), {}),
        (((2, 3), 2), {"axis": -1}),
        (((3, 2), np.array([2, 0, 1])), {"axis": 0}),
        (((0, 2), 3), {"axis": 0}),
    ),
    reference=lambda x, repeats, axis=None: np.repeat(x, repeats, axis=axis),
)
def repeat(x: Any, repeats: Any, /, axis: int | None = None) -> Any:
    """Each element several times in a row; the gradients of the repetitions sum.

    Args:
        x: the array.
        repeats: how often, one number or one for each place along the axis.
        axis: along which; the flattened array if None.

    >>> import pullback as pb
    >>> pb.repeat(pb.tensor([1.0, 2.0]), 2)
    tensor([1., 1., 2., 2.], dtype=float32)
    """
    return np.repeat(x, repeats, axis=axis)


def _tile_rule(g: Any, repetitions: Any, x_shape: tuple[int, ...]) -> Any:
    repetitions = (repetitions,) if isinstance(repetitions, int) else tuple(repetitions)
    ndim = max(len(repetitions), len(x_shape))
    times = (1,) * (ndim - len(repetitions)) + repetitions
    lengths = (1,) * (ndim - len(x_shape)) + x_shape
    split = tuple(n for pair in zip(times, lengths, strict=True) for n in pair)
    return np.reshape(np.sum(np.reshape(g, split), axis=tuple(range(0, 2 * ndim, 2))), x_shape)


def _batch_tile(call: Any, batched: tuple[bool, ...], x: Any, *, repetitions: Any) -> Any:
    times = (repetitions,) if isinstance(repetitions, int) else tuple(repetitions)
    missing = x.ndim - 1 - len(times)
    return call(padded(x, len(times)), repetitions=(1, *(1,) * missing, *times))


@op(
    "x",
    x=_tile_rule,
    gate=ADDER,
    complex="written",
    numpy=(np.tile,),
    batch=_batch_tile,
    samples=given(
        (((3,),), {"repetitions": (2,)}),
        (((2, 3),), {"repetitions": (2, 1, 2)}),
        (((2, 3),), {"repetitions": (2,)}),
        (((),), {"repetitions": (2, 2)}),
        (((2,),), {"repetitions": (0,)}),
    ),
    reference=lambda x, repetitions: np.tile(x, repetitions),
)
def tile(x: Any, /, repetitions: int | tuple[int, ...]) -> Any:
    """The whole array several times along each axis; the gradients of the repetitions sum.

    >>> import pullback as pb
    >>> pb.tile(pb.tensor([1.0, 2.0]), (2,))
    tensor([1., 2., 1., 2.], dtype=float32)
    """
    return np.tile(x, repetitions)


@op(
    "x",
    x=lambda g, shift, axis: np.roll(
        g, tuple(-n for n in shift) if isinstance(shift, tuple) else -shift, axis
    ),
    gate=RELAY,
    complex="written",
    method=True,
    numpy=(np.roll,),
    samples=given(
        (((4,),), {"shift": 1}),
        (((2, 3),), {"shift": -4}),
        (((2, 3),), {"shift": 1, "axis": 1}),
        (((2, 3),), {"shift": (1, 2), "axis": (0, -1)}),
        (((0, 3),), {"shift": 2}),
        family=Family.ALONG,
    ),
    reference=np.roll,
)
def roll(x: Any, /, shift: int | tuple[int, ...], axis: int | tuple[int, ...] | None = None) -> Any:
    """The elements moved along axes, those that fall off coming in again at the other end.

    >>> import pullback as pb
    >>> pb.roll(pb.tensor([1.0, 2.0, 3.0]), 1)
    tensor([3., 1., 2.], dtype=float32)
    """
    return np.roll(x, shift, axis)


_MATRICES = given(
    (((3, 3),), {}),
    (((3, 4),), {"k": 1}),
    (((2, 4, 3),), {"k": -1}),
    (((0, 2),), {}),
    family=Family.LEADING,
)


@op(
    "x",
    x=lambda g, k: np.tril(g, k),
    gate=SCALER,
    complex="written",
    method=True,
    numpy=(np.tril,),
    samples=_MATRICES,
    reference=np.tril,
)
def tril(x: Any, /, k: int = 0) -> Any:
    """The matrices with zeros above the k-th diagonal. The gradient is kept where the elements are."""
    _check_matrices("tril", x)
    return np.tril(x, k)


@op(
    "x",
    x=lambda g, k: np.triu(g, k),
    gate=SCALER,
    complex="written",
    method=True,
    numpy=(np.triu,),
    samples=_MATRICES,
    reference=np.triu,
)
def triu(x: Any, /, k: int = 0) -> Any:
    """The matrices with zeros below the k-th diagonal. The gradient is kept where the elements are."""
    _check_matrices("triu", x)
    return np.triu(x, k)


def _check_matrices(name: str, x: Any) -> None:
    if np.ndim(x) < 2:
        raise ValueError(f"{name} needs at least two axes, and x has shape {np.shape(x)}")


PadWidth = int | tuple[int, int] | tuple[tuple[int, int], ...]


def _widths(pad_width: Any, ndim: int) -> tuple[tuple[int, int], ...]:
    return tuple((int(a), int(b)) for a, b in np.broadcast_to(pad_width, (ndim, 2)))


def _pad_rule(g: Any, x_shape: tuple[int, ...], pad_width: Any, mode: str) -> Any:
    widths = _widths(pad_width, len(x_shape))
    if mode == "constant":
        inner = tuple(slice(before, before + n) for (before, _), n in zip(widths, x_shape, strict=True))
        return getitem.raw(g, inner)
    for axis, (n, (before, after)) in enumerate(zip(x_shape, widths, strict=True)):
        if before or after:
            copied = np.pad(np.arange(n), (before, after), mode)  # type: ignore[call-overload]  # a plain str
            g = _without_border(g, axis, n, before, copied)
    return g


def _without_border(g: Any, axis: int, n: int, before: int, copied: np.ndarray) -> Any:
    """The gradient inside, and that of the border added to the elements that it was copied from."""
    front = (slice(None),) * axis
    total = getitem.raw(g, (*front, slice(before, before + n)))
    for start, stop in ((0, before), (before + n, len(copied))):
        if start < stop:
            part, at = getitem.raw(g, (*front, slice(start, stop))), copied[start:stop]
            if at.min() == at.max():
                part, at = np.sum(part, axis, keepdims=True), at[:1]
            total = total + add_at.raw(part, (*front, _evenly(at)), total.shape)
    return total


def _evenly(places: np.ndarray) -> slice | np.ndarray:
    """Neighbours in a row, in either direction, as a slice."""
    first, last = int(places[0]), int(places[-1])
    step = 1 if last >= first else -1
    if np.array_equal(places, np.arange(first, last + step, step)):
        stop = last + step
        return slice(first, None if stop < 0 else stop, step)
    return places


def _batch_pad(call: Any, batched: tuple[bool, ...], x: Any, *, pad_width: Any, **parameters: Any) -> Any:
    return call(x, pad_width=((0, 0), *_widths(pad_width, x.ndim - 1)), **parameters)


@op(
    "x",
    x=_pad_rule,
    gate=MIXER,
    complex="written",
    numpy=(np.pad,),
    batch=_batch_pad,
    samples=given(
        (((3,),), {"pad_width": 1}),
        (((2, 3),), {"pad_width": ((1, 0), (2, 1)), "constant_values": 2.5}),
        (((2, 3),), {"pad_width": ((1, 1), (2, 0)), "mode": "reflect"}),
        (((2, 3),), {"pad_width": (1, 2), "mode": "edge"}),
        (((4,),), {"pad_width": (2, 3), "mode": "wrap"}),
        (((4,),), {"pad_width": (2, 3), "mode": "symmetric"}),
        (((2, 2),), {"pad_width": ((0, 5), (3, 0)), "mode": "reflect"}),
    ),
    reference=lambda x, pad_width, mode="constant", constant_values=0.0: np.pad(
        x, pad_width, mode, **({"constant_values": constant_values} if mode == "constant" else {})
    ),
)
def pad(x: Any, /, pad_width: PadWidth, mode: str = "constant", *, constant_values: float = 0.0) -> Any:
    """x with a border; the gradient of an element is that of all its copies.

    Args:
        x: the array.
        pad_width: how many elements before and after: one number, a pair, or a pair for each axis.
        mode: "constant", or where the border's values come from: "edge", "reflect", "symmetric" or "wrap".
        constant_values: the border's value for "constant".

    >>> import pullback as pb
    >>> pb.pad(pb.tensor([1.0, 2.0]), (1, 2), "edge")
    tensor([1., 1., 2., 2., 2.], dtype=float32)
    """
    if mode == "constant":
        return np.pad(x, pad_width, "constant", constant_values=constant_values)
    if mode not in ("edge", "reflect", "symmetric", "wrap"):
        raise ValueError(f"pad: the modes are constant, edge, reflect, symmetric and wrap, not {mode!r}")
    return np.pad(x, pad_width, mode)  # type: ignore[call-overload]  # a plain str
