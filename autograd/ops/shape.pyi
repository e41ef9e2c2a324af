# Made from the declarations by `python -m pullback.autograd.stubs`; do not edit.
from __future__ import annotations
import math
from collections.abc import Sequence
from typing import Any
import numpy as np
from ..config import check_device
from ..convert import numeric
from ..family import batch_size, behind_batch, padded, spread
from ..gate import ADDER, RELAY
from ..methods import method
from ..op import op
from ..samples import elementwise, given
from ..tensor import Tensor
from ...autograd.ops.declared import declared
from ...autograd.tensor import Tensor
@declared
def reshape(x: Any, /, shape: int | tuple[int, ...], *, copy: bool | None = None) -> Tensor: ...
@declared
def permute_dims(x: Any, /, axes: tuple[int, ...] | None = None) -> Tensor: ...
@declared
def swapaxes(x: Any, /, axis1: int, axis2: int) -> Tensor: ...
@declared
def expand_dims(x: Any, /, axis: int | tuple[int, ...] = 0) -> Tensor: ...
@declared
def squeeze(x: Any, /, axis: int | tuple[int, ...] | None = None) -> Tensor: ...
@declared
def broadcast_to(x: Any, /, shape: tuple[int, ...]) -> Tensor: ...
@declared
def flip(x: Any, /, axis: int | tuple[int, ...] | None = None) -> Tensor: ...
@declared
def concat(arrays: Any, /, axis: int | None = 0) -> Tensor: ...
@declared
def stack(arrays: Any, /, axis: int = 0) -> Tensor: ...
@declared
def moveaxis(x: Any, /, source: int | tuple[int, ...], destination: int | tuple[int, ...]) -> Tensor: ...
@declared
def astype(x: Any, /, dtype: Any, *, copy: bool = True, device: Any = None) -> Tensor: ...
@declared
def copy(x: Any, /) -> Tensor: ...
