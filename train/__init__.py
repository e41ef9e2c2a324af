"""The training loop and what it reports.

`fit` and `evaluate` ask little of what they are given: a model with `modules()`, a loss and metrics that are
functions, an optimiser with `step` and `zero_grad`, a loader that yields pairs. Nothing that a layer, a rule
or a data set needs lives here.
"""

from .loop import Epoch, History, Scores, evaluate, fit
from .metrics import accuracy

__all__ = ["Epoch", "History", "Scores", "accuracy", "evaluate", "fit"]
