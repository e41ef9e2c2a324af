# Made from the declarations by `python -m pullback.autograd.stubs`; do not edit.
from __future__ import annotations
import math
from typing import Any
import numpy as np
from ..convert import asarray, both
from ..family import Family, padded
from ..gate import ROUTER, SWITCHER
from ..kernels import kernel
from ..op import op
from ..product import matrix_product
from ..samples import given
from ..tensor import Tensor
from .elementwise import multiply
from .index import add_at
from .reduce import sum
from .shape import reshape, swapaxes
from ...autograd.ops.declared import declared
from ...autograd.tensor import Tensor
@declared
def matmul(x: Any, y: Any, /) -> Tensor: ...
@declared
def vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Tensor: ...
@declared
def cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Tensor: ...
def outer(x1: Any, x2: Any, /) -> Tensor: ...
def kron(x1: Any, x2: Any, /) -> Tensor: ...
def matrix_transpose(x: Any, /) -> Tensor: ...
@declared
def diagonal(x: Any, /, *, offset: int = 0) -> Tensor: ...
def trace(x: Any, /, *, offset: int=0, dtype: Any=None) -> Tensor: ...
