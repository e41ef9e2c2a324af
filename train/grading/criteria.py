"""What is judged: results, gradients, their use of the upstream gradient, unusual inputs, and good manners."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ...autograd import Tensor
from .cases import Case, copied, smallest
from .exercise import Exercise
from .hints import about_shape, about_values, alike
from .report import Criterion, ExerciseGrade
from .subgradients import right_in_their_way
from .trial import Array, Forwarded, Trial, WrongResultError, arrays_in

FORWARD, GRADIENTS, REST = 0.3, 0.3, 0.1  # shares of an exercise's points; REST for each other criterion
UNUSUAL = "unusual inputs"
TOO_LONG = "is not judged, because a call took too long"
LATER = "is judged once the forward or a gradient is right"
TIES = "where values are equal, the gradient goes to one of them, or is shared among them"
UNKNOWN = "is not to be had without the forward"
RANDOM = "gives two results for the same inputs: it takes random numbers, or keeps something between calls"


@dataclass(frozen=True)
class Fault:
    """What is wrong at one case."""

    text: str
    mend: str
    case: Case


@dataclass
class Attempt:
    """What a learner's functions gave for one case."""

    case: Case
    forward: Fault | None = None
    gradients: dict[str, Fault] = field(default_factory=dict)
    manners: Fault | None = None
    widened: bool = False
    values: dict[str, Array] = field(default_factory=dict)


def judge(trial: Trial, drawn: Sequence[Case]) -> ExerciseGrade:
    """Try the functions on all cases, and give the points."""
    exercise = trial.exercise
    attempts = []
    for case in drawn:
        attempts.append(attempt(trial, case))
        if trial.caller.stopped:
            break
    ordinary = [a for a in attempts if a.case.kind == "ordinary"]
    unusual = [a for a in attempts if a.case.kind != "ordinary"]

    found: list[tuple[str, float, Fault | None]] = []
    found.append(("forward", FORWARD, _first([a.forward for a in ordinary])))
    share = GRADIENTS + REST * trial.together
    for name in exercise.wanted:
        fault = _first([a.gradients.get(name) for a in ordinary])
        found.append((f"gradient of {name}", share / len(exercise.wanted), fault))
    begun = any(fault is None for _, _, fault in found)
    rest: list[tuple[str, Any]] = [
        ("own forward, by numerical differentiation", lambda: _numerical(trial, ordinary)),
        (UNUSUAL, lambda: _unusual(trial, ordinary, unusual)),
        ("good manners", lambda: _manners(trial, attempts)),
    ]
    if not trial.together:
        rest.insert(1, ("upstream gradient", lambda: _upstream(trial, ordinary)))
    for name, check in rest:
        if not begun:
            fault = Fault(LATER, "", ordinary[0].case)
        elif trial.caller.stopped and not (name == UNUSUAL and unusual):
            fault = Fault(TOO_LONG, "", ordinary[0].case)
        else:
            fault = check()
        found.append((name, REST, fault))
    criteria = tuple(_criterion(name, part * exercise.points, fault) for name, part, fault in found)
    widened = any(a.widened for a in attempts) and not exercise.keep_dtype
    note = "inputs of float32 give results of float64; np.zeros(shape, x.dtype) and the like keep it"
    return ExerciseGrade(exercise.name, exercise.points, criteria, (note,) if widened else ())


def _criterion(name: str, points: float, fault: Fault | None) -> Criterion:
    points = round(points, 4)
    if fault is None:
        return Criterion(name, points, points)
    later = fault.text in (LATER, TOO_LONG, UNKNOWN)
    inputs = {} if later else dict(fault.case.arguments)
    text = fault.text if later else f"{fault.text} ({fault.case.where})"
    return Criterion(name, points, 0, text, fault.mend, inputs)


def _first(faults: Sequence[Fault | None]) -> Fault | None:
    """The fault that is easiest to look at; one that says what mends it, if any does."""
    real = [fault for fault in faults if fault is not None]
    telling = [fault for fault in real if fault.mend] or real
    if not telling:
        return None
    case = smallest([fault.case for fault in telling])
    return next(fault for fault in telling if fault.case is case)


