"""A learner's functions behind one face: whatever convention they follow, results and gradients come out by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...autograd import Function, Tensor, gradcheck
from .answers import Answer
from .calling import AnswerError, Caller
from .cases import Case, copied
from .exercise import Exercise

Array = np.ndarray[Any, Any]


class WrongResultError(Exception):
    """What is wrong with what a function returned, and how to mend it."""

    def __init__(self, text: str, mend: str = "") -> None:
        super().__init__(text)
        self.text, self.mend = text, mend


@dataclass
class Forwarded:
    """One call of the forward function: what it was given and what it returned."""

    arguments: list[Any]
    outputs: tuple[Any, ...]
    cache: Any = None
    cached: bool = False
    gradients: Any = None
    """What a function returned that gives its gradients itself."""


class Trial:
    """The functions of one exercise, to be called on cases."""

    def __init__(self, exercise: Exercise, answer: Answer, caller: Caller) -> None:
        self.exercise, self.answer, self.caller = exercise, answer, caller

    @property
    def together(self) -> bool:
        """Whether one function returns the result and its gradients."""
        return self.answer.backward is None

    @property
    def forward_name(self) -> str:
        """What the learner calls the forward function."""
        return _name_of(self.answer.forward, self.exercise.name)

    @property
    def backward_name(self) -> str:
        """What the learner calls the backward function."""
        return _name_of(self.answer.backward, f"{self.exercise.name}_backward")

    def forward(self, arguments: list[Any], count: int) -> Forwarded:
        """Call the forward function, which has to give `count` results.

        Raises:
            WrongResultError: it raises, or returns something of another form.
        """
        given = dict(zip(self.exercise.inputs, arguments, strict=True))
        places, named = _passed(self.answer.forward, given)
        found = self._called(self.answer.forward, self.forward_name, *places, **named)
        if found is None or found is ...:
            raise WrongResultError(f"{self.forward_name} returns nothing", "write it, and end it with return")
        if self.together:
            return self._with_gradients(found, arguments, count)
        return self._with_cache(found, arguments, count)

    def _with_gradients(self, found: Any, arguments: list[Any], count: int) -> Forwarded:
        if not isinstance(found, (tuple, list)) or len(found) < count + 1:
            raise WrongResultError(
                f"{self.forward_name} returns {_kind(found)}",
                f"return the result and then its gradients: {', '.join(self._gradient_names())}",
            )
        rest = found[count:]
        nested = len(rest) == 1 and isinstance(rest[0], (tuple, list, dict))
        return Forwarded(arguments, tuple(found[:count]), gradients=rest[0] if nested else tuple(rest))

    def _with_cache(self, found: Any, arguments: list[Any], count: int) -> Forwarded:
        if isinstance(found, list) and len(found) == count + 1 and isinstance(found[0], np.ndarray):
            found = tuple(found)
        if not isinstance(found, tuple):
            if count == 1:
                return Forwarded(arguments, (found,))
        elif len(found) == count + 1:
            return Forwarded(arguments, found[:count], found[count], cached=True)
        elif len(found) == count and count > 1:
            if count == 2 and isinstance(found[0], tuple) and len(found[0]) == count:
                return Forwarded(arguments, found[0], found[1], cached=True)
            return Forwarded(arguments, found)
        results = "out" if count == 1 else f"{count} results"
        raise WrongResultError(
            f"{self.forward_name} returns {_kind(found)}",
            f"return {results}, and last the cache for backward",
        )

    def backward(self, forwarded: Forwarded, upstream: Sequence[Any]) -> dict[str, Any]:
        """The gradients by name, as the learner returns them.

        Raises:
            WrongResultError: the function raises, or returns something of another form.
        """
        if self.answer.backward is None:
            return self._by_name(forwarded.gradients, self.forward_name)
        if forwarded.cached:
            found = self._called(self.answer.backward, self.backward_name, *upstream, forwarded.cache)
        else:
            places, named = self._plain(forwarded.arguments, len(upstream))
            found = self._called(self.answer.backward, self.backward_name, *upstream, *places, **named)
        return self._by_name(found, self.backward_name)

    def _plain(self, arguments: list[Any], before: int) -> tuple[list[Any], dict[str, Any]]:
        """The inputs as a backward without a cache takes them: all in order, or those that it names."""
        assert self.answer.backward is not None
        known = dict(zip(self.exercise.inputs, arguments, strict=True))
        names = [p.name for p in _parameters(self.answer.backward)[before:]]
        if names and all(name in known for name in names):
            known = {name: known[name] for name in names}
        return _passed(self.answer.backward, known)

    def _called(self, function: Callable[..., Any], name: str, *arguments: Any, **named: Any) -> Any:
        try:
            return self.caller(function, *arguments, **named)
        except AnswerError as error:
            fits_not = any(
                word in str(error)
                for word in ("mismatch", "not aligned", "not be broadcast", "cannot reshape")
            )
            mend = (
                "write the shapes beside each line: a transpose or a sum may be missing" if fits_not else ""
            )
            raise WrongResultError(f"{name} {error}", mend) from None

    def _gradient_names(self) -> list[str]:
        return [f"d{name}" for name in self.exercise.wanted]

    def _by_name(self, found: Any, function: str) -> dict[str, Any]:
        wanted, asked = self.exercise.wanted, ", ".join(self._gradient_names())
        if found is None or found is ...:
            raise WrongResultError(f"{function} returns nothing", f"end it with return {asked}")
        if isinstance(found, Mapping):
            named = {name: found.get(name, found.get(f"d{name}")) for name in wanted}
            lacking = [f"d{name}" for name, value in named.items() if value is None]
            if lacking:
                raise WrongResultError(
                    f"{function} returns no {', '.join(lacking)}", f"asked for are {asked}"
                )
            return named
        if not isinstance(found, (tuple, list)):
            found = (found,)
        if len(found) == 1 < len(wanted) and getattr(found[0], "shape", None) == (len(wanted),):
            found = tuple(found[0])  # of single numbers, a vector
        if len(found) == len(self.exercise.inputs) > len(wanted):  # with None for what has no gradient
            by_name = dict(zip(self.exercise.inputs, found, strict=True))
            if all(by_name[name] is None for name in by_name if name not in wanted):
                return {name: by_name[name] for name in wanted}
        if len(found) != len(wanted):
            count = f"{len(found)} gradient{'s' * (len(found) != 1)}"
            raise WrongResultError(
                f"{function} returns {count}, and {len(wanted)} {'are' if len(wanted) > 1 else 'is'} asked for",
                f"return {asked}",
            )
        return dict(zip(wanted, found, strict=True))

    def numerically(self, case: Case) -> str:
        """Why the backward is not the derivative of the learner's own forward; "" if it is.

        Raises:
            WrongResultError: a function raises, or returns something of another form.
        """
        trial, names, count = self, list(case.arguments), len(case.outputs)
        tracked = [name for name in names if name in self.exercise.wanted]

        class Theirs(Function):
            @staticmethod
            def forward(ctx: Any, *values: Tensor) -> Any:
                given = dict(zip(tracked, (np.array(value.numpy()) for value in values), strict=True))
                arguments = [
                    (given[n] if np.ndim(given[n]) else float(given[n]))
                    if n in given
                    else copied(case.arguments[n])
                    for n in names
                ]
                ctx.run = trial.forward(arguments, count)
                outputs = tuple(np.asarray(y, float) for y in ctx.run.outputs)
                return outputs[0].sum() if trial.together else outputs if count > 1 else outputs[0]

            @staticmethod
            def backward(ctx: Any, *gs: Tensor) -> Any:
                gs_ = [np.array(g.numpy()) if g.ndim else g.numpy()[()] for g in gs]
                found = trial.backward(ctx.run, gs_)
                slopes = [np.array(found[name], float) for name in tracked]
                return tuple(gs_[0] * slope for slope in slopes) if trial.together else tuple(slopes)

        result = gradcheck(
            Theirs.apply,
            tuple(np.asarray(case.arguments[name], float) for name in tracked),
            rng=0,
        )
        if result.verdict.value != "FAIL":
            return ""
        worst = result.mismatches[0]
        return f"{worst.analytic:.4g} instead of {worst.numeric:.4g} along {_place(worst, tracked)}"


def _parameters(function: Any) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # of functions that do not say
        return []


def _passed(function: Any, given: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Arguments by place, and by name those that a function takes in no other way."""
    alone = {p.name for p in _parameters(function) if p.kind is p.KEYWORD_ONLY} & set(given)
    places = [value for name, value in given.items() if name not in alone]
    return places, {name: given[name] for name in given if name in alone}


def _name_of(function: Any, otherwise: str) -> str:
    name = getattr(function, "__name__", "")
    return name if isinstance(name, str) and name.isidentifier() else otherwise


def _place(comparison: Any, names: Sequence[str]) -> str:
    if comparison.element is None:
        return "a random direction"
    name = str(comparison.input).strip("'")
    name = names[int(name)] if name.isdigit() and int(name) < len(names) else name
    return f"{name}{list(comparison.element)}"


def _kind(value: Any) -> str:
    if isinstance(value, (tuple, list)):
        return f"{len(value)} value{'s' * (len(value) != 1)}"
    return "a number" if np.isscalar(value) else f"one {type(value).__name__}"


def arrays_in(value: Any, depth: int = 4) -> Iterator[Array]:
    """The arrays in a cache, through tuples, lists, dicts and objects."""
    if isinstance(value, np.ndarray):
        yield value
    elif depth:
        parts = (
            value.values()
            if isinstance(value, Mapping)
            else value
            if isinstance(value, (tuple, list))
            else vars(value).values()
            if hasattr(value, "__dict__") and not callable(value)
            else ()
        )
        for part in list(parts):
            yield from arrays_in(part, depth - 1)
