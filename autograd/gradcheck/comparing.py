"""Comparing an analytic with a numerical derivative, each with the error that it may have.

A comparison passes if the two agree to within the tolerance, or to within what rounding and curvature explain; it
fails if they differ by several times more than both together; in between it is inconclusive. Before anything is
called wrong, the errors are measured instead of supposed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from .neighbours import among_neighbours
from .oracles import analytic_line, complex_step
from .patterns import changed, decisions_at
from .problem import Array, Name, Problem, slope_along
from .report import Comparison, Verdict
from .slopes import ROUNDING, Line, Slope, noise_along, slope_of

NEGLIGIBLE = 1e-3  # of the largest derivative: an element below that counts as of this size
SURE = 5.0  # so many estimated errors are more than an estimate is off by
PLAIN = 1e-2  # a relative error that no rounding makes where the numerical slope has converged
NOTHING = 1e4  # so many rounding errors of values of the function's size are still no derivative
STAIRS = "the function moves in steps: something inside rounds its values, which no difference sees through"
FAST = "the function changes so fast that long steps miss it, and short ones drown in rounding; scale the input down"
JUMP = "the function jumps at this point, or next to it, and has no derivative there; move the point"


@dataclass(frozen=True)
class Target:
    """What is compared: a direction, and what sizes mean along it."""

    input: Name
    element: tuple[int, ...] | None
    direction: list[Array]
    negligible: float
    """A derivative below this counts as of this size."""
    rounding: float
    """What one rounding error of the function, or of values of about 1 inside it, makes in a derivative."""
    scale: float = 1.0
    own_size: float = 0.0
    """Of one element, its size."""
    noise: float | None = None
    """The rounding error of a value along it, if that is less than along all."""
    part: str | None = None


class Comparer:
    """Compares derivatives of one problem."""

    def __init__(
        self, problem: Problem, tolerance: float, oracle: str = "auto", curves: bool = False
    ) -> None:
        self.problem = problem
        self.curves = curves  # whether every step is tried, also where the first ones have said enough
        self.tolerance = tolerance
        self.oracle = oracle
        # of a value, and of the place where it is taken: x + h·u is rounded too
        with np.errstate(all="ignore"):  # at the edge of a domain a gradient is infinite
            moved = sum(
                float(np.sum(np.abs(g * x))) for g, x in zip(problem.gradients, problem.point, strict=True)
            )
        self.noise = ROUNDING * problem.eps * (problem.magnitude + (moved if math.isfinite(moved) else 0.0))

    def unseen(self) -> list[set[int]]:
        """Inputs whose part of a derivative along all is too small to be seen in it, those of one size together."""
        problem = self.problem
        sizes = [
            float(np.max(np.abs(g), initial=0)) * problem.size_of(i) for i, g in enumerate(problem.gradients)
        ]
        largest = max(sizes)
        groups: dict[int, set[int]] = {}
        for i, size in enumerate(sizes):
            if problem.point[i].size and math.isfinite(largest) and size < NEGLIGIBLE * largest:
                decade = math.floor(math.log10(size / largest) / 3) if size / largest > 0 else 0
                groups.setdefault(decade, set()).add(i)
        return list(groups.values())

    def direction(self, among: set[int] | None = None) -> Comparison:
        """Compare along one random direction through all elements, or through those of some inputs."""
        problem = self.problem
        direction = problem.random_direction()
        if among is not None:
            direction = [u if i in among else np.zeros_like(u) for i, u in enumerate(direction)]
        size = problem.size_along(direction)
        largest = max(map(problem.size_of, range(len(problem.point))))
        rounding = problem.eps * (problem.magnitude + largest)
        return self.compare(Target("all", None, direction, size, rounding))

    def elements(self, limit: int) -> tuple[list[Comparison], int]:
        """Compare elements one by one, all of them or a sample, and how many were taken."""
        chosen = [
            (place, element)
            for place in range(len(self.problem.point))
            for element in self._sample(place, limit)
        ]
        targets = [target for place, element in chosen for target in self._targets(place, element)]
        return [self.compare(target) for target in targets], len(chosen)

    def _targets(self, place: int, element: tuple[int, ...]) -> list[Target]:
        """One element; of a complex one both parts."""
        problem, x = self.problem, self.problem.point[place]
        parts = {"real": 1, "imaginary": 1j} if x.dtype.kind == "c" else {None: 1}
        return [
            Target(
                problem.names[place],
                element,
                problem.unit_direction(place, element, unit),
                NEGLIGIBLE * problem.scale,
                problem.eps * (problem.magnitude / problem.size_of(place) + 1),
                max(1.0, float(abs(x[element]))),
                float(abs(x[element])),
                self._noise_of(place, element),
                part,
            )
            for part, unit in parts.items()
        ]

    def _noise_of(self, place: int, element: tuple[int, ...]) -> float | None:
        """As `noise`, where only one element moves."""
        problem = self.problem
        with np.errstate(all="ignore"):
            moved = float(abs(problem.gradients[place][element] * problem.point[place][element]))
        return ROUNDING * problem.eps * (problem.magnitude + moved) if math.isfinite(moved) else None

    def _sample(self, place: int, limit: int) -> list[tuple[int, ...]]:
        """The elements of an input that are compared: all, or those with the largest gradients and random ones."""
        problem, x = self.problem, self.problem.point[place]
        if problem.size <= limit:
            return list(np.ndindex(x.shape))
        share = min(x.size, math.ceil(limit * x.size / problem.size))
        by_size = np.argsort(-np.abs(problem.gradients[place]), axis=None)
        largest = by_size[: share // 2]
        others = problem.rng.permutation(by_size[share // 2 :])[: share - share // 2]
        chosen = np.unique(np.concatenate([largest, others]))
        return [tuple(int(k) for k in np.unravel_index(i, x.shape)) for i in chosen]

    def compare(self, target: Target) -> Comparison:
        """The verdict on one direction."""
        problem = self.problem
        analytic = slope_along(problem.gradients, target.direction)
        own = ROUNDING * (self._terms(target) * problem.eps + target.rounding)
        if self.oracle == "complex":
            return self._by_complex_step(target, analytic, own)

        def line(distance: float) -> float:
            return problem.along(target.direction, distance)

        wanted = 0.1 * self.tolerance * max(abs(analytic), target.negligible)
        wanted = wanted or NOTHING * target.rounding
        stop = None if self.curves else wanted
        at_least = self.noise if target.noise is None else target.noise
        slope = slope_of(line, problem.center, at_least, problem.eps, stop, target.scale)
        found = self._judged(target, analytic, own, slope)
        plain = (
            problem.dtype != np.float32
            and slope.error <= wanted
            and found.relative_error > PLAIN
            and not slope.flat
        )
        if found.kink is None and found.verdict is Verdict.PASS:
            return found
        own = max(own, self._sensitivity(target, analytic))
        if (
            found.kink is None
            and plain
            and self._judged(target, analytic, own, slope).verdict is Verdict.FAIL
        ):
            return found
        noise = noise_along(line, target.scale, problem.eps, at_least)
        slope = slope_of(line, problem.center, noise, problem.eps, scale=target.scale)
        if not math.isfinite(slope.value) and 0 < target.own_size < target.scale:  # near the edge of a domain
            slope = slope_of(line, problem.center, noise, problem.eps, scale=target.own_size)
        found = self._judged(target, analytic, own, slope)
        if slope.interval is not None and found.verdict is Verdict.FAIL:
            slope, settled = among_neighbours(problem, target.direction, slope)
            found = self._judged(target, analytic, own, slope)
            if found.verdict is Verdict.FAIL and not settled:
                found = replace(found, verdict=Verdict.INCONCLUSIVE)
        if found.verdict is Verdict.FAIL and slope.interval is None:
            if slope.finer_agree(analytic):
                found = replace(found, verdict=Verdict.INCONCLUSIVE, note=FAST)
            elif problem.dtype == np.float32 and self._decided_between(target, slope.step):
                found = replace(found, verdict=Verdict.INCONCLUSIVE)
        if slope.flat and self._moves(line, target.scale):
            found = replace(found, verdict=Verdict.INCONCLUSIVE, note=STAIRS)
        if slope.jump:
            return replace(found, verdict=Verdict.INCONCLUSIVE, note=JUMP)
        if found.verdict is Verdict.INCONCLUSIVE and self.oracle == "auto" and analytic_line(problem) is None:
            exact = replace(self._by_complex_step(target, analytic, own), curve=slope.curve)
            if exact.verdict is not Verdict.INCONCLUSIVE and abs(exact.numeric - slope.value) <= slope.error:
                return exact
        if found.verdict is Verdict.PASS and found.kink is None:
            return found
        return self._annotated(target, found, slope)

    def _moves(self, line: Line, scale: float) -> bool:
        """Whether a function that is flat nearby moves to both sides farther off."""
        return any(self.problem.center not in (line(d * scale), line(-d * scale)) for d in (0.5, 0.3))

    def _judged(self, target: Target, analytic: float, own: float, slope: Slope) -> Comparison:
        numeric, error = slope.value, slope.error + own
        if slope.interval is not None:  # any slope between the two sides is a subgradient
            numeric = min(max(analytic, slope.interval[0]), slope.interval[1])
        difference = abs(analytic - numeric)
        size = max(abs(analytic), abs(numeric), target.negligible)
        allowed = self.tolerance * size
        nothing = NOTHING * target.rounding
        if math.isfinite(numeric) and not math.isfinite(analytic):
            verdict = Verdict.FAIL
        elif not math.isfinite(difference):
            verdict = Verdict.INCONCLUSIVE
        elif difference <= allowed:
            verdict = Verdict.PASS
        elif max(difference, abs(analytic)) <= error <= nothing:
            # the numerical slope may be good where the analytic one may be rounding: who is right is not known
            known = slope.interval is None and 0 < abs(slope.value) >= slope.error / PLAIN
            verdict = Verdict.INCONCLUSIVE if known else Verdict.PASS
        elif difference - SURE * error > allowed:
            verdict = Verdict.FAIL
        else:
            verdict = Verdict.INCONCLUSIVE
        whole = max(size, error if math.isfinite(error) else 0.0)
        return Comparison(
            target.input,
            target.element,
            float(analytic),
            float(numeric),
            float(error),
            float(difference / whole) if whole else float(difference),
            verdict,
            target.part,
            kink=slope.interval,
            curve=slope.curve,
        )

    def _by_complex_step(self, target: Target, analytic: float, own: float) -> Comparison:
        numeric = complex_step(self.problem, target.direction)
        slope = Slope(numeric, ROUNDING * target.rounding, 0.0, ())
        return replace(self._judged(target, analytic, own, slope), oracle="the complex step")

    # errors

    def _terms(self, target: Target) -> float:
        """The sum of the terms of ⟨g, u⟩, by size."""
        pairs = zip(self.problem.gradients, target.direction, strict=True)
        terms = sum(float(np.sum(np.abs(g * u))) for g, u in pairs)
        return terms if math.isfinite(terms) else 0.0

    def _sensitivity(self, target: Target, analytic: float) -> float:
        """How much rounding changes the analytic derivative: that of the inputs, and that on the way."""
        shaken = [slope_along(gradients, target.direction) for gradients in self._shaken]
        worst = max((abs(s - analytic) for s in shaken if math.isfinite(s)), default=0.0)
        # at a kink a change in the last place is a change of side, which is no rounding
        worst = worst if worst <= NEGLIGIBLE * max(abs(analytic), self.problem.scale) else 0.0
        if self._in_single is not None:
            coarse = slope_along(self._in_single, target.direction)
            lost = ROUNDING * self.problem.eps / float(np.finfo(np.float32).eps) * abs(coarse - analytic)
            worst = max(worst, lost) if math.isfinite(lost) else worst
        return worst

    @cached_property
    def _shaken(self) -> list[list[Array]]:
        """The analytic gradients where the inputs are changed in their last places."""
        problem = self.problem
        signs = [problem.rng.choice((-1.0, 1.0), x.shape) for x in problem.point]
        size = ROUNDING * problem.eps
        moved = [
            [np.asarray(x * (1 + d * s), x.dtype) for x, s in zip(problem.point, signs, strict=True)]
            for d in (size, -size)
        ]
        return [problem.gradients_at(point) for point in moved]

    @cached_property
    def _in_single(self) -> list[Array] | None:
        """The analytic gradients in single precision, which loses the same digits as double does, only sooner."""
        if self.problem.dtype != np.float64:
            return None
        try:
            kinds = [np.complex64 if x.dtype.kind == "c" else np.float32 for x in self.problem.point]
            with np.errstate(all="ignore"):
                point = [x.astype(kind) for x, kind in zip(self.problem.point, kinds, strict=True)]
            return self.problem.gradients_at(point)
        except (ArithmeticError, TypeError, ValueError, RuntimeError):
            return None  # the function asks for double precision

    # explanations

    def _annotated(self, target: Target, found: Comparison, slope: Slope) -> Comparison:
        """The same with a note: the edge of a domain, the operation that has a kink here, what would decide."""
        if slope.edge:
            note = "the edge of the function's domain: it is finite on one side of the point only; move it inwards"
            return replace(found, verdict=Verdict.INCONCLUSIVE, note=note)
        if slope.interval is not None and not math.isfinite(found.analytic):
            note = "the slopes from both sides differ, and backward gives no finite one"
            return replace(found, verdict=Verdict.INCONCLUSIVE, note=note)
        if slope.interval is not None or found.verdict is Verdict.INCONCLUSIVE:
            decided = self._decided_nearby(target, slope)
            if decided:
                return replace(found, note=decided)
        if found.verdict is Verdict.INCONCLUSIVE and not found.note:
            return replace(found, note=self._what_would_decide(found))
        return found

    def _decided_nearby(self, target: Target, slope: Slope) -> str:
        return self._decided_between(target, slope.curve[len(slope.curve) // 2].step)

    def _decided_between(self, target: Target, near: float) -> str:
        """The operation that decides otherwise at a distance, and where it is; "" if none does."""
        problem = self.problem
        middle = decisions_at(problem, problem.point)
        for distance in (near, -near):
            pairs = zip(problem.point, target.direction, strict=True)
            decided = changed(middle, decisions_at(problem, [x + distance * u for x, u in pairs]))
            if decided is not None:
                return f"a kink of {decided.operation!r} at {decided.source}"
        return ""

    def _what_would_decide(self, found: Comparison) -> str:
        if not math.isfinite(found.numeric):
            return "the function is not finite near this point; move the point"
        if self.problem.dtype == np.float32:
            return "rounding in float32 hides it; check in float64"
        return (
            "rounding and curvature may explain the difference; bring inputs and function to values of about 1, move "
            "the point, or look for a step down to float32 inside the function"
        )
