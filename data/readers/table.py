"""CSV files: columns of numbers, and columns of categories as ids."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from ...autograd import get_default_dtype
from ..dataset import TensorDataset
from .columns import CategoryColumn, NumberColumns

MISSING = ("", "NA", "N/A", "NaN", "nan", "NULL", "null", "None", "?")


@dataclass(frozen=True)
class Table:
    """What was read from a CSV file."""

    columns: dict[Any, np.ndarray[Any, Any]]
    """Each column by its name: numbers in the default dtype, categories as int64 ids."""
    categories: dict[Any, tuple[str, ...]]
    """What the ids of a column of categories mean: id i is the i-th."""
    target_name: Any = None
    """The column that is to be predicted, if one was named."""

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def __getitem__(self, name: Any) -> np.ndarray[Any, Any]:
        return self.columns[name]

    @property
    def features(self) -> np.ndarray[Any, Any]:
        """The columns of numbers side by side, without the target; of shape (rows, columns)."""
        return self._beside(
            [name for name in self.columns if name not in self.categories], get_default_dtype()
        )

    @property
    def ids(self) -> np.ndarray[Any, Any]:
        """The columns of categories side by side, without the target; of shape (rows, columns), int64."""
        return self._beside([name for name in self.columns if name in self.categories], np.dtype(np.int64))

    @property
    def target(self) -> np.ndarray[Any, Any] | None:
        """The column that is to be predicted."""
        return None if self.target_name is None else self.columns[self.target_name]

    def dataset(self) -> TensorDataset:
        """A data set of features, ids and target; what the table has none of is left out."""
        parts = [part for part in (self.features, self.ids) if part.shape[1]]
        return TensorDataset(*parts, *([] if self.target is None else [self.target]))

    def _beside(self, names: Sequence[Any], dtype: Any) -> np.ndarray[Any, Any]:
        chosen = [self.columns[name] for name in names if name != self.target_name]
        return np.stack(chosen, axis=1) if chosen else np.empty((len(self), 0), dtype)


def read_csv(
    path: str | os.PathLike[str],
    *,
    target: Any = None,
    columns: Sequence[Any] | None = None,
    categorical: Sequence[Any] = (),
    categories: Mapping[Any, Sequence[str]] | None = None,
    fill: Any = None,
    missing: Sequence[str] = MISSING,
    header: bool = True,
    delimiter: str = ",",
    encoding: str = "utf-8-sig",
) -> Table:
    """Read a CSV file.

    Args:
        path: the file.
        target: the column that is to be predicted.
        columns: the columns to read; all if not given. The target is read in any case.
        categorical: the columns that hold categories and no numbers. A category's id is its place among those of
            the file, in the order of numbers if all of them are whole numbers, else of the alphabet.
        categories: the categories of columns, in the order of their ids, as another table's `categories`; so a test
            set gets the ids of its training set. A category that is not among them is an error.
        fill: what stands in for missing cells: a number (also nan), "mean" (of the column's numbers), or a mapping
            from columns to these, or to a category for a column of categories. Without it a missing cell is an
            error.
        missing: the cells that count as missing; spaces around a cell do not count.
        header: whether the first line names the columns; otherwise their names are 0, 1, 2, …
        delimiter: what separates cells.
        encoding: of the text.

    Raises:
        OSError: if the file cannot be read.
        TypeError: for a string in place of a list of columns.
        ValueError: for a bad cell, with its line and column; for lines of different lengths, columns that are not
            there, and a file without rows.

    >>> import tempfile, os
    >>> from pullback.data import read_csv
    >>> path = os.path.join(tempfile.mkdtemp(), "flowers.csv")
    >>> with open(path, "w") as file:
    ...     _ = file.write("length,width,kind\\n5.1,3.5,setosa\\n7.0,,versicolor\\n")
    >>> table = read_csv(path, target="kind", categorical=["kind"], fill="mean")
    >>> table.features.tolist(), table.target, table.categories["kind"]
    ([[5.099999904632568, 3.5], [7.0, 3.5]], array([0, 1]), ('setosa', 'versicolor'))
    """
    for option, value in (("columns", columns), ("categorical", categorical)):
        if isinstance(value, str):
            raise TypeError(f"{option} is a list of names, such as [{value!r}], and no string")
    name = os.fspath(path)
    rows = 0
    known = {**dict.fromkeys(categorical), **(categories or {})}
    with open(path, newline="", encoding=encoding) as file:
        lines = _lines(
            csv.reader(file, delimiter=delimiter, strict=True, skipinitialspace=delimiter != " "), name
        )
        first = next(lines, None)
        if first is None:
            raise ValueError(f"{name} has no lines")
        names: list[Any] = [cell.strip() for cell in first[1]] if header else list(range(len(first[1])))
        others = [*known, *(fill if isinstance(fill, Mapping) else ())]
        chosen = _chosen(name, names, columns, target, others)
        fills = (
            fill if isinstance(fill, Mapping) else {column: fill for column in chosen if column not in known}
        )
        numbers = NumberColumns(
            [column for column in chosen if column not in known], fills, frozenset(missing)
        )
        ids = {c: CategoryColumn(c, known[c], fills.get(c), frozenset(missing)) for c in chosen if c in known}
        places = {column: place for place, column in enumerate(names)}
        number_places = [places[column] for column in numbers.names]
        for line, cells in lines if header else chain([first], lines):
            where = f"{name}, line {line}"
            if len(cells) != len(names):
                raise ValueError(f"{where} has {len(cells)} cells, and there are {len(names)} columns")
            numbers.add([cells[place].strip() for place in number_places], where)
            for column, category in ids.items():
                category.add(cells[places[column]].strip(), where)
            rows += 1
    if not rows:
        raise ValueError(f"{name} has no rows below its header")
    read = dict(zip(numbers.names, numbers.arrays(rows, name), strict=True))
    found: dict[Any, tuple[str, ...]] = {}
    for column, category in ids.items():
        read[column], found[column] = category.ids()
    return Table({column: read[column] for column in chosen}, found, target)


def _lines(reader: Any, name: str) -> Iterator[tuple[int, list[str]]]:
    """The cells of each line that is not empty, with the number of the line."""
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (csv.Error, UnicodeError) as error:
            raise ValueError(f"{name}, after line {reader.line_num}: {error}") from error
        if cells:
            yield reader.line_num, cells


def _chosen(name: str, names: list[Any], columns: Any, target: Any, others: list[Any]) -> list[Any]:
    """The columns to read, in the order in which they are asked for."""
    twice = next((column for column, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        raise ValueError(f"{name} has two columns of the name {twice!r}")
    chosen = dict.fromkeys([*(names if columns is None else columns), *([] if target is None else [target])])
    there = set(names)
    for column in [*chosen, *others]:
        if column not in there:
            raise ValueError(
                f"{name} has no column {column!r}; its columns are {', '.join(map(repr, names))}"
            )
    return list(chosen)
