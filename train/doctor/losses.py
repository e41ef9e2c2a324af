"""What kind of loss it is, found by its behaviour: what it gives for zeros, shifted scores, the target itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...autograd import asarray, no_grad
from .case import Array, Case

CLASSES = ("softmax cross entropy", "margin", "log likelihood")
"""The kinds that take one score per class."""


@dataclass(frozen=True)
class Kind:
    """What a loss turned out to be."""

    name: str
    """"softmax cross entropy", "margin", "log likelihood" (of log probabilities), "binary cross entropy" (of logits),
    "binary cross entropy of probabilities" or "regression"."""
    chance: float
    """Its value for an output that knows nothing: equal scores, or the mean of the targets."""
    meaning: str
    """Where the chance comes from, in words."""
    axis: int | None = None
    """The axis of the classes."""
    classes: int = 0
    falls: bool = True
    """Whether a better output has a smaller loss; otherwise the sign is wrong."""


def kind_of(case: Case) -> Kind | None:
    """The kind of the case's loss, for the target and for outputs of the shape that the model gives; None if unknown.

    The loss is only called: what it is made of and what it is named do not matter.
    """
    scores, targets = case.scores, _single(case.target)
    if scores is None or targets is None or not np.isfinite(scores).all() or not scores.size:
        return None
    probe = _Probe(case, scores.dtype)
    with no_grad(), np.errstate(all="ignore"), case.trial():
        if targets.dtype.kind in "iub" and targets.shape != scores.shape:
            return _of_classes(probe, scores, targets)
        if targets.shape != scores.shape:
            return None
        if targets.dtype.kind == "f" and _are_distributions(targets):
            found = _of_classes(probe, scores, targets)
            if found is not None:
                return found
        return _of_numbers(probe, scores, targets.astype(scores.dtype))


class _Probe:
    """Calls the loss with other outputs; nan where it refuses them."""

    def __init__(self, case: Case, dtype: Any) -> None:
        self.case, self.dtype = case, dtype
        self.rng = case.rng()

    def __call__(self, scores: Array) -> float:
        try:
            return float(self.case.loss(asarray(scores.astype(self.dtype)), self.case.target).item())
        except Exception:  # a loss may refuse in its own way
            return float("nan")


def _single(target: Any) -> Array | None:
    return np.asarray(target.detach().numpy()) if hasattr(target, "detach") else None


def _are_distributions(targets: Array) -> bool:
    rows = targets.reshape(len(targets), targets.shape[1], -1) if targets.ndim > 1 else targets
    return (
        targets.ndim > 1
        and targets.shape[1] > 1
        and bool((rows >= 0).all() and np.allclose(rows.sum(1), 1, 0, 1e-3))
    )


def _of_classes(probe: _Probe, scores: Array, targets: Array) -> Kind | None:
    if scores.ndim < 2:
        return None
    noise = np.asarray(probe.rng.normal(size=scores.shape))
    nothing, something = probe(np.zeros_like(scores)), probe(noise)
    if not np.isfinite(something) or not np.isfinite(nothing):
        return None
    for axis in dict.fromkeys((1, scores.ndim - 1)):
        classes = scores.shape[axis]
        if classes < 2:
            continue
        positions = scores.size // classes
        right = _of_targets(targets, classes, axis)
        better = np.nan if right is None else probe(3 * right)
        if _near(something, probe(noise + probe.rng.normal(size=_without(scores.shape, axis)))):
            falls = not better > nothing
            if _is_multiple(abs(nothing), np.log(classes), positions):
                meaning = f"log {classes} = {np.log(classes):.3g}, which is −log(1/{classes})"
                return Kind("softmax cross entropy", nothing, meaning, axis, classes, falls)
            if _is_straight(probe, noise):
                meaning = f"all {classes} scores equal, so that every margin is violated"
                return Kind("margin", nothing, meaning, axis, classes, falls)
        if _near(nothing, 0.0) and _near(probe(2 * noise), 2 * something) and not _near(something, 0.0):
            even = probe(np.full_like(scores, -np.log(classes)))
            meaning = f"log {classes} = {np.log(classes):.3g}, which is −log(1/{classes})"
            return Kind("log likelihood", even, meaning, axis, classes, not better > nothing)
    return None


def _of_numbers(probe: _Probe, scores: Array, targets: Array) -> Kind | None:
    binary = bool(((targets == 0) | (targets == 1)).all())
    sizes = {1, scores.size, len(scores)}
    nothing = probe(np.zeros_like(scores))
    if any(_near(abs(nothing), size * np.log(2)) for size in sizes) and not _near(probe(targets), 0.0):
        falls = not probe(np.where(targets > 0.5, 3.0, -3.0)) > nothing or bool(
            ((targets > 0) & (targets < 1)).any()
        )
        return Kind("binary cross entropy", nothing, "log 2, even odds", falls=falls)
    if binary or (targets.min() >= 0 and targets.max() <= 1):
        half = probe(np.full_like(scores, 0.5))
        if any(_near(abs(half), size * np.log(2)) for size in sizes):
            falls = not probe(np.clip(targets, 0.05, 0.95)) > half
            return Kind("binary cross entropy of probabilities", half, "log 2, even odds", falls=falls)
    at_target = probe(targets)
    spread = float(np.std(targets)) or 1.0
    away = [probe(targets + sign * spread) for sign in (-1, 1)]
    if not np.isfinite([at_target, *away]).all():
        return None
    mean = probe(np.broadcast_to(targets.mean(0), targets.shape))
    if at_target < min(away):
        return Kind("regression", mean, "the mean of the targets as the answer to everything")
    if at_target > max(away):
        return Kind("regression", mean, "the mean of the targets as the answer to everything", falls=False)
    return None


def _of_targets(targets: Array, classes: int, axis: int) -> Array | None:
    """Scores that are right: 1 for the class, 0 for the others."""
    if targets.dtype.kind == "f":
        return targets
    if targets.size == 0 or targets.max() >= classes or targets.min() < 0:
        valid = (targets >= 0) & (targets < classes)
        if not valid.any():
            return None
        targets = np.where(valid, targets, 0)
    return np.moveaxis(np.eye(classes)[targets], -1, axis)


def _is_straight(probe: _Probe, noise: Array) -> bool:
    """Whether the loss is linear around equal scores, as hinges are."""
    nothing = probe(np.zeros_like(noise))
    near = 0.05 * noise
    return abs(probe(near) + probe(-near) - 2 * nothing) < 1e-5 * (1 + abs(nothing))


def _is_multiple(value: float, unit: float, count: int) -> bool:
    return any(_near(value, size * unit) for size in (1, count))


def _near(first: float, second: float) -> bool:
    return bool(abs(first - second) <= 1e-3 * max(1.0, abs(first), abs(second)))


def _without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return tuple(1 if place == axis % len(shape) else size for place, size in enumerate(shape))


def accuracy_of(kind: Kind | None, scores: Array, targets: Array) -> float | None:
    """The share of right answers, where the kind of loss says what an answer is."""
    if kind is None or kind.name == "regression":
        return None
    if kind.axis is None:
        if not np.isin(targets, [0, 1]).all():
            return None
        middle = 0.5 if kind.name.endswith("probabilities") else 0.0
        return float(np.mean((scores > middle) == (targets > 0.5)))
    answers = np.argmax(scores, axis=kind.axis)
    wanted = (
        np.argmax(targets, axis=kind.axis)
        if targets.shape == scores.shape
        else targets.reshape(answers.shape)
    )
    counted = wanted >= 0
    return float(np.mean(answers[counted] == wanted[counted])) if counted.any() else None
