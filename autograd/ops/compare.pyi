# Made from the declarations by `python -m pullback.autograd.stubs`; do not edit.
from __future__ import annotations
from typing import Any
import numpy as np
from ..convert import asarray, to_array
from ..gate import BLOCK
from ..op import op
from ..samples import elementwise, given
from ..tensor import Tensor, wrap
from ..vectorise import shape_depends_on_values
from ...autograd.ops.declared import declared
from ...autograd.tensor import Tensor
@declared
def isclose(x: Any, y: Any, /, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Tensor: ...
@declared
def isin(x: Any, y: Any, /, *, invert: bool = False) -> Tensor: ...
def allclose(x: Any, y: Any, /, rtol: float=1e-05, atol: float=1e-08, equal_nan: bool=False) -> bool: ...
def array_equal(x: Any, y: Any, /, equal_nan: bool=False) -> bool: ...
def argwhere(x: Any, /) -> Tensor: ...
