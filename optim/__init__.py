"""Optimisers: what changes parameters by their gradients.

Each rule is one pure function of (parameter, gradient, state, options) that reads as its paper's formula, in
a file of its own, and is the optimiser's `update`; `base.py` holds what they share: parameter groups, state and
the step, `packing.py` and `program.py` make the step fast, `saving.py` makes states into files. Nothing here
knows of modules: parameters are leaf tensors.

The rules work on Tensors as on arrays, so that one can differentiate through training. How should the learning rate
change, to make the loss after three steps of momentum smaller?

>>> import pullback as pb
>>> lr = pb.tensor(0.1, requires_grad=True, dtype="float64")
>>> options = pb.optim.SGD([pb.tensor(0.0)], momentum=0.9).defaults | {"lr": lr}
>>> w, state = pb.tensor(1.0, requires_grad=True, dtype="float64"), {}
>>> for _ in range(3):
...     (gradient,) = pb.gradients(w * w, w, create_graph=True)
...     w, state = pb.optim.SGD.update(w, gradient, state, **options)
>>> (w * w).backward()
>>> f"{lr.grad.item():.4f}"
'-0.9449'
"""

from ..autograd.extend import clip_grad_norm_, clip_grad_value_, clip_grads_with_norm_, get_total_norm
from . import lr_scheduler, schedules, swa_utils
from .accumulation import accumulate
from .adadelta import Adadelta
from .adafactor import Adafactor
from .adagrad import Adagrad
from .adam import Adam, AdamW
from .adamax import Adamax
from .asgd import ASGD
from .averaging import (
    AveragedModel,
    get_ema_avg_fn,
    get_ema_multi_avg_fn,
    get_swa_avg_fn,
    get_swa_multi_avg_fn,
    update_bn,
)
from .base import Optimizer
from .hessian_free import HessianFree
from .layer_rates import layer_decay, layer_rates
from .lbfgs import LBFGS
from .lion import Lion
from .muon import Muon
from .nadam import NAdam
from .newton import Newton
from .no_decay import param_groups
from .radam import RAdam
from .rmsprop import RMSprop
from .rprop import Rprop
from .saving import flatten_state, unflatten_state
from .sgd import SGD
from .sparse_adam import SparseAdam

__all__ = [
    "ASGD",
    "LBFGS",
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "AveragedModel",
    "HessianFree",
    "Lion",
    "Muon",
    "NAdam",
    "Newton",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "Rprop",
    "SparseAdam",
    "accumulate",
    "clip_grad_norm_",
    "clip_grad_value_",
    "clip_grads_with_norm_",
    "flatten_state",
    "get_ema_avg_fn",
    "get_ema_multi_avg_fn",
    "get_swa_avg_fn",
    "get_swa_multi_avg_fn",
    "get_total_norm",
    "layer_decay",
    "layer_rates",
    "lr_scheduler",
    "param_groups",
    "schedules",
    "swa_utils",
    "unflatten_state",
    "update_bn",
]
