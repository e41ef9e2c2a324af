# Made from the declarations by `python -m pullback.autograd.stubs`; do not edit.

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from ..op import Operation

P = ParamSpec("P")
R = TypeVar("R")

def declared(function: Callable[P, R]) -> Operation[P, R]: ...
