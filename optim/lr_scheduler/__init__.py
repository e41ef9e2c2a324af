"""Learning-rate schedulers with PyTorch's names: objects that apply a schedule to an optimiser, step by step.

The rates are those of `optim.schedules`; `scheduler(t)` gives them for any number of steps. No formula of a rate lives
here, only what applies it and keeps its place.
"""

from .combined import ChainedScheduler, LambdaLR, MultiplicativeLR, SequentialLR
from .cycles import CyclicLR, OneCycleLR
from .decay import (
    SWALR,
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    ExponentialLR,
    InverseSqrtLR,
    InverseTimeLR,
    LinearLR,
    MultiStepLR,
    PolynomialLR,
    StepLR,
)
from .plateau import ReduceLROnPlateau
from .scheduler import LRScheduler, ScheduledLR

__all__ = [
    "SWALR",
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "InverseSqrtLR",
    "InverseTimeLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "ScheduledLR",
    "SequentialLR",
    "StepLR",
]
