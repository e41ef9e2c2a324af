"""Learning-rate schedules as functions: `schedule(t)` is the rate after t steps.

Each is a frozen dataclass of its numbers, under the names that PyTorch gives them; `lr_scheduler` holds the
objects that apply them to an optimiser. `Plateau`, which answers to a metric, is a function of the metrics. Nothing
here knows of optimisers.
"""

from .combined import Chained, Lambda, Multiplicative, Sequential, Warmup
from .cycles import CosineWarmRestarts, Cyclic, OneCycle
from .decay import (
    Annealed,
    Constant,
    Cosine,
    Exponential,
    InverseSqrt,
    InverseTime,
    Linear,
    MultiStep,
    Polynomial,
    Step,
)
from .plateau import Plateau, PlateauState
from .schedule import Scaling, Schedule, from_dict

__all__ = [
    "Annealed",
    "Chained",
    "Constant",
    "Cosine",
    "CosineWarmRestarts",
    "Cyclic",
    "Exponential",
    "InverseSqrt",
    "InverseTime",
    "Lambda",
    "Linear",
    "MultiStep",
    "Multiplicative",
    "OneCycle",
    "Plateau",
    "PlateauState",
    "Polynomial",
    "Scaling",
    "Schedule",
    "Sequential",
    "Step",
    "Warmup",
    "from_dict",
]
