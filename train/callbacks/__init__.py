"""Callbacks: the parts of a training beside its loop, one file for each."""

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
