# Made from the declarations by `python -m pullback.autograd.stubs`; do not edit.
from __future__ import annotations
import math
from collections.abc import Callable
from typing import Any
import numpy as np
from ...autograd import Tensor, asarray, matmul, repeat, softmax, swapaxes, where
from ...autograd import all as every
from ...autograd.extend import BLOCK, MIXER, batch_size, generator_of, given, op, padded, spread
from .attention_tiles import attend, pull
from .check import check_one_dtype, check_probability
from ...autograd.ops.declared import declared
from ...autograd.tensor import Tensor
Array = np.ndarray[Any, Any]
def scaled_dot_product_attention(query: Any, key: Any, value: Any, attn_mask: Any=None, dropout_p: float=0.0, is_causal: bool=False, scale: float | None=None, enable_gqa: bool=False, *, rng: np.random.Generator | None=None) -> Tensor: ...
def attention_weights(query: Any, key: Any, attn_mask: Any, scale: float) -> Any: ...
@declared
def _attention_op(query: Any, key: Any, value: Any, attn_mask: Any = None, keep: Any = None, *, is_causal: bool, scale: float, dropout_p: float) -> Tensor: ...
