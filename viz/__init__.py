"""Pictures of computational graphs: capture, layout, SVG and DOT.

What lives here: everything that turns a recorded computation into something to look at. It reads the engine's
recordings and never touches values or gradients; it may import `autograd` and no other folder.
"""

from ..autograd import record
from . import figures
from .draw import Drawing, draw
from .figures import Plot, schedule, trajectory
from .graph import Graph, GraphEdge, GraphNode, capture
from .layout import positions
from .numbers import GradientState

__all__ = [
    "Drawing",
    "GradientState",
    "Graph",
    "GraphEdge",
    "GraphNode",
    "Plot",
    "capture",
    "draw",
    "figures",
    "positions",
    "record",
    "schedule",
    "trajectory",
]
