"""Pictures of computational graphs: capture, layout, SVG, HTML, DOT, Mermaid, JSON and text.

What lives here: everything that turns a recorded computation into something to look at. It reads the engine's
recordings and never touches values or gradients; it may import `autograd` and no other folder.
"""

from ..autograd import record
from . import figures
from .capture import capture
from .draw import Drawing, draw
from .figures import (
    Plot,
    activation_maps,
    attention_map,
    augmentations,
    comparison,
    confusion_matrix,
    dead_units,
    decision_boundary,
    depth_histograms,
    hidden_text,
    histograms,
    hyperparameters,
    image_grid,
    learning_curves,
    lines,
    maximal_input,
    saliency,
    schedule,
    trajectory,
    weight_images,
)
from .graph import Graph, GraphEdge, GraphNode, Group, ModuleScope
from .layout import positions
from .numbers import GradientState
from .replay import Replay, replay

__all__ = [
    "Drawing",
    "GradientState",
    "Graph",
    "GraphEdge",
    "GraphNode",
    "Group",
    "ModuleScope",
    "Plot",
    "Replay",
    "activation_maps",
    "attention_map",
    "augmentations",
    "capture",
    "comparison",
    "confusion_matrix",
    "dead_units",
    "decision_boundary",
    "depth_histograms",
    "draw",
    "figures",
    "hidden_text",
    "histograms",
    "hyperparameters",
    "image_grid",
    "learning_curves",
    "lines",
    "maximal_input",
    "positions",
    "record",
    "replay",
    "saliency",
    "schedule",
    "trajectory",
    "weight_images",
]
