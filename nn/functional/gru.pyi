# Made from the declarations by `python -m pullback.autograd.stubs`; do not edit.
from __future__ import annotations
from collections.abc import Callable, Sequence
from typing import Any
import numpy as np
from ...autograd import Tensor, asarray, matmul, matrix_transpose, sigmoid, tanh
from ...autograd.extend import MIXER, given, kernel, matrix_product, op
from .rnn import Hidden
from .scan import before, check_layer, composed_scan, steps
from ...autograd.ops.declared import declared
from ...autograd.tensor import Tensor
Array = np.ndarray[Any, Any]
def gru_layer(input: Any, h0: Any, weight_ih: Any, weight_hh: Any, bias_ih: Any=None, bias_hh: Any=None, *, batch_sizes: Sequence[int], reverse: bool=False) -> Hidden: ...
def gru_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any=None, b_hh: Any=None) -> Tensor: ...
@declared
def _gru_op(input: Any, h0: Any, weight_ih: Any, weight_hh: Any, bias_ih: Any = None, bias_hh: Any = None, *, batch_sizes: tuple[int, ...], reverse: bool) -> Hidden: ...
