# Made from the declarations by `python -m pullback.autograd.stubs`; do not edit.
from __future__ import annotations
from typing import Any
import numpy as np
from ..gate import MIXER, ROUTER, SCALER
from ..kernels import kernel
from ..op import SingularPoint, op
from ..samples import along, elementwise, reduction
from ..select import select
from .reduce import Axis
from ...autograd.ops.declared import declared
from ...autograd.tensor import Tensor
@declared
def sigmoid(x: Any, /) -> Tensor: ...
@declared
def relu(x: Any, /) -> Tensor: ...
@declared
def logsumexp(x: Any, /, axis: Axis = None, *, keepdims: bool = False) -> Tensor: ...
@declared
def softmax(x: Any, /, axis: int | tuple[int, ...] = -1) -> Tensor: ...
@declared
def log_softmax(x: Any, /, axis: int | tuple[int, ...] = -1) -> Tensor: ...
