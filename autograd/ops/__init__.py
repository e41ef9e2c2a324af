"""The operations of the engine, one declaration each, in rooms by kind.

A declaration (`op(...)`, see `op.py`) brings the function, its gradient rules, its gate and its samples;
nothing about an operation is written anywhere else. Layers and losses do not live here but in `nn`.
"""

from . import (
    angles,
    arithmetic,
    arrange,
    compare,
    complex,
    cumulative,
    elementwise,
    entropy,
    gamma,
    gather,
    index,
    join,
    linalg,
    missing,
    order,
    reduce,
    shape,
    signal,
    sort,
    special,
    turn,
)

__all__ = [
    "angles",
    "arithmetic",
    "arrange",
    "compare",
    "complex",
    "cumulative",
    "elementwise",
    "entropy",
    "gamma",
    "gather",
    "index",
    "join",
    "linalg",
    "missing",
    "order",
    "reduce",
    "shape",
    "signal",
    "sort",
    "special",
    "turn",
]
