"""Schedulers made of functions and of other schedulers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import FunctionType
from typing import Any

from ..schedules import Chained, Lambda, Multiplicative, Schedule, Sequential, from_dict
from .plateau import ReduceLROnPlateau
from .scheduler import ScheduledLR, of_group, per_group


class LambdaLR(ScheduledLR):
    """Multiplies the initial rates with a function of the number of steps; see `schedules.Lambda`.

    A schedule with lr = 1 is such a function, so any of them can be applied in this way.

    Args:
        optimizer: the optimiser whose rates are set.
        lr_lambda: the function, or a list with one for each parameter group.
        last_epoch: see `LRScheduler`.

    >>> import pullback as pb
    >>> from pullback.optim import lr_scheduler, schedules
    >>> optimizer = pb.optim.SGD([pb.tensor(1.0, requires_grad=True)], lr=0.4)
    >>> scheduler = lr_scheduler.LambdaLR(optimizer, schedules.Warmup(2, schedules.Cosine(2)))
    >>> [scheduler(t) for t in range(5)]
    [[0.0], [0.2], [0.4], [0.2], [0.0]]
    """

    def __init__(self, optimizer: Any, lr_lambda: Any, last_epoch: int = -1) -> None:
        self.lr_lambdas: list[Callable[[float], float]] = per_group("lr_lambda", lr_lambda, optimizer)
        super().__init__(optimizer, last_epoch)

    def schedule(self, lr: float, number: int) -> Schedule:
        """See `ScheduledLR`."""
        return Lambda(of_group(self.lr_lambdas, number), lr=lr)

    def state_dict(self) -> dict[str, Any]:
        """See `LRScheduler`; of the functions, schedules and the attributes of objects are saved."""
        return super().state_dict() | {"lr_lambdas": [_saved(function) for function in self.lr_lambdas]}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """See `LRScheduler`."""
        functions = state_dict.get("lr_lambdas", []) if isinstance(state_dict, Mapping) else []
        restored = [
            _restored(function, saved)
            for function, saved in zip(self.lr_lambdas, functions or self.lr_lambdas, strict=True)
        ]
        super().load_state_dict(state_dict)
        self.lr_lambdas = restored


class MultiplicativeLR(LambdaLR):
    """Multiplies the rates, as they are, with a function of the number of steps at every step.

    Args:
        optimizer: the optimiser whose rates are set.
        lr_lambda: the function, or a list with one for each parameter group.
        last_epoch: see `LRScheduler`.

    >>> import pullback as pb
    >>> optimizer = pb.optim.SGD([pb.tensor(1.0, requires_grad=True)], lr=0.4)
    >>> scheduler = pb.optim.lr_scheduler.MultiplicativeLR(optimizer, lambda t: 0.5)
    >>> [scheduler(t) for t in range(3)]
    [[0.4], [0.2], [0.1]]
    """

    def schedule(self, lr: float, number: int) -> Schedule:
        """See `ScheduledLR`."""
        return Multiplicative(of_group(self.lr_lambdas, number), lr=lr)


class _Composite(ScheduledLR):
    """A scheduler that steps others."""

    _schedulers: list[ScheduledLR]

    def _take(self, schedulers: Iterable[ScheduledLR], optimizer: Any) -> None:
        self._schedulers = list(schedulers)
        if not self._schedulers:
            raise ValueError(f"{type(self).__name__} needs at least one scheduler")
        for number, scheduler in enumerate(self._schedulers):
            name = f"scheduler {number}, a {type(scheduler).__name__},"
            if isinstance(scheduler, ReduceLROnPlateau):
                raise ValueError(
                    f"{name} answers to a metric, so it is stepped on its own: scheduler.step(loss)"
                )
            if not isinstance(scheduler, ScheduledLR):
                raise TypeError(f"{name} has no schedule to be combined with others")
            if optimizer is None:
                optimizer = scheduler.optimizer
            if scheduler.optimizer is not optimizer:
                raise ValueError(f"{name} belongs to another optimiser; all must set the rates of the same")
        self.optimizer = optimizer

    def state_dict(self) -> dict[str, Any]:
        """See `LRScheduler`; the states of the schedulers stand under `_schedulers`."""
        return super().state_dict() | {"_schedulers": [part.state_dict() for part in self._schedulers]}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """See `LRScheduler`."""
        parts = state_dict.get("_schedulers") if isinstance(state_dict, Mapping) else None
        if not isinstance(parts, list) or len(parts) != len(self._schedulers):
            raise ValueError(
                f"the state of a {type(self).__name__} has those of its {len(self._schedulers)} schedulers under "
                "'_schedulers'"
            )
        before = [scheduler.state_dict() for scheduler in self._schedulers]
        try:
            for scheduler, state in zip(self._schedulers, parts, strict=True):
                scheduler.load_state_dict(state)
            super().load_state_dict(
                {"last_epoch": parts[0].get("last_epoch")}  # PyTorch's chain has none of its own
                | {name: value for name, value in state_dict.items() if name != "_schedulers"}
            )
        except BaseException:
            for scheduler, state in zip(self._schedulers, before, strict=True):
                scheduler.load_state_dict(state)
            raise

    def _finish(self, before: float, epoch: float | None, rates: list[float] | None = None) -> None:
        for group, rate in zip(self.optimizer.param_groups, rates or (), strict=False):
            group["lr"] = rate
        self.last_epoch = before + 1 if epoch is None else epoch
        self._last_lr = [group["lr"] for group in self.optimizer.param_groups]


class SequentialLR(_Composite):
    """Schedulers one after the other, each from its own step 0 on; see `schedules.Sequential`.

    Args:
        optimizer: the optimiser whose rates are set.
        schedulers: in order, all of this optimiser.
        milestones: at which step each but the first begins.
        last_epoch: see `LRScheduler`.

    Raises:
        ValueError: for no scheduler, one of another optimiser or one that needs a metric, and for milestones
            that are not one less than the schedulers.

    >>> import pullback as pb
    >>> from pullback.optim.lr_scheduler import ExponentialLR, LinearLR, SequentialLR
    >>> optimizer = pb.optim.SGD([pb.tensor(1.0, requires_grad=True)], lr=0.4)
    >>> warmup, decay = LinearLR(optimizer, 0.5, total_iters=2), ExponentialLR(optimizer, 0.5)
    >>> scheduler = SequentialLR(optimizer, [warmup, decay], milestones=[2])
    >>> [round(scheduler(t)[0], 3) for t in range(5)]
    [0.2, 0.3, 0.4, 0.2, 0.1]
    """

    def __init__(
        self,
        optimizer: Any,
        schedulers: Sequence[ScheduledLR],
        milestones: Iterable[int],
        last_epoch: int = -1,
    ) -> None:
        self._take(schedulers, optimizer)
        self._milestones = list(milestones)
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.schedules()  # refuses milestones that do not fit before anything is changed
        self.last_epoch = last_epoch + 1
        for group, lr in zip(optimizer.param_groups, self.base_lrs, strict=True):
            group["lr"] = lr
        for scheduler in self._schedulers:
            scheduler.undo()
        self._schedulers[0].initial_step()
        self._last_lr = [group["lr"] for group in optimizer.param_groups]

    def schedules(self) -> list[Schedule]:
        """The schedules of all groups."""
        columns = zip(*(scheduler.schedules() for scheduler in self._schedulers), strict=True)
        return [Sequential(parts, tuple(self._milestones)) for parts in columns]

    def step(self, epoch: float | None = None) -> None:
        """See `LRScheduler`."""
        t = self.last_epoch + 1 if epoch is None else epoch
        index = sum(milestone <= t for milestone in self._milestones)
        start = self._milestones[index - 1] if index else 0
        rates = None if epoch is None else self(epoch)
        if epoch is None and t == start > 0:
            groups = zip(self.schedules(), self.optimizer.param_groups, strict=True)
            rates = [schedule.advance(group["lr"], t) for schedule, group in groups]
        self._schedulers[index].step(None if rates is None else t - start)
        self._finish(self.last_epoch, epoch, rates)

    def undo(self) -> None:
        """See `LRScheduler`."""
        self.last_epoch -= 1
        self._schedulers[0].undo()


class ChainedScheduler(_Composite):
    """Schedulers that scale the same rates, all at every step; see `schedules.Chained`.

    Args:
        schedulers: in order, all of one optimiser.
        optimizer: that optimiser; the first scheduler's if not given.

    Raises:
        ValueError: for no scheduler, one of another optimiser, or one that needs a metric.

    >>> import pullback as pb
    >>> from pullback.optim.lr_scheduler import ChainedScheduler, ConstantLR, ExponentialLR
    >>> optimizer = pb.optim.SGD([pb.tensor(1.0, requires_grad=True)], lr=1.0)
    >>> scheduler = ChainedScheduler([ConstantLR(optimizer, 0.5, total_iters=2), ExponentialLR(optimizer, 0.5)])
    >>> [scheduler(t) for t in range(4)]
    [[0.5], [0.25], [0.25], [0.125]]
    """

    def __init__(self, schedulers: Sequence[ScheduledLR], optimizer: Any = None) -> None:
        self._take(schedulers, optimizer)
        self.base_lrs = [group["initial_lr"] for group in self.optimizer.param_groups]
        self.last_epoch = self._schedulers[0].last_epoch
        self._last_lr = [group["lr"] for group in self.optimizer.param_groups]

    def schedules(self) -> list[Schedule]:
        """The schedules of all groups."""
        columns = zip(*(scheduler.schedules() for scheduler in self._schedulers), strict=True)
        return [Chained(parts, lr=lr) for parts, lr in zip(columns, self.base_lrs, strict=True)]

    def step(self, epoch: float | None = None) -> None:
        """See `LRScheduler`."""
        before, rates = self.last_epoch, None if epoch is None else self(epoch)
        for scheduler in self._schedulers:
            scheduler.step(epoch)
        self._finish(before, epoch, rates)

    def undo(self) -> None:
        """See `LRScheduler`."""
        self.last_epoch -= 1
        for scheduler in self._schedulers:
            scheduler.undo()

    def initial_step(self) -> None:
        """See `LRScheduler`."""
        before = self.last_epoch
        for scheduler in self._schedulers:
            scheduler.initial_step()
        self._finish(before, None)


def _saved(function: Any) -> Any:
    if isinstance(function, Schedule):
        return function.to_dict()
    return None if isinstance(function, FunctionType) else dict(vars(function))


def _restored(function: Any, saved: Any) -> Any:
    if isinstance(saved, Mapping) and "schedule" in saved:
        return from_dict(saved)
    if isinstance(saved, Mapping):
        vars(function).update(saved)
    return function
