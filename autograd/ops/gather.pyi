# Made from the declarations by `python -m pullback.autograd.stubs`; do not edit.
from __future__ import annotations
from typing import Any
import numpy as np
from ..batched import all_values
from ..calling import respell
from ..convert import PYTHON_SCALARS, asarray
from ..family import PerExample, batch_size, behind_batch, spread
from ..gate import BLOCK, ROUTER
from ..methods import method
from ..op import Sample, op
from ..samples import given
from ..tensor import Tensor
from ..vectorise import batch_rule
from .index import add_at, assign, getitem, scattered
from ...autograd.ops.declared import declared
from ...autograd.tensor import Tensor
@declared
def take(x: Any, indices: Any, /, *, axis: int | None = None) -> Tensor: ...
@declared
def take_along_axis(x: Any, indices: Any, /, *, axis: int = -1) -> Tensor: ...
def gather(x: Any, axis: int | None=None, index: Any=None, **spelling: Any) -> Tensor: ...
def scatter(x: Any, axis: int | None=None, index: Any=None, src: Any=0, **spelling: Any) -> Tensor: ...
def scatter_add(x: Any, axis: int | None=None, index: Any=None, src: Any=0, **spelling: Any) -> Tensor: ...
@declared
def searchsorted(x1: Any, x2: Any, /, sorter: Any = None, *, side: str = 'left') -> Tensor: ...
