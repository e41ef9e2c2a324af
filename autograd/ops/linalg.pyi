# Made from the declarations by `python -m pullback.autograd.stubs`; do not edit.
from __future__ import annotations
import math
from typing import Any
import numpy as np
from ..gate import SWITCHER
from ..op import op
from ..samples import given
from ...autograd.ops.declared import declared
from ...autograd.tensor import Tensor
@declared
def matmul(x: Any, y: Any, /) -> Tensor: ...
