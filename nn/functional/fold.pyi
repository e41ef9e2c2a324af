# Made from the declarations by `python -m pullback.autograd.stubs`; do not edit.
from __future__ import annotations
import math
from collections.abc import Callable
from typing import Any
import numpy as np
from ...autograd import Tensor, asarray
from ...autograd.extend import DISTRIBUTOR, Family, given, op
from . import windows as kernels
from .check import check_axes, check_floating, whole_per_axis
from .windows import Windows
from ...autograd.ops.declared import declared
from ...autograd.tensor import Tensor
Array = np.ndarray[Any, Any]
Sizes = tuple[int, ...]
PerAxis = int | tuple[int, ...]
@declared
def windows_to_columns(input: Any, *, kernel_size: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes) -> Tensor: ...
@declared
def columns_to_windows(input: Any, *, output_size: Sizes, kernel_size: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes) -> Tensor: ...
def unfold(input: Any, kernel_size: PerAxis, dilation: PerAxis=1, padding: PerAxis=0, stride: PerAxis=1) -> Tensor: ...
def fold(input: Any, output_size: PerAxis, kernel_size: PerAxis, dilation: PerAxis=1, padding: PerAxis=0, stride: PerAxis=1) -> Tensor: ...
