"""Optimisers: what changes parameters by their gradients.

Each rule is one pure function of (parameter, gradient, state, options) that reads as its paper's formula, in
a file of its own; `base.py` holds what they share: parameter groups, state and its saving. Nothing here
knows of modules: parameters are leaf tensors.
"""

from ..autograd.extend import clip_grad_norm_, clip_grad_value_, clip_grads_with_norm_, get_total_norm
from . import lr_scheduler, schedules
from .adam import Adam
from .base import Optimizer
from .sgd import SGD

__all__ = [
    "SGD",
    "Adam",
    "Optimizer",
    "clip_grad_norm_",
    "clip_grad_value_",
    "clip_grads_with_norm_",
    "get_total_norm",
    "lr_scheduler",
    "schedules",
]
