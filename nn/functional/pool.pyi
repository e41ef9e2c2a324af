# Made from the declarations by `python -m pullback.autograd.stubs`; do not edit.
from __future__ import annotations
import math
from collections.abc import Callable, Iterator
from typing import Any
import numpy as np
from ...autograd import Tensor, reshape, take_along_axis
from ...autograd.extend import BLOCK, DISTRIBUTOR, ROUTER, Family, Sample, of_family, op
from .axis_map import AxisMap, average_map, in_order, region_map, region_maximum_map, scattered, window_map, winners
from ...autograd.ops.declared import declared
from ...autograd.tensor import Tensor
Array = np.ndarray[Any, Any]
Maps = tuple[AxisMap, ...]
Samples = Callable[[np.random.Generator], Iterator[Sample]]
def linear_along_axes(name: str, symbol: str, samples: Samples, doc: str) -> Callable[..., Tensor]: ...
def map_samples(*cases: tuple[tuple[int, ...], Maps]) -> Samples: ...
@declared
def max_pool(input: Any, *, maps: Maps) -> Tensor: ...
@declared
def max_pool_indices(input: Any, *, maps: Maps) -> Tensor: ...
@declared
def avg_pool(input: Any, *, maps: Maps, transposed: bool = False) -> Tensor: ...
