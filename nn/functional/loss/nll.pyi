# Made from the declarations by `python -m pullback.autograd.stubs`; do not edit.
from __future__ import annotations
from typing import Any
import numpy as np
from ....autograd.extend import BLOCK, MIXER, given, op
from .classes import check_classes, check_scores, class_axis, class_batch, in_operations, per_sample, picked, target_count, target_weights
from .reduction import check_reduction, reduced
from ....autograd.ops.declared import declared
from ....autograd.tensor import Tensor
@declared
def nll_loss(input: Any, target: Any, weight: Any = None, *, ignore_index: int = -100, reduction: str = 'mean') -> Tensor: ...
