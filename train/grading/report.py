"""What `grade` gives: a score per criterion, in words and as data."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

SHOWN = 24  # numbers of a failing input that JSON holds


@dataclass(frozen=True)
class Criterion:
    """One thing that was judged."""

    name: str
    points: float
    """What it is worth."""
    score: float
    """What the answer got."""
    finding: str = ""
    """What is wrong, and at which input."""
    mend: str = ""
    """What to do about it, where that is known."""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    """The inputs at which it showed, by name."""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.finding

    def __str__(self) -> str:
        head = f"  {'✓' if self.ok else '✗'} {self.name}: {_number(self.score)} of {_number(self.points)}"
        lines = [head, *([f"      {self.finding}"] if self.finding else [])]
        if self.mend:
            lines.append(f"      to mend it: {self.mend}")
        return "\n".join(lines)


@dataclass(frozen=True)
class ExerciseGrade:
    """How one exercise went."""

    name: str
    total: float
    criteria: tuple[Criterion, ...] = ()
    notes: tuple[str, ...] = ()
    """What costs nothing and is worth knowing."""

    @property
    def score(self) -> float:
        """The points that were got."""
        return self.total if self.ok else round(sum(c.score for c in self.criteria), 2)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return bool(self.criteria) and all(c.ok for c in self.criteria)

    def __str__(self) -> str:
        head = f"{self.name}: {_number(self.score)} of {_number(self.total)} points"
        notes = [f"  note: {note}" for note in self.notes]
        return "\n".join([head, *map(str, _grouped(self.criteria)), *notes])


def _grouped(criteria: Sequence[Criterion]) -> Iterator[Criterion]:
    """Those that follow each other with the same finding, as one."""
    for finding, group in itertools.groupby(criteria, key=lambda c: (c.finding, c.mend)):
        same = list(group)
        if not finding[0]:
            yield from same
            continue
        names, points = ", ".join(c.name for c in same), sum(c.points for c in same)
        yield replace(same[0], name=names, points=points)


@dataclass(frozen=True)
class Grade:
    """The result of `grade`: print it for the report; true if everything is right.

    >>> import pullback as pb
    >>> result = pb.testing.grade({}, "relu")
    >>> result.score, result.total, result.ok
    (0, 10, False)
    """

    exercises: tuple[ExerciseGrade, ...]
    seed: int = 0
    """What repeats it."""
    remark: str = ""
    """Why nothing could be graded, if so."""

    @property
    def score(self) -> float:
        """The points of all exercises together."""
        return round(sum(e.score for e in self.exercises), 2)

    @property
    def total(self) -> float:
        """The points that could be got."""
        return round(sum(e.total for e in self.exercises), 2)

    @property
    def ok(self) -> bool:
        """Whether there was something to grade, and all of it is right."""
        return bool(self.exercises) and all(e.ok for e in self.exercises)

    def __bool__(self) -> bool:
        return self.ok

    def __getitem__(self, name: str) -> ExerciseGrade:
        for exercise in self.exercises:
            if exercise.name == name:
                return exercise
        raise KeyError(f"no exercise {name!r} was graded; there are {[e.name for e in self.exercises]}")

    def __str__(self) -> str:
        lines = [*([self.remark] if self.remark else []), *map(str, self.exercises)]
        if len(self.exercises) != 1:
            lines.append(f"together: {_number(self.score)} of {_number(self.total)} points")
        return "\n".join(lines)

    __repr__ = __str__

    def as_dict(self) -> dict[str, Any]:
        """The report as plain values: dicts, lists, strings and numbers."""
        return {
            "score": self.score,
            "total": self.total,
            "ok": self.ok,
            "seed": self.seed,
            "remark": self.remark,
            "exercises": [
                {
                    "name": exercise.name,
                    "score": exercise.score,
                    "total": exercise.total,
                    "ok": exercise.ok,
                    "criteria": [_plain(criterion) for criterion in exercise.criteria],
                    "notes": list(exercise.notes),
                }
                for exercise in self.exercises
            ],
        }

    def json(self) -> str:
        """The report as JSON; the same answers and seed give the same text."""
        return json.dumps(self.as_dict(), indent=2, ensure_ascii=False)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the report as JSON.

        Raises:
            OSError: where the file cannot be written.
        """
        target = Path(path)
        target.write_text(self.json() + "\n", encoding="utf-8")
        return target


def _plain(criterion: Criterion) -> dict[str, Any]:
    return {
        "name": criterion.name,
        "score": criterion.score,
        "points": criterion.points,
        "ok": criterion.ok,
        "finding": criterion.finding,
        "mend": criterion.mend,
        "inputs": {name: _described(value) for name, value in criterion.inputs.items()},
    }


def _described(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        described: dict[str, Any] = {"shape": list(value.shape), "dtype": str(value.dtype)}
        if value.size <= SHOWN and np.all(np.isfinite(value)):
            described["values"] = value.tolist()
        return described
    if isinstance(value, np.generic):
        return value.item()
    return value if isinstance(value, (int, float, str, bool)) else repr(value)


def _number(value: float) -> str:
    return f"{round(value, 2):g}"
