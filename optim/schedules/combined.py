"""Schedules made of functions and of other schedules."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from .decay import increasing
from .schedule import Scaling, Schedule, check


@dataclass(frozen=True)
class Lambda(Schedule):
    """lr · function(t), for any function of the number of steps; a schedule is such a function too.

    >>> from pullback.optim import schedules
    >>> schedules.Lambda(lambda t: 1 / (1 + t), lr=0.1)(4)
    0.020000000000000004
    """

    function: Callable[[float], float]
    lr: float = field(default=1.0, kw_only=True)

    def __post_init__(self) -> None:
        callable_or_raise(self.function)

    def rate(self, t: float) -> float:
        """See `Schedule`."""
        return self.lr * self.function(t)


@dataclass(frozen=True)
class Multiplicative(Schedule):
    """lr · function(1) · function(2) · … · function(t); it takes t calls to know it.

    >>> from pullback.optim import schedules
    >>> [schedules.Multiplicative(lambda t: 0.5)(t) for t in range(4)]
    [1.0, 0.5, 0.25, 0.125]
    """

    function: Callable[[float], float]
    lr: float = field(default=1.0, kw_only=True)

    def __post_init__(self) -> None:
        callable_or_raise(self.function)

    def rate(self, t: float) -> float:
        """See `Schedule`."""
        return math.prod((self.function(i) for i in range(1, int(t) + 1)), start=self.lr)

    def advance(self, rate: float, t: float) -> float:
        """See `Schedule`."""
        return rate * self.function(t) if t >= 1 else rate

    def follow(self, rate: float, t: float) -> float:
        """See `Schedule`."""
        return self.advance(rate, t)  # with the same rounding, and without the t calls

    def after(self, rate: float, t: float) -> float:
        """The rate after t steps where another schedule left `rate`, which is multiplied with function(0) first."""
        return math.prod((self.function(i) for i in range(int(t) + 1)), start=rate)


@dataclass(frozen=True)
class Sequential(Schedule):
    """One schedule after the other: from its milestone on, each runs from its own step 0.

    Each starts from its own lr, but for a `Multiplicative`, which goes on from the rate that it finds, as in PyTorch.

    Args:
        schedules: in order; the first begins at once.
        milestones: where the others begin, increasing; one less than schedules.

    >>> from pullback.optim import schedules
    >>> schedule = schedules.Sequential([schedules.Linear(0.5, total_iters=2), schedules.Step(2)], [2])
    >>> [schedule(t) for t in range(6)]
    [0.5, 0.75, 1.0, 1.0, 0.1, 0.1]
    """

    schedules: tuple[Schedule, ...]
    milestones: tuple[int, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "schedules", listed(self.schedules))
        object.__setattr__(self, "milestones", increasing(self.milestones))
        if len(self.milestones) != len(self.schedules) - 1:
            raise ValueError(
                f"{len(self.schedules)} schedules in sequence need {len(self.schedules) - 1} milestones, "
                f"not {len(self.milestones)}"
            )

    def rate(self, t: float) -> float:
        """See `Schedule`."""
        schedule, start = self._current(t)
        if start > 0 and isinstance(schedule, Multiplicative):
            return schedule.after(self.rate(start - 1), t - start)
        return schedule(t - start)

    def momentum(self, t: float) -> float | None:
        """See `Schedule`."""
        schedule, start = self._current(t)
        return schedule.momentum(t - start)

    def advance(self, rate: float, t: float) -> float:
        """See `Schedule`."""
        schedule, start = self._current(t)
        if t == start > 0:
            return schedule.after(rate, 0) if isinstance(schedule, Multiplicative) else self(t)
        return schedule.advance(rate, t - start)

    def _current(self, t: float) -> tuple[Schedule, int]:
        index = bisect_right(self.milestones, t)
        return self.schedules[index], self.milestones[index - 1] if index else 0


@dataclass(frozen=True)
class Chained(Schedule):
    """Schedules that scale the same rate, all at once: each goes on from what the one before it has made of it.

    Where all scale towards zero the rate is lr times the product of their factors. Where one has a floor of
    its own (`Cosine` with `eta_min`) it depends on the way, and is then computed step by step from step 0.

    Args:
        schedules: in order. Their own `lr` counts for floors only.
        lr: the rate that they scale; that of the first if not given.

    >>> from pullback.optim import schedules
    >>> schedule = schedules.Chained([schedules.Constant(0.1, 2), schedules.Exponential(0.5)])
    >>> [schedule(t) for t in range(4)]
    [0.1, 0.05, 0.25, 0.125]
    """

    schedules: tuple[Schedule, ...]
    lr: float | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "schedules", listed(self.schedules))
        if self.lr is None:
            object.__setattr__(self, "lr", getattr(self.schedules[0], "lr", 1.0))

    def rate(self, t: float) -> float:
        """See `Schedule`."""
        assert self.lr is not None
        if all(isinstance(schedule, Scaling) and schedule.floor == 0 for schedule in self.schedules):
            scales = (schedule.scale(t) for schedule in self.schedules if isinstance(schedule, Scaling))
            return math.prod(scales, start=self.lr)
        rate = self.lr
        for step in range(int(t) + 1):
            rate = self.advance(rate, step)
        return rate

    def momentum(self, t: float) -> float | None:
        """See `Schedule`."""
        momenta = [schedule.momentum(t) for schedule in self.schedules]
        return next((momentum for momentum in reversed(momenta) if momentum is not None), None)

    def advance(self, rate: float, t: float) -> float:
        """See `Schedule`."""
        for schedule in self.schedules:
            rate = schedule.advance(rate, t)
        return rate


@dataclass(frozen=True)
class Warmup(Schedule):
    """Straight up to the first rate of another schedule in `warmup_steps`, and then that schedule from its start.

    Goyal et al., "Accurate, large minibatch SGD: training ImageNet in 1 hour", 2017
    (https://arxiv.org/abs/1706.02677), section 2.2.

    Args:
        warmup_steps: how many steps it takes.
        then: the schedule that follows.
        start_factor: where the ramp starts, as a share of `then(0)`.

    >>> from pullback.optim import schedules
    >>> schedule = schedules.Warmup(2, schedules.Cosine(2, lr=0.4))
    >>> [schedule(t) for t in range(5)]
    [0.0, 0.2, 0.4, 0.2, 0.0]
    """

    warmup_steps: int
    then: Schedule
    start_factor: float = 0.0

    def __post_init__(self) -> None:
        check("warmup_steps", self.warmup_steps, "above zero")
        check("start_factor", self.start_factor)
        listed([self.then])

    def rate(self, t: float) -> float:
        """See `Schedule`."""
        if t >= self.warmup_steps:
            return self.then(t - self.warmup_steps)
        return self.then(0) * (self.start_factor + (1 - self.start_factor) * t / self.warmup_steps)


def listed(schedules: Iterable[Schedule]) -> tuple[Schedule, ...]:
    """Schedules as a tuple; TypeError for what is none, and ValueError for none at all."""
    result = tuple(schedules)
    for schedule in result:
        if not isinstance(schedule, Schedule):
            raise TypeError(f"schedules are made of schedules, not of a {type(schedule).__name__}")
    if not result:
        raise ValueError("there is no schedule to run")
    return result


def callable_or_raise(function: object) -> None:
    """Raise TypeError for what cannot be called."""
    if not callable(function):
        raise TypeError(f"this schedule is made of a function of t, not of a {type(function).__name__}")
