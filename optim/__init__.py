"""Optimisers: what changes parameters by their gradients.

Each rule is one pure function of (parameter, gradient, state, options) that reads as its paper's formula, in
a file of its own; `base.py` holds what they share: parameter groups, state and its saving. Nothing here
knows of modules: parameters are leaf tensors.
"""

from . import lr_scheduler, schedules
from .adam import Adam
from .base import Optimizer
from .sgd import SGD

__all__ = ["SGD", "Adam", "Optimizer", "lr_scheduler", "schedules"]
