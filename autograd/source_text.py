"""Pieces of source text, and what decides between them: shared by the files that make it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .op import Op

INDENT = "    "


def asks_for_size(op: Op) -> bool:
    """Whether the call path itself looks if the array is large enough for the forward's compiled twin."""
    is_ufunc = isinstance(op.forward, np.ufunc)
    return op.fast_forward is not None and not op.variadic and (len(op.inputs) == 1 or is_ufunc)


def has_twin(op: Op, rule: Callable[..., Any]) -> bool:
    """The same for a rule, whose gradient is one array."""
    return hasattr(rule, "kernel") and op.joint is None and not op.variadic and not op.outputs


def meets_complex(op: Op) -> str:
    """The condition that an input is complex."""
    if op.variadic:
        return f"any(map(is_complex, {op.inputs[0]}_data))"
    return " or ".join(
        f"({name}_data.dtype.kind == 'c' if {name}_data.__class__ is ndarray else is_complex({name}_data))"
        for name in op.inputs
    )


def parameters_text(op: Op) -> str:
    """The tuple of the parameters."""
    return tuple_text(op.parameters)


def tuple_text(names: Iterable[str]) -> str:
    """A tuple of expressions."""
    names = list(names)
    return "(" + ", ".join(names) + ("," if len(names) == 1 else "") + ")"


def function_text(name: str, signature: str, body: list[str]) -> str:
    """A function of these lines."""
    return f"def {name}({signature}):\n{INDENT}" + f"\n{INDENT}".join(body)
