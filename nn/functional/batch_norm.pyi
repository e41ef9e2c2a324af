# Made from the declarations by `python -m pullback.autograd.stubs`; do not edit.
from __future__ import annotations
from collections.abc import Callable
from typing import Any
import numpy as np
from ...autograd import Tensor, asarray, mean, reshape, sqrt
from ...autograd.extend import MIXER, SCALER, given, op
from .activated import Written, activated
from .channel_norm import OVER_BATCH, Normalized, affine, centred_sums, channel_sums, check, move, normalize, pull, standardised
from ...autograd.ops.declared import declared
from ...autograd.tensor import Tensor
Array = np.ndarray[Any, Any]
def batch_norm(input: Any, running_mean: Tensor | None, running_var: Tensor | None, weight: Any=None, bias: Any=None, training: bool=False, momentum: float=0.1, eps: float=1e-05, *, activation: str | None=None) -> Tensor: ...
@declared
def _batch_norm_op(input: Any, weight: Any = None, bias: Any = None, *, eps: float) -> Normalized: ...
@declared
def batch_norm_by(input: Any, mean: Any, variance: Any, weight: Any = None, bias: Any = None, *, eps: float) -> Tensor: ...
batch_norm_by_and: Callable[[str | None], Any]
