# Made from the declarations by `python -m pullback.autograd.stubs`; do not edit.
from __future__ import annotations
from collections.abc import Callable
from typing import Any, NamedTuple
import numpy as np
from ...autograd import Tensor, asarray, where
from ...autograd.extend import MIXER, each_example, given, op, scattered
from .check import check_one_dtype, check_shape
from .embedding import check_table, frequencies, in_range, row_number, shorten
from ...autograd.ops.declared import declared
from ...autograd.tensor import Tensor
Array = np.ndarray[Any, Any]
MODES = ('sum', 'mean', 'max')
class Bags(NamedTuple):
    """Which rows are read, and where each bag begins."""
    numbers: Array
    owners: Array
    starts: Array
def embedding_bag(input: Any, weight: Any, offsets: Any=None, max_norm: float | None=None, norm_type: float=2.0, scale_grad_by_freq: bool=False, mode: str='mean', sparse: bool=False, per_sample_weights: Any=None, include_last_offset: bool=False, padding_idx: int | None=None) -> Tensor: ...
@declared
def _bag_sums(weight: Any, factors: Any = None, *, bags: Bags, scale_grad_by_freq: bool) -> Tensor: ...
