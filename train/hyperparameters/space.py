"""Spaces of hyper-parameters: what each may be, drawn at random, laid out as a grid, narrowed around a good value."""

from __future__ import annotations

import itertools
import json
import math
import numbers
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..numbers_given import is_whole

Config = dict[str, Any]


class Parameter(ABC):
    """What one hyper-parameter may be."""

    @abstractmethod
    def draw(self, rng: np.random.Generator) -> Any:
        """One value at random."""

    @abstractmethod
    def grid(self, points: int) -> list[Any]:
        """So many values that cover the range evenly, or all where there are no more."""

    @abstractmethod
    def narrowed(self, good: Sequence[Any], shrink: float) -> Parameter:
        """The space around good values, the best of which is the first; never wider than this one."""

    @abstractmethod
    def distribution(self) -> Any:
        """The same for Optuna."""

    @property
    def logarithmic(self) -> bool:
        """Whether its figures want a logarithmic axis."""
        return False

    def coded(self, value: Any) -> Any:
        """A value as Optuna stores it."""
        return value

    def decoded(self, value: Any) -> Any:
        """A value from what Optuna has stored."""
        return value

    def described(self) -> dict[str, Any]:
        """A plain dict that says all of it, to compare and to store."""
        return {"kind": type(self).__name__, **asdict(self)}  # type: ignore[call-overload]  # all are dataclasses


@dataclass(frozen=True)
class Uniform(Parameter):
    """A number between two others, each as likely as the next.

    Args:
        low: the least.
        high: the largest.

    Raises:
        ValueError: for bounds that are not finite or not in order.

    >>> from pullback import train
    >>> train.Uniform(0.0, 0.5).grid(3)
    [0.0, 0.25, 0.5]
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        _check_bounds(self, numbers.Real)
        object.__setattr__(self, "low", float(self.low))
        object.__setattr__(self, "high", float(self.high))

    def draw(self, rng: np.random.Generator) -> float:
        """One value at random."""
        return self._at(rng.random())

    def grid(self, points: int) -> list[float]:
        """So many values with equal steps, both ends included; the middle alone for a single one."""
        if self.low == self.high:
            return [self.low]
        shares = [0.5] if points == 1 else np.linspace(0, 1, points)
        return [self._at(float(share)) for share in shares]

    def narrowed(self, good: Sequence[Any], shrink: float) -> Uniform:
        """A range of `shrink` times the width around the best value, moved inwards where it would stick out."""
        start, end = _window(self._share(good[0]), shrink)
        return type(self)(self._at(start), self._at(end))

    def distribution(self) -> Any:
        """The same for Optuna."""
        from optuna.distributions import FloatDistribution

        return FloatDistribution(self.low, self.high, log=self.logarithmic)

    def _at(self, share: float) -> float:
        """The value at a share of the range, and exactly the ends at theirs."""
        if share in (0.0, 1.0):
            return self.high if share else self.low
        return _clipped(self._value(share), self.low, self.high)

    def _value(self, share: float) -> float:
        return self.low + share * (self.high - self.low)

    def _share(self, value: float) -> float:
        return (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5


@dataclass(frozen=True)
class LogUniform(Uniform):
    """A positive number whose logarithm is uniform: learning rates, penalties, anything known to its order only.

    Args:
        low: the least, above 0.
        high: the largest.

    Raises:
        ValueError: for bounds that are not positive, not finite or not in order.

    >>> from pullback import train
    >>> [f"{value:.0e}" for value in train.LogUniform(1e-4, 1e-1).grid(4)]
    ['1e-04', '1e-03', '1e-02', '1e-01']
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_positive(self)

    @property
    def logarithmic(self) -> bool:
        """Its figures want a logarithmic axis."""
        return True

    def _value(self, share: float) -> float:
        return math.exp(math.log(self.low) + share * (math.log(self.high) - math.log(self.low)))

    def _share(self, value: float) -> float:
        width = math.log(self.high) - math.log(self.low)
        return (math.log(value) - math.log(self.low)) / width if width else 0.5


