"""Modules, losses and initialisers, with PyTorch's names, arguments and state-dict keys.

`module.py` is the base; every kind of layer has its file; `functional` holds the computations, which are
operations like any other. This package reaches the engine by its public names and `autograd.extend`, and
knows nothing of optimisers, data or drawing.
"""

from . import functional, init, utils
from .activation import ReLU, Sigmoid, Tanh
from .container import ModuleDict, ModuleList, Sequential
from .linear import Flatten, Identity, Linear
from .loss import CrossEntropyLoss
from .module import Module
from .norm import GroupNorm, LayerNorm, LocalResponseNorm, RMSNorm
from .parameter import Parameter, UninitializedParameter
from .parameter_container import ParameterDict, ParameterList
from .running_norm import (
    BatchNorm1d,
    BatchNorm2d,
    BatchNorm3d,
    InstanceNorm1d,
    InstanceNorm2d,
    InstanceNorm3d,
)
from .utils import functional_call

__all__ = [
    "BatchNorm1d",
    "BatchNorm2d",
    "BatchNorm3d",
    "CrossEntropyLoss",
    "Flatten",
    "GroupNorm",
    "Identity",
    "InstanceNorm1d",
    "InstanceNorm2d",
    "InstanceNorm3d",
    "LayerNorm",
    "Linear",
    "LocalResponseNorm",
    "Module",
    "ModuleDict",
    "ModuleList",
    "Parameter",
    "ParameterDict",
    "ParameterList",
    "RMSNorm",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "Tanh",
    "UninitializedParameter",
    "functional",
    "functional_call",
    "init",
    "utils",
]
