"""Optimisers: what changes parameters by their gradients.

Each rule is one pure function of (parameter, gradient, state, options) that reads as its paper's formula, in
a file of its own; `base.py` holds what they share: parameter groups, state and its saving. Nothing here
knows of modules: parameters are leaf tensors.
"""

from ..autograd.extend import clip_grad_norm_, clip_grad_value_, clip_grads_with_norm_, get_total_norm
from . import lr_scheduler, schedules, swa_utils
from .accumulation import accumulate
from .adam import Adam
from .averaging import (
    AveragedModel,
    get_ema_avg_fn,
    get_ema_multi_avg_fn,
    get_swa_avg_fn,
    get_swa_multi_avg_fn,
    update_bn,
)
from .base import Optimizer
from .no_decay import param_groups
from .sgd import SGD

__all__ = [
    "SGD",
    "Adam",
    "AveragedModel",
    "Optimizer",
    "accumulate",
    "clip_grad_norm_",
    "clip_grad_value_",
    "clip_grads_with_norm_",
    "get_ema_avg_fn",
    "get_ema_multi_avg_fn",
    "get_swa_avg_fn",
    "get_swa_multi_avg_fn",
    "get_total_norm",
    "lr_scheduler",
    "param_groups",
    "schedules",
    "swa_utils",
    "update_bn",
]
