"""The cells of a table, row by row, as columns of numbers and columns of ids."""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ...autograd import get_default_dtype

_OTHER = re.compile(r"[^0-9.eE+-]")  # float() takes more: underscores, spaces, "nan", digits of other scripts


class NumberColumns:
    """Columns of numbers.

    Args:
        names: of the columns.
        fills: what stands in for missing cells of a column: a number, or "mean".
        missing: the cells that count as missing.

    Raises:
        ValueError: for something else that is to stand in.
    """

    def __init__(self, names: Sequence[Any], fills: Mapping[Any, Any], missing: frozenset[str]) -> None:
        self.names = names
        self._fills = [fills.get(name) for name in names]
        for name, fill in zip(names, self._fills, strict=True):
            if fill is not None and fill != "mean" and not isinstance(fill, (int, float, np.number)):
                raise ValueError(f"column {name!r} is one of numbers, and cannot be filled with {fill!r}")
        self._missing = missing
        self._dtype = get_default_dtype()
        self._most = float(np.finfo(self._dtype).max)
        self._values = array("d")

    def add(self, cells: Sequence[str], where: str) -> None:
        """A row.

        Raises:
            ValueError: for a cell that is no number, or missing without something that stands in.
        """
        if not _OTHER.search("".join(cells)):
            try:
                values = list(map(float, cells))
            except ValueError:
                pass  # the slow way finds the cell
            else:
                if not values or max(map(abs, values)) <= self._most:
                    self._values.extend(values)
                    return
        self._values.extend(self._number(cell, place, where) for place, cell in enumerate(cells))

    def _number(self, cell: str, place: int, where: str) -> float:
        at = f"{where}, column {self.names[place]!r}"
        if cell in self._missing:
            if self._fills[place] is None:
                raise ValueError(
                    f"{at}: the cell is missing ({cell!r}); fill= says what stands in for missing cells"
                )
            return math.nan
        try:
            value = math.nan if _OTHER.search(cell) else float(cell)
        except ValueError:
            value = math.nan
        if not abs(value) <= self._most:
            raise ValueError(
                f"{at}: {cell!r} is no finite number of {self._dtype}; name the column in categorical= if it holds "
                "categories, or leave it out by columns="
            )
        return value

    def arrays(self, rows: int, source: str) -> Iterator[np.ndarray[Any, Any]]:
        """Each column, with what stands in for missing cells, in the default dtype.

        Raises:
            ValueError: for the mean of a column without numbers.
        """
        values = np.frombuffer(self._values, np.float64).reshape(rows, len(self.names))
        for place, fill in enumerate(self._fills):
            column = values[:, place].copy()
            gaps = np.isnan(column)
            if gaps.any():
                if isinstance(fill, str) and gaps.all():
                    raise ValueError(f"{source}, column {self.names[place]!r} has no numbers, and so no mean")
                column[gaps] = column[~gaps].mean() if isinstance(fill, str) else fill
            yield column.astype(self._dtype)


class CategoryColumn:
    """A column of categories.

    Args:
        name: of the column.
        known: the categories in the order of their ids; None to find them.
        fill: the category that stands in for missing cells, if one does.
        missing: the cells that count as missing.
    """

    def __init__(self, name: Any, known: Sequence[str] | None, fill: Any, missing: frozenset[str]) -> None:
        self._name = name
        self._known = None if known is None else tuple(known)
        self._fill = None if fill is None else str(fill)
        self._missing = missing
        self._numbers = {category: number for number, category in enumerate(known or ())}
        self._ids = array("q")

    def add(self, cell: str, where: str) -> None:
        """A row.

        Raises:
            ValueError: for a category that is not known, or missing without one that stands in.
        """
        if cell in self._missing and (self._known is None or cell not in self._numbers):
            if self._fill is None:
                raise ValueError(
                    f"{where}, column {self._name!r}: the category is missing ({cell!r}); "
                    "fill={…: 'a category'} says what stands in"
                )
            cell = self._fill
        if self._known is not None and cell not in self._numbers:
            raise ValueError(
                f"{where}, column {self._name!r}: {cell!r} is none of the {len(self._known)} categories that were given"
            )
        self._ids.append(self._numbers.setdefault(cell, len(self._numbers)))

    def ids(self) -> tuple[np.ndarray[Any, Any], tuple[str, ...]]:
        """The id of each row, and the categories in the order of their ids."""
        ids = np.array(self._ids, np.int64)
        if self._known is not None:
            return ids, self._known
        found = tuple(self._numbers)  # in the order in which they came
        whole = all(re.fullmatch(r"[+-]?[0-9]{1,18}", category) for category in found)
        ordered = sorted(found, key=(lambda category: (int(category), category)) if whole else None)
        places = {category: place for place, category in enumerate(ordered)}
        return np.array([places[category] for category in found], np.int64)[ids], tuple(ordered)
