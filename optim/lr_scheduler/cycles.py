"""Schedulers that take the rates up and down, and the momentum the other way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..schedules import Cyclic, OneCycle, Schedule
from .scheduler import ScheduledLR, of_group, per_group


class _MomentumCycle(ScheduledLR):
    """Writes the momentum of the schedules along with the rates, as `momentum` or as the first of `betas`."""

    cycle_momentum: bool

    def _check_momentum(self, optimizer: Any) -> None:
        if self.cycle_momentum and not any("momentum" in g or "betas" in g for g in optimizer.param_groups):
            raise ValueError(
                f"{type(optimizer).__name__} has neither momentum nor betas to be cycled; pass cycle_momentum=False"
            )

    def step(self, epoch: float | None = None) -> None:
        """See `LRScheduler`."""
        super().step(epoch)
        if not self.cycle_momentum:
            return
        for group, schedule in zip(self.optimizer.param_groups, self.schedules(), strict=True):
            momentum = schedule.momentum(self.last_epoch)
            if "betas" in group:
                group["betas"] = (momentum, *group["betas"][1:])
            else:
                group["momentum"] = momentum


class CyclicLR(_MomentumCycle):
    """Lets the rates rise and fall in a straight line, again and again; see `schedules.Cyclic`.

    Args:
        optimizer: the optimiser whose rates are set.
        base_lr: the lowest rate, or one for each parameter group.
        max_lr: the highest rate, or one for each parameter group.
        step_size_up: the number of steps upwards.
        step_size_down: the number of steps downwards; as many as upwards if not given.
        mode: "triangular", "triangular2" (half as high each time) or "exp_range" (gammaᵗ as high).
        gamma: for "exp_range".
        scale_fn: the height of a cycle as a function of one's own, instead of a mode.
        scale_mode: what it is a function of: the number of the "cycle" from 1 on, or of "iterations".
        cycle_momentum: let the momentum fall and rise along.
        base_momentum: the lowest momentum, or one for each parameter group.
        max_momentum: the highest momentum, or one for each parameter group.
        last_epoch: see `LRScheduler`.

    Raises:
        ValueError: where there is no momentum to cycle, and for numbers out of range.
    """

    def __init__(
        self,
        optimizer: Any,
        base_lr: float | list[float],
        max_lr: float | list[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.8,
        max_momentum: float | list[float] = 0.9,
        last_epoch: int = -1,
    ) -> None:
        self.base_lrs = base_lrs = per_group("base_lr", base_lr, optimizer)
        self.max_lrs = per_group("max_lr", max_lr, optimizer)
        self.step_size_up, self.step_size_down = step_size_up, step_size_down
        self.mode, self.gamma = mode, gamma
        self.scale_fn, self.scale_mode = scale_fn, scale_mode
        self.cycle_momentum = cycle_momentum
        self.base_momentums = per_group("base_momentum", base_momentum, optimizer)
        self.max_momentums = per_group("max_momentum", max_momentum, optimizer)
        self._check_momentum(optimizer)
        self.schedules()  # refuses numbers out of range before anything is changed
        if last_epoch == -1:
            for group, lr in zip(optimizer.param_groups, base_lrs, strict=True):
                group["lr"] = lr
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs

    def schedule(self, lr: float, number: int) -> Schedule:
        """See `ScheduledLR`."""
        return Cyclic(
            lr,
            of_group(self.max_lrs, number),
            self.step_size_up,
            self.step_size_down,
            self.mode,
            self.gamma,
            self.scale_fn,
            self.scale_mode,
            of_group(self.base_momentums, number),
            of_group(self.max_momentums, number),
        )

    def state_dict(self) -> dict[str, Any]:
        """See `LRScheduler`; a function is left out."""
        return {name: value for name, value in super().state_dict().items() if name != "scale_fn"}

    def _only_pytorch_has(self, name: str) -> bool:
        return name in ("total_size", "step_ratio", "use_beta1") or super()._only_pytorch_has(name)


class OneCycleLR(_MomentumCycle):
    """Lets the rates rise once and fall to nearly nothing in a training of known length; see `schedules.OneCycle`.

    Args:
        optimizer: the optimiser whose rates are set.
        max_lr: the highest rate, or one for each parameter group.
        total_steps: the number of steps of the training.
        epochs: with `steps_per_epoch`, instead of `total_steps`.
        steps_per_epoch: with `epochs`, instead of `total_steps`.
        pct_start: the share of the steps in which the rate rises.
        anneal_strategy: "cos" or "linear".
        cycle_momentum: let the momentum fall and rise along.
        base_momentum: the lowest momentum, or one for each parameter group.
        max_momentum: the highest momentum, or one for each parameter group.
        div_factor: the first rate is max_lr / div_factor.
        final_div_factor: the last rate is that divided by final_div_factor.
        three_phase: come down to the first rate as fast as it rose, and to the last one then.
        last_epoch: see `LRScheduler`.

    Raises:
        ValueError: without a length, where there is no momentum to cycle, and for numbers out of range; by
            `step` for more than `total_steps` steps.
    """

    def __init__(
        self,
        optimizer: Any,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise ValueError(
                    "one cycle needs its length: give total_steps, or epochs and steps_per_epoch"
                )
            total_steps = epochs * steps_per_epoch
        self.total_steps = total_steps
        self.max_lrs = per_group("max_lr", max_lr, optimizer)
        self.pct_start, self.anneal_strategy = pct_start, anneal_strategy
        self.cycle_momentum = cycle_momentum
        self.base_momentums = per_group("base_momentum", base_momentum, optimizer)
        self.max_momentums = per_group("max_momentum", max_momentum, optimizer)
        self.div_factor, self.final_div_factor, self.three_phase = div_factor, final_div_factor, three_phase
        self._check_momentum(optimizer)
        cycles = [self.schedule(0.0, number) for number in range(len(self.max_lrs))]
        if last_epoch == -1:
            for group, cycle in zip(optimizer.param_groups, cycles, strict=True):
                group["initial_lr"] = cycle.initial_lr
        super().__init__(optimizer, last_epoch)

    def schedule(self, lr: float, number: int) -> OneCycle:
        """See `ScheduledLR`."""
        return OneCycle(
            of_group(self.max_lrs, number),
            self.total_steps,
            self.pct_start,
            self.anneal_strategy,
            of_group(self.base_momentums, number),
            of_group(self.max_momentums, number),
            self.div_factor,
            self.final_div_factor,
            self.three_phase,
        )
