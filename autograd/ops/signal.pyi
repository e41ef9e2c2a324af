# Made from the declarations by `python -m pullback.autograd.stubs`; do not edit.
from __future__ import annotations
from typing import Any
import numpy as np
from ..calling import respell
from ..convert import asarray
from ..gate import SWITCHER
from ..op import op
from ..samples import given
from ..tensor import Tensor
from .complex import conj
from .elementwise import clip, where
from .gather import searchsorted
from .index import add_at, getitem
from .reduce import sum as total
from ...autograd.ops.declared import declared
from ...autograd.tensor import Tensor
MODES = ('full', 'same', 'valid')
@declared
def convolve(x: Any, y: Any, /, mode: str = 'full') -> Tensor: ...
def correlate(x: Any, y: Any, /, mode: str='valid') -> Tensor: ...
def interp(x: Any, xp: Any, fp: Any, left: Any=None, right: Any=None) -> Tensor: ...
def trapezoid(y: Any, x: Any=None, dx: float=1.0, axis: int=-1, **spelling: Any) -> Tensor: ...
