"""Means and sums of squares, batch by batch: over samples, over all but the channels, or over all."""

from __future__ import annotations

import math

import numpy as np

from .transformer import Array, State

PER = ("feature", "channel", "all")


def require_per(per: str) -> None:
    """Refuse what is no way to share statistics."""
    if per not in PER:
        raise ValueError(f"per is 'feature', 'channel' or 'all', not {per!r}")


def shared_axes(shape: tuple[int, ...], per: str) -> tuple[int, ...]:
    """The axes of samples over which one statistic is taken."""
    if per == "feature":
        return (0,)
    if per == "all":
        return tuple(range(len(shape)))
    if len(shape) < 2:
        raise ValueError(f"samples with channels have shape (N, C, ...), not {shape}")
    return (0, *range(2, len(shape)))


def fits(statistic: Array, shape: tuple[int, ...], per: str) -> bool:
    """Whether samples of a shape have this statistic."""
    if per == "all":
        return True
    wanted = shape[1:] if per == "feature" else shape[1:2]
    return bool(statistic.shape == wanted)


def expected_shape(statistic: Array, per: str) -> str:
    """The shape of the samples of a statistic, for messages."""
    return f"(N, {', '.join(map(str, statistic.shape))}{', ...' if per == 'channel' else ''})"


def spread_out(statistic: Array, ndim: int, per: str) -> Array:
    """A statistic in the shape that broadcasts to samples of so many axes."""
    if per == "channel":
        return statistic.reshape(-1, *(1,) * (ndim - 2))
    return statistic


def require_shape(statistic: Array, per: str, name: str) -> None:
    """Refuse a loaded statistic whose shape is none of this kind."""
    wanted = {"feature": None, "channel": 1, "all": 0}[per]
    if wanted is not None and statistic.ndim != wanted:
        raise ValueError(
            f"{name} per {per} has {wanted} axes, and the state's has shape {statistic.shape}; was it another `per`?"
        )


def moments(x: Array, axes: tuple[int, ...]) -> State:
    """Count, mean and sum of squared deviations.

    Deviations are taken from the first value, so that those of a constant are exactly zero.
    """
    first = x[tuple(slice(0, 1) if axis in axes else slice(None) for axis in range(x.ndim))]
    deviations = x - first
    shift = deviations.mean(axes, keepdims=True)
    return {
        "count": np.array(math.prod(x.shape[axis] for axis in axes), np.int64),
        "mean": np.asarray((first + shift).squeeze(axes)),
        "m2": np.asarray(((deviations - shift) ** 2).sum(axes)),
    }


def merged(one: State, other: State) -> State:
    """The moments of two sets together.

    Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances", 1979:
    δ = mean₂ − mean₁, M = M₁ + M₂ + δ²·n₁n₂/n.
    """
    count = one["count"] + other["count"]
    delta = other["mean"] - one["mean"]
    share = other["count"] / count
    return {
        "count": np.asarray(count),
        "mean": np.asarray(one["mean"] + delta * share),
        "m2": np.asarray(one["m2"] + other["m2"] + delta**2 * (one["count"] * share)),
    }
