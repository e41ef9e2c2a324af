# Made from the declarations by `python -m pullback.autograd.stubs`; do not edit.
from __future__ import annotations
from typing import Any, NamedTuple
import numpy as np
from ....autograd import Tensor, asarray, expand_dims, logsumexp, mean, stack, sum, take_along_axis, where
from ....autograd.extend import BLOCK, MIXER, batch_size, each_example, given, is_batched, op, spread
from ..check import check_floating
from .reduction import check_reduction
from ....autograd.ops.declared import declared
from ....autograd.tensor import Tensor
Array = np.ndarray[Any, Any]
@declared
def _ctc_op(log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any, *, blank: int = 0, reduction: str = 'mean', zero_infinity: bool = False) -> Tensor: ...
def ctc_loss(log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any, blank: int=0, reduction: str='mean', zero_infinity: bool=False) -> Tensor: ...
