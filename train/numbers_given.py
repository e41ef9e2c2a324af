"""Numbers that are given as arguments: which of them count, NumPy's like Python's."""

from __future__ import annotations

import numbers
from typing import Any


def is_whole(value: Any, least: int) -> bool:
    """Whether it is a whole number from `least` on; a truth value is none."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool) and int(value) >= least


def is_positive(value: Any) -> bool:
    """Whether it is a real number above 0; a truth value is none."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and float(value) > 0
