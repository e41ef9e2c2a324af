# Made from the declarations by `python -m pullback.autograd.stubs`; do not edit.
from __future__ import annotations
import math
from typing import Any
import numpy as np
from ..family import Family, behind_batch, padded
from ..gate import ADDER, BLOCK, MIXER, RELAY, SCALER
from ..op import op
from ..samples import given
from .index import add_at, getitem
from ...autograd.ops.declared import declared
from ...autograd.tensor import Tensor
@declared
def repeat(x: Any, repeats: Any, /, axis: int | None = None) -> Tensor: ...
@declared
def tile(x: Any, /, repetitions: int | tuple[int, ...]) -> Tensor: ...
@declared
def roll(x: Any, /, shift: int | tuple[int, ...], axis: int | tuple[int, ...] | None = None) -> Tensor: ...
@declared
def tril(x: Any, /, k: int = 0) -> Tensor: ...
@declared
def triu(x: Any, /, k: int = 0) -> Tensor: ...
PadWidth = int | tuple[int, int] | tuple[tuple[int, int], ...]
@declared
def pad(x: Any, /, pad_width: PadWidth, mode: str = 'constant', *, constant_values: float = 0.0) -> Tensor: ...