def attempt(trial: Trial, case: Case) -> Attempt:
    """Call forward and backward twice on a case, and compare with what is right."""
    tried = Attempt(case)
    wanted = trial.exercise.wanted
    try:
        run = trial.forward(case.fresh(), len(case.outputs))
    except WrongResultError as wrong:
        tried.forward = Fault(wrong.text, wrong.mend, case)
        tried.gradients = dict.fromkeys(wanted, Fault(UNKNOWN, "", case))
        return tried
    tried.forward = _compare_outputs(trial, run.outputs, case, tried)
    manners = _after_forward(trial, run, case)
    outputs, cache = copied_all(run.outputs), copied_all(list(arrays_in(run.cache)))
    upstream = case.fresh_upstream()
    try:
        gradients = trial.backward(run, upstream)
    except WrongResultError as wrong:
        tried.gradients = dict.fromkeys(wanted, Fault(wrong.text, wrong.mend, case))
        return tried
    for name in wanted:
        fault = _compare_gradient(name, gradients[name], case, trial.exercise, tried)
        if fault is not None:
            tried.gradients[name] = fault
    manners = manners or _after_backward(trial, run, gradients, upstream, outputs, cache, case)
    found = copied_all([gradients[n] for n in wanted])
    manners = manners or _backward_again(trial, run, found, case)
    _again(trial, run, outputs, found, tried)
    tried.manners = manners and Fault(*manners, case)
    return tried


def _backward_again(
    trial: Trial, run: Forwarded, gradients: Sequence[Any], case: Case
) -> tuple[str, str] | None:
    """Backward leaves the cache fit for being called again."""
    if not run.cached:
        return None
    text = f"a second {trial.backward_name} with the same cache"
    try:
        again = trial.backward(run, case.fresh_upstream())
    except WrongResultError as wrong:
        return f"at {text}, {wrong.text}", "leave in the cache what is in it"
    if all(_same(again[n], before) for n, before in zip(trial.exercise.wanted, gradients, strict=True)):
        return None
    return f"{text} gives something else", "leave what is in the cache as it is"


def _again(
    trial: Trial, run: Forwarded, outputs: Sequence[Any], gradients: Sequence[Any], tried: Attempt
) -> None:
    """The same call gives the same results."""
    case = tried.case
    try:
        second = trial.forward(case.fresh(), len(case.outputs))
        slopes = trial.backward(second, case.fresh_upstream())
    except WrongResultError as wrong:
        tried.forward = tried.forward or Fault(f"at a second call, {wrong.text}", wrong.mend, case)
        return
    mend = "compute with the inputs alone"
    if not all(_same(a, b) for a, b in zip(second.outputs, outputs, strict=True)):
        tried.forward = Fault(f"{trial.forward_name} {RANDOM}", mend, case)
    for name, before in zip(trial.exercise.wanted, gradients, strict=True):
        if not _same(slopes[name], before):
            function = trial.forward_name if trial.together else trial.backward_name
            tried.gradients[name] = Fault(f"{function} {RANDOM}", mend, case)


def copied_all(values: Sequence[Any]) -> list[Any]:
    """Copies of arrays; other values as they are."""
    return [copied(value) for value in values]


def _same(a: Any, b: Any) -> bool:
    try:
        return bool(np.allclose(_plain(a), _plain(b), rtol=1e-6, atol=1e-9, equal_nan=True))
    except Exception:  # of what is no numbers, and may raise anything
        return type(a) is type(b)


def _plain(value: Any) -> Any:
    return value.detach().numpy() if isinstance(value, Tensor) else value


def _as_array(found: Any, want: Array, what: str, tried: Attempt) -> Array:
    """What was found as an array of the right shape and of floating numbers.

    Raises:
        WrongResultError: it is something else.
    """
    if found is None or found is ...:
        raise WrongResultError(f"{what} is None", f"compute {what} and return it")
    found = _plain(found)
    if want.ndim and not isinstance(found, np.ndarray):
        raise WrongResultError(
            f"{what} is a {type(found).__name__}, not an array", "return an array of NumPy"
        )
    try:
        value = np.asarray(found)
    except Exception:  # an object may raise anything
        raise WrongResultError(f"{what} is no array of numbers", "return an array of NumPy") from None
    if value.shape != want.shape:
        mend = about_shape(value, want) if what[0] == "d" and value.dtype.kind in "fiub" else ""
        raise WrongResultError(f"{what} has shape {value.shape}, and {want.shape} is right", mend)
    if value.dtype.kind != "f" and not (value.dtype.kind == "i" and not value.ndim):
        raise WrongResultError(
            f"{what} has dtype {value.dtype}, and floating numbers are right",
            "make arrays by np.zeros_like(x) or with dtype=x.dtype",
        )
    given = np.float32 if tried.case.kind == "single" else np.float64
    if value.ndim and value.dtype.itemsize < np.dtype(given).itemsize:
        raise WrongResultError(
            f"{what} has dtype {value.dtype}, and the inputs have {np.dtype(given)}", "keep the dtype of x"
        )
    tried.widened |= bool(value.ndim) and value.dtype.itemsize > np.dtype(given).itemsize
    return value


