# Made from the declarations by `python -m pullback.autograd.stubs`; do not edit.
from __future__ import annotations
import math
from typing import Any
import numpy as np
from ....autograd import Tensor
from ....autograd.extend import BLOCK, SCALER, given, op
from ..check import check_floating, check_positive
from .reduction import check_reduction, pointwise, pointwise_batch, reduced, share, size_of
from ....autograd.ops.declared import declared
from ....autograd.tensor import Tensor
Array = np.ndarray[Any, Any]
@declared
def mse_loss(input: Any, target: Any, weight: Any = None, *, reduction: str = 'mean') -> Tensor: ...
@declared
def l1_loss(input: Any, target: Any, weight: Any = None, *, reduction: str = 'mean') -> Tensor: ...
@declared
def smooth_l1_loss(input: Any, target: Any, *, reduction: str = 'mean', beta: float = 1.0) -> Tensor: ...
@declared
def _huber_op(input: Any, target: Any, weight: Any = None, *, delta: float = 1.0, reduction: str = 'mean') -> Tensor: ...
def huber_loss(input: Any, target: Any, reduction: str='mean', delta: float=1.0, weight: Any=None) -> Tensor: ...
@declared
def poisson_nll_loss(input: Any, target: Any, log_input: bool = True, full: bool = False, *, eps: float = 1e-08, reduction: str = 'mean') -> Tensor: ...
@declared
def gaussian_nll_loss(input: Any, target: Any, var: Any, full: bool = False, eps: float = 1e-06, reduction: str = 'mean') -> Tensor: ...
