"""Which operation is wrong: every operation of a computation is checked by itself, at the values that occurred."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..convert import asarray
from ..function_op import FunctionOp
from ..location import user_line
from ..mode import current_mode, enable_grad, observing
from ..module_calls import scope_path
from ..tensor import Tensor
from .comparing import Comparer
from .oracles import double_backward
from .problem import Array, Problem
from .report import Comparison, Culprit, Verdict


@dataclass
class Applied:
    """One operation of a forward pass, with copies of what it got."""

    op: Any
    inputs: tuple[Any, ...]
    """Arrays where it got tensors or arrays; None where it got none."""
    tracked: tuple[bool, ...]
    parameters: tuple[Any, ...]
    node: Any
    source: str
    layer: str

    def function(self) -> Callable[..., Any]:
        """The operation as a function of its inputs that are arrays."""
        op = self.op
        given = [i for i, x in enumerate(self.inputs) if x is not None]
        named = dict(zip(op.parameters, self.parameters, strict=True))

        def call(*values: Tensor) -> Any:
            inputs = list(self.inputs)
            for i, value in zip(given, values, strict=True):
                inputs[i] = value
            if isinstance(op, FunctionOp):
                application = named["application"]
                return application.function.apply(*application.arguments(list(map(asarray, inputs))))
            args, kwargs = op.bind(inputs, named)
            return op.call(*args, **kwargs)

        return call

    def problem(self, rng: np.random.Generator, dtype: Any) -> Problem:
        """The operation by itself."""
        arrays = [x for x in self.inputs if x is not None]
        problem = Problem(self.function(), arrays, rng, dtype)
        op = self.op
        names = [
            f"{op.inputs[0]}[{i}]" if op.variadic else op.inputs[i]
            for i, x in enumerate(self.inputs)
            if x is not None
        ]
        if isinstance(op, FunctionOp):
            application = self.parameters[0]
            names = [application.name_of(i) for i in range(len(self.inputs))]
        problem.names = [names[place] for place in problem.places]
        return problem


class Applications:
    """An observer that keeps every operation of a forward pass."""

    def __init__(self) -> None:
        self.made: list[Applied] = []

    def on_forward(self, op: Any, inputs: tuple[Any, ...], parameters: tuple[Any, ...], output: Any) -> None:
        """Keep an operation."""
        self.made.append(
            Applied(
                op,
                tuple(None if x is None else np.array(getattr(x, "_array", x)) for x in inputs),
                tuple(isinstance(x, Tensor) and x.requires_grad for x in inputs),
                parameters,
                (output[0] if isinstance(output, tuple) else output)._node,
                user_line(),
                scope_path(current_mode().scope),
            )
        )

    def on_replace(self, old: Any, new: Any) -> None:
        """Writes in place are operations too."""

    def on_backward(self, node: Any, gradient: Any, contributions: tuple[Any, ...]) -> None:
        """Nothing runs backward here."""


def applications_at(problem: Problem, point: Sequence[Array]) -> list[Applied]:
    """The operations of the forward pass at a point, with their tapes still whole."""
    kept = Applications()
    with enable_grad(), observing(kept), np.errstate(all="ignore"):
        problem.outputs(problem.leaves(point))
    return kept.made


class Found(NamedTuple):
    """An operation that is wrong, by itself."""

    culprit: Culprit
    applied: Applied
    problem: Problem
    elements: list[Comparison]
    """Of its inputs; empty where only its double backward is wrong."""


def first_wrong(problem: Problem, tolerance: float, order: int) -> Found | None:
    """The first operation whose rule is wrong at the values that occurred; None if all are right."""
    for number, applied in enumerate(applications_at(problem, problem.point)):
        op = applied.op
        if not op.rules or op.name == "pick" or not any(applied.tracked):
            continue
        try:
            local = applied.problem(np.random.default_rng(number), problem.dtype)
        except (TypeError, ValueError, RuntimeError):
            continue  # no floating inputs, or nothing tracked comes out
        elements = _compared(local, tolerance)
        name = _wrong_input(elements)
        if name is None and order == 2:
            second = double_backward(local)
            elements = []  # these agree
            name = None if second is None else _wrong_input(_compared(second, tolerance))
        if name is not None:
            return Found(
                Culprit(op.name, name, applied.source, applied.layer, number), applied, local, elements
            )
    return None


def _compared(local: Problem, tolerance: float) -> list[Comparison]:
    """The elements of an operation by itself; none if random directions find nothing wrong."""
    if not local.finite:
        return []
    comparer = Comparer(local, tolerance)
    if all(comparer.direction().verdict is not Verdict.FAIL for _ in range(2)):
        return []
    return comparer.elements(200)[0]


def _wrong_input(elements: Sequence[Comparison]) -> str | None:
    """The input whose gradient is wrong by most."""
    wrong = [c for c in elements if c.verdict is Verdict.FAIL]
    return str(max(wrong, key=lambda c: c.relative_error).input) if wrong else None


def cut(problem: Problem) -> Applied | None:
    """The first operation that got something which depends on the inputs, and is not tracked."""
    direction = problem.random_direction()
    moved = [x + 1e-3 * u for x, u in zip(problem.point, direction, strict=True)]
    pairs = zip(applications_at(problem, problem.point), applications_at(problem, moved), strict=False)
    for here, there in pairs:
        if here.op is not there.op:
            return None
        for x, y, tracked in zip(here.inputs, there.inputs, here.tracked, strict=False):
            if tracked or x is None or x.dtype.kind not in "fc":
                continue
            if x.shape != y.shape or not np.array_equal(x, y, equal_nan=True):
                return here
    return None


def stale(problem: Problem) -> tuple[Applied, str] | None:
    """The first operation whose saved values are not those that it got, and which of them it is."""
    for applied in applications_at(problem, problem.point):
        node, op = applied.node, applied.op
        if node is None:
            continue
        if isinstance(op, FunctionOp):
            name = _stale_in_function(applied)
            if name is not None:
                return applied, name
        elif not op.variadic:
            for name, value in zip(op.saved_names, node.saved, strict=True):
                copy = applied.inputs[op.inputs.index(name)] if name in op.inputs else None
                if copy is not None and value is not None and not _equal(value, copy):
                    return applied, f"its input {name!r}"
    return None


def _stale_in_function(applied: Applied) -> str | None:
    """A value that a Function has kept, and would keep otherwise if it ran once more."""
    application = applied.parameters[0]
    kept = applied.node.saved[0]
    before = {
        **{
            f"ctx.{name}": np.array(value)
            for name, value in application.attributes.items()
            if _is_array(value)
        },
        **{
            f"saved value {i}": np.array(entry.value)
            for i, entry in enumerate(kept)
            if _is_array(entry.value)
        },
    }
    with enable_grad():
        leaves = [asarray(np.array(x)) for x in applied.inputs]
        tracked = [x.requires_grad_() if t else x for x, t in zip(leaves, applied.tracked, strict=True)]
        noted = Applications()
        with observing(noted):
            application.function.apply(*application.arguments(tracked))
    fresh = noted.made[0]
    entries = fresh.node.saved[0]
    after = {
        **{f"ctx.{name}": value for name, value in fresh.parameters[0].attributes.items()},
        **{f"saved value {i}": entry.value for i, entry in enumerate(entries)},
    }
    return next(
        (name for name, value in before.items() if name in after and not _equal(value, after[name])), None
    )


def _is_array(value: Any) -> bool:
    return isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "fc"


def _equal(a: Any, b: Any) -> bool:
    return np.shape(a) == np.shape(b) and bool(np.array_equal(a, b, equal_nan=np.result_type(a).kind in "fc"))