@dataclass(frozen=True)
class Integer(Parameter):
    """A whole number between two others, both included.

    Args:
        low: the least.
        high: the largest.
        log: its logarithm is uniform, as of the width of a layer.

    Raises:
        ValueError: for bounds that are not whole, not in order, or below 1 on a logarithmic scale.

    >>> from pullback import train
    >>> train.Integer(1, 5).grid(3), train.Integer(8, 128, log=True).grid(5)
    ([1, 3, 5], [8, 16, 32, 64, 128])
    """

    low: int
    high: int
    log: bool = False

    def __post_init__(self) -> None:
        _check_bounds(self, numbers.Integral)
        object.__setattr__(self, "low", int(self.low))
        object.__setattr__(self, "high", int(self.high))
        if self.log:
            _check_positive(self)

    @property
    def logarithmic(self) -> bool:
        """Whether its figures want a logarithmic axis."""
        return self.log

    def draw(self, rng: np.random.Generator) -> int:
        """One value at random."""
        return self._rounded(self._edges().draw(rng))

    def grid(self, points: int) -> list[int]:
        """So many values with steps as equal as may be, or all where there are no more."""
        exact = LogUniform(self.low, self.high) if self.log else Uniform(self.low, self.high)
        return sorted({self._rounded(value) for value in exact.grid(points)})

    def narrowed(self, good: Sequence[Any], shrink: float) -> Integer:
        """A range of about `shrink` times the width around the best value."""
        inner = self._edges().narrowed(good, shrink)
        low, high = self._rounded(inner.low), self._rounded(inner.high)
        return Integer(min(low, good[0]), max(high, good[0]), self.log)

    def distribution(self) -> Any:
        """The same for Optuna."""
        from optuna.distributions import IntDistribution

        return IntDistribution(self.low, self.high, log=self.log)

    def _edges(self) -> Uniform:
        """The numbers that are rounded to these, so that the ends are as likely as the others."""
        return (LogUniform if self.log else Uniform)(self.low - 0.5, self.high + 0.5)

    def _rounded(self, value: float) -> int:
        return int(_clipped(math.floor(value + 0.5), self.low, self.high))


@dataclass(frozen=True, init=False)
class Choice(Parameter):
    """One of several options: names, numbers, None, or lists of them; whatever JSON can hold.

    Args:
        options: at least one, all different.

    Raises:
        ValueError: for no options and for equal ones.
        TypeError: for an option that JSON cannot hold; choose a name, and look the object up by it.

    >>> from pullback import train
    >>> train.Choice("relu", "tanh").grid(5)
    ['relu', 'tanh']
    """

    options: tuple[Any, ...]

    def __init__(self, *options: Any) -> None:
        options = tuple(option.item() if isinstance(option, np.generic) else option for option in options)
        object.__setattr__(self, "options", options)
        if not options:
            raise ValueError("a choice needs at least one option: Choice('relu', 'tanh')")
        for option in options:
            try:
                json.dumps(option, allow_nan=False)
            except (TypeError, ValueError):
                raise TypeError(
                    f"an option is what JSON can hold (a name, a number, None, a list), and not {option!r}; choose "
                    "among names, and look up by the name what they stand for"
                ) from None
        if len(set(self._labels())) < len(options):
            raise ValueError(f"the options of a choice differ from one another, unlike {list(options)}")

    def draw(self, rng: np.random.Generator) -> Any:
        """One option at random."""
        return self.options[int(rng.integers(len(self.options)))]

    def grid(self, points: int) -> list[Any]:
        """All options, whatever the number."""
        return list(self.options)

    def narrowed(self, good: Sequence[Any], shrink: float) -> Choice:
        """The options that good values have."""
        labels = {json.dumps(value) for value in good}
        return Choice(*(option for option in self.options if json.dumps(option) in labels))

    def distribution(self) -> Any:
        """The same for Optuna, which knows the options by their JSON text."""
        from optuna.distributions import CategoricalDistribution

        return CategoricalDistribution(self._labels())

    def coded(self, value: Any) -> str:
        """An option as its JSON text."""
        return json.dumps(value)

    def decoded(self, value: Any) -> Any:
        """The option with this JSON text."""
        return self.options[self._labels().index(value)]

    def described(self) -> dict[str, Any]:
        """A plain dict that says all of it."""
        return {"kind": "Choice", "options": self._labels()}

    def _labels(self) -> list[str]:
        return [json.dumps(option) for option in self.options]


