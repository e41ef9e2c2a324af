"""The training loop and what it reports.

`Trainer` is the loop, `fit` the loop with its usual parts in one call, and all parts are callbacks. They ask little
of what they are given: a model with `modules()`, a loss and metrics that are functions, an optimiser with `step` and
`zero_grad`, a loader that yields pairs. Nothing that a layer, a rule or a data set needs lives here.
"""

from .callbacks import Callback, ClipGradients, Progress, Schedule, TimeBudget
from .evaluation import evaluate
from .history import Epoch, History, Scores
from .loop import fit
from .metrics import accuracy
from .trainer import Trainer

__all__ = [
    "Callback",
    "ClipGradients",
    "Epoch",
    "History",
    "Progress",
    "Schedule",
    "Scores",
    "TimeBudget",
    "Trainer",
    "accuracy",
    "evaluate",
    "fit",
]
