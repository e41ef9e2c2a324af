# Made from the declarations by `python -m pullback.autograd.stubs`; do not edit.
from __future__ import annotations
import math
from collections.abc import Callable
from typing import Any
import numpy as np
from ...autograd import Tensor, asarray, log_softmax
from ...autograd.extend import BLOCK, MIXER, batch_size, given, op, spread
from ...autograd.ops.declared import declared
from ...autograd.tensor import Tensor
Array = np.ndarray[Any, Any]
REDUCTIONS = ('mean', 'sum', 'none')
def check_options(reduction: str, label_smoothing: float) -> None: ...
@declared
def cross_entropy(input: Any, target: Any, weight: Any = None, *, ignore_index: int = -100, reduction: str = 'mean', label_smoothing: float = 0.0) -> Tensor: ...