class Space(Mapping[str, Parameter]):
    """What a configuration may be: parameters by name. A plain value stands for itself, a list or array for a choice.

    >>> import numpy as np
    >>> from pullback import train
    >>> space = train.Space({"lr": train.LogUniform(1e-3, 1e-1), "activation": ["relu", "tanh"], "epochs": 5})
    >>> for config in space.grid(2):
    ...     print({name: value if name != "lr" else round(value, 6) for name, value in config.items()})
    {'lr': 0.001, 'activation': 'relu', 'epochs': 5}
    {'lr': 0.001, 'activation': 'tanh', 'epochs': 5}
    {'lr': 0.1, 'activation': 'relu', 'epochs': 5}
    {'lr': 0.1, 'activation': 'tanh', 'epochs': 5}
    """

    def __init__(self, parameters: Mapping[str, Any]) -> None:
        if not parameters:
            raise ValueError("a space without hyper-parameters has nothing to search in")
        self._parameters: dict[str, Parameter] = {}
        for name, value in parameters.items():
            if not isinstance(name, str):
                raise TypeError(f"hyper-parameters are called by strings, and not by {name!r}")
            if isinstance(value, Parameter):
                self._parameters[name] = value
            else:
                value = value.tolist() if isinstance(value, np.ndarray) else value
                self._parameters[name] = Choice(*value) if isinstance(value, list) else Choice(value)

    def __getitem__(self, name: str) -> Parameter:
        return self._parameters[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._parameters)

    def __len__(self) -> int:
        return len(self._parameters)

    def __repr__(self) -> str:
        return f"Space({self._parameters})"

    def draw(self, rng: np.random.Generator) -> Config:
        """One configuration at random."""
        return {name: parameter.draw(rng) for name, parameter in self.items()}

    def grid(self, points: int | Mapping[str, int]) -> list[Config]:
        """All combinations of the parameters' own grids; the last parameter changes fastest.

        Args:
            points: how many for each number, or a dict of them by name. Choices have all their options.

        Raises:
            ValueError: for a number below 1.
            KeyError: for a parameter that a dict leaves out, unless it is a choice.
        """
        columns = []
        for name, parameter in self.items():
            count = points if not isinstance(points, Mapping) else points.get(name)
            if count is None and not isinstance(parameter, Choice):
                raise KeyError(f"grid says nothing of {name!r}: give it a number of points")
            if count is not None and not is_whole(count, 1):
                raise ValueError(f"a grid has a whole number of points from 1 on, not {count!r} for {name!r}")
            columns.append(parameter.grid(count or 1))
        return [dict(zip(self, values, strict=True)) for values in itertools.product(*columns)]

    def narrowed(self, good: Sequence[Mapping[str, Any]], shrink: float) -> Space:
        """The space around good configurations, the best of which is the first.

        Numbers get a range of `shrink` times the width (of the logarithm, for logarithmic ones) around the best;
        choices keep the options that the good configurations have.

        Raises:
            ValueError: for no configuration, and `shrink` that is not between 0 and 1.
        """
        if not good:
            raise ValueError("there is no configuration to narrow the space around")
        if not 0 < shrink <= 1:
            raise ValueError(f"shrink is above 0 and at most 1, not {shrink!r}")
        return Space(
            {name: p.narrowed([config[name] for config in good], shrink) for name, p in self.items()}
        )

    def described(self) -> dict[str, Any]:
        """A plain dict that says all of it, to compare and to store."""
        return {name: parameter.described() for name, parameter in self.items()}


def _check_bounds(parameter: Any, kind: Any) -> None:
    for bound in (parameter.low, parameter.high):
        if isinstance(bound, bool) or not isinstance(bound, kind) or not math.isfinite(bound):
            what = "whole" if kind is numbers.Integral else "finite"
            raise ValueError(
                f"{type(parameter).__name__} lies between two {what} numbers, and not at {bound!r}"
            )
    if parameter.low > parameter.high:
        raise ValueError(
            f"{type(parameter).__name__}({parameter.low}, {parameter.high}) has its bounds in the wrong order"
        )


def _check_positive(parameter: Any) -> None:
    if parameter.low <= 0:
        raise ValueError(f"a logarithmic scale has positive numbers only, and low is {parameter.low}")


def _clipped(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


def _window(center: float, width: float) -> tuple[float, float]:
    """A part of [0, 1] of this width around a centre, moved inwards where it would stick out."""
    if center + width / 2 >= 1:
        return 1.0 - width, 1.0
    start = max(center - width / 2, 0.0)
    return start, start + width
