"""Schedules that go up and down: warm restarts, cycles and the single cycle, with the momentum that goes along."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from .decay import one_of
from .schedule import Schedule, check


@dataclass(frozen=True)
class CosineWarmRestarts(Schedule):
    """A cosine from lr to eta_min over T steps, again and again; T is `T_0` first and grows by `T_mult`.

    Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017
    (https://arxiv.org/abs/1608.03983), equation 5.

    >>> from pullback.optim import schedules
    >>> [round(schedules.CosineWarmRestarts(2, T_mult=2)(t), 3) for t in range(7)]
    [1.0, 0.5, 1.0, 0.854, 0.5, 0.146, 1.0]
    """

    T_0: int
    T_mult: int = 1
    eta_min: float = 0.0
    lr: float = field(default=1.0, kw_only=True)

    def __post_init__(self) -> None:
        check("T_0", self.T_0, "a whole number from 1 on")
        check("T_mult", self.T_mult, "a whole number from 1 on")

    def rate(self, t: float) -> float:
        """See `Schedule`."""
        period = self.T_0
        if self.T_mult == 1:
            t = t % period
        while t >= period:
            t, period = t - period, period * self.T_mult
        return self.eta_min + (self.lr - self.eta_min) * (1 + math.cos(math.pi * t / period)) / 2


@dataclass(frozen=True)
class Cyclic(Schedule):
    """Straight up from base_lr to max_lr in `step_size_up` steps, and down in `step_size_down`, again and again.

    The height of a cycle is scaled: by 1 ("triangular"), by half in each next cycle ("triangular2"), by gammaᵗ
    ("exp_range"), or by `scale_fn` of the number of the cycle from 1 on, or of t where
    `scale_mode="iterations"`. The momentum goes the other way, between `max_momentum` and `base_momentum`.
    Smith, "Cyclical learning rates for training neural networks", WACV 2017
    (https://arxiv.org/abs/1506.01186).

    >>> from pullback.optim import schedules
    >>> [schedules.Cyclic(1.0, 3.0, 2, mode="triangular2")(t) for t in range(9)]
    [1.0, 2.0, 3.0, 2.0, 1.0, 1.5, 2.0, 1.5, 1.0]
    """

    base_lr: float
    max_lr: float
    step_size_up: float = 2000
    step_size_down: float | None = None
    mode: str = "triangular"
    gamma: float = 1.0
    scale_fn: Callable[[float], float] | None = None
    scale_mode: str = "cycle"
    base_momentum: float = 0.8
    max_momentum: float = 0.9

    def __post_init__(self) -> None:
        check("base_lr", self.base_lr)
        check("max_lr", self.max_lr)
        check("step_size_up", self.step_size_up, "above zero")
        if self.step_size_down is not None:
            check("step_size_down", self.step_size_down, "above zero")
        check("gamma", self.gamma)
        if self.scale_fn is None:
            one_of("mode", self.mode, ("triangular", "triangular2", "exp_range"))
        one_of("scale_mode", self.scale_mode, ("cycle", "iterations"))

    def rate(self, t: float) -> float:
        """See `Schedule`."""
        return self.base_lr + (self.max_lr - self.base_lr) * self._height(t)

    def momentum(self, t: float) -> float:
        """See `Schedule`."""
        return self.max_momentum - (self.max_momentum - self.base_momentum) * self._height(t)

    def _height(self, t: float) -> float:
        up = self.step_size_up
        down = up if self.step_size_down is None else self.step_size_down
        cycle, place = divmod(t, up + down)
        height = place / up if place <= up else (up + down - place) / down
        if self.scale_fn is not None:
            return height * self.scale_fn(cycle + 1 if self.scale_mode == "cycle" else t)
        return height * float(
            {"triangular": 1, "triangular2": 0.5**cycle, "exp_range": self.gamma**t}[self.mode]
        )


@dataclass(frozen=True)
class OneCycle(Schedule):
    """Up from max_lr/div_factor to max_lr in the first part of the training, and then down to nearly nothing.

    The end is max_lr/div_factor/final_div_factor, reached in one phase, or, with `three_phase`, by way of the
    rate of the start. The momentum goes the other way, between `max_momentum` and `base_momentum`. Smith and
    Topin, "Super-convergence: very fast training of neural networks using large learning rates", 2019
    (https://arxiv.org/abs/1708.07120).

    >>> from pullback.optim import schedules
    >>> schedule = schedules.OneCycle(1.0, 11, pct_start=0.5, anneal_strategy="linear", final_div_factor=1)
    >>> [round(schedule(t), 3) for t in (0, 2, 4, 7, 10)]
    [0.04, 0.467, 0.893, 0.564, 0.04]
    """

    max_lr: float
    total_steps: int
    pct_start: float = 0.3
    anneal_strategy: str = "cos"
    base_momentum: float = 0.85
    max_momentum: float = 0.95
    div_factor: float = 25.0
    final_div_factor: float = 1e4
    three_phase: bool = False

    def __post_init__(self) -> None:
        check("max_lr", self.max_lr)
        check("total_steps", self.total_steps, "a whole number from 1 on")
        check("pct_start", self.pct_start, "in [0, 1]")
        check("div_factor", self.div_factor, "above zero")
        check("final_div_factor", self.final_div_factor, "above zero")
        one_of("anneal_strategy", self.anneal_strategy, ("cos", "linear"))

    @property
    def initial_lr(self) -> float:
        """The rate of the start."""
        return self.max_lr / self.div_factor

    def rate(self, t: float) -> float:
        """See `Schedule`; ValueError for steps behind the end."""
        return self._between(t, self.initial_lr, self.max_lr, self.initial_lr / self.final_div_factor)

    def momentum(self, t: float) -> float:
        """See `Schedule`."""
        return self._between(t, self.max_momentum, self.base_momentum, self.max_momentum)

    def _between(self, t: float, start: float, peak: float, end: float) -> float:
        if t > self.total_steps:
            raise ValueError(
                f"this one-cycle schedule ends after total_steps={self.total_steps} steps, and step {t} was "
                "asked for; make total_steps the number of updates in all epochs"
            )
        first = self.pct_start * self.total_steps - 1
        last = float(self.total_steps - 1)
        phases = [(0.0, first, start, peak)]
        if self.three_phase:
            second = 2 * self.pct_start * self.total_steps - 2
            phases += [(first, second, peak, start), (second, last, start, end)]
        else:
            phases += [(first, last, peak, end)]
        begin, finish, low, high = next((phase for phase in phases if t <= phase[1]), phases[-1])
        part = (t - begin) / (finish - begin) if finish != begin else 1.0
        if self.anneal_strategy == "cos":
            part = (1 - math.cos(math.pi * part)) / 2
        return low + (high - low) * part
