"""Transformers that shift and stretch: zero-centring, standardising, min–max."""

from __future__ import annotations

from typing import Any

import numpy as np

from .moments import (
    expected_shape,
    fits,
    merged,
    moments,
    require_per,
    require_shape,
    shared_axes,
    spread_out,
)
from .transformer import Array, State, Transformer

_CONSTANT = 10 * np.finfo(np.float64).eps


class _Scaling(Transformer):
    """x ↦ (x − shift)/scale with statistics of each feature, each channel, or all values."""

    def __init__(self, per: str = "feature") -> None:
        require_per(per)
        super().__init__()
        self.per = per

    def _learned(self, state: State | None, x: Array) -> State | None:
        axes = shared_axes(x.shape, self.per)
        if state is not None:
            self._require_fit(state, x.shape)
        if any(x.shape[axis] == 0 for axis in axes):
            return state
        found = self._of_batch(x, axes)
        return found if state is None else self._merged(state, found)

    def _of_batch(self, x: Array, axes: tuple[int, ...]) -> State:
        return moments(x, axes)

    def _merged(self, one: State, other: State) -> State:
        return merged(one, other)

    def _require_fit(self, state: State, shape: tuple[int, ...]) -> None:
        statistic = state[self.names[-1]]
        if not fits(statistic, shape, self.per):
            raise self._refuse(shape, expected_shape(statistic, self.per))

    def _checked(self, state: State) -> None:
        for name, value in state.items():
            if name == "count":
                if value.ndim or value < 1:
                    raise ValueError(f"the count of a state is a number from 1 on, and this one is {value}")
            elif value.shape != state[self.names[-1]].shape:
                raise ValueError("the statistics of the state differ in their shapes")
            else:
                require_shape(value, self.per, name)

    def _shift_and_scale(self, state: State) -> tuple[Array, Array]:
        raise NotImplementedError

    def _spread(self, x: Any, state: State) -> tuple[Array, Array]:
        self._require_fit(state, x.shape)
        shift, scale = self._shift_and_scale(state)
        return spread_out(shift, x.ndim, self.per), spread_out(scale, x.ndim, self.per)

    def _forward(self, x: Any, state: State) -> Any:
        shift, scale = self._spread(x, state)
        return (x - shift) / scale

    def _backward(self, x: Any, state: State) -> Any:
        shift, scale = self._spread(x, state)
        return x * scale + shift


class ZeroCenter(_Scaling):
    """x ↦ x − mean: the mean image of the notes (`X -= np.mean(X, axis=0)`), or the mean of each channel.

    Args:
        per: "feature" for the mean of each position of a sample, "channel" for one of each channel of samples
            (N, C, ...), "all" for a single number.

    State: `count`, the number of values of each mean, and `mean`.

    >>> import numpy as np
    >>> from pullback.data import preprocess
    >>> preprocess.ZeroCenter().fit_transform(np.array([[1.0, 2.0], [3.0, 6.0]]))
    array([[-1., -2.],
           [ 1.,  2.]])
    """

    names = ("count", "mean")

    @property
    def mean(self) -> Array:
        """The mean, of the shape of a sample, (C,) or ()."""
        return self._statistic("mean")

    def _of_batch(self, x: Array, axes: tuple[int, ...]) -> State:
        found = moments(x, axes)
        return {name: found[name] for name in self.names}

    def _merged(self, one: State, other: State) -> State:
        none = {"m2": np.zeros_like(one["mean"])}
        both = merged(one | none, other | none)
        return {name: both[name] for name in self.names}

    def _shift_and_scale(self, state: State) -> tuple[Array, Array]:
        return state["mean"], np.ones_like(state["mean"])


