# Made from the declarations by `python -m pullback.autograd.stubs`; do not edit.
from __future__ import annotations
from typing import Any
import numpy as np
from ..gate import DISTRIBUTOR, RELAY, SCALER
from ..methods import method
from ..op import SingularPoint, op
from ..samples import elementwise
from ..tensor import Tensor
from ...autograd.ops.declared import declared
from ...autograd.tensor import Tensor
@declared
def real(x: Any, /) -> Tensor: ...
@declared
def imag(x: Any, /) -> Tensor: ...
@declared
def conj(x: Any, /) -> Tensor: ...
@declared
def angle(x: Any, /) -> Tensor: ...
@declared
def complex(x: Any, y: Any, /) -> Tensor: ...
