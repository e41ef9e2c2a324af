"""The functions behind the layers, without parameters of their own; as in PyTorch, often imported as `F`.

Each is an operation declared through `pullback.autograd.extend`, the same door that users have; what the
engine already has is passed on from there. No classes live here.
"""

from ...autograd import log_softmax, relu, sigmoid, tanh
from .batch_norm import batch_norm
from .group_norm import group_norm, instance_norm
from .linear import linear
from .loss import cross_entropy
from .norm import layer_norm, rms_norm
from .response_norm import local_response_norm

__all__ = [
    "batch_norm",
    "cross_entropy",
    "group_norm",
    "instance_norm",
    "layer_norm",
    "linear",
    "local_response_norm",
    "log_softmax",
    "relu",
    "rms_norm",
    "sigmoid",
    "tanh",
]
