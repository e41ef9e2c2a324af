"""Numbers in options and in states.

Those in a state PyTorch keeps in its default dtype, and so do we, to be equal to it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Tensor, get_default_dtype


def number(value: Any) -> Any:
    """A number as Python's, which takes the dtype of the arrays beside it; anything else as it is."""
    if isinstance(value, Tensor):
        return value.item() if value.size == 1 else value
    if isinstance(value, (np.generic, np.ndarray)) and value.size == 1:
        return value.item()
    return tuple(map(number, value)) if isinstance(value, (tuple, list)) else value


def used(option: Any) -> bool:
    """Whether an option that may be zero has an effect; a Tensor has, whose gradient at zero is not zero."""
    return isinstance(option, Tensor) or option != 0


def rounded(value: Any) -> Any:
    """A number as the default dtype has it; a Tensor, which is differentiated through, as it is."""
    return value if isinstance(value, Tensor) else float(get_default_dtype().type(value))


def times(first: Any, second: Any) -> Any:
    """The product of two numbers, computed in the default dtype."""
    if isinstance(first, Tensor) or isinstance(second, Tensor):
        return first * second
    kind = get_default_dtype().type
    return float(kind(first) * kind(second))
