# Made from the declarations by `python -m pullback.autograd.stubs`; do not edit.
from __future__ import annotations
from typing import Any
import numpy as np
from ...autograd import Tensor, asarray, expand_dims, linalg
from ...autograd.extend import MIXER, Family, SingularPoint, given, op
from .check import check_dtypes
from ...autograd.ops.declared import declared
from ...autograd.tensor import Tensor
Array = np.ndarray[Any, Any]
@declared
def euclidean_distances(x1: Any, x2: Any, *, compute_mode: str = 'use_mm_for_euclid_dist_if_necessary') -> Tensor: ...
def cdist(x1: Any, x2: Any, p: float=2.0, compute_mode: str='use_mm_for_euclid_dist_if_necessary') -> Tensor: ...
