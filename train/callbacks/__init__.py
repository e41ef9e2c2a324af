"""Callbacks: the parts of a training beside its loop, one file for each.

A callback knows the trainer and no other callback. What computes something that can be had without a training (a
schedule, an average, a figure) lives in `optim` or `viz`, and is only called from here.
"""

from .averaging import EMA, SWA, PolyakAverage
from .base import Callback
from .budget import TimeBudget
from .checkpoint import Checkpoint
from .clipping import ClipGradients
from .early_stopping import EarlyStopping
from .history_file import HistoryFile
from .live_curves import LiveCurves
from .progress import Progress
from .scheduling import Schedule
from .snapshots import Snapshots

__all__ = [
    "EMA",
    "SWA",
    "Callback",
    "Checkpoint",
    "ClipGradients",
    "EarlyStopping",
    "HistoryFile",
    "LiveCurves",
    "PolyakAverage",
    "Progress",
    "Schedule",
    "Snapshots",
    "TimeBudget",
]
