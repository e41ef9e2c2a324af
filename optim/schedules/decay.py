"""Schedules that scale the rate: decays, and the ramps of a warm-up."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from .schedule import Scaling, check


@dataclass(frozen=True)
class Step(Scaling):
    """lr · gammaᵏ, with k how often `step_size` steps have passed.

    >>> from pullback.optim import schedules
    >>> [schedules.Step(2, gamma=0.5)(t) for t in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """

    step_size: int
    gamma: float = 0.1

    def __post_init__(self) -> None:
        check("step_size", self.step_size, "above zero")
        check("gamma", self.gamma)

    def scale(self, t: float) -> float:
        """See `Scaling`."""
        return float(self.gamma ** (t // self.step_size))


@dataclass(frozen=True)
class MultiStep(Scaling):
    """lr · gammaᵏ, with k how many of the milestones have been reached; one given twice counts twice.

    >>> from pullback.optim import schedules
    >>> [schedules.MultiStep([2, 3], gamma=0.5)(t) for t in range(5)]
    [1.0, 1.0, 0.5, 0.25, 0.25]
    """

    milestones: tuple[int, ...]
    gamma: float = 0.1

    def __post_init__(self) -> None:
        object.__setattr__(self, "milestones", increasing(self.milestones))
        check("gamma", self.gamma)

    def scale(self, t: float) -> float:
        """See `Scaling`."""
        return float(self.gamma ** bisect_right(self.milestones, t))


@dataclass(frozen=True)
class Exponential(Scaling):
    """lr · gammaᵗ: the notes' exponential decay exp(−k·t) with gamma = exp(−k).

    >>> from pullback.optim import schedules
    >>> schedules.Exponential(0.5)(3)
    0.125
    """

    gamma: float

    def __post_init__(self) -> None:
        check("gamma", self.gamma)

    def scale(self, t: float) -> float:
        """See `Scaling`."""
        return float(self.gamma**t)


@dataclass(frozen=True)
class InverseTime(Scaling):
    """lr / (1 + k·t): the notes' 1/t decay.

    CS231n course notes, "Neural Networks Part 3", section "Annealing the learning rate".

    >>> from pullback.optim import schedules
    >>> [schedules.InverseTime(1.0, lr=0.6)(t) for t in range(3)]
    [0.6, 0.3, 0.19999999999999998]
    """

    k: float

    def __post_init__(self) -> None:
        check("k", self.k)

    def scale(self, t: float) -> float:
        """See `Scaling`."""
        return 1 / (1 + self.k * t)


@dataclass(frozen=True)
class InverseSqrt(Scaling):
    """lr · min(n/w, √(w/n)) for the step number n = t + 1 and a warm-up of w steps, at the end of which it is lr.

    With `warmup_steps=1` that is lr/√n. Vaswani et al., "Attention is all you need", 2017
    (https://arxiv.org/abs/1706.03762), section 5.3, where lr is 1/√(w·d).

    >>> from pullback.optim import schedules
    >>> [schedules.InverseSqrt()(t) for t in (0, 3, 99)]
    [1.0, 0.5, 0.1]
    >>> [schedules.InverseSqrt(4)(t) for t in (0, 1, 3, 15)]
    [0.25, 0.5, 1.0, 0.5]
    """

    warmup_steps: int = 1

    def __post_init__(self) -> None:
        check("warmup_steps", self.warmup_steps, "above zero")

    def scale(self, t: float) -> float:
        """See `Scaling`."""
        number = t + 1
        return min(number / self.warmup_steps, math.sqrt(self.warmup_steps / number))


@dataclass(frozen=True)
class Polynomial(Scaling):
    """lr · (1 − t/total_iters)^power, and 0 from `total_iters` on.

    >>> from pullback.optim import schedules
    >>> [schedules.Polynomial(4)(t) for t in range(6)]
    [1.0, 0.75, 0.5, 0.25, 0.0, 0.0]
    """

    total_iters: int = 5
    power: float = 1.0

    def __post_init__(self) -> None:
        check("total_iters", self.total_iters, "above zero")
        check("power", self.power)

    def scale(self, t: float) -> float:
        """See `Scaling`."""
        return float((1 - min(t, self.total_iters) / self.total_iters) ** self.power)


@dataclass(frozen=True)
class Cosine(Scaling):
    """eta_min + (lr − eta_min) · (1 + cos(π·t/T_max))/2, which rises again after `T_max` steps.

    Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017
    (https://arxiv.org/abs/1608.03983), without the restarts.

    >>> from pullback.optim import schedules
    >>> [round(schedules.Cosine(4, eta_min=0.2)(t), 3) for t in (0, 2, 4)]
    [1.0, 0.6, 0.2]
    """

    T_max: int
    eta_min: float = 0.0

    def __post_init__(self) -> None:
        check("T_max", self.T_max, "above zero")

    @property
    def floor(self) -> float:
        """The lowest rate."""
        return self.eta_min

    def scale(self, t: float) -> float:
        """See `Scaling`."""
        return (1 + math.cos(math.pi * t / self.T_max)) / 2


@dataclass(frozen=True)
class Constant(Scaling):
    """lr · factor before `total_iters` steps, and lr afterwards.

    >>> from pullback.optim import schedules
    >>> [schedules.Constant(0.5, total_iters=2)(t) for t in range(4)]
    [0.5, 0.5, 1.0, 1.0]
    """

    factor: float = 1.0 / 3
    total_iters: int = 5

    def __post_init__(self) -> None:
        check("factor", self.factor)
        check("total_iters", self.total_iters)

    def scale(self, t: float) -> float:
        """See `Scaling`."""
        return self.factor if t < self.total_iters else 1.0


@dataclass(frozen=True)
class Linear(Scaling):
    """lr times a factor that goes straight from `start_factor` to `end_factor` in `total_iters` steps.

    >>> from pullback.optim import schedules
    >>> [schedules.Linear(0.5, 1.0, total_iters=2)(t) for t in range(4)]
    [0.5, 0.75, 1.0, 1.0]
    """

    start_factor: float = 1.0 / 3
    end_factor: float = 1.0
    total_iters: int = 5

    def __post_init__(self) -> None:
        check("start_factor", self.start_factor)
        check("end_factor", self.end_factor)
        check("total_iters", self.total_iters, "above zero")

    def scale(self, t: float) -> float:
        """See `Scaling`."""
        part = min(t, self.total_iters) / self.total_iters
        return self.start_factor + (self.end_factor - self.start_factor) * part


@dataclass(frozen=True)
class Annealed(Scaling):
    """From lr to `swa_lr` in `anneal_epochs` steps, along a cosine or a straight line, and constant then.

    >>> from pullback.optim import schedules
    >>> [schedules.Annealed(0.5, 2, "linear")(t) for t in range(4)]
    [1.0, 0.75, 0.5, 0.5]
    """

    swa_lr: float
    anneal_epochs: int = 10
    anneal_strategy: str = "cos"

    def __post_init__(self) -> None:
        check("swa_lr", self.swa_lr)
        check("anneal_epochs", self.anneal_epochs, "a whole number from 0 on")
        one_of("anneal_strategy", self.anneal_strategy, ("cos", "linear"))

    @property
    def floor(self) -> float:
        """The rate at the end."""
        return self.swa_lr

    def scale(self, t: float) -> float:
        """See `Scaling`."""
        if t >= self.anneal_epochs:
            return 0.0
        part = t / self.anneal_epochs
        return (1 + math.cos(math.pi * part)) / 2 if self.anneal_strategy == "cos" else 1 - part

    def advance(self, rate: float, t: float) -> float:
        """See `Schedule`."""
        return self.swa_lr if t >= self.anneal_epochs else super().advance(rate, t)


def increasing(milestones: Iterable[int]) -> tuple[int, ...]:
    """Milestones in order; ValueError for what is no number of steps."""
    if isinstance(milestones, (str, bytes)) or not isinstance(milestones, Iterable):
        raise ValueError(f"milestones are a list of numbers of steps, not {milestones!r}")
    listed = list(milestones)
    for milestone in listed:
        check("each milestone", milestone)
    return tuple(sorted(listed))


def one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    """Raise ValueError for a word that is none of those."""
    if value not in allowed:
        raise ValueError(f"{name} is one of {', '.join(map(repr, allowed))}, not {value!r}")
