# Made from the declarations by `python -m pullback.autograd.stubs`; do not edit.
from __future__ import annotations
from typing import Any
import numpy as np
from ....autograd import Tensor, asarray, mean, sigmoid
from ....autograd.extend import BLOCK, SCALER, given, op
from ..activation import logsigmoid
from .reduction import REDUCTIONS, check_reduction, check_same_shape, pointwise, pointwise_batch, reduced, reduced_tensor, share, size_of
from ....autograd.ops.declared import declared
from ....autograd.tensor import Tensor
Array = np.ndarray[Any, Any]
@declared
def binary_cross_entropy(input: Any, target: Any, weight: Any = None, *, reduction: str = 'mean') -> Tensor: ...
@declared
def binary_cross_entropy_with_logits(input: Any, target: Any, weight: Any = None, pos_weight: Any = None, *, reduction: str = 'mean') -> Tensor: ...
@declared
def kl_div(input: Any, target: Any, *, reduction: str = 'mean', log_target: bool = False) -> Tensor: ...
@declared
def soft_margin_loss(input: Any, target: Any, *, reduction: str = 'mean') -> Tensor: ...
def multilabel_soft_margin_loss(input: Any, target: Any, weight: Any=None, *, reduction: str='mean') -> Tensor: ...
