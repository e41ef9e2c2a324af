"""The inputs that answers are tried on: drawn from a seed, with the right results beside them."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from .exercise import Exercise, Input

Array = np.ndarray[Any, Any]
Kind = Literal["ordinary", "ones", "ties", "large", "empty", "single", "memory", "range"]

DEFAULT = (3, 6)
SQUARE = 3
EQUAL = "equal sizes"
TWIN = "other values of the same sizes, and the same upstream gradient"
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
    first = _case(exercise, rng, _different(exercise, rng), "ordinary", ones)
    yield first
    for i in range(1, ORDINARY):
        yield _case(exercise, rng, _different(exercise, rng, 3 * (i == ORDINARY - 1)), "ordinary", ones)
    if exercise.letters:
        yield _case(exercise, rng, _all(exercise, SQUARE), "ordinary", ones, EQUAL)
    yield _twin(exercise, rng, first)
    for letter in exercise.letters:
        if exercise.at_least.get(letter, 1) == 1:
            sizes = _different(exercise, rng) | {letter: 1}
            yield _case(exercise, rng, sizes, "ones", ones, f"{letter} = 1")
    if exercise.letters:
        yield _case(exercise, rng, _all(exercise, 1), "ones", ones, "the smallest sizes")
    if exercise.ties:
        for _ in range(2):
            yield _case(exercise, rng, _different(exercise, rng), "ties", ones, "equal values")
    for label in ("positive", "negative", "mixed") if exercise.large else ():
        yield _case(exercise, rng, _different(exercise, rng), "large", ones, f"large {label} values")
    if exercise.empty:
        sizes = _different(exercise, rng) | {exercise.empty: 0}
        yield _case(exercise, rng, sizes, "empty", ones, f"{exercise.empty} = 0")
    yield _case(exercise, rng, _different(exercise, rng), "single", ones, "single precision")
    if exercise.letters:
        yield _case(
            exercise, rng, _different(exercise, rng), "memory", ones, "gaps in memory, zeros upstream"
        )
    with np.errstate(all="ignore"):
        wide = _case(exercise, rng, _different(exercise, rng), "range", ones, "values from 0.0001 to 8")
    if all(np.all(np.isfinite(part)) for part in (*wide.outputs, *wide.gradients.values())):
        yield wide


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
) -> Case:
    arguments = {}
    for name, spec in exercise.specs.items():
        value = _drawn(spec, rng, sizes)
        if kind == "ties" and spec.plain:
            value = np.asarray(np.round(value * 1.3), float)[()]
        if kind == "large" and name in exercise.large:
            value = np.asarray(_offset(label, np.shape(value), rng) + 10 * value)[()]
        if kind == "range" and spec.plain:
            value = _of_all_sizes(rng, np.shape(value), 0.9)[()]
        if kind == "single" and np.asarray(value).dtype == np.float64:
            value = np.asarray(value, np.float32)[()]
        arguments[name] = value
    outputs, _ = exercise.expected(arguments)
    if ones:
        upstream = tuple(np.ones(y.shape, y.dtype) for y in outputs)
    elif kind == "range":
        upstream = tuple(_of_all_sizes(rng, y.shape, 3) for y in outputs)
    elif kind == "memory":  # with zeros, as what comes out of a mask has them
        upstream = tuple(
            np.asarray(rng.normal(size=y.shape) * (rng.random(y.shape) > 0.4), y.dtype) for y in outputs
        )
    else:
        upstream = tuple(np.asarray(rng.normal(size=y.shape), y.dtype) for y in outputs)
    outputs, gradients = exercise.expected(arguments, upstream)
    if kind == "single" and not ones:  # what is right, without the rounding of single precision
        wide = {k: np.asarray(v, float)[()] if _floats(v) else v for k, v in arguments.items()}
        outputs, gradients = exercise.expected(wide, upstream)
    return Case(kind, label or "ordinary inputs", arguments, upstream, outputs, gradients, sizes)


def _twin(exercise: Exercise, rng: np.random.Generator, case: Case) -> Case:
    """A case of the same sizes, settings and upstream gradients: only the values tell the two apart."""
    specs = exercise.specs
    arguments = {
        name: _drawn(specs[name], rng, case.sizes) if specs[name].gradient or np.ndim(value) else value
        for name, value in case.arguments.items()
    }
    outputs, _ = exercise.expected(arguments)
    if any(y.shape != g.shape for y, g in zip(outputs, case.upstream, strict=True)):
        return case  # the sizes of the results depend on the values
    outputs, gradients = exercise.expected(arguments, case.upstream)
    return replace(case, label=TWIN, arguments=arguments, outputs=outputs, gradients=gradients)


def _offset(label: str, shape: tuple[int, ...], rng: np.random.Generator) -> Any:
    """What makes values large: 1000, -1000, or one of them for each row."""
    if "mixed" in label and shape:
        return 1000.0 * rng.permutation(np.resize([1, -1], int(np.prod(shape[:-1])))).reshape(*shape[:-1], 1)
    return -1000.0 if "negative" in label else 1000.0


def _of_all_sizes(rng: np.random.Generator, shape: tuple[int, ...], largest: float) -> Array:
    """Values of both signs from 10^-4 up to 10^largest: what is cut off, above or below, shows."""
    count = int(np.prod(shape))
    if count < 2:
        return np.asarray(rng.choice([-1, 1]) * 10.0 ** rng.uniform(-1, largest, shape))
    sizes = 10.0 ** np.linspace(largest, -4, -(-count // 2))
    apart = rng.uniform(0.9, 1, count)  # what is drawn for another input does not meet these
    return rng.permutation(np.concatenate([sizes, -sizes])[:count] * apart).reshape(shape)


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
