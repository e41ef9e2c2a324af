"""The functions behind the layers, without parameters of their own; as in PyTorch, often imported as `F`.

Each is an operation declared through `pullback.autograd.extend`, the same door that users have; what the
engine already has is passed on from there. No classes live here.
"""

from ...autograd import log_softmax, relu, sigmoid, tanh
from .linear import linear
from .loss import cross_entropy

__all__ = ["cross_entropy", "linear", "log_softmax", "relu", "sigmoid", "tanh"]
