"""The likely cause of a wrong gradient: from evidence on the tape, then from what the numbers look like."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .experiments import experiments, numeric_gradient
from .localise import Applied, cut, stale
from .lookalikes import close, lookalikes
from .problem import Array, Problem
from .report import Cause, Comparison, Verdict


def explain(
    problem: Problem, comparisons: Sequence[Comparison], applied: Applied | None
) -> tuple[Cause, ...]:
    """The likely causes, the likeliest first.

    Args:
        problem: what failed: the operation by itself if one was found, else the whole function.
        comparisons: of `problem`'s elements.
        applied: the operation, if one was found.
    """
    evidence = next(_evidence(problem), None) if applied is None else None
    evidence = evidence or _only_at_ties(comparisons)
    if evidence is not None:
        return (evidence,)
    for place, analytic in enumerate(problem.gradients):
        numeric = numeric_gradient(problem, place)
        if numeric is None or close(analytic, numeric):
            continue
        found = list(_causes(problem, place, analytic, numeric))
        if found:
            return tuple(found[:2])
    return (Cause("unknown", "no known pattern: compare the elements below with the formula"),)


def _causes(problem: Problem, place: int, analytic: Array, numeric: Array) -> Iterator[Cause]:
    whose = f"the gradient for {problem.names[place]!r}"
    known = list(lookalikes(whose, analytic, numeric, problem))
    yield from known
    if not known:
        yield from experiments(whose, place, analytic, problem)


def _evidence(problem: Problem) -> Iterator[Cause]:
    """What the tape itself shows, where every operation on it is right."""
    lost = cut(problem)
    if lost is not None:
        yield Cause(
            "zero path",
            "every operation on the tape is right, but something that depends on the inputs reached "
            f"{lost.op.name!r} at {lost.source} without a graph: look for detach(), .data, .numpy(), .item() or "
            "no_grad() before it",
        )
    overwritten = stale(problem)
    if overwritten is not None:
        reader, name = overwritten
        yield Cause(
            "stale value",
            f"{reader.op.name!r} at {reader.source} has kept {name} for backward, and the memory was overwritten "
            "afterwards, past the engine (a shared buffer, an array behind asarray); keep a copy",
        )


def _only_at_ties(comparisons: Sequence[Comparison]) -> Cause | None:
    elements = [c for c in comparisons if c.element is not None]
    wrong = [c for c in elements if c.verdict is Verdict.FAIL]
    if not wrong or any(c.kink is None for c in wrong):
        return None
    low, high = wrong[0].kink or (0.0, 0.0)
    return Cause(
        "ties",
        f"it is wrong only where there is a kink or a tie ({len(wrong)} elements): there the gradient must lie "
        f"between the slopes from both sides, {low:.6g} and {high:.6g} for element {wrong[0].element}",
    )
