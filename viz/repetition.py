"""Finding what repeats in a sequence: the periods that cover most of it."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import NamedTuple

_LONGEST = 64  # parts in one unit of a repetition
_WORK = 2_000_000  # comparisons; in a longer sequence only shorter units are looked for


class Run(NamedTuple):
    """A stretch of a sequence: `times` times the same `length` items; once, where nothing repeats."""

    start: int
    length: int
    times: int


def runs(items: Sequence[Hashable]) -> Iterator[Run]:
    """Divide a sequence into runs from left to right, each time into the one that covers most.

    Of those that cover equally much, the one of the shortest unit is taken.

    >>> [tuple(run) for run in runs("xababababc")]
    [(0, 1, 1), (1, 2, 4), (9, 1, 1)]
    """
    longest = min(_LONGEST, len(items) // 2, max(1, _WORK // max(len(items), 1)))
    # for each period and place, how many items equal the one a period later, one after the other
    equal = {period: _equal_ahead(items, period) for period in range(1, longest + 1)}
    start = 0
    while start < len(items):
        best = Run(start, 1, 1)
        for period, ahead in equal.items():
            if start < len(ahead):
                count = 1 + ahead[start] // period
                if count > 1 and period * count > best.length * best.times:
                    best = Run(start, period, count)
        yield best
        start += best.length * best.times


def _equal_ahead(items: Sequence[Hashable], period: int) -> list[int]:
    ahead = [0] * max(len(items) - period, 0)
    count = 0
    for i in range(len(ahead) - 1, -1, -1):
        count = count + 1 if items[i] == items[i + period] else 0
        ahead[i] = count
    return ahead
