# Made from the declarations by `python -m pullback.autograd.stubs`; do not edit.
from __future__ import annotations
import math
from collections.abc import Callable
from typing import Any
import numpy as np
from ...autograd import Tensor
from ...autograd.extend import DISTRIBUTOR, SWITCHER, given, matrix_product, op, padded
from .activated import Written, activated
from .check import check_dtypes
from ...autograd.ops.declared import declared
from ...autograd.tensor import Tensor
Array = np.ndarray[Any, Any]
def linear(input: Any, weight: Any, bias: Any=None, *, activation: str | None=None) -> Tensor: ...
@declared
def _linear_op(input: Any, weight: Any, bias: Any = None) -> Tensor: ...
