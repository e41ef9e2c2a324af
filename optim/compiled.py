"""An update rule that was written down, as one compiled loop: each element is read once and written once.

The operations are those of the rule, in its order and each rounded as NumPy rounds it, so that the results are the
rule's own, bit for bit. A rule with an operation that is not exactly rounded (a power, an exponential) is not compiled.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..autograd.extend import compiled_source
from .recording import Record, Symbol

_TEXTS: dict[Callable[..., Any], str] = {
    np.add: "{0} + {1}",
    np.subtract: "{0} - {1}",
    np.multiply: "{0} * {1}",
    np.divide: "{0} / {1}",
    np.negative: "-{0}",
    np.positive: "{0}",
    np.square: "{0} * {0}",
    np.sqrt: "np.sqrt({0})",
    np.reciprocal: "one / {0}",
    np.absolute: "abs({0})",
    np.maximum: "{0} if {0} >= {1} or {0} != {0} else {1}",
    np.minimum: "{0} if {0} <= {1} or {0} != {0} else {1}",
    np.greater: "{0} > {1}",
    np.greater_equal: "{0} >= {1}",
    np.less: "{0} < {1}",
    np.less_equal: "{0} <= {1}",
    np.equal: "{0} == {1}",
    np.not_equal: "{0} != {1}",
    np.sign: "one if {0} > zero else (-one if {0} < zero else {0} * zero if {0} != {0} else zero)",
    np.where: "{1} if {0} else {2}",
}
"""What is exactly rounded, as Python writes it for one element."""


def loop(
    record: Record,
    parameter: Symbol,
    gradient: Symbol,
    old: Mapping[str, Symbol],
    new: Mapping[str, Symbol],
    value: Symbol,
    change: Symbol,
) -> Callable[..., Any] | None:
    """The loop, which takes the record's numbers; None for a rule that is not compiled.

    Most rules are written down anew at each step, because the number of the step is in them; the same operations are
    the same loop.
    """
    form = (
        record.dtype,
        tuple(record.form),
        *(tuple((name, symbol.place) for name, symbol in symbols.items()) for symbols in (old, new)),
        *(symbol.place for symbol in (parameter, gradient, value, change)),
    )
    if form not in _LOOPS:
        text = source(record, parameter, gradient, old, new, value, change)
        _LOOPS[form] = None if text is None else compiled(text)
    return _LOOPS[form]


_LOOPS: dict[tuple[Any, ...], Callable[..., Any] | None] = {}


def source(
    record: Record,
    parameter: Symbol,
    gradient: Symbol,
    old: Mapping[str, Symbol],
    new: Mapping[str, Symbol],
    value: Symbol,
    change: Symbol,
) -> str | None:
    """The source of the loop; None for a rule that is not compiled.

    It is that of `update(parameters, gradients, states..., numbers, start, stop)`, which updates the elements from
    start to stop and returns the sums of squares of their changes and of what they were.
    """
    names: dict[Symbol, str] = {parameter: "p", gradient: "g"}
    states = list({**old, **new})
    names |= {symbol: f"s{states.index(name)}" for name, symbol in old.items()}
    body: list[str] = []
    numbers = itertools.count()

    def written(operand: Any, truth: bool) -> str:
        if isinstance(operand, Symbol):
            name = names[operand]
            return name if truth or operand.dtype == record.dtype else f"(one if {name} else zero)"
        return f"n{next(numbers)}"

    for function, operands, result, _ in record:
        text = _TEXTS.get(function)
        if text is None or result.dtype not in (record.dtype, np.dtype(bool)):
            return None
        parts = [written(x, truth=function is np.where and place == 0) for place, x in enumerate(operands)]
        names[result] = f"t{len(body)}"
        body.append(f"{names[result]} = {text.format(*parts)}")
    arrays = ["parameters", "gradients", *(f"states{i}" for i in range(len(states)))]
    body = [
        "p = parameters[i]",
        "g = gradients[i]",
        *(f"s{states.index(name)} = states{states.index(name)}[i]" for name in old),
        *body,
        *(f"states{states.index(name)}[i] = {names[symbol]}" for name, symbol in new.items()),
        f"parameters[i] = {names[value]}",
        f"changes[i] = {names[change]}",
    ]
    lines = [
        f"def update({', '.join(arrays)}, numbers, start, stop):",
        "    zero, one = numbers[0], numbers[1]",
        *(f"    n{i} = numbers[{i + 2}]" for i in range(len(record.numbers))),
        f"    all_changes = np.empty({_ROW}, numbers.dtype)",
        "    moved = size = 0.0",
        *(f"    all_{array} = {array}" for array in arrays),
        f"    for first in range(start, stop, {_ROW}):",
        f"        last = min(first + {_ROW}, stop)",
        *(f"        {array} = all_{array}[first:last]" for array in arrays),
        "        changes = all_changes[: last - first]",
        "        size += sum_of_squares(parameters)",
        "        for i in range(len(parameters)):",
        *(f"            {line}" for line in body),
        "        moved += sum_of_squares(changes)",
        "    return moved, size",
    ]
    return "\n".join(lines) + "\n"


@functools.cache
def compiled(text: str) -> Callable[..., Any] | None:
    """The function `update` of a source; None where it cannot be compiled."""
    return compiled_source("update", text)


_ROW = 1024  # elements that are read again, for the sums of squares, while they are still at hand
