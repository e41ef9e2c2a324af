# Made from the declarations by `python -m pullback.autograd.stubs`; do not edit.
from __future__ import annotations
import string
from collections.abc import Sequence
from typing import Any
import numpy as np
from ..convert import both
from ..gate import SWITCHER
from ..op import op
from ..samples import given
from ..tensor import Tensor
from .elementwise import multiply
from ...autograd.ops.declared import declared
from ...autograd.tensor import Tensor
LETTERS = string.ascii_letters
@declared
def product_sum(operands: Any, /, subscripts: str) -> Tensor: ...
def einsum(subscripts: str, /, *operands: Any) -> Tensor: ...
def tensordot(x1: Any, x2: Any, /, *, axes: int | tuple[Sequence[int], Sequence[int]]=2) -> Tensor: ...
def inner(x1: Any, x2: Any, /) -> Tensor: ...
def dot(x1: Any, x2: Any, /) -> Tensor: ...
