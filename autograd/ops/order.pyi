# Made from the declarations by `python -m pullback.autograd.stubs`; do not edit.
from __future__ import annotations
from typing import Any, NamedTuple
import numpy as np
from ..batched import all_values
from ..calling import respell
from ..convert import asarray
from ..family import Family
from ..gate import BLOCK
from ..methods import method
from ..op import op
from ..samples import given
from ..tensor import Tensor
from .elementwise import floor, isnan, maximum, minimum, where
from .gather import take_along_axis
from .reduce import Axis, reduced_axes
from .reduce import sum as total
from .shape import expand_dims, moveaxis, permute_dims, reshape
from .sort import sort
from ...autograd.ops.declared import declared
from ...autograd.tensor import Tensor
def quantile(x: Any, q: Any, axis: Axis=None, *, keepdims: bool=False, **spelling: Any) -> Tensor: ...
def nanquantile(x: Any, q: Any, axis: Axis=None, *, keepdims: bool=False, **spelling: Any) -> Tensor: ...
def percentile(x: Any, q: Any, axis: Axis=None, *, keepdims: bool=False) -> Tensor: ...
def nanpercentile(x: Any, q: Any, axis: Axis=None, *, keepdims: bool=False) -> Tensor: ...
def median(x: Any, axis: Axis=None, *, keepdims: bool=False, **spelling: Any) -> Tensor: ...
def nanmedian(x: Any, axis: Axis=None, *, keepdims: bool=False, **spelling: Any) -> Tensor: ...
class RunningExtreme(NamedTuple):
    """The extremes up to each place, and where they stand."""
    values: Tensor
    indices: Tensor
@declared
def running_extreme(x: Any, /, axis: int, *, largest: bool = True) -> Tensor: ...
def cummax(x: Any, /, axis: int | None=None, **spelling: Any) -> RunningExtreme: ...
def cummin(x: Any, /, axis: int | None=None, **spelling: Any) -> RunningExtreme: ...
