"""Where values meet there is no one gradient: whether what a learner gives is one of those that are right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from .cases import Case
from .trial import Array, Trial

STEP = 1e-6
DIRECTIONS = 8
MOST = 40  # results whose gradients are looked at one by one


def right_in_their_way(trial: Trial, case: Case) -> bool:
    """Whether each result's gradient lies between the slopes of both sides, along every direction that is tried.

    At a kink each such gradient is right (a subgradient). One that goes to two equal values in full is not: along the
    direction that moves both, the slope is the same from both sides, and it gives twice that.

    Raises:
        WrongResultError: a function of the learner's raises, or returns something of another form.
    """
    rng = np.random.default_rng(0)
    wanted = trial.exercise.wanted
    shapes = {name: np.shape(case.arguments[name]) for name in wanted}
    directions: list[Mapping[str, Any]] = [{name: np.ones(shape) for name, shape in shapes.items()}]
    directions += [{n: rng.normal(size=shape) for n, shape in shapes.items()} for _ in range(DIRECTIONS)]
    sides = [_slopes(trial, case, direction) for direction in directions]
    for weights in _weights(trial, case, rng):
        run = trial.forward(case.fresh(), len(case.outputs))
        found = trial.backward(run, [w if w.ndim else w[()] for w in weights])
        for direction, (left, right) in zip(directions, sides, strict=True):
            slope = sum(float(np.sum(np.asarray(found[name], float) * direction[name])) for name in wanted)
            triples = list(zip(weights, left, right, strict=True))
            low = sum(float(np.sum(w * np.minimum(a, b))) for w, a, b in triples)
            high = sum(float(np.sum(w * np.maximum(a, b))) for w, a, b in triples)
            if not low - 1e-3 * (1 + abs(low)) <= slope <= high + 1e-3 * (1 + abs(high)):
                return False
    return True


def _weights(trial: Trial, case: Case, rng: np.random.Generator) -> Iterator[list[Array]]:
    """Upstream gradients that pick one result each; all ones where the learner's function has none."""
    if trial.together:
        yield [np.ones(y.shape) for y in case.outputs]
        return
    places = [(i, j) for i, y in enumerate(case.outputs) for j in range(y.size)]
    if len(places) > MOST:
        places = [places[k] for k in rng.choice(len(places), MOST, replace=False)]
    for i, j in places:
        weights = [np.zeros(y.shape) for y in case.outputs]
        weights[i].flat[j] = 1
        yield weights


def _slopes(trial: Trial, case: Case, direction: Mapping[str, Any]) -> tuple[list[Array], list[Array]]:
    """The reference's slopes along a direction, from the left and from the right."""
    ahead, here, behind = (
        trial.exercise.expected(
            {
                name: value + by * direction[name] if name in direction else value
                for name, value in case.arguments.items()
            }
        )[0]
        for by in (STEP, 0.0, -STEP)
    )
    left = [(y - b) / STEP for y, b in zip(here, behind, strict=True)]
    return left, [(a - y) / STEP for a, y in zip(ahead, here, strict=True)]
