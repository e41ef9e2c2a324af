"""Checks that train for a few steps: a tiny batch, the learning rate, and how far a step moves the weights."""

from __future__ import annotations

import numpy as np

from ...autograd import no_grad
from ...optim import Adam
from .case import Array, Case, arrays_in, short
from .losses import Kind, accuracy_of
from .report import Finding, fine, problem, silent, warning

TINY = 8  # examples
RATES = (1e-2, 1e-3, 1e-1)  # of Adam, that are tried on them
SWEEP = 5  # steps at each rate of the range test
TOO_LOW = 50.0  # how far below the rates that help a rate is far too low
FACTORS = 10.0 ** np.arange(-4, 4.5, 0.5)  # of the optimiser's rate, that the range test tries


def tiny_batch(case: Case, kind: Kind | None) -> Finding:
    """A few examples can be learned by heart."""
    name = "tiny batch"
    if not case.trainable:
        return silent(name, "no parameter can be trained")
    input, target = case.rows(_few(case))
    with case.trial():
        first = float(case.value(input, target).item())
    best, reached, taken, lowest = first, None, 0, _lowest(case, kind, target)
    for rate in RATES:
        with case.trial():
            _still_dropout(case)
            optimizer = Adam(case.trainable, lr=rate)
            for taken in range(5, case.steps + 1, 5):
                losses = case.trained(optimizer, 5, input, target)
                best = min(best, losses[-1])
                if not np.isfinite(losses[-1]):
                    break
                reached = _reached(case, kind, input, target)
                if _is_done(kind, reached, losses[-1], first, lowest):
                    said = f"{_count(case)} are learned in {taken} steps: loss {short(losses[-1])}"
                    right = "" if reached is None else f", {reached:.0%} right"
                    return fine(name, said + right, steps=taken, loss=losses[-1])
    said = f"in {case.steps} steps at each of {len(RATES)} rates the loss went from {short(first)} to {short(best)}"
    right = "" if reached is None else f", with {reached:.0%} right"
    numbers = {"loss": best, "first": first}
    fallen = (first - best) / max(abs(first - lowest), 1e-12)
    if kind is None and fallen > 0.3:
        return fine(name, f"{said}; where it ends is not known for this loss", **numbers)
    if _answers(case, target) > 1 and fallen > 0.7:
        return fine(
            name, f"{said}{right}: as far as the targets follow from what is seen before them", **numbers
        )
    verdict = warning if fallen > 0.6 else problem
    return verdict(
        name,
        f"{_count(case)} cannot be learned by heart: {said}{right}",
        "there is a fault before there is anything to tune: look at the findings above, at the labels, and whether the "
        "model is large enough",
        **numbers,
    )


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
    own = float(groups[0]["lr"])
    if own <= 0:
        return problem(name, f"the rate is {own:g}", "a positive rate")
    floor = _noise(case)
    rates, losses = own * FACTORS, []
    for factor in FACTORS:
        losses.append(_after(case, float(factor)))
        if len(losses) > 2 and all(loss > 3 * abs(floor[0]) + 3 * floor[1] for loss in losses[-2:]):
            break
    rates, ends = rates[: len(losses)], np.array(losses)
    first = floor[0]
    drops = first - ends
    if not (drops > floor[1]).any():
        return problem(
            name,
            f"no rate from {rates[0]:.1g} to {rates[-1]:.1g} lowers the loss of {short(first)} in {SWEEP} steps",
            "the rate is not the fault; look at the findings above",
            rates=rates.tolist(),
            losses=losses,
        )
    best = int(np.argmax(drops))
    diverging = [float(r) for r, drop in zip(rates[best:], drops[best:], strict=True) if drop < -floor[1]]
    useful = [
        float(r)
        for r, drop in zip(rates, drops, strict=True)
        if drop >= 0.1 * drops[best] and r <= rates[best]
    ]
    low, high = useful[0], float(rates[best])
    at_own = float(drops[int(np.argmin(np.abs(np.log(FACTORS))))]) if len(losses) > _here() else -np.inf
    said = (
        f"the rate is {own:.3g}; in {SWEEP} steps the loss falls fastest from {short(first)} at {high:.2g}, and rates "
        f"from {low:.1g} on help" + (f"; from {diverging[0]:.2g} on it rises" if diverging else "")
    )
    numbers = {"rate": own, "low": low, "best": high, "rates": rates.tolist(), "losses": losses}
    numbers["diverges"] = diverging[0] if diverging else None
    if own > 2 * high and at_own < -floor[1]:
        return problem(name, f"{said}: it is far too high", f"about {high / 3:.1g}", **numbers)
    if own < low / TOO_LOW and at_own < 0.01 * drops[best]:
        return problem(name, f"{said}: it is far too low", f"about {high / 3:.1g}", **numbers)
    return fine(name, said, **numbers)


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
        _still_dropout(case)
        for _ in range(5):
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
    if middle < 1e-7:
        return problem(name, said, "a larger learning rate, or larger gradients", ratios=ratios)
    return fine(name, said, ratios=ratios)


