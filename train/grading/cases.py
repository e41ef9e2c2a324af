"""The inputs that answers are tried on: drawn from a seed, with the right results beside them."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from .exercise import Exercise, Input

Array = np.ndarray[Any, Any]
Kind = Literal["ordinary", "ones", "ties", "large", "empty", "single", "memory"]

DEFAULT = (3, 6)
SQUARE = 3
EQUAL = "equal sizes"
ORDINARY = 5  # cases of sizes that differ


@dataclass(frozen=True)
class Case:
    """Inputs by name, the upstream gradient of every result, and what is right there."""

    kind: Kind
    label: str
    arguments: Mapping[str, Any]
    upstream: tuple[Array, ...]
    outputs: tuple[Array, ...]
    gradients: Mapping[str, Array]
    sizes: Mapping[str, int]

    @property
    def where(self) -> str:
        """In words: what kind of inputs, and their shapes."""
        shapes = [
            f"{name} {np.shape(value)}" if np.ndim(value) else f"{name} = {_short(value)}"
            for name, value in self.arguments.items()
        ]
        return f"{self.label}: {', '.join(shapes)}"

    def fresh(self) -> list[Any]:
        """Copies of the inputs, in the order of the arguments."""
        return [copied(value, self.kind == "memory") for value in self.arguments.values()]

    def fresh_upstream(self) -> list[Any]:
        """Copies of the upstream gradients; single numbers as they are."""
        return [copied(g if g.ndim else g[()], self.kind == "memory") for g in self.upstream]


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, (float, np.floating)) else repr(value)


def copied(value: Any, scattered: bool = False) -> Any:
    """A copy of an array, in memory with gaps and another order if `scattered`; of a dict, a new dict."""
    if isinstance(value, dict):
        return {key: copied(part) for key, part in value.items()}
    if not isinstance(value, np.ndarray):
        return value
    if not scattered or not value.ndim:
        return value.copy()
    wide = np.zeros((*value.shape[::-1][:-1], 2 * value.shape[0]), value.dtype)
    view = wide.T[::2]
    view[...] = value
    return view


def cases(exercise: Exercise, seed: int, ones: bool) -> Iterator[Case]:
    """All cases of an exercise.

    Args:
        exercise: what is asked.
        seed: gives the same cases again.
        ones: let every upstream gradient be 1, as where a function returns its gradients itself.
    """
    rng = np.random.default_rng([seed, zlib.crc32(exercise.name.encode())])
    for i in range(ORDINARY):
        yield _case(exercise, rng, _different(exercise, rng, 3 * (i == ORDINARY - 1)), "ordinary", ones)
    if exercise.letters:
        yield _case(exercise, rng, _all(exercise, SQUARE), "ordinary", ones, EQUAL)
    for letter in exercise.letters:
        if exercise.at_least.get(letter, 1) == 1:
            sizes = _different(exercise, rng) | {letter: 1}
            yield _case(exercise, rng, sizes, "ones", ones, f"{letter} = 1")
    if exercise.letters:
        yield _case(exercise, rng, _all(exercise, 1), "ones", ones, "the smallest sizes")
    if exercise.ties:
        for _ in range(2):
            yield _case(exercise, rng, _different(exercise, rng), "ties", ones, "equal values")
    for sign in (1, -1) if exercise.large else ():
        label = f"large {'positive' if sign > 0 else 'negative'} values"
        yield _case(exercise, rng, _different(exercise, rng), "large", ones, label, sign)
    if exercise.empty:
        sizes = _different(exercise, rng) | {exercise.empty: 0}
        yield _case(exercise, rng, sizes, "empty", ones, f"{exercise.empty} = 0")
    yield _case(exercise, rng, _different(exercise, rng), "single", ones, "single precision")
    if exercise.letters:
        yield _case(exercise, rng, _different(exercise, rng), "memory", ones, "arrays with gaps in memory")


def _different(exercise: Exercise, rng: np.random.Generator, more: int = 0) -> dict[str, int]:
    """Sizes that differ from each other where the ranges allow."""
    found: dict[str, int] = {}
    for letter in exercise.letters:
        low, high = exercise.sizes.get(letter, DEFAULT)
        low = max(low, exercise.at_least.get(letter, 1))
        span = list(range(low, max(low, high) + more + 1))
        found[letter] = int(rng.choice([n for n in span if n not in found.values()] or span))
    return found


def _all(exercise: Exercise, size: int) -> dict[str, int]:
    """The same size for every letter, as near as its range allows."""
    found = {}
    for letter in exercise.letters:
        low, high = exercise.sizes.get(letter, DEFAULT)
        low = exercise.at_least.get(letter, 1) if size == 1 else max(low, exercise.at_least.get(letter, 1))
        found[letter] = min(max(size, low), max(low, high))
    return found


def _case(
    exercise: Exercise,
    rng: np.random.Generator,
    sizes: Mapping[str, int],
    kind: Kind,
    ones: bool,
    label: str = "",
    sign: int = 1,
) -> Case:
    arguments = {}
    for name, spec in exercise.specs.items():
        value = _drawn(spec, rng, sizes)
        if kind == "ties" and spec.plain:
            value = np.asarray(np.round(value * 1.3), float)[()]
        if kind == "large" and name in exercise.large:
            value = np.asarray(1000.0 * sign + 10 * value)[()]
        if kind == "single" and np.asarray(value).dtype == np.float64:
            value = np.asarray(value, np.float32)[()]
        arguments[name] = value
    outputs, _ = exercise.expected(arguments)
    upstream = tuple(
        np.ones(y.shape, y.dtype) if ones else np.asarray(rng.normal(size=y.shape), y.dtype) for y in outputs
    )
    outputs, gradients = exercise.expected(arguments, upstream)
    if kind == "single" and not ones:  # what is right, without the rounding of single precision
        wide = {k: np.asarray(v, float)[()] if _floats(v) else v for k, v in arguments.items()}
        outputs, gradients = exercise.expected(wide, upstream)
    return Case(kind, label or "ordinary inputs", arguments, upstream, outputs, gradients, sizes)


def _drawn(spec: Input, rng: np.random.Generator, sizes: Mapping[str, int]) -> Any:
    value = spec.draw(rng, spec.size(sizes), sizes)
    return float(value) if spec.gradient and not np.ndim(value) else value


def _floats(value: Any) -> bool:
    return np.asarray(value).dtype.kind == "f"


def smallest(found: Sequence[Case]) -> Case:
    """The case with the fewest numbers, which is the easiest to look at; equal sizes only if nothing else is left."""
    return min(
        found, key=lambda case: (case.label == EQUAL, sum(np.size(v) for v in case.arguments.values()))
    )