def _close(value: Array, want: Array, case: Case) -> bool:
    if case.kind == "single":
        scale = float(np.max(np.abs(want), initial=0))
        return bool(np.all(np.abs(value - want) <= 2e-4 * scale + 1e-5))
    return alike(value, want)


def _difference(what: str, value: Array, want: Array) -> str:
    with np.errstate(all="ignore"):
        off = np.nan_to_num(np.abs(value - want), nan=np.inf)
    place = np.unravel_index(np.argmax(off), off.shape)
    index = f"[{', '.join(map(str, place))}]" if value.ndim else ""
    found, right = float(value[place]), float(want[place])
    digits = 4 if f"{found:.4g}" != f"{right:.4g}" else 12
    return f"{what}{index} is {found:.{digits}g}, and {right:.{digits}g} is right"


def _compare_outputs(trial: Trial, outputs: Sequence[Any], case: Case, tried: Attempt) -> Fault | None:
    for i, (found, want) in enumerate(zip(outputs, case.outputs, strict=True)):
        what = "the result" if len(outputs) == 1 else f"result {i + 1}"
        try:
            value = _as_array(found, want, what, tried)
        except WrongResultError as wrong:
            return Fault(wrong.text, wrong.mend, case)
        if not _close(value, want, case):
            stable = "" if np.all(np.isfinite(value)) else "it is not finite: subtract the maximum before exp"
            return Fault(_difference(what, value, want), stable, case)
    return None


def _compare_gradient(name: str, found: Any, case: Case, exercise: Exercise, tried: Attempt) -> Fault | None:
    want = case.gradients[name]
    try:
        value = _as_array(found, want, f"d{name}", tried)
    except WrongResultError as wrong:
        return Fault(wrong.text, wrong.mend, case)
    tried.values[name] = np.array(value)
    if _close(value, want, case):
        return None
    hint = about_values(name, value, want, case, exercise)
    return Fault(_difference(f"d{name}", value, want), hint, case)


def _after_forward(trial: Trial, run: Forwarded, case: Case) -> tuple[str, str] | None:
    changed = _changed(run.arguments, case)
    if changed:
        return f"{trial.forward_name} changes its input {changed}", f"work on a copy: {changed}.copy()"
    if not trial.exercise.views:
        for output in run.outputs:
            if any(_share(output, value) for value in run.arguments):
                return (
                    f"{trial.forward_name} returns a view of an input, which changes when that does",
                    "return a copy",
                )
    return None


def _after_backward(
    trial: Trial,
    run: Forwarded,
    gradients: dict[str, Any],
    upstream: Sequence[Any],
    outputs: Sequence[Any],
    cache: Sequence[Any],
    case: Case,
) -> tuple[str, str] | None:
    function = trial.backward_name
    changed = _changed(run.arguments, case)
    if changed:
        return f"{function} changes the input {changed}", "work on a copy"
    if not all(_same(a, b) for a, b in zip(upstream, case.upstream, strict=True)):
        return f"{function} changes the upstream gradient", "work on a copy, for instance dout * mask"
    if not all(_same(a, b) for a, b in zip(run.outputs, outputs, strict=True)):
        return f"{function} changes the result of the forward", "work on a copy"
    left = list(arrays_in(run.cache))
    if len(left) != len(cache) or not all(_same(a, b) for a, b in zip(left, cache, strict=True)):
        return (
            f"{function} changes the cache, so that a second call gives something else",
            "work on copies of what is in the cache",
        )
    for name, slope in gradients.items():
        if any(_share(slope, value) for value in run.arguments):
            return f"d{name} is a view of an input, which changes when that does", "return a copy"
    return None


def _changed(arguments: Sequence[Any], case: Case) -> str:
    for (name, before), after in zip(case.arguments.items(), arguments, strict=True):
        if isinstance(before, np.ndarray) and not np.array_equal(before, after, equal_nan=True):
            return name
    return ""


def _share(a: Any, b: Any) -> bool:
    return (
        isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and b.ndim > 0 and np.may_share_memory(a, b)
    )


def _numerical(trial: Trial, ordinary: Sequence[Attempt]) -> Fault | None:
    """The backward is the derivative of the forward that the learner wrote, whatever that computes."""
    if not any(a.forward for a in ordinary) and any(a.gradients for a in ordinary):
        case = _first([fault for a in ordinary for fault in a.gradients.values()])
        assert case is not None
        return Fault("the forward is right, and the gradients above are not its gradients", "", case.case)
    for tried in ordinary[:2]:
        try:
            wrong = trial.numerically(tried.case)
        except WrongResultError as error:
            return Fault(error.text, error.mend, tried.case)
        except Exception as error:  # of an answer that has no derivative: random, not floating, of odd shapes
            return Fault(f"has no derivative that can be checked: {str(error)[:200]}", "", tried.case)
        if wrong:
            function = trial.forward_name if trial.together else trial.backward_name
            return Fault(
                f"{function} gives {wrong}, measured on {trial.forward_name} itself",
                "forward and backward do not belong together",
                tried.case,
            )
    return None


