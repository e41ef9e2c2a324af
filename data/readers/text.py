"""Texts as ids: reading, cutting into words, and windows for language models."""

from __future__ import annotations

import os
import re
from typing import Any

import numpy as np

from ...autograd import Tensor, asarray
from ..dataset import Dataset
from ..sampler import check_batch_size

_WORD = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")


def read_text(path: str | os.PathLike[str], encoding: str = "utf-8") -> str:
    """The text of a file, with every end of a line as one newline, and without a byte order mark.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if it is no text of this encoding, with the place.
    """
    try:
        with open(path, encoding=encoding) as file:
            return file.read().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{os.fspath(path)} is no {encoding} text: byte {error.start} {error.reason}"
        ) from error


def words(text: str) -> list[str]:
    """The words and the punctuation marks of a text, in lower case.

    >>> from pullback.data import words
    >>> words("Don't panic, 42!")
    ["don't", 'panic', ',', '42', '!']
    """
    return _WORD.findall(text.lower())


class TextWindows(Dataset):
    """Windows of a text for a language model: sample i is `length` ids, and the same moved on by one.

    Args:
        ids: the text, a flat sequence of integers.
        length: ids per window.
        stride: how far each window begins behind the one before.

    Raises:
        ValueError: for a length or a stride below 1, and a text that has no window.
        TypeError: for ids that are no flat sequence of integers.

    >>> from pullback.data import TextWindows
    >>> [(x.tolist(), y.tolist()) for x, y in TextWindows([5, 6, 7, 8], length=2)]
    [([5, 6], [6, 7]), ([6, 7], [7, 8])]
    """

    def __init__(self, ids: Any, length: int, stride: int = 1) -> None:
        self.ids = _flat(ids)
        for name, value in {"length": length, "stride": stride}.items():
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
                raise ValueError(f"{name} is a whole number from 1 on, not {value!r}")
        if len(self.ids) <= length:
            raise ValueError(
                f"windows of {length} ids, and one more to predict, do not fit into a text of {len(self.ids)}"
            )
        self.length = int(length)
        self.stride = int(stride)

    def __len__(self) -> int:
        return (len(self.ids) - self.length - 1) // self.stride + 1

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        inputs, targets = self.batch(np.array([index]))
        return inputs[0], targets[0]

    def batch(self, indices: Any) -> tuple[Tensor, Tensor]:
        """The windows with these indices, and the same moved on by one, each of shape (batch, length)."""
        starts = np.asarray(indices)
        outside = starts[(starts < -len(self)) | (starts >= len(self))]
        if outside.size:
            raise IndexError(f"window {outside[0]} is outside of the text, which has {len(self)}")
        places = (starts % len(self) * self.stride)[:, None] + np.arange(self.length)
        return asarray(self.ids[places]), asarray(self.ids[places + 1])


def batchify(ids: Any, batch_size: int) -> np.ndarray[Any, Any]:
    """A text as `batch_size` rows of equal length, each a contiguous part; the few ids left over are left out.

    Raises:
        ValueError: for a batch size below 1, and a text with fewer ids.
        TypeError: for ids that are no flat sequence of integers.

    >>> from pullback.data import batchify
    >>> batchify([1, 2, 3, 4, 5, 6, 7], 2)
    array([[1, 2, 3],
           [4, 5, 6]])
    """
    flat = _flat(ids)
    check_batch_size(batch_size)
    columns = len(flat) // batch_size
    if not columns:
        raise ValueError(f"a text of {len(flat)} ids makes no {batch_size} rows")
    return flat[: columns * batch_size].reshape(batch_size, columns)


class ContiguousText(Dataset):
    """A text for truncated backpropagation through time: each batch goes on where the one before ended.

    The text is cut into `batch_size` rows (see `batchify`), and these into pieces of `steps` ids. A DataLoader with
    the same batch size, in order, gives piece 1 of all rows, then piece 2, …; so a hidden state that is carried
    over, and detached, fits row by row. Samples are pairs of ids, and the same moved on by one; the pieces at
    the end of the rows may be shorter.

    Args:
        ids: the text, a flat sequence of integers.
        batch_size: how many rows.
        steps: ids per piece.

    Raises:
        ValueError: for a batch size or steps below 1, and a text too short for two ids in each row.
        TypeError: for ids that are no flat sequence of integers.

    >>> import numpy as np
    >>> from pullback.data import ContiguousText, DataLoader
    >>> text = ContiguousText(np.arange(10), batch_size=2, steps=3)
    >>> [inputs.tolist() for inputs, targets in DataLoader(text, text.batch_size)]
    [[[0, 1, 2], [5, 6, 7]], [[3], [8]]]
    """

    def __init__(self, ids: Any, batch_size: int, steps: int) -> None:
        self.rows = batchify(ids, batch_size)
        if isinstance(steps, bool) or not isinstance(steps, (int, np.integer)) or steps < 1:
            raise ValueError(f"steps is a whole number from 1 on, not {steps!r}")
        if self.rows.shape[1] < 2:
            raise ValueError(f"the text gives {batch_size} rows of one id, and nothing to predict")
        self.batch_size = int(batch_size)
        self.steps = int(steps)

    def __len__(self) -> int:
        return self.batch_size * -(-(int(self.rows.shape[1]) - 1) // self.steps)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        if not -len(self) <= index < len(self):
            raise IndexError(f"piece {index} is outside of the text, which has {len(self)}")
        piece, row = divmod(index % len(self), self.batch_size)
        start = piece * self.steps
        end = min(start + self.steps, self.rows.shape[1] - 1)
        return self.rows[row, start:end], self.rows[row, start + 1 : end + 1]


def _flat(ids: Any) -> np.ndarray[Any, Any]:
    flat = np.asarray(ids.detach() if isinstance(ids, Tensor) else ids)
    if flat.ndim != 1 or (flat.dtype.kind not in "iu" and flat.size):
        raise TypeError(
            f"a text is a flat sequence of ids, not {flat.dtype}{list(flat.shape)}; Vocabulary.encode makes ids"
        )
    return flat.astype(np.int64)
