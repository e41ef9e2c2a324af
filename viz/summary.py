"""What large arrays have in common: range, mean, norm, and how their numbers are spread."""

from __future__ import annotations

import math
import weakref
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .numbers import Array, bad_numbers, exact, norm, number, small

_CHUNK = 1 << 18  # numbers looked at in one go, so that they stay in the cache
_SAMPLE = 4096  # numbers of each array of which a histogram is drawn
_KEPT = 10_000  # the summary of an array of more numbers is kept as long as the array


class Summary(NamedTuple):
    """Of the finite numbers of one or several arrays, if they have any: their range, mean and norm."""

    size: int
    nan: int
    infinite: int
    low: float
    high: float
    mean: float
    norm: float
    sample: Array

    @property
    def finite(self) -> int:
        """How many numbers are finite."""
        return self.size - self.nan - self.infinite


def summary(arrays: Sequence[Array]) -> Summary:
    """The summary of all numbers of these real arrays."""
    parts = [_summary_of(array) for array in arrays]
    if len(parts) == 1:
        return parts[0]
    finite = sum(part.finite for part in parts)
    filled = [part for part in parts if part.finite]
    return Summary(
        sum(part.size for part in parts),
        sum(part.nan for part in parts),
        sum(part.infinite for part in parts),
        min((part.low for part in filled), default=math.nan),
        max((part.high for part in filled), default=math.nan),
        math.fsum(part.mean * (part.finite / finite) for part in filled) if finite else math.nan,
        math.hypot(*(part.norm for part in parts)),
        np.concatenate([part.sample for part in parts]) if parts else np.zeros(0),
    )


_known: dict[int, tuple[weakref.ref[Array], Summary]] = {}


def _summary_of(array: Array) -> Summary:
    if array.size <= _KEPT:
        return _computed(array)
    key = id(array)
    known = _known.get(key)
    if known is not None and known[0]() is array:
        return known[1]
    found = _computed(array)
    _known[key] = weakref.ref(array, lambda _: _known.pop(key, None)), found
    return found


def _computed(array: Array) -> Summary:
    flat = array.reshape(-1)
    if flat.dtype.kind == "b":
        flat = flat.astype(np.uint8)
    nan = infinite = 0
    finite = flat
    if flat.size and flat.dtype.kind == "f" and not math.isfinite(float(flat.min()) - float(flat.max())):
        nan, infinite = int(np.isnan(flat).sum()), int(np.isinf(flat).sum())
        finite = flat[np.isfinite(flat)]
    if not finite.size:
        return Summary(flat.size, nan, infinite, math.nan, math.nan, math.nan, 0.0, np.zeros(0))
    low, high = finite.min().item(), finite.max().item()
    largest = float(max(abs(low), abs(high)))
    total = squares = 0.0
    for start in range(0, finite.size, _CHUNK) if largest else ():
        chunk = finite[start : start + _CHUNK].astype(np.float64) / largest
        total += float(chunk.sum())
        squares += float(np.dot(chunk, chunk))
    step = -(-finite.size // _SAMPLE)
    sample = finite[::step].astype(np.float64)
    return Summary(
        flat.size, nan, infinite, low, high, largest * (total / finite.size), largest * math.sqrt(squares), sample
    )  # fmt: skip


def norm_of(arrays: Sequence[Array]) -> float:
    """The Euclidean norm of all numbers together."""
    if all(array.dtype.kind in "biuf" for array in arrays):
        known = summary(arrays)
        if known.finite == known.size:
            return known.norm
    return math.hypot(*(norm(array) for array in arrays))


def bad_in(arrays: Sequence[Array]) -> str:
    """What is not finite: "nan", "inf" or "−inf" of one number, a count of many."""
    if len(arrays) == 1:
        return bad_numbers(arrays[0])
    nan, infinite = (sum(int(test(array).sum()) for array in arrays) for test in (np.isnan, np.isinf))
    parts = [f"{count} {name}" for count, name in ((nan, "nan"), (infinite, "inf")) if count]
    return f"{', '.join(parts)} of {sum(array.size for array in arrays)}"


def spread(known: Summary) -> str:
    """The least and the greatest of many numbers, and their mean.

    >>> spread(summary([np.arange(8.0)]))
    '0 … 7.00, mean 3.50'
    """
    if not known.finite:
        return ""
    if known.low == known.high:
        return f"all {number(known.low)}" if known.finite == known.size else number(known.low)
    return f"{number(known.low)} … {number(known.high)}, mean {number(known.mean)}"


def histogram(known: Summary, bins: int) -> tuple[float, ...]:
    """How the numbers are spread from the least to the greatest, the fullest bin being 1; of many, a sample."""
    width = known.high / 2 - known.low / 2
    if not known.finite or not width > 0 or not math.isfinite(1 / width):
        return ()
    places = ((known.sample / 2 - known.low / 2) / width * bins).astype(np.int64)
    counts = np.bincount(np.clip(places, 0, bins - 1), minlength=bins)
    return tuple(float(count) for count in counts / counts.max())


def described(arrays: Sequence[Array]) -> str:
    """Arrays for a tooltip: one that is small whole and exact, else the range of all, mean and norm."""
    if not any(array.size for array in arrays):
        return "empty"
    if len(arrays) == 1 and small(arrays[0]):
        return _exact_numbers(arrays[0])
    if any(array.dtype.kind not in "iuf" for array in arrays):
        return f"{sum(array.size for array in arrays)} numbers"
    known = summary(arrays)
    parts = [f"{bad_in(arrays)} not finite"] if known.finite < known.size else []
    if known.finite:
        low, high = (_exact_float(x, arrays[0].dtype) for x in (known.low, known.high))
        parts += [f"from {low} to {high}", f"mean {number(known.mean)}", f"norm {number(known.norm)}"]
    return ", ".join(parts)


def _exact_float(x: float, dtype: np.dtype[Any]) -> str:
    return exact(dtype.type(x))


def _exact_numbers(array: Array) -> str:
    if array.ndim == 0:
        return exact(array[()])
    return "[" + ", ".join(_exact_numbers(part) for part in array) + "]"
