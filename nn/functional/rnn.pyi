# Made from the declarations by `python -m pullback.autograd.stubs`; do not edit.
from __future__ import annotations
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
import numpy as np
from ...autograd import Tensor, asarray, matmul, matrix_transpose, relu, tanh
from ...autograd.extend import MIXER, given, kernel, matrix_product, op
from .scan import check_layer, composed_scan, steps, sum_of, weight_gradients
from ...autograd.ops.declared import declared
from ...autograd.tensor import Tensor
Array = np.ndarray[Any, Any]
NONLINEARITIES = ('tanh', 'relu')
class Hidden(NamedTuple):
    """Results of a recurrent layer with one state."""
    output: Tensor
    hidden: Tensor
def rnn_layer(input: Any, h0: Any, weight_ih: Any, weight_hh: Any, bias_ih: Any=None, bias_hh: Any=None, *, batch_sizes: Sequence[int], reverse: bool=False, nonlinearity: str='tanh') -> Hidden: ...
def rnn_tanh_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any=None, b_hh: Any=None) -> Tensor: ...
def rnn_relu_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any=None, b_hh: Any=None) -> Tensor: ...
@declared
def _rnn_op(input: Any, h0: Any, weight_ih: Any, weight_hh: Any, bias_ih: Any = None, bias_hh: Any = None, *, batch_sizes: tuple[int, ...], reverse: bool, nonlinearity: str) -> Hidden: ...
