# Made from the declarations by `python -m pullback.autograd.stubs`; do not edit.
from __future__ import annotations
import math
from collections.abc import Callable, Sequence
from typing import Any
import numpy as np
from ...autograd import Tensor, asarray, mean, sqrt
from ...autograd.extend import MIXER, given, kernel, op
from .activated import activated
from .blocks import blocks, row_sums
from .check import check_dtypes, check_positive, check_shape, whole
from ...autograd.ops.declared import declared
from ...autograd.tensor import Tensor
Array = np.ndarray[Any, Any]
def layer_norm(input: Any, normalized_shape: Any, weight: Any=None, bias: Any=None, eps: float=1e-05, *, activation: str | None=None) -> Tensor: ...
def rms_norm(input: Any, normalized_shape: Any, weight: Any=None, eps: float | None=None) -> Tensor: ...
def shape_of_rows(normalized_shape: Any) -> tuple[int, ...]: ...
@declared
def _layer_norm_op(input: Any, weight: Any = None, bias: Any = None, *, axes: int, eps: float) -> Tensor: ...
@declared
def _rms_norm_op(input: Any, weight: Any = None, *, axes: int, eps: float) -> Tensor: ...
