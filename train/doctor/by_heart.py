"""The check that a few examples can be learned by heart."""

from __future__ import annotations

import numpy as np

from ...autograd import asarray, no_grad
from ...optim import Adam
from .case import Array, Case, arrays_in, short, without_dropout
from .losses import Kind, accuracy_of
from .report import Finding, fine, problem, silent, warning

TINY = 8  # examples
RATES = (1e-2, 1e-3, 1e-1)  # of Adam, that are tried on them


def tiny_batch(case: Case) -> Finding:
    """A few examples can be learned by heart."""
    kind: Kind | None = case.kind
    name = "tiny batch"
    if not case.trainable:
        return silent(name, "no parameter can be trained")
    input, target = case.rows(_few(case))
    with case.trial():
        first = float(case.value(input, target).item())
    best, reached, taken, lowest = first, None, 0, _lowest(case, kind, target)
    for rate in RATES:
        with case.trial():
            without_dropout(case)
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
    if reached is None and fallen > 0.8:
        return fine(name, f"{said}, and falls on", **numbers)
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


def _few(case: Case) -> Array:
    """A few examples, of several targets, and no two with the same input."""
    if case.size is None:
        return np.arange(0)
    inputs, targets = list(arrays_in(case.input)), list(arrays_in(case.target))
    seen: set[bytes] = set()
    kinds: dict[bytes, list[int]] = {}
    for place in case.rng().permutation(case.size)[:256].tolist():
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


def _reached(case: Case, kind: Kind | None, input: object, target: object) -> float | None:
    if kind is None or kind.name == "regression":
        return None
    [targets] = arrays_in(target)
    with no_grad():
        return accuracy_of(kind, case.model(input).numpy(), targets)


def _lowest(case: Case, kind: Kind | None, target: object) -> float:
    """The loss of right answers, where it is known."""
    if kind is None or not kind.falls:
        return 0.0
    best = target
    if kind.name == "binary cross entropy":
        shares = np.clip(next(arrays_in(target)), 1e-6, 1 - 1e-6)
        best = asarray(np.log(shares / (1 - shares)).astype(case.output.dtype))
    elif kind.name not in ("regression", "binary cross entropy of probabilities"):
        return 0.0
    return float(case.loss(best, target).item())


def _is_done(kind: Kind | None, right: float | None, loss: float, first: float, lowest: float) -> bool:
    if kind is None:
        return loss < 0.1 * first if first > 0 else False
    if right is not None:
        return right == 1 and loss < 0.8 * first
    return loss - lowest < 0.05 * max(min(first, 2 * kind.chance) - lowest, 1e-12)
