# Made from the declarations by `python -m pullback.autograd.stubs`; do not edit.
from __future__ import annotations
import math
from typing import Any
import numpy as np
from ..gate import SCALER
from ..op import SingularPoint, op
from ..samples import elementwise
from ...autograd.ops.declared import declared
from ...autograd.tensor import Tensor
@declared
def xlogy(x: Any, y: Any, /) -> Tensor: ...
@declared
def xlog1py(x: Any, y: Any, /) -> Tensor: ...
@declared
def entr(x: Any, /) -> Tensor: ...
@declared
def logit(x: Any, /) -> Tensor: ...
@declared
def sinc(x: Any, /) -> Tensor: ...
