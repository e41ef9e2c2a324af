# Made from the declarations by `python -m pullback.autograd.stubs`; do not edit.
from __future__ import annotations
from collections.abc import Callable
from typing import Any
import numpy as np
from ...autograd import Tensor
from ...autograd.extend import DISTRIBUTOR, SWITCHER, batch_size, given, op, spread
from . import windows as kernels
from .windows import Windows
from ...autograd.ops.declared import declared
from ...autograd.tensor import Tensor
Array = np.ndarray[Any, Any]
Sizes = tuple[int, ...]
Pairs = tuple[tuple[int, int], ...]
@declared
def convolution(input: Any, weight: Any, bias: Any = None, *, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int) -> Tensor: ...
@declared
def convolution_transpose(input: Any, weight: Any, bias: Any = None, *, size: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int) -> Tensor: ...
@declared
def convolution_weight(input: Any, gradient: Any, *, kernel_size: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int) -> Tensor: ...
