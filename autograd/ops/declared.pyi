# Made from the declarations by `python -m pullback.autograd.stubs`; do not edit.

from collections.abc import Callable
from typing import ParamSpec

from ..op import Operation
from ..tensor import Tensor

P = ParamSpec("P")

def declared(function: Callable[P, Tensor]) -> Operation[P]: ...
