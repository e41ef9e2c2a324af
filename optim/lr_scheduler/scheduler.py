"""LRScheduler: counts steps, and writes the rates of a schedule into the groups of an optimiser."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..schedules import Schedule


class LRScheduler:
    """What all schedulers share: the count of steps, the rates of the groups, and saving.

    `scheduler.step()` is called after `optimizer.step()`, once per epoch or once per batch, as the numbers of
    the schedule mean it. A scheduler of one's own derives from this class and has a method `get_lr`, which
    gives the rates of all groups after `self.last_epoch` steps; mostly a function and `LambdaLR` will do.

    Args:
        optimizer: what has `param_groups`. Each group's rate, as it is now, becomes its `"initial_lr"`,
            unless it has one.
        last_epoch: how many steps were taken before, less one; −1 at the start of a training.

    Raises:
        TypeError: for what has no parameter groups.
        KeyError: with `last_epoch` given, for a group without `"initial_lr"`.
    """

    def __init__(self, optimizer: Any, last_epoch: int = -1) -> None:
        if not isinstance(getattr(optimizer, "param_groups", None), list):
            raise TypeError(
                f"a scheduler sets the rates of an optimiser, and a {type(optimizer).__name__} is none"
            )
        self.optimizer = optimizer
        groups = optimizer.param_groups
        if last_epoch != -1:
            for number, group in enumerate(groups):
                if "initial_lr" not in group:
                    raise KeyError(
                        f"group {number} of the optimiser has no 'initial_lr', which last_epoch={last_epoch} "
                        "needs; load the optimiser's state first, or begin with last_epoch=-1"
                    )
        self.last_epoch: float = last_epoch
        self.base_lrs: list[float] = [group.get("initial_lr", group["lr"]) for group in groups]
        self._last_lr: list[float] = [group["lr"] for group in groups]
        new = [group for group in groups if "initial_lr" not in group]
        try:
            for group in new:
                group["initial_lr"] = group["lr"]
            self.initial_step()
        except BaseException:
            for group in new:
                group.pop("initial_lr", None)
            raise

    def get_lr(self) -> list[float]:
        """The rates of all groups after `last_epoch` steps."""
        raise NotImplementedError(
            f"{type(self).__name__} has no get_lr: return the rates of all groups after self.last_epoch steps"
        )

    def get_last_lr(self) -> list[float]:
        """The rates of all groups that the last step has set."""
        return list(self._last_lr)

    def step(self, epoch: float | None = None) -> None:
        """Go on by one step, and set the rates of all groups.

        Args:
            epoch: go to the rates after that many steps instead, forwards or backwards.

        Raises:
            ValueError: where the schedule has no rate; nothing is changed then.
        """
        before = self.last_epoch
        self._adopt_groups()
        self.last_epoch = before + 1 if epoch is None else epoch
        try:
            rates = self.get_lr() if epoch is None else self.rates_at(epoch)
            if len(rates) != len(self.optimizer.param_groups):
                raise ValueError(
                    f"get_lr gave {len(rates)} rates for {len(self.optimizer.param_groups)} parameter groups"
                )
        except BaseException:
            self.last_epoch = before
            raise
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
        self._last_lr = list(rates)

    def rates_at(self, epoch: float) -> list[float]:
        """The rates of all groups after so many steps, whatever they are now."""
        return self.get_lr()

    def initial_step(self) -> None:
        """Set the rates of the first step; done when a scheduler is made."""
        self.step()

    def undo(self) -> None:
        """Forget the first step, which `SequentialLR` takes when its turn comes."""
        self.last_epoch -= 1

    def _adopt_groups(self) -> None:
        """Groups that were added to the optimiser since begin with the rate that they were given."""
        for group in self.optimizer.param_groups[len(self.base_lrs) :]:
            self.base_lrs.append(group.setdefault("initial_lr", group["lr"]))

    # saving

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimiser, whose own state dict holds the current rates."""
        return {name: _copied(value) for name, value in vars(self).items() if name != "optimizer"}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what `state_dict()` gave; load the optimiser's state too, for it holds the rates.

        Raises:
            ValueError: for a state of another kind of scheduler; nothing is changed then.
        """
        if not isinstance(state_dict, Mapping) or "last_epoch" not in state_dict:
            raise ValueError(
                "a scheduler's state is a dict with the key 'last_epoch', as state_dict() gives it"
            )
        own = vars(self).keys() - {"optimizer"}
        foreign = {name for name in state_dict.keys() - own if not self._only_pytorch_has(name)}
        if foreign:
            raise ValueError(
                f"the state has {sorted(foreign)}, which {type(self).__name__} has not; it has {sorted(own)}"
            )
        for name in own & state_dict.keys():
            setattr(self, name, _copied(state_dict[name]))

    def _only_pytorch_has(self, name: str) -> bool:
        return name.startswith("_") or name in ("T_cur", "T_i", "verbose")

    def __repr__(self) -> str:
        return f"{type(self).__name__}(last_epoch={self.last_epoch}, rates={self._last_lr})"


class ScheduledLR(LRScheduler):
    """A scheduler whose rates are those of a schedule, one for each group; derived classes say which.

    Where the rate of a group was changed by somebody else since the last step, the schedules that scale a
    rate scale that one, so that several schedulers can be stepped for one optimiser. Calling the scheduler
    with a number of steps gives the rates after so many, without any of this.
    """

    def schedule(self, lr: float, number: int) -> Schedule:
        """The schedule of one group, from its initial rate and its number."""
        raise NotImplementedError(f"{type(self).__name__} has no schedule: return the one of a group there")

    def schedules(self) -> list[Schedule]:
        """The schedules of all groups."""
        return [self.schedule(lr, number) for number, lr in enumerate(self.base_lrs)]

    def __call__(self, t: float) -> list[float]:
        """The rates of all groups after t steps."""
        return [schedule(t) for schedule in self.schedules()]

    def get_lr(self) -> list[float]:
        """The rates of all groups after `last_epoch` steps."""
        return [
            schedule.follow(group["lr"], self.last_epoch)
            for schedule, group in zip(self.schedules(), self.optimizer.param_groups, strict=True)
        ]

    def rates_at(self, epoch: float) -> list[float]:
        """See `LRScheduler`."""
        return self(epoch)

    def initial_step(self) -> None:
        """See `LRScheduler`; rates that are still the initial ones are brought to a later step."""
        fresh = all(group["lr"] == group["initial_lr"] for group in self.optimizer.param_groups)
        self.step(self.last_epoch + 1 if fresh and self.last_epoch >= 0 else None)


def per_group(name: str, value: Any, optimizer: Any) -> list[Any]:
    """A value for each parameter group; ValueError for a list of another length."""
    count = len(optimizer.param_groups)
    if not isinstance(value, (list, tuple)):
        return [value] * count
    if len(value) != count:
        raise ValueError(
            f"{name} is one number, or one for each of the {count} parameter groups, not {len(value)}"
        )
    return list(value)


def of_group(values: list[Any], number: int) -> Any:
    """The value of a parameter group; a group that was added later takes the last one."""
    return values[min(number, len(values) - 1)]


def _copied(value: Any) -> Any:
    return list(value) if isinstance(value, list) else value