def _few(case: Case) -> Array:
    """A few examples, of several targets, and no two with the same input."""
    if case.size is None:
        return np.arange(0)
    inputs, targets = list(arrays_in(case.input)), list(arrays_in(case.target))
    seen: set[bytes] = set()
    kinds: dict[bytes, list[int]] = {}
    for place in range(min(case.size, 256)):
        row = b"".join(np.ascontiguousarray(x[place]).tobytes() for x in inputs if x.ndim)
        if row not in seen:
            seen.add(row)
            kinds.setdefault(b"".join(t[place].tobytes() for t in targets if t.ndim), []).append(place)
    chosen: list[int] = []
    while len(chosen) < TINY and any(kinds.values()):
        for places in kinds.values():
            if places and len(chosen) < TINY:
                chosen.append(places.pop(0))
    return np.array(sorted(chosen))


def _answers(case: Case, target: object) -> float:
    """How many targets an example has."""
    return sum(array.size for array in arrays_in(target)) / max(1, len(_few(case)))


def _count(case: Case) -> str:
    return "the examples of the batch" if case.size is None else f"{len(_few(case))} examples"


def _still_dropout(case: Case) -> None:
    """Switch off what drops at random: learning by heart is tested without regularisation."""
    for module in case.model.modules():
        if "Drop" in type(module).__name__ or type(module).__name__ == "StochasticDepth":
            module.training = False


def _reached(case: Case, kind: Kind | None, input: object, target: object) -> float | None:
    if kind is None or kind.name == "regression":
        return None
    [targets] = arrays_in(target)
    with no_grad():
        return accuracy_of(kind, case.model(input).numpy(), targets)


def _lowest(case: Case, kind: Kind | None, target: object) -> float:
    """The loss of right answers, where it is known."""
    if kind is not None and kind.name == "regression" and kind.falls:
        value = case.loss(target, target)
        return float(value.item())
    return 0.0


def _is_done(kind: Kind | None, right: float | None, loss: float, first: float, lowest: float) -> bool:
    if kind is None:
        return loss < 0.1 * first if first > 0 else False
    if right is not None:
        return right == 1 and loss < 0.8 * first
    return loss - lowest < 0.05 * max(min(first, 2 * kind.chance) - lowest, 1e-12)


def _noise(case: Case) -> tuple[float, float]:
    """The loss at the start, and how large a change of it must be to mean something."""
    with case.trial():
        _still_dropout(case)
        first = float(case.value(case.input, case.target).item())
    return first, 1e-4 * abs(first) + 1e-6


def _after(case: Case, factor: float) -> float:
    """The loss after a few steps at a multiple of the optimiser's rate."""
    with case.trial():
        _still_dropout(case)
        for group in case.optimizer.param_groups:
            group["lr"] = group["lr"] * factor
        try:
            return case.trained(case.optimizer, SWEEP, case.input, case.target)[-1]
        except (FloatingPointError, OverflowError, ValueError):
            return float("inf")


def _here() -> int:
    """The place of the optimiser's own rate among the factors."""
    return int(np.argmin(np.abs(np.log(FACTORS))))
