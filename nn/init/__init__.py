"""Initialisers: fill a tensor in place before training, and return it.

Fans are counted for weights of shape (out, in, *kernel): fan_in = in·kernel elements, fan_out = out·kernel
elements. Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks",
AISTATS 2010 (Xavier); He et al., "Delving deep into rectifiers", ICCV 2015 (Kaiming).

Only what fills one tensor lives here; which layer starts from what is said in the layer.
"""

from .fill import (
    calculate_gain,
    constant_,
    kaiming_normal_,
    kaiming_uniform_,
    normal_,
    ones_,
    trunc_normal_,
    uniform_,
    xavier_normal_,
    xavier_uniform_,
    zeros_,
)
from .structure import dirac_, eye_, orthogonal_, sparse_

__all__ = [
    "calculate_gain",
    "constant_",
    "dirac_",
    "eye_",
    "kaiming_normal_",
    "kaiming_uniform_",
    "normal_",
    "ones_",
    "orthogonal_",
    "sparse_",
    "trunc_normal_",
    "uniform_",
    "xavier_normal_",
    "xavier_uniform_",
    "zeros_",
]
