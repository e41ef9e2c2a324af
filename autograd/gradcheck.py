"""Checking gradients against numerical differentiation.

The analytic directional derivative ⟨v, J·u⟩, which backward gives as ⟨Jᵀv, u⟩, is compared with central
differences (f(x + h·u) − f(x − h·u)) / 2h in float64, along random directions u and for a random weight v
of the outputs. Central differences have an error of order h² from the curvature and ε/h from rounding, so
several steps are tried, and the one is taken whose estimate the smaller steps confirm best, as far as their own
rounding lets them (https://cs231n.github.io/neural-networks-3/#gradcheck).

Complex inputs and outputs count as pairs of real numbers: ⟨a, b⟩ is Re Σ conj(a)·b, and directions and
weights are complex, so that the gradient ∂/∂Re + i·∂/∂Im is checked in both parts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .convert import to_array
from .mode import enable_grad, no_grad
from .tape import gradients
from .tensor import Tensor, wrap

STEPS = (1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8)

ROUNDING = 4.0  # units in the last place by which a computed value is typically off


@dataclass(frozen=True)
class Mismatch:
    """One place where the analytic and the numerical derivative differ."""

    input: int | str
    """Which input, by position or name."""
    element: tuple[int, ...] | None
    """Which element of it; None for a random direction through all inputs."""
    analytic: float
    numeric: float
    relative_error: float
    part: str | None = None
    """Of an element of a complex input, "real" or "imaginary"."""

    def __str__(self) -> str:
        where = (
            "a random direction" if self.element is None else f"input {self.input!r}, element {self.element}"
        )
        where += f", {self.part} part" if self.part else ""
        return (
            f"{where}: analytic {self.analytic:.10g}, numeric {self.numeric:.10g}, "
            f"relative error {self.relative_error:.2e}"
        )


@dataclass(frozen=True)
class GradcheckResult:
    """The verdict of `gradcheck`; true if the gradients agree."""

    ok: bool
    max_relative_error: float
    tolerance: float
    checked: str
    """What was compared, in words."""
    mismatches: tuple[Mismatch, ...] = ()
    """Worst first."""

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        head = (
            f"gradcheck {'PASSED' if self.ok else 'FAILED'}: {self.checked}, "
            f"largest relative error {self.max_relative_error:.2e} (tolerance {self.tolerance:.0e})"
        )
        lines = [f"  {mismatch}" for mismatch in self.mismatches[:10]]
        if len(self.mismatches) > 10:
            lines.append(f"  and {len(self.mismatches) - 10} more")
        return "\n".join([head, *lines])

    __repr__ = __str__

    def assert_ok(self) -> None:
        """Raise an AssertionError with the whole verdict if the gradients do not agree."""
        if not self.ok:
            raise AssertionError(str(self))


def gradcheck(
    function: Callable[..., Any],
    inputs: Any,
    *,
    directions: int = 4,
    elementwise: bool = False,
    tolerance: float = 1e-5,
    rng: np.random.Generator | int | None = 0,
) -> GradcheckResult:
    """Compare the gradients of a function with central differences in float64.

    Args:
        function: takes the inputs and returns a Tensor or several. It must be deterministic.
        inputs: one input or a sequence of tensors, arrays or numbers. Floating ones are checked, all in
            float64 or complex128; others are passed as they are. A leaf's name is used in the report.
        directions: how many random directions through all inputs at once are compared.
        elementwise: also compare every element by itself; done anyway when a direction disagrees, to name
            the place.
        tolerance: the largest relative error |a − n| / max(|a|, |n|) that passes, beyond what rounding in the
            function's value explains, and where a and n are not both negligible against the other derivatives.
        rng: a generator or a seed for the directions.

    Returns:
        A `GradcheckResult`; printing it gives the verdict, `.assert_ok()` raises in a test.

    Raises:
        TypeError: no input is floating, or the function returns something else than Tensors.
        RuntimeError: the function gives two results for the same input.
        ValueError: the result does not depend on the inputs, but on other tensors.

    >>> import pullback as pb
    >>> print(pb.gradcheck(lambda x, y: (x * y).sum(), ([1.0, 2.0], [3.0, 4.0])).ok)
    True
    """
    if isinstance(inputs, (Tensor, np.ndarray, np.generic, complex, float, int)):
        inputs = (inputs,)
    problem = _Problem(function, tuple(inputs), np.random.default_rng(rng))
    if not problem.finite:
        return GradcheckResult(
            False, float("nan"), tolerance, "nothing, because the function is not finite at this point"
        )
    comparisons = [problem.along_random_direction() for _ in range(directions)]
    checked = f"{directions} random directions through {problem.size} elements"
    if elementwise or not all(c.relative_error <= tolerance for c in comparisons):
        elements = problem.each_element()
        checked += " and each element"
        # Elements decide, each with steps of its own scale: one step for all can be too long for some of them.
        comparisons = (
            elements if all(c.relative_error <= tolerance for c in elements) else comparisons + elements
        )
    errors = [c.relative_error for c in comparisons]
    worst = float("nan") if any(map(np.isnan, errors)) else max(errors, default=0.0)
    wrong = [c for c in comparisons if not c.relative_error <= tolerance]
    wrong.sort(key=lambda c: (c.element is None, -np.nan_to_num(c.relative_error, nan=np.inf)))
    return GradcheckResult(not wrong, worst, tolerance, checked, tuple(wrong))


class _Problem:
    """A function at a point: its value, its analytic gradients and its numerical slopes."""

    def __init__(
        self, function: Callable[..., Any], inputs: tuple[Any, ...], rng: np.random.Generator
    ) -> None:
        self.function = function
        self.inputs = inputs
        self.rng = rng
        arrays = [to_array(x.detach() if isinstance(x, Tensor) else x) for x in inputs]
        self.checked = [i for i, array in enumerate(arrays) if array.dtype.kind in "fc"]
        if not self.checked:
            raise TypeError(
                "gradcheck needs at least one floating input; integers and booleans have no gradients"
            )
        self.point = [
            np.array(array, _double(array) if i in self.checked else None) for i, array in enumerate(arrays)
        ]
        self.size = sum(self.point[i].size for i in self.checked)
        self._pull()

    def _pull(self) -> None:
        with enable_grad():
            leaves = [Tensor(x, requires_grad=i in self.checked) for i, x in enumerate(self.point)]
            outputs = self._outputs(leaves)
            self.weights = [self._normal(y) for y in outputs]
            tracked = [
                (y, wrap(w.astype(y.dtype), None))
                for y, w in zip(outputs, self.weights, strict=True)
                if y.requires_grad
            ]
            wanted = [leaves[i] for i in self.checked]
            found: Sequence[Tensor | None] = (None,) * len(wanted)
            if tracked:
                found = gradients([y for y, _ in tracked], wanted, [w for _, w in tracked], allow_unused=True)
            if tracked and all(g is None for g in found):
                raise ValueError(
                    "the result depends on tensors that require gradients, but on none of the inputs; the function "
                    "must compute with its arguments and not with tensors of the same name from outside"
                )
        self.gradients: list[np.ndarray] = [
            np.zeros(leaf.shape, _double(leaf)) if g is None else np.asarray(g.numpy(), _double(leaf))
            for leaf, g in zip(wanted, found, strict=True)
        ]
        self.magnitude = sum(
            float(np.sum(np.abs(np.asarray(y.detach().numpy(), _double(y)) * w)))
            for y, w in zip(outputs, self.weights, strict=True)
        )
        self.scale = max((float(np.max(np.abs(g), initial=0)) for g in self.gradients), default=0.0)
        values = self._value(self.point), self._value(self.point)
        self.finite = bool(np.isfinite(values[0]))
        if values[0] != values[1] and not (np.isnan(values[0]) and np.isnan(values[1])):
            raise RuntimeError(
                "the function is not deterministic: two calls with the same inputs differ; switch off dropout and "
                "seed whatever is random inside it"
            )

    def _outputs(self, arguments: Sequence[Tensor]) -> list[Tensor]:
        result = self.function(*arguments)
        outputs = list(result) if isinstance(result, (tuple, list)) else [result]
        for y in outputs:
            if not isinstance(y, Tensor):
                raise TypeError(
                    f"gradcheck needs a function that returns Tensors, and this one returned {type(y).__name__}"
                )
        return outputs

    def _value(self, point: Sequence[np.ndarray]) -> float:
        """The weighted sum of all outputs at a point; nan where the function is."""
        with no_grad():
            outputs = self._outputs([wrap(np.array(x)[()], None) for x in point])
        total = 0.0
        for y, weight in zip(outputs, self.weights, strict=True):
            if y.dtype.kind in "fc":
                total += _inner(weight, np.asarray(y.numpy(), _double(y)))
        return total

    def _normal(self, like: Any) -> np.ndarray:
        """Normal values, complex ones for complex ones."""
        values: np.ndarray = self.rng.normal(size=like.shape)
        return values + 1j * self.rng.normal(size=like.shape) if like.dtype.kind == "c" else values

    def _size(self, i: int) -> float:
        """The scale of an input: its largest value, or 1."""
        return float(np.max(np.abs(self.point[i]), initial=0)) or 1.0

    def along_random_direction(self) -> Mismatch:
        """Compare along one direction through all elements, each input in its own scale."""
        direction = [self._normal(self.point[i]) * self._size(i) for i in self.checked]
        pairs = list(zip(self.gradients, direction, strict=True))
        size = np.sqrt(sum(float(np.sum(np.abs(g * u) ** 2)) for g, u in pairs))
        analytic = sum(_inner(g, u) for g, u in pairs)
        noise = self.magnitude + max(map(self._size, self.checked))
        return self._compare("all", None, analytic, self._slope(direction, STEPS), size, noise)

    def each_element(self) -> list[Mismatch]:
        """Compare every element of every input by itself."""
        results = []
        for position, i in enumerate(self.checked):
            name = self.inputs[i].name if isinstance(self.inputs[i], Tensor) and self.inputs[i].name else i
            parts = {"real": 1, "imaginary": 1j} if self.point[i].dtype.kind == "c" else {None: 1}
            for element in np.ndindex(self.point[i].shape):
                scales = {1.0, float(abs(self.point[i][element])) or 1.0}
                steps = tuple(sorted((step * scale for step in STEPS for scale in scales), reverse=True))
                for part, unit in parts.items():
                    direction = [np.zeros_like(self.point[k]) for k in self.checked]
                    direction[position][element] = unit
                    analytic = _inner(self.gradients[position][element], unit)
                    slope = self._slope(direction, steps)
                    noise = self.magnitude / self._size(i) + 1
                    results.append(self._compare(name, element, analytic, slope, self.scale, noise, part))
        return results

    def _slope(self, direction: list[np.ndarray], steps: Sequence[float]) -> tuple[float, float]:
        """Central differences at the step with the least error, and what of it is rounding.

        The error of an estimate is its own rounding error, plus what the estimates at smaller steps differ from
        it beyond their rounding errors: that is curvature, or a kink that the larger step has crossed.
        """
        estimates = np.array([self._difference(direction, step) for step in steps])
        rounding = ROUNDING * np.finfo(np.float64).eps * self.magnitude / np.array(steps)
        finite = np.isfinite(estimates)
        if not finite.any():
            return float("nan"), 0.0
        estimates, rounding = estimates[finite], rounding[finite]
        errors = [
            rounding[i] + np.max(np.abs(estimates[i] - estimates[i + 1 :]) - rounding[i + 1 :], initial=0)
            for i in range(len(estimates))
        ]
        best = int(np.argmin(errors))
        return float(estimates[best]), float(rounding[best])

    def _difference(self, direction: list[np.ndarray], step: float) -> float:
        ahead, behind = list(self.point), list(self.point)
        for i, u in zip(self.checked, direction, strict=True):
            ahead[i], behind[i] = self.point[i] + step * u, self.point[i] - step * u
        with np.errstate(all="ignore"):
            return (self._value(ahead) - self._value(behind)) / (2 * step)

    def _compare(
        self,
        name: int | str,
        element: Any,
        analytic: float,
        slope: tuple[float, float],
        scale: float,
        noise: float,
        part: str | None = None,
    ) -> Mismatch:
        """The relative error beyond rounding; against the other derivatives where both are negligible beside them.

        `noise` times the machine's precision is about the rounding error of the analytic derivative: in proportion
        to the function's value, and at least that of intermediate values of about 1.
        """
        numeric, rounding = slope
        rounding += ROUNDING * float(np.finfo(np.float64).eps) * noise
        difference = abs(analytic - numeric)
        size = max(abs(analytic), abs(numeric), 1e-3 * scale)
        beyond = difference if np.isnan(difference) else max(difference - rounding, 0.0)
        return Mismatch(
            name, element, float(analytic), numeric, float(beyond / size) if size else float(beyond), part
        )


def _double(value: Any) -> type:
    """The double precision of a floating value: float64 or complex128."""
    return np.complex128 if value.dtype.kind == "c" else np.float64


def _inner(a: Any, b: Any) -> float:
    """The real inner product Re Σ conj(a)·b."""
    return float(np.real(np.sum(np.conjugate(a) * b)))
