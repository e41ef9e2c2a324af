"""Plateau: lower the rate when a metric no longer improves; a function of the metrics, not of a step count."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from .decay import one_of
from .schedule import check


class PlateauState(NamedTuple):
    """What the rule remembers between two metrics."""

    best: float
    num_bad_epochs: int = 0
    cooldown_counter: int = 0


@dataclass(frozen=True)
class Plateau:
    """Multiplies the rate with `factor` when more than `patience` metrics in a row were no better than the best.

    What the rate is depends on what was measured, so this is no function of the number of steps: it is one of
    all metrics so far (`rates`), or of the last state and the newest metric (`update`).

    Args:
        mode: "min" where a smaller metric is better, "max" where a larger one is.
        factor: what the rate is multiplied with, below 1.
        patience: how many metrics in a row may be no better.
        threshold: by how much a metric must be better to count.
        threshold_mode: "rel": by that share of the best; "abs": by that much.
        cooldown: for how many metrics after a reduction nothing is counted.
        min_lr: the lowest rate.
        eps: reductions of the rate by no more than that are left out.

    >>> from pullback.optim import schedules
    >>> plateau = schedules.Plateau(factor=0.5, patience=1)
    >>> plateau.rates([3.0, 2.0, 2.0, 2.0, 1.0, 1.0, 1.0], lr=0.4)
    [0.4, 0.4, 0.4, 0.2, 0.2, 0.2, 0.1]
    """

    mode: str = "min"
    factor: float = 0.1
    patience: int = 10
    threshold: float = 1e-4
    threshold_mode: str = "rel"
    cooldown: int = 0
    min_lr: float = 0.0
    eps: float = 1e-8

    def __post_init__(self) -> None:
        one_of("mode", self.mode, ("min", "max"))
        one_of("threshold_mode", self.threshold_mode, ("rel", "abs"))
        check("factor", self.factor)
        if self.factor >= 1:
            raise ValueError(f"factor must be below 1, so that the rate falls, not {self.factor!r}")
        for name in ("patience", "threshold", "cooldown", "min_lr", "eps"):
            check(name, getattr(self, name))

    def start(self) -> PlateauState:
        """The state before the first metric."""
        return PlateauState(float("inf") if self.mode == "min" else float("-inf"))

    def update(self, state: PlateauState, metric: float) -> tuple[PlateauState, bool]:
        """The state after one more metric, and whether the rate is to be lowered now."""
        best, bad, cooldown = state
        if self.better(metric, best):
            best, bad = metric, 0
        else:
            bad += 1
        if cooldown > 0:
            cooldown, bad = cooldown - 1, 0
        if bad > self.patience:
            return PlateauState(best, 0, self.cooldown), True
        return PlateauState(best, bad, cooldown), False

    def better(self, metric: float, best: float) -> bool:
        """Whether a metric counts as an improvement; a nan never does."""
        if self.threshold_mode == "rel":
            return (
                metric < best * (1 - self.threshold)
                if self.mode == "min"
                else metric > best * (1 + self.threshold)
            )
        return metric < best - self.threshold if self.mode == "min" else metric > best + self.threshold

    def lowered(self, rate: float) -> float:
        """The next lower rate, or the same where the difference would be too small."""
        lower = max(rate * self.factor, self.min_lr)
        return lower if rate - lower > self.eps else rate

    def rates(self, metrics: Iterable[float], lr: float = 1.0) -> list[float]:
        """The rate after each of the metrics, from the rate `lr` on."""
        state, rates = self.start(), []
        for metric in metrics:
            state, lower = self.update(state, float(metric))
            lr = self.lowered(lr) if lower else lr
            rates.append(lr)
        return rates
