"""Numbers as a picture shows them, and the states in which a gradient can be."""

from __future__ import annotations

import math
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

SMALL = 6
"""Arrays of at most so many numbers are shown whole."""


class GradientState(Enum):
    """What is known of a gradient; the value says it in words."""

    NOT_COMPUTED = "no gradient known: backward has not run, did not come here, or was not recorded"
    NOT_REQUIRED = "no gradient required"
    ZERO = "gradient exactly zero"
    NUMBER = "gradient"
    NOT_FINITE = "gradient not finite"


def gradient_state(gradient: Array | None, requires_grad: bool) -> GradientState:
    """The state of a gradient: of its numbers where there are some, else why there are none."""
    if gradient is None:
        return GradientState.NOT_COMPUTED if requires_grad else GradientState.NOT_REQUIRED
    if gradient.size and gradient.dtype.kind == "f":  # without the arrays of the general way
        low, high = float(gradient.min()), float(gradient.max())
        if math.isfinite(low) and math.isfinite(high):
            return GradientState.NUMBER if low or high else GradientState.ZERO
    if not np.isfinite(gradient).all():
        return GradientState.NOT_FINITE
    return GradientState.NUMBER if np.any(gradient) else GradientState.ZERO


def number(x: Any) -> str:
    """One number in few characters, with a real minus sign.

    Two decimals where that is faithful (0.1 ≤ |x| < 1000), else three significant digits; zero is "0" and
    nothing else is, so that a tiny number never looks like one.

    >>> number(-2.0), number(0.39322), number(1.2e-5), number(0.0), number(float("nan"))
    ('−2.00', '0.39', '1.2e−5', '0', 'nan')
    """
    if isinstance(x, (bool, np.bool_)):
        return str(bool(x))
    if isinstance(x, (complex, np.complexfloating)):
        imaginary = number(x.imag)
        return number(x.real) + (imaginary if imaginary[0] == "−" else "+" + imaginary) + "i"
    if isinstance(x, (int, np.integer)):
        return (str(int(x)) if abs(int(x)) < 10**7 else _scientific(float(x))).replace("-", "−")
    x = float(x)
    size = abs(x)
    if x == 0:
        text = "0"
    elif not math.isfinite(x):
        text = str(x)
    elif 0.1 <= size < 1000:
        text = f"{x:.2f}"
    elif 1e-3 <= size < 0.1:
        text = f"{x:.3g}"
    elif 1000 <= size < 1e6:
        text = f"{x:.0f}"
    else:
        text = _scientific(x)
    return text.replace("-", "−")


def _scientific(x: float) -> str:
    mantissa, exponent = f"{x:.2e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def exact(x: Any) -> str:
    """One number with all the digits that tell it from its neighbours, without a needless ".0".

    >>> exact(-1.0), exact(0.5)
    ('−1', '0.5')
    """
    return str(x).removesuffix(".0").replace("-", "−")


def small(array: Array) -> bool:
    """Whether an array is shown whole."""
    return 0 < array.size <= SMALL


def numbers(array: Array) -> str:
    """A small array, nested in brackets as NumPy does, each number short."""
    if array.ndim == 0:
        return number(array[()])
    return "[" + ", ".join(numbers(part) for part in array) + "]"


def brief(array: Array) -> str:
    """A small array whole; of many numbers the first and the last, as of a value in the steps of a repetition."""
    if array.size <= SMALL:
        return numbers(array)
    return f"{number(array.flat[0])} … {number(array.flat[-1])}"


def norm(array: Array) -> float:
    """The Euclidean norm of all numbers; in float64, scaled so that it overflows only where it must."""
    magnitudes = np.abs(array).astype(np.float64)
    largest = float(magnitudes.max(initial=0.0))
    if largest == 0 or not math.isfinite(largest):
        return largest
    return largest * math.sqrt(float(np.square(magnitudes / largest).sum()))


def in_bytes(count: int) -> str:
    """A number of bytes.

    >>> in_bytes(512), in_bytes(1536), in_bytes(2_500_000)
    ('512 B', '1.5 kB', '2.5 MB')
    """
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 999.5 or unit == "GB":
            break
        size /= 1000
    return f"{count} B" if unit == "B" else f"{size:.1f} {unit}" if size < 99.95 else f"{size:.0f} {unit}"


def bad_numbers(array: Array) -> str:
    """What is not finite in an array: "nan", "inf" or "−inf" of one number, a count of many."""
    if array.size == 1:
        value = array.reshape(())[()]
        return number(value)
    nan = int(np.isnan(array).sum())
    infinite = int(np.isinf(array).sum())
    parts = [f"{count} {name}" for count, name in ((nan, "nan"), (infinite, "inf")) if count]
    return f"{', '.join(parts)} of {array.size}"
