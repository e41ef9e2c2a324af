# Made from the declarations by `python -m pullback.autograd.stubs`; do not edit.
from __future__ import annotations
from typing import Any
import numpy as np
from ...autograd.extend import BLOCK, given, op
from ...autograd.ops.declared import declared
from ...autograd.tensor import Tensor
@declared
def one_hot(tensor: Any, num_classes: int = -1) -> Tensor: ...
