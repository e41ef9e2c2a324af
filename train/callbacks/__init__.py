"""Callbacks: the parts of a training beside its loop, one file for each."""

from .base import Callback
from .budget import TimeBudget
from .clipping import ClipGradients
from .progress import Progress
from .scheduling import Schedule

__all__ = ["Callback", "ClipGradients", "Progress", "Schedule", "TimeBudget"]
