# Made from the declarations by `python -m pullback.autograd.stubs`; do not edit.
from __future__ import annotations
import math
from collections.abc import Callable
from typing import Any
import numpy as np
from ...autograd import Tensor, asarray, mean, reshape, sqrt
from ...autograd.extend import MIXER, given, op
from .activated import Written, activated
from .batch_norm import batch_norm_by_and
from .channel_norm import Normalized, affine, check, move, normalize, pull
from .check import whole
from ...autograd.ops.declared import declared
from ...autograd.tensor import Tensor
Array = np.ndarray[Any, Any]
def group_norm(input: Any, num_groups: int, weight: Any=None, bias: Any=None, eps: float=1e-05, *, activation: str | None=None) -> Tensor: ...
@declared
def _group_norm_op(input: Any, weight: Any = None, bias: Any = None, *, groups: int, eps: float) -> Tensor: ...
def instance_norm(input: Any, running_mean: Tensor | None=None, running_var: Tensor | None=None, weight: Any=None, bias: Any=None, use_input_stats: bool=True, momentum: float=0.1, eps: float=1e-05, *, activation: str | None=None) -> Tensor: ...
@declared
def _instance_norm_op(input: Any, weight: Any = None, bias: Any = None, *, eps: float) -> Normalized: ...
