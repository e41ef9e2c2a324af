"""Numbers in options and in states.

Those in a state PyTorch keeps in its default dtype, and so do we, to be equal to it.
"""

from __future__ import annotations

from typing import Any

from ..autograd import Tensor, get_default_dtype


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
