"""What a wrong result looks like: the likely mistake in words, and how to mend it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .cases import Case
from .exercise import Exercise

Array = np.ndarray[Any, Any]


def about_shape(got: Array, want: Array) -> str:
    """What to do about a gradient of another shape than its input's."""
    if got.shape == want.T.shape and got.ndim > 1:
        return "it is transposed: exchange the factors of the product, or transpose it"
    if got.size > want.size:
        return "sum over the axes along which the input was used again and again, such as the batch"
    if got.size == want.size:
        return "reshape it: a gradient has the shape of its input"
    return "it lacks elements: a gradient has one number for every element of its input"


def about_values(name: str, got: Array, want: Array, case: Case, exercise: Exercise) -> str:
    """What wrong values of a gradient look like, with what mends it; "" if like nothing that is known."""
    if not np.all(np.isfinite(got)):
        return "there are values that are not finite: look for a division by 0 or for exp of a large number"
    if not np.any(got):
        return "it is all zeros: it may never be added to, or be for another input"
    if alike(got, -want):
        return "it has the wrong sign"
    factor = _ratio(got, want)
    if factor is not None:
        return _about_factor(factor, case.sizes)
    if got.ndim > 1 and got.shape == got.T.shape and alike(got, want.T):
        return "it is transposed, which shapes do not show where sizes are equal"
    for other, values in case.gradients.items():
        if other != name and alike(got, values):
            return f"it is the gradient of {other}: return the gradients in the order of the inputs"
    _, plain = exercise.expected(case.arguments)
    if alike(got, plain[name]):
        return "the upstream gradient is not used: multiply the local gradient by it"
    if got.ndim and len(got) > 1 and alike(got[0], want[0]):
        return "it is right for the first index of the first axis, and wrong for others"
    return ""


def _ratio(got: Array, want: Array) -> float | None:
    """The one factor between two arrays, or None."""
    place = np.unravel_index(np.argmax(np.abs(want)), want.shape)
    if not want[place]:
        return None
    factor = float(got[place] / want[place])
    return factor if alike(got, factor * want) else None


def _about_factor(factor: float, sizes: Mapping[str, int]) -> str:
    for letter, size in sizes.items():
        if size > 1 and abs(factor * size - 1) < 1e-6:
            return f"it is the right one divided by {size}, which is {letter}: there is a mean too many"
        if size > 1 and abs(factor - size) < 1e-6:
            return (
                f"it is the right one times {size}, which is {letter}: is a division by {letter} forgotten?"
            )
    return f"it is the right one times {factor:.4g}: a factor is wrong"


def alike(a: Any, b: Any) -> bool:
    """Whether two arrays have one shape and the same values, but for rounding."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    if a.shape != b.shape:
        return False
    scale = float(np.max(np.abs(b), initial=0))
    return bool(np.all(np.abs(a - b) <= 1e-7 * scale + 1e-10))
