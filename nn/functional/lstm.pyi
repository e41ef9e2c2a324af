# Made from the declarations by `python -m pullback.autograd.stubs`; do not edit.
from __future__ import annotations
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
import numpy as np
from ...autograd import Tensor, asarray, matmul, matrix_transpose, sigmoid, tanh
from ...autograd.extend import MIXER, given, kernel, matrix_product, op
from .scan import before, check_layer, composed_scan, steps, sum_of, weight_gradients
from ...autograd.ops.declared import declared
from ...autograd.tensor import Tensor
Array = np.ndarray[Any, Any]
class HiddenAndCell(NamedTuple):
    """Results of an LSTM layer."""
    output: Tensor
    hidden: Tensor
    cell: Tensor
def lstm_layer(input: Any, h0: Any, c0: Any, weight_ih: Any, weight_hh: Any, bias_ih: Any=None, bias_hh: Any=None, weight_hr: Any=None, *, batch_sizes: Sequence[int], reverse: bool=False) -> HiddenAndCell: ...
def lstm_cell(input: Any, hx: tuple[Any, Any], w_ih: Any, w_hh: Any, b_ih: Any=None, b_hh: Any=None) -> tuple[Tensor, Tensor]: ...
@declared
def _lstm_op(input: Any, h0: Any, c0: Any, weight_ih: Any, weight_hh: Any, bias_ih: Any = None, bias_hh: Any = None, weight_hr: Any = None, *, batch_sizes: tuple[int, ...], reverse: bool) -> HiddenAndCell: ...
