"""The same values in other memory: reversed, with gaps, transposed, overlapping; and inputs without elements.

A function of values must not depend on where in memory they lie. Code that takes memory for contiguous (a pointer, a
view of another dtype, `as_strided`, a reshape that is a copy only sometimes) is right on fresh arrays and wrong on
slices. So results and gradients are compared with those of plain memory, bit for bit the same inputs.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..convert import asarray
from ..mode import enable_grad, no_grad
from ..tensor import Tensor, wrap
from .comparing import SURE
from .localise import applications_at
from .problem import Array, Problem, double, own_copy
from .report import Cause, Comparison, Culprit, Verdict
from .slopes import ROUNDING

ORACLE = "contiguous memory"
AGREE = 10.0  # times √ε: more than another order of the same sums makes
UNSTEADY = "rounding of the inputs makes as much"


@dataclass(frozen=True)
class Layout:
    """A way to lay values out in memory."""

    name: str
    lay: Callable[[Array], Array]
    """Gives an array of the same shape, and of the same values unless its elements share memory."""


def _buffer(x: Array, size: int) -> Array:
    """Memory filled with nan, large enough for code that reads on past what it was given."""
    return np.full(size + x.size, np.nan, x.dtype)


def _reversed(x: Array) -> Array:
    whole = (slice(None, None, -1),) * x.ndim
    memory = _buffer(x, x.size)[: x.size].reshape(x.shape)
    memory[...] = x[whole]
    return memory[whole]


def _gaps(x: Array) -> Array:
    wide = tuple(2 * n for n in x.shape)
    size = math.prod(wide)
    memory = _buffer(x, size)[:size].reshape(wide)[(slice(None, None, 2),) * x.ndim]
    memory[...] = x
    return memory


def _transposed(x: Array) -> Array:
    return np.array(x.T, order="C").T


def _overlapping(x: Array) -> Array:
    """Windows: every element beyond the first row and column lies in several places."""
    if x.size == 0:
        return x
    length = sum(n - 1 for n in x.shape) + 1
    row = _buffer(x, length)
    row[:length] = x.ravel()[:length]
    return np.lib.stride_tricks.as_strided(row, x.shape, (x.itemsize,) * x.ndim)


def _repeated(x: Array) -> Array:
    if x.size == 0:
        return x
    memory = _buffer(x, x[0].size)[: x[0].size].reshape(x[:1].shape)
    memory[...] = x[:1]
    return np.lib.stride_tricks.as_strided(memory, x.shape, (0, *memory.strides[1:]))


LAYOUTS = (
    Layout("reversed", _reversed),
    Layout("with gaps", _gaps),
    Layout("transposed", _transposed),
    Layout("overlapping", _overlapping),
    Layout("repeated by a stride of 0", _repeated),
)


def layout_comparisons(problem: Problem) -> list[Comparison]:
    """One comparison for each layout that is another one for some input: the worst element of all results."""
    found = (_compared(problem, layout) for layout in LAYOUTS)
    return [comparison for comparison in found if comparison is not None]


def explain_layout(problem: Problem, comparisons: Sequence[Comparison]) -> tuple[Culprit | None, Cause]:
    """The first operation that depends on the layout, and the cause."""
    wrong = next(c for c in comparisons if c.verdict is Verdict.FAIL and c.oracle == ORACLE)
    layout = next(layout for layout in LAYOUTS if layout.name in wrong.note)
    cause = Cause(
        "layout",
        f"it is right in contiguous memory and wrong in memory that is {layout.name}: something takes all memory for "
        "contiguous (a pointer, a view of it, as_strided); np.ascontiguousarray before it helps",
    )
    for number, applied in enumerate(applications_at(problem, problem.point)):
        if not applied.op.rules or applied.op.name == "pick" or not any(applied.tracked):
            continue
        try:
            local = applied.problem(np.random.default_rng(number), problem.dtype)
        except (TypeError, ValueError, RuntimeError):
            continue  # no floating inputs
        found = _compared(local, layout)
        if found is not None and found.verdict is Verdict.FAIL:
            return Culprit(applied.op.name, str(found.input), applied.source, applied.layer, number), cause
    return None, cause


def without_elements(
    function: Callable[..., Any], inputs: Sequence[Any], rng: np.random.Generator, dtype: Any
) -> Problem | None:
    """The function for inputs whose first axis, a batch say, has the length 0; None if it does not take that.

    The first floating input loses its elements, and what is not floating, such as labels, and has as many; or, if the
    function does not take that, every input that has as many.

    Raises:
        RuntimeError, TypeError, ValueError: what backward raises where the function itself takes them.
    """
    floating = [i for i, x in enumerate(inputs) if _has_axes(x) and x.dtype.kind in "fc"]
    if not floating:
        return None
    length = len(inputs[floating[0]])
    same = [i for i, x in enumerate(inputs) if _has_axes(x) and len(x) == length]
    raised: Exception | None = None
    for emptied in ([i for i in same if i == floating[0] or i not in floating], same):
        arguments = [x[:0] if i in emptied else own_copy(x, dtype) for i, x in enumerate(inputs)]
        twin = own_copy(function, dtype)
        if _takes(twin, [asarray(x) if i in floating else x for i, x in enumerate(arguments)]):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", RuntimeWarning)  # the mean of nothing
                    return Problem(twin, arguments, rng, dtype)
            except (TypeError, ValueError, RuntimeError) as error:
                raised = raised or error
    if raised is not None:
        raise raised
    return None


def _has_axes(x: Any) -> bool:
    return isinstance(x, (Tensor, np.ndarray)) and x.ndim > 0


def _takes(function: Callable[..., Any], arguments: Sequence[Any]) -> bool:
    with no_grad(), np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            function(*arguments)
        except Exception:  # whatever it says
            return False
    return True


def _compared(problem: Problem, layout: Layout) -> Comparison | None:
    """The worst element in a layout, beside contiguous memory of the same values; None if all memory is that."""
    laid = [layout.lay(x) if x.ndim else x for x in problem.point]
    plain = [np.array(x, order="C") for x in laid]
    if all(x.strides == y.strides for x, y in zip(laid, plain, strict=True)):
        return None
    note = f"in memory that is {layout.name}"
    try:
        expected = _results(problem, plain)
    except (ArithmeticError, ValueError, RuntimeError):
        return None  # the values that overlap are outside of the function's domain
    try:
        found = _results(problem, laid)
    except Exception as error:
        message = f"{note} it raises {type(error).__name__}: {error}"
        return Comparison(
            "all", None, math.nan, math.nan, 0.0, math.nan, Verdict.FAIL, None, ORACLE, None, message
        )
    names: list[Any] = [*(f"output {i}" for i in range(len(expected) - len(plain))), *problem.names]
    worst: Comparison | None = None
    for k, (name, a, b) in enumerate(zip(names, found, expected, strict=True)):
        comparison = _element(name, a, b, problem.eps, note)
        if comparison is None:
            continue
        if comparison.verdict is Verdict.FAIL:
            shaken = _results(problem, [x * (1 + ROUNDING * problem.eps * _signs(x)) for x in plain])[k]
            spread = float(np.max(np.abs(shaken - b), initial=0)) if shaken.shape == b.shape else math.inf
            if abs(comparison.analytic - comparison.numeric) <= SURE * spread:
                comparison = replace(comparison, verdict=Verdict.INCONCLUSIVE, note=f"{note}; {UNSTEADY}")
        if worst is None or _rank(comparison) > _rank(worst):
            worst = comparison
    return worst


def _results(problem: Problem, point: Sequence[Array]) -> list[Array]:
    """Outputs and gradients for leaves that lie in memory as they are given."""
    with enable_grad(), np.errstate(all="ignore"):
        leaves = [wrap(x[()] if x.ndim == 0 else x, None).requires_grad_() for x in point]
        outputs = problem.outputs(leaves)
        gradients = problem.gradients_of(leaves, outputs)
    return [np.array(y.detach().numpy(), double(y)) for y in outputs if y.dtype.kind in "fc"] + gradients


def _element(name: Any, found: Array, expected: Array, eps: float, note: str) -> Comparison | None:
    """The element that differs most; None if there is none."""
    if found.shape != expected.shape:
        message = f"{note} it has the shape {found.shape}, and else {expected.shape}"
        return Comparison(
            name, None, math.nan, math.nan, 0.0, math.nan, Verdict.FAIL, None, ORACLE, None, message
        )
    if found.size == 0:
        return None
    with np.errstate(all="ignore"):
        gap = np.where(found == expected, 0.0, np.abs(found - expected))
    gap = np.where(np.isnan(found) & np.isnan(expected), 0.0, np.where(np.isnan(gap), np.inf, gap))
    finite = np.abs(expected[np.isfinite(expected)])
    size = float(np.max(finite, initial=0))
    place = np.unravel_index(int(np.argmax(gap)), gap.shape)
    allowed = AGREE * math.sqrt(eps) * size
    a, b = complex(found[place]), complex(expected[place])
    part = (
        None if found.dtype.kind != "c" else "imaginary" if abs((a - b).imag) > abs((a - b).real) else "real"
    )
    one, other = (a.imag, b.imag) if part == "imaginary" else (a.real, b.real)
    relative = float(gap[place]) / size if size else float(gap[place])
    return Comparison(
        name,
        tuple(int(i) for i in place),
        one,
        other,
        allowed,
        max(0.0, relative - AGREE * math.sqrt(eps)),
        Verdict.FAIL if gap[place] > allowed else Verdict.PASS,
        part,
        ORACLE,
        None,
        note,
    )


def _rank(comparison: Comparison) -> tuple[bool, bool, float]:
    verdict, error = comparison.verdict, comparison.relative_error
    return verdict is Verdict.FAIL, verdict is Verdict.INCONCLUSIVE, error if error == error else math.inf


def _signs(x: Array) -> Array:
    return np.where(np.arange(x.size).reshape(x.shape) % 2, 1.0, -1.0).astype(x.real.dtype)
