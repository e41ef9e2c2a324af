"""Schedule: a rate as a function of the number of steps taken, to be called, compared, saved and plotted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from numbers import Integral, Real
from typing import Any, overload

import numpy as np

from ..checks import require

Steps = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Schedule:
    """The base of all schedules: `schedule(t)` is the rate after t steps.

    A schedule is a frozen dataclass of plain numbers: two with the same numbers are equal, `to_dict()` gives
    them for a JSON file, and `schedules.from_dict` makes the schedule of them again. Nothing is remembered
    between calls, so any step can be asked for at any time. A schedule of one's own is a frozen dataclass
    that derives from this one and has a method `rate`.

    >>> from pullback.optim import schedules
    >>> schedule = schedules.Step(10, gamma=0.5, lr=0.1)
    >>> schedule(0), schedule(9), schedule(10), schedule(25)
    (0.1, 0.1, 0.05, 0.025)
    >>> schedules.from_dict(schedule.to_dict()) == schedule
    True
    """

    def rate(self, t: float) -> float:
        """The rate after t steps; t is not negative."""
        raise NotImplementedError(f"{type(self).__name__} has no rate: write the formula of the rate there")

    def momentum(self, t: float) -> float | None:
        """The momentum after t steps, for schedules that cycle it; else None."""
        return None

    def advance(self, rate: float, t: float) -> float:
        """The rate after t steps where it was `rate` one step before, for whatever reason.

        Schedules of factors hand on what others have made of the rate, so that several can be chained; the
        others say the rate whatever it was.
        """
        return self(t)

    def follow(self, rate: float, t: float) -> float:
        """What `advance` gives, and exactly `schedule(t)` where the rate before was exactly on the schedule."""
        if type(self).advance is Schedule.advance or (t >= 1 and rate == self(t - 1)):
            return self(t)
        return self.advance(rate, t)

    @overload
    def __call__(self, t: float) -> float: ...
    @overload
    def __call__(self, t: Steps) -> Steps: ...
    def __call__(self, t: float | Steps) -> float | Steps:
        """The rate after t steps.

        Args:
            t: a number, or an array of them, for which the rates are an array too.

        Raises:
            TypeError: for what is no number.
            ValueError: for a negative number.
        """
        if isinstance(t, np.ndarray) and t.ndim:
            return np.array([self(step) for step in t.ravel().tolist()], np.float64).reshape(t.shape)
        if isinstance(t, (np.generic, np.ndarray)):
            t = t.item()  # Python's numbers, whose powers NumPy rounds otherwise
        if isinstance(t, bool) or not isinstance(t, Real):
            raise TypeError(f"a schedule is a function of a number of steps, not of a {type(t).__name__}")
        if not t >= 0:
            raise ValueError(f"a schedule is a function of the number of steps taken, from 0 on, not of {t}")
        return self.rate(t)

    def to_dict(self) -> dict[str, Any]:
        """Its name and its numbers, for a JSON file; `schedules.from_dict` is the way back.

        Raises:
            TypeError: for a schedule that holds a function.
        """
        values = {item.name: _plain(self, item.name, getattr(self, item.name)) for item in fields(self)}
        return {"schedule": type(self).__name__} | values


@dataclass(frozen=True)
class Scaling(Schedule):
    """The base of schedules that scale a rate: floor + (lr − floor) · scale(t), with a floor of zero mostly.

    Args:
        lr: the rate that is scaled; 1 makes the schedule a factor.
    """

    lr: float = field(default=1.0, kw_only=True)

    @property
    def floor(self) -> float:
        """The rate where the scale is zero."""
        return 0.0

    def scale(self, t: float) -> float:
        """What the rate is multiplied with after t steps."""
        raise NotImplementedError(
            f"{type(self).__name__} has no scale: write the formula of the factor there"
        )

    def rate(self, t: float) -> float:
        """See `Schedule`."""
        return self.floor + (self.lr - self.floor) * self.scale(t)

    def advance(self, rate: float, t: float) -> float:
        """See `Schedule`."""
        scale, floor = self.scale(t), self.floor
        before = self.scale(t - 1) if t >= 1 else 1.0
        if before == 0:  # nothing is left to be scaled, as at the lowest point of a cosine
            return rate + (self.lr - floor) * scale
        return floor + (rate - floor) * (scale / before)


def from_dict(values: Mapping[str, Any]) -> Schedule:
    """The schedule that `to_dict()` has described.

    Raises:
        ValueError: for a name that no schedule has, and numbers that it does not take.
    """
    if not isinstance(values, Mapping) or "schedule" not in values:
        raise ValueError("a schedule is described by a dict with its name under 'schedule'")
    kinds = {kind.__name__: kind for kind in _subclasses(Schedule)}
    options = {name: _revived(value) for name, value in values.items() if name != "schedule"}
    kind = kinds.get(values["schedule"])
    if kind is None:
        raise ValueError(f"there is no schedule {values['schedule']!r}; there are {', '.join(sorted(kinds))}")
    known = {item.name for item in fields(kind)}
    if not options.keys() <= known:
        raise ValueError(f"{kind.__name__} has {sorted(known)}, and not {sorted(options.keys() - known)}")
    return kind(**options)


_LAWS: dict[str, Callable[[float], bool]] = {
    "zero or more": lambda x: x >= 0,
    "above zero": lambda x: x > 0,
    "in [0, 1]": lambda x: 0 <= x <= 1,
    "a whole number from 1 on": lambda x: isinstance(x, Integral) and x >= 1,
    "a whole number from 0 on": lambda x: isinstance(x, Integral) and x >= 0,
}


def check(name: str, value: float, law: str = "zero or more") -> None:
    """Raise ValueError for a number out of its range."""
    number = isinstance(value, Real) and not isinstance(value, bool)
    require(number and value < float("inf") and _LAWS[law](value), name, value, law)


def _plain(schedule: Schedule, name: str, value: Any) -> Any:
    if isinstance(value, Schedule):
        return value.to_dict()
    if isinstance(value, tuple):
        return [_plain(schedule, name, item) for item in value]
    if callable(value):
        raise TypeError(
            f"{type(schedule).__name__} holds the function {name!r}, which cannot be saved; "
            "a schedule of the module can be, or a frozen dataclass derived from Schedule"
        )
    return value


def _revived(value: Any) -> Any:
    if isinstance(value, Mapping):
        return from_dict(value)
    return tuple(map(_revived, value)) if isinstance(value, list) else value


def _subclasses(kind: type[Schedule]) -> Iterator[type[Schedule]]:
    for subclass in kind.__subclasses__():
        if subclass is not Scaling:
            yield subclass
        yield from _subclasses(subclass)
