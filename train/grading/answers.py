"""What a learner hands in, and the functions in it that belong to an exercise."""

from __future__ import annotations

import contextlib
import os
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .calling import Caller
from .exercise import Exercise

Function = Callable[..., Any]
FORWARD = ("{}_forward", "{}_forward_naive", "forward_{}", "{}")
BACKWARD = ("{}_backward", "{}_backward_naive", "backward_{}", "{}_grad")


@dataclass(frozen=True)
class Answer:
    """The functions of one exercise: a pair, or one that returns its gradients too."""

    forward: Function
    backward: Function | None
    name: str


class Answers:
    """What was handed in, asked for functions by name."""

    def __init__(self, given: Any) -> None:
        self.given = given
        self.plain: list[Function] = []
        if isinstance(given, (list, tuple)):
            self.plain = [part for part in given if callable(part)]
            if len(self.plain) < len(given) or not given:
                raise TypeError("a list or tuple of answers holds functions, and no other things")
        elif callable(given) and not isinstance(given, type):
            self.plain = [given]
        elif given is None or isinstance(given, (int, float, bytes)):
            raise TypeError(
                f"grade takes a module, a path, a dict or object with functions, or functions; not {given!r}"
            )

    def get(self, name: str) -> Function | None:
        """The function of that name, or None."""
        for function in self.plain:
            if getattr(function, "__name__", "") == name:
                return function
        if isinstance(self.given, Mapping):
            found = self.given.get(name)
        else:
            try:
                found = getattr(self.given, name, None)
            except Exception:  # a property may raise anything
                found = None
        return found if callable(found) else None

    def of(self, exercise: Exercise, alone: bool) -> Answer | None:
        """The functions of an exercise; by place, if it is the only one and they are handed in without names."""
        forward = self._first(exercise, FORWARD)
        backward = self._first(exercise, BACKWARD) if exercise.style != "together" else None
        if alone and len(self.plain) == 1 and forward is backward is None:
            forward = self.plain[0]
        elif alone and len(self.plain) == 2 and exercise.style != "together" and None in (forward, backward):
            forward, backward = self.plain
        if forward is None or (backward is None and exercise.style == "pair"):
            return None
        return Answer(forward, backward, exercise.name)

    def _first(self, exercise: Exercise, patterns: tuple[str, ...]) -> Function | None:
        names = [pattern.format(name) for name in exercise.names for pattern in patterns]
        return next((found for found in map(self.get, names) if found is not None), None)


def missing(exercise: Exercise, answers: Answers) -> str:
    """What function was looked for and not found, in words."""
    name = exercise.name
    has_forward = answers._first(exercise, FORWARD) is not None
    if exercise.style == "together":
        return f"there is no function {name}, which returns the result and its gradients"
    if has_forward:
        return f"there is no function {name}_backward"
    return f"there is no function {name}_forward (or {name}), and no {name}_backward"


@contextlib.contextmanager
def opened(path: str | os.PathLike[str], caller: Caller) -> Iterator[types.ModuleType]:
    """The module in a file, run within the limit of time; what it imports from its own folder is found.

    Raises:
        OSError: the file cannot be read.
        AnswerError: it does not run.
    """
    source = Path(path)
    text = source.read_bytes()
    module = types.ModuleType(f"answers in {source.stem}")  # no name that an import may ask for
    module.__file__ = str(source)
    sys.modules[module.__name__] = module  # dataclasses look their module up
    sys.path.insert(0, str(source.parent.resolve()))
    try:
        caller(lambda: exec(compile(text, str(source), "exec"), module.__dict__))
        yield module
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(str(source.parent.resolve()))
        sys.modules.pop(module.__name__, None)