class Standardize(_Scaling):
    """x ↦ (x − mean)/√(variance + epsilon): mean 0 and standard deviation 1 (the notes' `X /= np.std(X, axis=0)`).

    The variance is that of the data, Σ(x − mean)²/N. A constant feature is only centred.

    Args:
        per: "feature" for each position of a sample by itself, "channel" for each channel of samples (N, C, ...),
            "all" for all values alike.
        epsilon: is added to the variances.

    State: `count`, the number of values of each mean, `mean`, and `m2`, the sum of squared deviations from it.

    Raises:
        ValueError: for a negative epsilon.

    >>> import numpy as np
    >>> from pullback.data import preprocess
    >>> images = np.arange(12.0).reshape(2, 3, 2, 1)
    >>> per_channel = preprocess.Standardize(per="channel").fit(images)
    >>> per_channel.mean
    array([3.5, 5.5, 7.5])
    >>> float(per_channel.transform(images)[:, 0].std().round(6))
    1.0
    """

    names = ("count", "mean", "m2")

    def __init__(self, per: str = "feature", *, epsilon: float = 0.0) -> None:
        super().__init__(per)
        self.epsilon = require_epsilon(epsilon)

    @property
    def mean(self) -> Array:
        """The mean, of the shape of a sample, (C,) or ()."""
        return self._statistic("mean")

    @property
    def std(self) -> Array:
        """The standard deviation, of the shape of the mean; 0 for a constant."""
        return _standard_deviation(self._statistics())

    def _shift_and_scale(self, state: State) -> tuple[Array, Array]:
        std = _standard_deviation(state)
        return state["mean"], np.where(std > 0, np.sqrt(std**2 + self.epsilon), 1.0)


def _standard_deviation(state: State) -> Array:
    """With zero where it is no more than the rounding of the mean, as for a constant that comes in two batches."""
    std = np.sqrt(state["m2"] / state["count"])
    return np.where(std > _CONSTANT * np.abs(state["mean"]), std, 0.0)


class MinMax(_Scaling):
    """x ↦ low + (x − minimum)·(high − low)/(maximum − minimum): the training data fill the range exactly.

    A constant feature goes to `low`. New data beyond the range of the training data come out beyond the new one.

    Args:
        low: what the minimum becomes.
        high: what the maximum becomes.
        per: "feature" for each position of a sample by itself, "channel" for each channel of samples (N, C, ...),
            "all" for all values alike.

    State: `minimum` and `maximum`.

    Raises:
        ValueError: unless low < high.

    >>> import numpy as np
    >>> from pullback.data import preprocess
    >>> preprocess.MinMax(-1, 1).fit_transform(np.array([2.0, 3.0, 6.0]))
    array([-1. , -0.5,  1. ])
    """

    names = ("minimum", "maximum")

    def __init__(self, low: float = 0.0, high: float = 1.0, *, per: str = "feature") -> None:
        if not (np.isfinite(low) and np.isfinite(high) and low < high):
            raise ValueError(f"the range goes from a lower to a higher number, not from {low} to {high}")
        super().__init__(per)
        self.low, self.high = float(low), float(high)

    @property
    def minimum(self) -> Array:
        """The least value, of the shape of a sample, (C,) or ()."""
        return self._statistic("minimum")

    @property
    def maximum(self) -> Array:
        """The largest value."""
        return self._statistic("maximum")

    def _of_batch(self, x: Array, axes: tuple[int, ...]) -> State:
        return {"minimum": np.asarray(x.min(axes)), "maximum": np.asarray(x.max(axes))}

    def _merged(self, one: State, other: State) -> State:
        return {
            "minimum": np.asarray(np.minimum(one["minimum"], other["minimum"])),
            "maximum": np.asarray(np.maximum(one["maximum"], other["maximum"])),
        }

    def _checked(self, state: State) -> None:
        super()._checked(state)
        if not (state["minimum"] <= state["maximum"]).all():
            raise ValueError("the state has a minimum above its maximum")

    def _shift_and_scale(self, state: State) -> tuple[Array, Array]:
        width = state["maximum"] - state["minimum"]
        return state["minimum"], np.where(width > 0, width, 1.0)

    # in this order of operations the ends of the range come out exactly

    def _forward(self, x: Any, state: State) -> Any:
        unit = super()._forward(x, state)
        return unit * self.high + (1 - unit) * self.low

    def _backward(self, x: Any, state: State) -> Any:
        return super()._backward((x - self.low) / (self.high - self.low), state)


def require_epsilon(epsilon: float) -> float:
    """A finite number from 0 on."""
    if not (np.isfinite(epsilon) and epsilon >= 0):
        raise ValueError(f"epsilon is a number from 0 on, not {epsilon!r}")
    return float(epsilon)
