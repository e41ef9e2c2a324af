"""Callbacks: the parts of a training beside its loop, one file for each."""

from .base import Callback
from .budget import TimeBudget
from .checkpoint import Checkpoint
from .clipping import ClipGradients
from .early_stopping import EarlyStopping
from .progress import Progress
from .scheduling import Schedule

__all__ = ["Callback", "Checkpoint", "ClipGradients", "EarlyStopping", "Progress", "Schedule", "TimeBudget"]
