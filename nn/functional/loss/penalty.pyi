# Made from the declarations by `python -m pullback.autograd.stubs`; do not edit.
from __future__ import annotations
from collections.abc import Iterable
from typing import Any
import numpy as np
from ....autograd import Tensor
from ....autograd.extend import MIXER, given, op
from ....autograd.ops.declared import declared
from ....autograd.tensor import Tensor
@declared
def l1_penalty(parameters: Any, strength: float = 1.0) -> Tensor: ...
@declared
def l2_penalty(parameters: Any, strength: float = 1.0) -> Tensor: ...
def elastic_net_penalty(parameters: Iterable[Any], l1: float=1.0, l2: float=1.0) -> Tensor: ...
