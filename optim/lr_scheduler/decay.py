"""Schedulers of the schedules that scale the initial rates of the groups."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from ..schedules import (
    Annealed,
    Constant,
    Cosine,
    CosineWarmRestarts,
    Exponential,
    InverseSqrt,
    InverseTime,
    Linear,
    MultiStep,
    Polynomial,
    Schedule,
    Step,
)
from .scheduler import ScheduledLR, of_group, per_group


class StepLR(ScheduledLR):
    """Multiplies the rates with `gamma` after every `step_size` steps; see `schedules.Step`.

    Args:
        optimizer: the optimiser whose rates are set.
        step_size: the number of steps between two decays.
        gamma: the factor.
        last_epoch: see `LRScheduler`.

    >>> import pullback as pb
    >>> w = pb.tensor(1.0, requires_grad=True)
    >>> optimizer = pb.optim.SGD([w], lr=0.5)
    >>> scheduler = pb.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)
    >>> for epoch in range(3):
    ...     (w * w).backward()
    ...     optimizer.step()
    ...     scheduler.step()
    >>> scheduler.get_last_lr(), scheduler(100)
    ([0.25], [4.440892098500626e-16])
    """

    def __init__(self, optimizer: Any, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer, last_epoch)

    def schedule(self, lr: float, number: int) -> Schedule:
        """See `ScheduledLR`."""
        return Step(self.step_size, self.gamma, lr=lr)


class MultiStepLR(ScheduledLR):
    """Multiplies the rates with `gamma` at each of the milestones; see `schedules.MultiStep`.

    Args:
        optimizer: the optimiser whose rates are set.
        milestones: numbers of steps.
        gamma: the factor.
        last_epoch: see `LRScheduler`.
    """

    def __init__(
        self, optimizer: Any, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.milestones, self.gamma = list(MultiStep(milestones).milestones), gamma  # type: ignore[arg-type]  # MultiStep makes a tuple of what it is given
        super().__init__(optimizer, last_epoch)

    def schedule(self, lr: float, number: int) -> Schedule:
        """See `ScheduledLR`."""
        return MultiStep(tuple(self.milestones), self.gamma, lr=lr)

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """See `LRScheduler`; PyTorch counts equal milestones, and its states are understood too."""
        if isinstance(state_dict, Mapping) and isinstance(state_dict.get("milestones"), Counter):
            counted = state_dict["milestones"]
            state_dict = {**state_dict, "milestones": sorted(counted.elements())}
        super().load_state_dict(state_dict)


class ConstantLR(ScheduledLR):
    """Multiplies the rates with `factor` for the first `total_iters` steps; see `schedules.Constant`.

    Args:
        optimizer: the optimiser whose rates are set.
        factor: what the rates are multiplied with.
        total_iters: for how many steps.
        last_epoch: see `LRScheduler`.
    """

    def __init__(
        self, optimizer: Any, factor: float = 1.0 / 3, total_iters: int = 5, last_epoch: int = -1
    ) -> None:
        self.factor, self.total_iters = factor, total_iters
        super().__init__(optimizer, last_epoch)

    def schedule(self, lr: float, number: int) -> Schedule:
        """See `ScheduledLR`."""
        return Constant(self.factor, self.total_iters, lr=lr)


class LinearLR(ScheduledLR):
    """Multiplies the rates with a factor that goes straight to its end: a warm-up; see `schedules.Linear`.

    Args:
        optimizer: the optimiser whose rates are set.
        start_factor: the first factor.
        end_factor: the last one.
        total_iters: the number of steps between them.
        last_epoch: see `LRScheduler`.
    """

    def __init__(
        self,
        optimizer: Any,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        super().__init__(optimizer, last_epoch)

    def schedule(self, lr: float, number: int) -> Schedule:
        """See `ScheduledLR`."""
        return Linear(self.start_factor, self.end_factor, self.total_iters, lr=lr)


class ExponentialLR(ScheduledLR):
    """Multiplies the rates with `gamma` at every step; see `schedules.Exponential`.

    Args:
        optimizer: the optimiser whose rates are set.
        gamma: the factor.
        last_epoch: see `LRScheduler`.
    """

    def __init__(self, optimizer: Any, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def schedule(self, lr: float, number: int) -> Schedule:
        """See `ScheduledLR`."""
        return Exponential(self.gamma, lr=lr)


class InverseTimeLR(ScheduledLR):
    """Divides the rates by 1 + k·t, the notes' 1/t decay; see `schedules.InverseTime`.

    Args:
        optimizer: the optimiser whose rates are set.
        k: the speed of the decay.
        last_epoch: see `LRScheduler`.
    """

    def __init__(self, optimizer: Any, k: float, last_epoch: int = -1) -> None:
        self.k = k
        super().__init__(optimizer, last_epoch)

    def schedule(self, lr: float, number: int) -> Schedule:
        """See `ScheduledLR`."""
        return InverseTime(self.k, lr=lr)


class InverseSqrtLR(ScheduledLR):
    """Warms up to the initial rates, and divides by the root of the step then; see `schedules.InverseSqrt`.

    Args:
        optimizer: the optimiser whose rates are set.
        warmup_steps: the number of steps of the warm-up.
        last_epoch: see `LRScheduler`.
    """

    def __init__(self, optimizer: Any, warmup_steps: int = 1, last_epoch: int = -1) -> None:
        self.warmup_steps = warmup_steps
        super().__init__(optimizer, last_epoch)

    def schedule(self, lr: float, number: int) -> Schedule:
        """See `ScheduledLR`."""
        return InverseSqrt(self.warmup_steps, lr=lr)


class PolynomialLR(ScheduledLR):
    """Lets the rates fall to zero along a power of the steps that are left; see `schedules.Polynomial`.

    Args:
        optimizer: the optimiser whose rates are set.
        total_iters: the number of steps until zero.
        power: 1 is a straight line.
        last_epoch: see `LRScheduler`.
    """

    def __init__(
        self, optimizer: Any, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1
    ) -> None:
        self.total_iters, self.power = total_iters, power
        super().__init__(optimizer, last_epoch)

    def schedule(self, lr: float, number: int) -> Schedule:
        """See `ScheduledLR`."""
        return Polynomial(self.total_iters, self.power, lr=lr)


class CosineAnnealingLR(ScheduledLR):
    """Lets the rates fall to `eta_min` along a cosine; see `schedules.Cosine`.

    Args:
        optimizer: the optimiser whose rates are set.
        T_max: the number of steps to the lowest rate; afterwards it rises again.
        eta_min: the lowest rate.
        last_epoch: see `LRScheduler`.
    """

    def __init__(self, optimizer: Any, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer, last_epoch)

    def schedule(self, lr: float, number: int) -> Schedule:
        """See `ScheduledLR`."""
        return Cosine(self.T_max, self.eta_min, lr=lr)


class CosineAnnealingWarmRestarts(ScheduledLR):
    """Cosines one after the other, each from the initial rates; see `schedules.CosineWarmRestarts`.

    Args:
        optimizer: the optimiser whose rates are set.
        T_0: the number of steps of the first cosine.
        T_mult: how many times longer each is than the one before.
        eta_min: the lowest rate.
        last_epoch: see `LRScheduler`.
    """

    def __init__(
        self, optimizer: Any, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        self.T_0, self.T_mult, self.eta_min = T_0, T_mult, eta_min
        super().__init__(optimizer, last_epoch)

    def schedule(self, lr: float, number: int) -> Schedule:
        """See `ScheduledLR`."""
        return CosineWarmRestarts(self.T_0, self.T_mult, self.eta_min, lr=lr)


class SWALR(ScheduledLR):
    """Brings the rates to a constant one, for averaging the weights from then on; see `schedules.Annealed`.

    Izmailov et al., "Averaging weights leads to wider optima and better generalization", UAI 2018
    (https://arxiv.org/abs/1803.05407).

    Args:
        optimizer: the optimiser whose rates are set.
        swa_lr: the constant rate, or one for each parameter group.
        anneal_epochs: the number of steps on the way.
        anneal_strategy: "cos" or "linear".
        last_epoch: see `LRScheduler`.
    """

    def __init__(
        self,
        optimizer: Any,
        swa_lr: float | list[float],
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:
        self.swa_lrs = per_group("swa_lr", swa_lr, optimizer)
        self.anneal_epochs, self.anneal_strategy = anneal_epochs, anneal_strategy
        super().__init__(optimizer, last_epoch)

    def schedule(self, lr: float, number: int) -> Schedule:
        """See `ScheduledLR`."""
        return Annealed(of_group(self.swa_lrs, number), self.anneal_epochs, self.anneal_strategy, lr=lr)
