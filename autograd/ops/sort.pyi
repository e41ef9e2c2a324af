# Made from the declarations by `python -m pullback.autograd.stubs`; do not edit.
from __future__ import annotations
from typing import Any, NamedTuple
import numpy as np
from ..calling import respell
from ..convert import asarray
from ..family import Family
from ..gate import BLOCK, RELAY
from ..op import op
from ..samples import given
from ..tensor import Tensor, wrap
from ..vectorise import refused_batch, shape_depends_on_values
from .gather import take, take_along_axis
from ...autograd.ops.declared import declared
from ...autograd.tensor import Tensor
@declared
def argsort(x: Any, /, axis: int = -1, *, descending: bool = False, stable: bool = True) -> Tensor: ...
@declared
def sort(x: Any, /, axis: int = -1, *, descending: bool = False, stable: bool = True) -> Tensor: ...
class TopK(NamedTuple):
    """The largest or smallest elements, and where they were."""
    values: Tensor
    indices: Tensor
def topk(x: Any, k: int, axis: int=-1, *, largest: bool=True, **spelling: Any) -> TopK: ...
class UniqueAll(NamedTuple):
    """The distinct values, where each first occurs, where each element went, and how often each occurs."""
    values: Tensor
    indices: Tensor
    inverse_indices: Tensor
    counts: Tensor
class UniqueCounts(NamedTuple):
    """The distinct values and how often each occurs."""
    values: Tensor
    counts: Tensor
class UniqueInverse(NamedTuple):
    """The distinct values, and for each element of x which of them it is."""
    values: Tensor
    inverse_indices: Tensor
@declared
def unique_values(x: Any, /) -> Tensor: ...
def unique_all(x: Any, /) -> UniqueAll: ...
def unique_counts(x: Any, /) -> UniqueCounts: ...
def unique_inverse(x: Any, /) -> UniqueInverse: ...
def nonzero(x: Any, /) -> tuple[Tensor, ...]: ...
