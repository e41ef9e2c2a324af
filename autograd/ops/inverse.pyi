# Made from the declarations by `python -m pullback.autograd.stubs`; do not edit.
from __future__ import annotations
from typing import Any, NamedTuple
import numpy as np
from ..family import Family, padded
from ..gate import BLOCK, MIXER
from ..op import op
from ..samples import given, matrices, of_family
from ..tensor import Tensor
from .matrix import adjoint, check_square, diagonal_of, on_diagonal, transposed
from ...autograd.ops.declared import declared
from ...autograd.tensor import Tensor
class SlogdetResult(NamedTuple):
    """What `slogdet` gives."""
    sign: Tensor
    logabsdet: Tensor
@declared
def inv(x: Any, /) -> Tensor: ...
@declared
def solve(x1: Any, x2: Any, /) -> Tensor: ...
@declared
def det(x: Any, /) -> Tensor: ...
@declared
def cofactor(x: Any, /) -> Tensor: ...
@declared
def cofactor_slope(h: Any, x: Any, /) -> Tensor: ...
@declared
def slogdet(x: Any, /) -> SlogdetResult: ...
@declared
def matrix_power(x: Any, /, n: int) -> Tensor: ...
@declared
def pinv(x: Any, /, *, rtol: Any = None) -> Tensor: ...
@declared
def matrix_rank(x: Any, /, *, rtol: Any = None) -> Tensor: ...
