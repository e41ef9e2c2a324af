"""`grade`: the learner's functions found, tried and judged, exercise by exercise."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .answers import Answers, missing, opened
from .calling import AnswerError, Caller, apart
from .cases import cases
from .catalogue import catalogue
from .criteria import judge
from .exercise import Exercise
from .report import Criterion, ExerciseGrade, Grade
from .trial import Trial


def grade(
    answers: Any,
    exercises: str | Exercise | Iterable[str | Exercise] | None = None,
    *,
    seed: int = 0,
    time_limit: float = 5.0,
) -> Grade:
    """Grade forward and backward functions that a learner wrote by hand.

    Every function is called with inputs drawn from the seed: sizes that differ, equal sizes, sizes of 1, values that
    meet, large values where a stable answer is asked for, single precision, arrays with gaps in memory, zeros upstream.
    The results are compared with the exercise's reference, the gradients with pullback's gradients of it and with
    numerical differentiation of the learner's own forward. Of the points, three tenths are for the forward and three
    for the gradients (an equal share for each), and a tenth each for: the gradients being the derivative of the
    learner's own forward; their being linear in the upstream gradient; unusual inputs; and good manners, which are to
    leave inputs, upstream gradient and cache as they were, to return no views of inputs, and to disturb no other call.
    Without a backward function the gradients get the tenth of the upstream gradient. The last four count once the
    forward or a gradient is right.

    The code that is graded is run, in this process: grade what strangers wrote in a sandbox (a container without a
    network). It never raises for a wrong answer.

    Args:
        answers: a module, a dict such as `globals()`, an object or class with functions, one function or several in
            a list, or the path of a Python file.
        exercises: names of the catalogue, exercises of one's own, or a list of these; those of the catalogue for
            which there are functions, if left out.
        seed: draws other inputs, and the same again.
        time_limit: seconds that one call may take; all calls of an exercise may take twelve times that.

    Returns:
        A `Grade` with `score`, `total`, `ok` and `json()`; printing it says what is wrong, where, and how to mend it.

    Raises:
        TypeError: for answers that can hold no functions, or exercises that are none.
        ValueError: for the name of an exercise that the catalogue does not have, and a limit that is not positive.
        OSError: for a file that cannot be read.

    >>> import numpy as np, pullback as pb
    >>> def relu_forward(x):
    ...     return np.maximum(x, 0), x
    >>> def relu_backward(dout, cache):
    ...     return dout * (cache > 0)
    >>> result = pb.testing.grade([relu_forward, relu_backward])
    >>> result.score, result.total, result.ok
    (10, 10, True)
    """
    if not time_limit > 0:
        raise ValueError(f"grade: time_limit is {time_limit} seconds, and calls need more than 0")
    chosen = _chosen(exercises)
    if isinstance(answers, (os.PathLike, str)):
        caller = Caller(time_limit)
        with contextlib.ExitStack() as stack:
            stack.enter_context(apart(seed))
            try:
                module = stack.enter_context(opened(answers, caller))
            except AnswerError as error:
                remark = f"{Path(answers).name} {error}"
                nothing = [_nothing(e, f"the file {remark}") for e in chosen or ()]
                return Grade(tuple(nothing), seed, remark)
            return grade(module, exercises, seed=seed, time_limit=time_limit)

    given = Answers(answers)
    by_place = chosen is not None and len(chosen) == 1
    pairs = [(exercise, given.of(exercise, by_place)) for exercise in chosen or catalogue().values()]
    if chosen is None:
        pairs = [(e, a) for e, a in pairs if a and (a.backward is not None or e.style == "together")]
        if not pairs:
            remark = "there are no functions with names of the catalogue, such as affine_forward and affine_backward"
            return Grade((), seed, remark)
    done = []
    for exercise, answer in pairs:
        if answer is None:
            done.append(_nothing(exercise, missing(exercise, given)))
            continue
        trial = Trial(exercise, answer, Caller(time_limit))
        drawn = list(
            cases(exercise, seed, trial.together)
        )  # what is wrong with the exercise itself is raised
        with apart(seed):
            try:
                done.append(judge(trial, drawn))
            except Exception as error:  # of results that pretend to be arrays
                why = f"returns what cannot be compared: {type(error).__name__} {error}"
                done.append(_nothing(exercise, f"{trial.forward_name} {why}"))
    return Grade(tuple(done), seed)


def _chosen(exercises: str | Exercise | Iterable[str | Exercise] | None) -> list[Exercise] | None:
    if exercises is None:
        return None
    if isinstance(exercises, (str, Exercise)):
        exercises = [exercises]
    known, found = catalogue(), []
    for exercise in exercises:
        if isinstance(exercise, Exercise):
            found.append(exercise)
        elif not isinstance(exercise, str):
            raise TypeError(
                f"{exercise!r} is no exercise: give a pb.testing.Exercise, or a name of the catalogue"
            )
        elif exercise not in known:
            raise ValueError(f"the catalogue has no exercise {exercise!r}; it has {', '.join(sorted(known))}")
        else:
            found.append(known[exercise])
    return found


def _nothing(exercise: Exercise, why: str) -> ExerciseGrade:
    return ExerciseGrade(exercise.name, exercise.points, (Criterion("functions", exercise.points, 0, why),))
