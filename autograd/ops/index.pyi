# Made from the declarations by `python -m pullback.autograd.stubs`; do not edit.
from __future__ import annotations
from typing import Any
import numpy as np
from ..batched import BatchedTensor
from ..family import PerExample, batch_size, padded
from ..gate import DISTRIBUTOR, ROUTER
from ..methods import method
from ..mode import current_mode
from ..op import Op, op
from ..samples import given
from ..sparse import Scattered, picks_each_once
from ..sparse import add_at as _add_at
from ..tensor import Tensor
from ...autograd.ops.declared import declared
from ...autograd.tensor import Tensor
Path = tuple[tuple[Op, tuple[Any, ...]], ...]
def freeze_index(index: Any) -> tuple[Any, ...]: ...
def axes_in_front(index: tuple[Any, ...]) -> int: ...
@declared
def getitem(x: Any, /, index: Any) -> Tensor: ...
@declared
def add_at(values: Any, /, index: Any, shape: tuple[int, ...]) -> Tensor: ...
def scattered(g: Any, index: tuple[Any, ...], shape: tuple[int, ...]) -> Any: ...
def follow(x: Any, path: Path) -> Any: ...
def write_into(memory: np.ndarray, value: Any, path: Path) -> None: ...
@declared
def assign(x: Any, value: Any, /, path: Path) -> Tensor: ...
