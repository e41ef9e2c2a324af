# Made from the declarations by `python -m pullback.autograd.stubs`; do not edit.
from __future__ import annotations
from typing import Any
import numpy as np
from ....autograd import Tensor, asarray, clip, where
from ....autograd.extend import BLOCK, MIXER, given, op
from ..check import check_floating
from .classes import check_classes, check_scores, class_axis
from .reduction import check_reduction, check_same_shape, reduced, reduced_tensor, rows_batch, share
from ....autograd.ops.declared import declared
from ....autograd.tensor import Tensor
Array = np.ndarray[Any, Any]
@declared
def multiclass_hinge_loss(input: Any, target: Any, delta: float = 1.0, *, reduction: str = 'mean') -> Tensor: ...
@declared
def _multi_margin_op(input: Any, target: Any, weight: Any = None, *, p: int = 1, margin: float = 1.0, reduction: str = 'mean') -> Tensor: ...
def multi_margin_loss(input: Any, target: Any, p: int=1, margin: float=1.0, weight: Any=None, *, reduction: str='mean') -> Tensor: ...
@declared
def multilabel_margin_loss(input: Any, target: Any, *, reduction: str = 'mean') -> Tensor: ...
def margin_ranking_loss(input1: Any, input2: Any, target: Any, margin: float=0.0, *, reduction: str='mean') -> Tensor: ...
def hinge_embedding_loss(input: Any, target: Any, margin: float=1.0, *, reduction: str='mean') -> Tensor: ...
