"""The methods and operators that the declared operations give to Tensor.

The class is empty here; `op.py` attaches to it. `methods.pyi` beside this file lists them for type
checkers and editors, and is generated from the declarations by `python -m pullback.autograd.stubs`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


class OperationMethods:
    """What Tensor inherits from the declared operations."""

    __slots__ = ()


def method(name: str, *, as_property: bool = False) -> Callable[[F], F]:
    """Give Tensor a method that is spelled otherwise than the operation's function."""

    def attach(function: F) -> F:
        function.__name__ = name
        setattr(OperationMethods, name, property(function) if as_property else function)
        return function

    return attach
