# Made from the declarations by `python -m pullback.autograd.stubs`; do not edit.
from __future__ import annotations
from typing import Any, Literal
import numpy as np
from ..calling import respell
from ..convert import asarray
from ..family import Family
from ..gate import MIXER
from ..op import Sample, SingularPoint, op
from ..samples import of_family, reduction
from ..tensor import Tensor
from .decompose import svdvals
from .elementwise import abs
from .reduce import Axis, max, min, reduced_axes, sum
from .shape import expand_dims, moveaxis
from ...autograd.ops.declared import declared
from ...autograd.tensor import Tensor
MatrixOrder = float | Literal['fro', 'nuc']
@declared
def vector_norm(x: Any, /, *, axis: Axis = None, keepdims: bool = False, ord: float = 2) -> Tensor: ...
def matrix_norm(x: Any, /, *, keepdims: bool=False, ord: MatrixOrder | None='fro') -> Tensor: ...
def norm(x: Any, /, ord: MatrixOrder | None=None, axis: Axis=None, keepdims: bool=False, **spelling: Any) -> Tensor: ...