def _upstream(trial: Trial, ordinary: Sequence[Attempt]) -> Fault | None:
    """The gradients are linear in the upstream gradient."""
    case = ordinary[0].case
    rng = np.random.default_rng(1)
    first = case.upstream
    second = tuple(np.asarray(rng.normal(size=g.shape), g.dtype) for g in first)
    mixed = tuple(np.asarray(2 * a - 3 * b) for a, b in zip(first, second, strict=True))
    small = tuple(np.asarray(1e-4 * a) for a in first)
    slopes = []
    try:
        for gs in (first, second, mixed, small):
            run = trial.forward(case.fresh(), len(case.outputs))
            found = trial.backward(run, [copied(g if g.ndim else g[()]) for g in gs])
            slopes.append({name: np.asarray(_plain(found[name]), float) for name in trial.exercise.wanted})
    except Exception as error:  # what is no array may raise anything
        return Fault(getattr(error, "text", "the gradients are no numbers"), "", case)
    for name in trial.exercise.wanted:
        a, b, both, tiny = (slope[name] for slope in slopes)
        if a.shape != b.shape or not alike(both, 2 * a - 3 * b) or not alike(1e4 * tiny, a):
            if alike(a, b):
                text = f"d{name} does not depend on the upstream gradient"
                return Fault(text, "multiply every local gradient by the upstream gradient", case)
            return Fault(
                f"d{name} is not linear in the upstream gradient",
                "use it once as a factor in every term",
                case,
            )
    return None


def _unusual(trial: Trial, ordinary: Sequence[Attempt], unusual: Sequence[Attempt]) -> Fault | None:
    """Sizes of 1, equal values, large values, empty batches, single precision, memory with gaps."""
    forward_is_wrong = any(a.forward for a in ordinary)
    wrong_names = {name for a in ordinary for name in a.gradients}
    known = None
    for tried in unusual:
        fault = None if forward_is_wrong else tried.forward
        for name, slope in tried.gradients.items():
            if name not in wrong_names and not (tried.case.kind == "ties" and _subgradient(trial, tried)):
                fault = fault or slope
        if fault is not None:
            return replace(fault, mend=TIES) if tried.case.kind == "ties" and not fault.mend else fault
        if tried.widened and trial.exercise.keep_dtype:
            return Fault(
                "results are float64 for inputs of float32", "np.zeros(shape, x.dtype) keeps it", tried.case
            )
        if tried.forward or tried.gradients:
            known = known or tried.case
    if known and (forward_is_wrong or wrong_names):
        return Fault("is wrong at ordinary inputs already", "", known)
    return None


def _subgradient(trial: Trial, tried: Attempt) -> bool:
    """Whether gradients that differ from pullback's at equal values are as right."""
    if tried.forward or set(tried.gradients) - set(tried.values):
        return False
    try:
        return right_in_their_way(trial, tried.case)
    except Exception:  # what is no array may raise anything
        return False


def _manners(trial: Trial, attempts: Sequence[Attempt]) -> Fault | None:
    """Inputs, upstream gradients and caches are left as they are, and one call does not disturb another."""
    fault = _first([a.manners for a in attempts])
    return fault or _undisturbed(trial, [a for a in attempts if a.case.kind == "ordinary"])


def _undisturbed(trial: Trial, ordinary: Sequence[Attempt]) -> Fault | None:
    """Forwards, of other sizes and of the same, and then their backwards give what one after the other gives."""
    ordinary = [*ordinary[:2], ordinary[-1]]
    cases_ = [a.case for a in ordinary]
    try:
        runs = [trial.forward(case.fresh(), len(case.outputs)) for case in cases_]
        found = [trial.backward(run, case.fresh_upstream()) for run, case in zip(runs, cases_, strict=True)]
    except WrongResultError as wrong:
        return Fault(
            f"where several forwards come before their backwards, {wrong.text}", wrong.mend, cases_[0]
        )
    for tried, run, slopes in zip(ordinary, runs, found, strict=True):
        case = tried.case
        outputs = not tried.forward and not all(
            _same(a, b) for a, b in zip(run.outputs, case.outputs, strict=True)
        )
        if outputs or not all(_same(slopes[name], value) for name, value in tried.values.items()):
            return Fault(
                "several forwards before their backwards disturb each other",
                "keep what backward needs in the cache, not in global variables or shared arrays",
                case,
            )
    return None
