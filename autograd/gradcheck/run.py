"""`gradcheck`: directions first, elements where they disagree, and on a failure the operation and the cause."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..mode import enable_grad, observing
from ..record import Entry, Recording, record
from ..tensor import Tensor
from .comparing import Comparer
from .diagnosis import explain
from .layouts import explain_layout, layout_comparisons, without_elements
from .localise import first_wrong
from .oracles import analytic_line, double_backward
from .problem import Problem
from .report import Cause, Comparison, Culprit, GradcheckResult, Verdict

MANY = (
    "several ties meet: every operation is within its subgradients, and beside the point the gradients agree"
)
ORACLES = ("auto", "central", "complex")


def gradcheck(
    function: Callable[..., Any],
    inputs: Any,
    *,
    directions: int = 4,
    elementwise: bool = False,
    tolerance: float | None = None,
    order: int = 1,
    oracle: str = "auto",
    dtype: Any = np.float64,
    max_elements: int = 1000,
    curves: bool = False,
    layouts: bool = False,
    rng: np.random.Generator | int | None = 0,
) -> GradcheckResult:
    """Compare the gradients of a function or a module with numerical differentiation.

    Along random directions first, with a random weight for every output, so that a check costs a few calls of the
    function whatever its size; element by element where asked for, and where a direction disagrees, to name the
    place, the operation on the tape whose rule is wrong, and the likely cause.

    Args:
        function: takes the inputs and returns a Tensor or a tree of Tensors; of a module the parameters are checked
            too, on a copy. It must be deterministic.
        inputs: one input, or a sequence of them: tensors, arrays, numbers, or trees of these (dict, list, tuple,
            dataclass, module). Floating leaves are checked, others are passed as they are.
        directions: how many random directions through all inputs at once are compared.
        elementwise: also compare every element by itself.
        tolerance: the relative error |a − n| / max(|a|, |n|) that counts as wrong where rounding and curvature do not
            explain it; 1e-5 if not given, and 1e-2 in float32. Where a and n are both negligible against the other
            derivatives, it is relative to these.
        order: 2 checks the double backward too: there the gradient itself is the function.
        oracle: "central" differences; "complex", the complex step, for functions that are analytic in their inputs;
            "auto" takes central differences, and the complex step where they leave it open.
        dtype: what is computed in, float64 or float32; inputs are converted.
        max_elements: of larger problems, about so many elements are compared by themselves: those with the largest
            gradients, and random ones; the report says how many of how many.
        curves: try every step in every comparison, so that the report shows the whole curve of errors against steps;
            else a comparison stops when its steps have said enough.
        layouts: also compare results and gradients for the same values in other memory (reversed, with gaps,
            transposed, overlapping) with those in contiguous memory, and check the inputs with a first axis of length
            0 where the function takes it.
        rng: a generator or a seed for the directions and weights.

    Returns:
        A `GradcheckResult` with the verdict PASS, FAIL or INCONCLUSIVE; printing it gives the report, and
        `.assert_ok()` raises in a test.

    Raises:
        TypeError: no input is floating, or the function returns something else than Tensors.
        RuntimeError: the function gives two results for the same input.
        ValueError: the result does not depend on the inputs, but on other tensors; or an option is unknown.

    >>> import pullback as pb
    >>> print(pb.gradcheck(lambda x, y: (x * y).sum(), ([1.0, 2.0], [3.0, 4.0])).ok)
    True
    """
    if isinstance(inputs, (Tensor, np.ndarray, np.generic, complex, float, int, dict)):
        inputs = (inputs,)
    if oracle not in ORACLES or order not in (1, 2) or np.dtype(dtype) not in (np.float32, np.float64):
        raise ValueError(
            f"gradcheck: oracle is one of {ORACLES}, order 1 or 2, dtype float64 or float32; not {oracle!r}, "
            f"{order!r}, {dtype!r}"
        )
    inputs = tuple(inputs)
    seed = rng if isinstance(rng, int) else None
    tolerance = (1e-2 if np.dtype(dtype) == np.float32 else 1e-5) if tolerance is None else tolerance
    problem = Problem(function, inputs, np.random.default_rng(rng), dtype)
    if oracle == "complex":
        unfit = analytic_line(problem)
        if unfit is not None:
            raise ValueError(
                f"the complex step needs a function that is analytic, and {unfit} is not; use oracle='auto'"
            )
    comparer = Comparer(problem, tolerance, oracle, curves)
    result = _checked(comparer, directions, elementwise, max_elements, seed)
    if layouts and result.ok:
        result = _in_other_memory(result, problem)
        empty = without_elements(function, inputs, np.random.default_rng(rng), dtype) if result.ok else None
        if empty is not None and empty.finite:
            nothing = _checked(Comparer(empty, tolerance, oracle), 1, False, 0, seed)
            result = _with(result, nothing, "no elements")
        if not result.ok:
            return result
    open_ones = [c for c in result.comparisons if c.verdict is not Verdict.PASS]
    if open_ones and all(c.kink and math.isfinite(c.analytic) for c in open_ones):
        result = _where_many_tie(result, comparer, directions)
    if order == 1 or not result.ok:
        return result if result.verdict is not Verdict.FAIL else _explained(result, problem, 1)
    second = double_backward(problem)
    if second is None:
        return result
    twice = _checked(Comparer(second, tolerance, "central", curves), directions, False, max_elements, seed)
    both = _with(result, twice, "double backward")
    return both if both.verdict is not Verdict.FAIL else _explained(both, problem, 2)


def assert_gradients(function: Callable[..., Any], *inputs: Any, **options: Any) -> GradcheckResult:
    """Check the gradients of a function or module at its inputs, and raise with the whole report unless they are right.

    Args:
        function: see `pullback.gradcheck`.
        *inputs: the arguments of the function.
        **options: those of `pullback.gradcheck`.

    Returns:
        The report of a check that has passed.

    Raises:
        AssertionError: with the verdict, the place, the operation and the likely cause.

    >>> import pullback as pb
    >>> from pullback.autograd.testing import assert_gradients
    >>> assert_gradients(lambda x, y: pb.tanh(x) * y, [0.5, -1.0], [2.0, 3.0]).ok
    True
    """
    __tracebackhide__ = True
    result = gradcheck(function, inputs, **options)
    result.assert_ok()
    return result


def _checked(
    comparer: Comparer, directions: int, elementwise: bool, max_elements: int, seed: int | None
) -> GradcheckResult:
    """The comparisons and their verdict, without explanations."""
    problem, tolerance = comparer.problem, comparer.tolerance
    if not problem.finite:
        return GradcheckResult(
            Verdict.INCONCLUSIVE,
            math.nan,
            tolerance,
            "nothing, because the function is not finite at this point",
            advice="another point, inside of the function's domain",
            seed=seed,
        )
    comparisons = [comparer.direction() for _ in range(directions)]
    comparisons += [comparer.direction(among) for among in comparer.unseen() for _ in range(directions and 2)]
    checked = f"{directions} random directions through {problem.size} elements"
    if elementwise or any(c.verdict is not Verdict.PASS for c in comparisons):
        elements, taken = comparer.elements(max_elements)
        checked += " and each element" if taken == problem.size else f" and {taken} of them one by one"
        # Elements decide where all were taken, each with steps of its own scale: one may be too long for some.
        decided = taken == problem.size and all(c.verdict is Verdict.PASS for c in elements)
        comparisons = elements if decided else comparisons + elements
    return GradcheckResult(
        _worst(comparisons),
        _largest(comparisons),
        tolerance,
        checked,
        " and ".join(sorted({c.oracle for c in comparisons})) or "no oracle",
        tuple(comparisons),
        advice=next((c.note for c in comparisons if c.verdict is Verdict.INCONCLUSIVE), ""),
        seed=seed,
    )


def _where_many_tie(result: GradcheckResult, comparer: Comparer, directions: int) -> GradcheckResult:
    """A result that is open at kinks only, where the slopes along lines are too few to hold what is right.

    Through ties of several operations a gradient passes if each operation by itself is within its subgradients, and
    the function is right beside the point.
    """
    problem = comparer.problem
    try:
        near = problem.beside()
    except RuntimeError:
        return result
    beside = Comparer(near, comparer.tolerance, comparer.oracle)
    comparisons = [beside.direction() for _ in range(max(directions, 1))]
    if _worst(comparisons) is Verdict.FAIL:
        return replace(result, verdict=Verdict.FAIL, comparisons=(*result.comparisons, *comparisons))
    if first_wrong(problem, result.tolerance, 1) is not None:
        return result
    verdict = _worst(comparisons)
    excused = tuple(
        replace(c, verdict=verdict, relative_error=0.0, note="; ".join(filter(None, [c.note, MANY])))
        if c.verdict is not Verdict.PASS
        else c
        for c in result.comparisons
    )
    return replace(
        result,
        verdict=_worst(excused),
        max_relative_error=_largest(excused),
        checked=f"{result.checked}; {len(comparisons)} directions beside the point, where nothing ties",
        comparisons=(*excused, *comparisons),
        advice=next((c.note for c in comparisons if c.verdict is Verdict.INCONCLUSIVE), ""),
    )


def _worst(comparisons: Sequence[Comparison]) -> Verdict:
    verdicts = {c.verdict for c in comparisons}
    return next((v for v in (Verdict.FAIL, Verdict.INCONCLUSIVE) if v in verdicts), Verdict.PASS)


def _largest(comparisons: Sequence[Comparison]) -> float:
    errors = [c.relative_error for c in comparisons]
    return math.nan if any(map(math.isnan, errors)) else max(errors, default=0.0)


def _in_other_memory(result: GradcheckResult, problem: Problem) -> GradcheckResult:
    """The same with the comparisons of other layouts of memory, and with their cause."""
    comparisons = layout_comparisons(problem)
    both = replace(
        result,
        verdict=_worst(comparisons),
        max_relative_error=_largest([*result.comparisons, *comparisons]),
        checked=f"{result.checked}; {len(comparisons)} other layouts of memory",
        comparisons=(*result.comparisons, *comparisons),
        advice=next((c.note for c in comparisons if c.verdict is Verdict.INCONCLUSIVE), result.advice),
    )
    if both.verdict is not Verdict.FAIL:
        return both
    culprit, cause = explain_layout(problem, comparisons)
    recording, entries = _recorded(problem)
    entry = None if culprit is None else entries[culprit.number]
    return replace(both, culprit=culprit, causes=(cause,), recording=recording, entry=entry)


def _with(first: GradcheckResult, second: GradcheckResult, what: str) -> GradcheckResult:
    """Two checks as one, the second of `what`."""
    comparisons = first.comparisons + second.comparisons
    return GradcheckResult(
        _worst(comparisons) if second.comparisons else second.verdict,
        _largest(comparisons),
        first.tolerance,
        f"{first.checked}; {what}: {second.checked}",
        first.oracle,
        comparisons,
        advice=second.advice,
        seed=first.seed,
    )


def _explained(result: GradcheckResult, problem: Problem, order: int) -> GradcheckResult:
    """A failure with the first wrong operation, the likely cause, and the computation to draw."""
    found = first_wrong(problem, result.tolerance, order)
    culprit: Culprit | None = None
    causes: tuple[Cause, ...]
    if found is None:
        causes = explain(problem, result.comparisons, None)
    else:
        culprit = found.culprit
        if found.elements:
            causes = explain(found.problem, found.elements, found.applied)
        else:
            causes = (
                Cause(
                    "second order",
                    f"the gradient of {culprit.operation!r} is right, and its own derivative is not: something in its "
                    "rule counts as a constant",
                ),
            )
    recording, entries = _recorded(problem)
    entry = None if culprit is None else entries[culprit.number]
    return replace(result, culprit=culprit, causes=causes, recording=recording, entry=entry)


class _Entries:
    """An observer that notes which entry of a recording each operation has, in the order of the operations."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.found: list[Entry] = []

    def on_forward(self, op: Any, inputs: tuple[Any, ...], parameters: tuple[Any, ...], output: Any) -> None:
        """Note the entry, of several outputs that of all together."""
        several = isinstance(output, tuple)
        entry = self.recording.find(output[0] if several else output)
        self.found.append(entry.inputs[0] if several else entry)

    def on_replace(self, old: Any, new: Any) -> None:
        """Writes in place are operations too."""

    def on_backward(self, node: Any, gradient: Any, contributions: tuple[Any, ...]) -> None:
        """The recording notes the gradients."""


def _recorded(problem: Problem) -> tuple[Recording, list[Entry]]:
    """The computation with its values and (wrong) gradients, and the entry of each operation."""
    with enable_grad(), record() as recording, np.errstate(all="ignore"):
        entries = _Entries(recording)
        leaves = problem.leaves(problem.point)
        for leaf, name in zip(leaves, problem.names, strict=True):
            leaf.name = str(name)
        with observing(entries):
            outputs = problem.outputs(leaves)
        problem.gradients_of(leaves, outputs)
    return recording, entries.found
