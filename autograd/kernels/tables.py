"""The rows of tables, as embeddings read them."""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import Array, jit, plain
from .threads import split

SHARE = 1 << 18  # numbers that are worth a thread


@jit()
def _sums_of_runs(rows: Array, order: Array, starts: Array, sums: Array, start: int, stop: int) -> None:
    for run in range(start, stop):
        end = starts[run + 1] if run + 1 < len(starts) else len(order)
        total, first = sums[run], rows[order[starts[run]]]
        for k in range(len(total)):
            total[k] = first[k]
        for place in range(starts[run] + 1, end):
            row = rows[order[place]]
            for k in range(len(total)):
                total[k] += row[k]


def sums_of_runs(rows: Array, order: Array, starts: Array) -> Any:
    """The sums of rows that stand behind one another in an order, from each start to the next."""
    rows = plain(rows)
    sums = np.empty((len(starts), rows.shape[1]), rows.dtype)
    smallest = max(1, SHARE * len(starts) // rows.size)
    split(_sums_of_runs, len(starts), smallest, rows, plain(order), plain(starts), sums)
    return sums
