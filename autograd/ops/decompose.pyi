# Made from the declarations by `python -m pullback.autograd.stubs`; do not edit.
from __future__ import annotations
from typing import Any, Literal, NamedTuple
import numpy as np
from ..batched import all_values
from ..family import Family
from ..gate import MIXER
from ..op import op
from ..samples import matrices, of_family
from ..tensor import Tensor
from .inverse import solve
from .matrix import adjoint, check_square, diagonal_of, hermitian, lower_triangle, on_diagonal, transposed
from ...autograd.ops.declared import declared
from ...autograd.tensor import Tensor
class EighResult(NamedTuple):
    """What `eigh` gives."""
    eigenvalues: Tensor
    eigenvectors: Tensor
class QRResult(NamedTuple):
    """What `qr` gives."""
    Q: Tensor
    R: Tensor
class SVDResult(NamedTuple):
    """What `svd` gives."""
    U: Tensor
    S: Tensor
    Vh: Tensor
@declared
def cholesky(x: Any, /, *, upper: bool = False) -> Tensor: ...
@declared
def eigh(x: Any, /) -> EighResult: ...
@declared
def eigvalsh(x: Any, /) -> Tensor: ...
@declared
def svd(x: Any, /, *, full_matrices: bool = True) -> SVDResult: ...
@declared
def svdvals(x: Any, /) -> Tensor: ...
@declared
def qr(x: Any, /, *, mode: Literal['reduced', 'complete'] = 'reduced') -> QRResult: ...
