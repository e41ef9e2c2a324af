# Made from the declarations by `python -m pullback.autograd.stubs`; do not edit.
from __future__ import annotations
from typing import Any
import numpy as np
from ..calling import respell
from ..convert import asarray
from ..family import Family
from ..gate import DISTRIBUTOR, MIXER
from ..methods import method
from ..op import SingularPoint, op
from ..samples import given, of_family, reduction
from ..tensor import Tensor
from .reduce import Axis, reduced_axes
from ...autograd.ops.declared import declared
from ...autograd.tensor import Tensor
@declared
def cumulative_sum(x: Any, /, axis: int | None = None, *, dtype: Any = None, include_initial: bool = False) -> Tensor: ...
@declared
def cumulative_prod(x: Any, /, axis: int | None = None, *, dtype: Any = None, include_initial: bool = False) -> Tensor: ...
@declared
def prod(x: Any, /, axis: Axis = None, *, dtype: Any = None, keepdims: bool = False) -> Tensor: ...
@declared
def logcumsumexp(x: Any, /, axis: int | None = None) -> Tensor: ...
def cumsum(x: Any, /, axis: int | None=None, *, dtype: Any=None, **spelling: Any) -> Tensor: ...
def cumprod(x: Any, /, axis: int | None=None, *, dtype: Any=None, **spelling: Any) -> Tensor: ...
