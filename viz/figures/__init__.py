"""Figures for training, drawn by matplotlib (the extra `plots`). Each is a `Plot`: the figure, and its data.

The data comes from functions of its own, which need no matplotlib. Nothing here knows optimisers or layers:
they are called, and asked for the names that they are known to have.
"""

from .descent import Path, Trajectories, descend
from .plot import Plot
from .schedules import Rates, sample, schedule
from .surfaces import SURFACES, Surface
from .trajectory import trajectory

__all__ = [
    "SURFACES",
    "Path",
    "Plot",
    "Rates",
    "Surface",
    "Trajectories",
    "descend",
    "sample",
    "schedule",
    "trajectory",
]
