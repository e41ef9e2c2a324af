"""Checks of the optimiser's rate: a range test around it, and how far a step moves the weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .case import Array, Case, short, without_dropout
from .report import Finding, fine, problem, silent

STEPS = 8  # at each rate
PATIENCE = 40  # steps after which a rate that did nothing is too low; some optimisers begin slowly
SPAN = (1e-5, 10.0)  # rates that are tried at least, in half decades that go through the optimiser's own
FAR = (60.0, 2.0)  # how far below the rates that help, and above the best one, a rate is suspected
BLOWN = 3.0  # times the first loss: a rate at which it gets there is not one to train at


@dataclass(frozen=True)
class Sweep:
    """What some steps gave at each rate, each time from the same start."""

    rates: Array
    first: float
    """The loss before."""
    last: Array
    """The loss after, by rate."""
    worst: Array
    """The largest loss on the way, by rate."""
    own: int
    """The place of the optimiser's own rate."""

    @property
    def blown(self) -> Array:
        """Whether the loss was far above its start on the way, even if it came back by luck."""
        return np.asarray(self.worst > self.first + BLOWN * abs(self.first))

    @property
    def drops(self) -> Array:
        """By how much the loss falls; not at all where it was blown up on the way."""
        return np.where(self.blown, -np.inf, self.first - self.last)

    @property
    def least(self) -> float:
        """The smallest drop that means something."""
        return 1e-4 * abs(self.first) + 1e-6


def learning_rate(case: Case) -> Finding:
    """The optimiser's rate lies where a range test, a few steps from the same start at each rate, says."""
    name = "learning rate"
    optimizer = case.optimizer
    if optimizer is None:
        return silent(name, "no optimiser was given: preflight(..., optimizer=optimizer)")
    groups = optimizer.param_groups
    held = {id(p) for group in groups for p in group["params"]}
    if not any(id(p) in held for p in case.trainable):
        return silent(name, "the optimiser holds no parameter of the model")
    if not all(isinstance(group.get("lr"), (int, float)) for group in groups):
        return silent(name, "the optimiser has no learning rate")
    rate = float(groups[0]["lr"])
    if rate <= 0:
        return problem(name, f"the rate is {rate:g}", "a positive rate")
    sweep = range_test(case, rate)
    drops, rates = sweep.drops, sweep.rates
    numbers = {"rate": rate, "rates": rates.tolist(), "losses": sweep.last.tolist(), "first": sweep.first}
    if not (drops > sweep.least).any():
        return problem(
            name,
            f"no rate from {rates[0]:.1g} to {rates[-1]:.1g} lowers the loss of {short(sweep.first)} in {STEPS} steps",
            "the rate is not the fault; look at the findings above",
            **numbers,
        )
    best = int(np.argmax(drops))
    high, low = float(rates[best]), float(rates[np.argmax(drops >= 0.1 * drops[best])])
    rising = rates[best:][drops[best:] < -sweep.least]
    numbers |= {"low": low, "best": high, "rises": float(rising[0]) if rising.size else None}
    said = (
        f"the rate is {rate:.3g}; in {STEPS} steps the loss falls fastest from {short(sweep.first)} at {high:.2g}, and "
        f"rates from {low:.1g} on help" + (f"; from {rising[0]:.2g} on it rises" if rising.size else "")
    )
    below, above = FAR
    if rate > above * high and drops[sweep.own] < -sweep.least:
        return problem(name, f"{said}: it is far too high", f"about {high / 3:.1g}", **numbers)
    if rate < low / below and drops[sweep.own] < 0.02 * drops[best]:
        fallen, quicker = _patiently(case)
        if fallen < 0.02 * drops[best] and not quicker:
            return problem(name, f"{said}: it is far too low", f"about {high / 3:.1g}", **numbers)
    return fine(name, said, **numbers)


def range_test(case: Case, rate: float) -> Sweep:
    """Try rates around the optimiser's own, each for a few steps from the same start, until they are too high."""
    down = int(np.ceil(2 * np.log10(max(rate / SPAN[0], 1e2))))
    up = int(np.ceil(2 * np.log10(max(SPAN[1] / rate, 10.0))))
    factors = 10.0 ** (np.arange(-down, up + 1) / 2)
    with case.trial():
        without_dropout(case)
        first = float(case.value(case.input, case.target).item())
    last: list[float] = []
    worst: list[float] = []
    for place, factor in enumerate(factors):
        losses = _losses(case, float(factor), STEPS)
        last.append(losses[-1])
        worst.append(max(losses))
        if place > down and min(last[-2:]) > first + BLOWN * abs(first):
            break
    return Sweep(rate * factors[: len(last)], first, np.array(last), np.array(worst), down)


def update_ratio(case: Case) -> Finding:
    """A step moves the weights by about a thousandth of their size."""
    name = "update ratio"
    optimizer = case.optimizer
    if optimizer is None or not hasattr(optimizer, "update_ratios"):
        return silent(name, "no optimiser was given that tells it: preflight(..., optimizer=optimizer)")
    names = {id(p): n for n, p in case.parameters.items() if p.ndim >= 2 and p.requires_grad}
    if not any(id(p) in names for group in optimizer.param_groups for p in group["params"]):
        return silent(name, "the optimiser holds no weight matrix of the model")
    seen: dict[str, list[float]] = {}
    with case.trial():
        without_dropout(case)
        for _ in range(STEPS):
            losses = case.trained(optimizer, 1, case.input, case.target)
            if not np.isfinite(losses).all():
                break
            for p, ratio in optimizer.update_ratios().items():
                if id(p) in names and np.isfinite(ratio):
                    seen.setdefault(names[id(p)], []).append(ratio)
    if not seen:
        return silent(name, "no weight matrix was moved")
    ratios = {n: float(np.median(found)) for n, found in seen.items()}
    middle = float(np.median(list(ratios.values())))
    said = f"a step moves the weights by {short(middle)} of their size (median; about 1e-3 is usual)"
    if middle > 1:
        return problem(name, said, "a much smaller learning rate", ratios=ratios)
    if max(map(max, seen.values())) < 1e-7:
        return problem(name, said, "a larger learning rate, or larger gradients", ratios=ratios)
    return fine(name, said, ratios=ratios)


def _patiently(case: Case) -> tuple[float, bool]:
    """By how much the loss falls in many steps at the own rate, and whether these become larger, as in a warm-up."""
    moved = []
    with case.trial():
        without_dropout(case)
        losses = []
        for _ in range(2):
            losses += case.trained(case.optimizer, PATIENCE // 2, case.input, case.target)
            known: dict[Any, float] = getattr(case.optimizer, "update_ratios", dict)()
            moved.append(float(np.median([ratio for ratio in known.values() if np.isfinite(ratio)] or [0.0])))
    return losses[0] - losses[-1], moved[1] > 1.3 * moved[0]


def _losses(case: Case, factor: float, steps: int) -> list[float]:
    """The losses of some steps at a multiple of the optimiser's rate."""
    with case.trial():
        without_dropout(case)
        for group in case.optimizer.param_groups:
            group["lr"] = group["lr"] * factor
        try:
            return case.trained(case.optimizer, steps, case.input, case.target)
        except (FloatingPointError, OverflowError, ValueError):
            return [float("inf")]
