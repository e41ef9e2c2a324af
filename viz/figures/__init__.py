"""Figures for training, drawn by matplotlib (the extra `plots`). Each is a `Plot`: the figure, and its data.

The data comes from functions of its own, which need no matplotlib. Nothing here knows optimisers or layers:
they are called, and asked for the names that they are known to have.
"""

from .attention import Attention, attended, attention_map
from .comparison import Comparison, compare, comparison
from .curves import learning_curves
from .depth import depth_histograms
from .descent import Path, Trajectories, descend
from .diagnosis import Curves, Diagnosis, diagnose
from .evaluation import Confusion, Regions, confuse, confusion_matrix, decide, decision_boundary
from .images import Images, activation_maps, tile, weight_images
from .inputs import Ascent, Saliency, attribute, climb, maximal_input, saliency
from .layers import Layer, Layers, Spread, dead_units, histograms, measure
from .lines import Lines, collect_lines, lines
from .pictures import Augmentations, arrange, augmentations, image_grid
from .plot import Plot
from .schedules import Rates, sample, schedule
from .search import Trials, collect, hyperparameters
from .surfaces import SURFACES, Surface
from .text import Shading, hidden_text, shade
from .trajectory import trajectory

__all__ = [
    "SURFACES",
    "Ascent",
    "Attention",
    "Augmentations",
    "Comparison",
    "Confusion",
    "Curves",
    "Diagnosis",
    "Images",
    "Layer",
    "Layers",
    "Lines",
    "Path",
    "Plot",
    "Rates",
    "Regions",
    "Saliency",
    "Shading",
    "Spread",
    "Surface",
    "Trajectories",
    "Trials",
    "activation_maps",
    "arrange",
    "attended",
    "attention_map",
    "attribute",
    "augmentations",
    "climb",
    "collect",
    "collect_lines",
    "compare",
    "comparison",
    "confuse",
    "confusion_matrix",
    "dead_units",
    "decide",
    "decision_boundary",
    "depth_histograms",
    "descend",
    "diagnose",
    "hidden_text",
    "histograms",
    "hyperparameters",
    "image_grid",
    "learning_curves",
    "lines",
    "maximal_input",
    "measure",
    "saliency",
    "sample",
    "schedule",
    "shade",
    "tile",
    "trajectory",
    "weight_images",
]
