"""Samples of different lengths in one batch: padded, with their lengths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..autograd import Tensor, arange, asarray, pad
from .collate import by_entry, collate


class Padded(NamedTuple):
    """Sequences of one batch, brought to one length."""

    values: Tensor
    """The sequences, of shape (batch, longest, …)."""
    lengths: Tensor
    """The length that each of them has without padding, of shape (batch,), int64."""

    @property
    def mask(self) -> Tensor:
        """True where a value is one of the sequence, and False where it is padding; of shape (batch, longest)."""
        return arange(self.values.shape[1]) < self.lengths[:, None]


class PadCollate:
    """Collates samples with sequences of different lengths; each sequence becomes a `Padded`.

    A sequence is an array, a tensor, or a list of numbers; its first axis is its length. Tuples, named tuples and
    dicts are gone through entry by entry; numbers and strings are collated as ever.

    Args:
        padding_value: what is put behind the end of a sequence; or a mapping from entries of the sample (positions
            or keys) to their padding values, where the arrays of all other entries are stacked.
        multiple_of: bring the length to a multiple of this.

    Raises:
        ValueError: for sequences whose further axes differ, and entries that the samples do not have.
        TypeError: for samples that make no batch.

    >>> from pullback.data import DataLoader, PadCollate
    >>> samples = [([3, 1, 4], 0), ([1, 5], 1)]
    >>> for (tokens, lengths), label in DataLoader(samples, batch_size=2, collate_fn=PadCollate(-1)):
    ...     print(tokens.tolist(), lengths.tolist(), label.tolist())
    [[3, 1, 4], [1, 5, -1]] [3, 2] [0, 1]
    """

    def __init__(self, padding_value: float | Mapping[Any, float] = 0, *, multiple_of: int = 1) -> None:
        if isinstance(multiple_of, bool) or not isinstance(multiple_of, (int, np.integer)) or multiple_of < 1:
            raise ValueError(f"multiple_of is a whole number from 1 on, not {multiple_of!r}")
        self.padding_value = padding_value
        self.multiple_of = int(multiple_of)

    def __call__(self, samples: Sequence[Any]) -> Any:
        """The batch of these samples."""
        if len(samples) == 0:
            raise ValueError("no samples: there is nothing to make a batch of")
        if not isinstance(self.padding_value, Mapping):
            return self._padded(samples, "sample", self.padding_value)
        return self._chosen(samples, self.padding_value)

    def _chosen(self, samples: Sequence[Any], values: Mapping[Any, float]) -> Any:
        first = samples[0]
        keys = (
            list(first)
            if isinstance(first, Mapping)
            else range(len(first) if isinstance(first, tuple) else 0)
        )
        unknown = [key for key in values if key not in keys]
        if unknown:
            raise ValueError(f"the samples have no entry {unknown[0]!r} to pad; theirs are {list(keys)}")

        def make(entries: list[Any], where: str, key: Any) -> Any:
            return self._padded(entries, where, values[key]) if key in values else collate(entries)

        return by_entry(samples, "sample", make)

    def _padded(self, samples: Sequence[Any], where: str, value: float) -> Any:
        first = samples[0]
        if isinstance(first, (Mapping, tuple)):
            return by_entry(samples, where, lambda entries, where, _: self._padded(entries, where, value))
        if isinstance(first, list) or (isinstance(first, (np.ndarray, Tensor)) and first.ndim > 0):
            return self._sequences(samples, where, value)
        return collate(samples)

    def _sequences(self, samples: Sequence[Any], where: str, value: float) -> Padded:
        arrays = [sample if isinstance(sample, Tensor) else _array(sample, where) for sample in samples]
        if any(array.ndim == 0 for array in arrays) or len({tuple(array.shape[1:]) for array in arrays}) > 1:
            shapes = ", ".join(str(tuple(array.shape)) for array in arrays)
            raise ValueError(
                f"only the first axis of {where} may differ between the samples, and they are {shapes}"
            )
        lengths = [len(array) for array in arrays]
        longest = -(-max(lengths) // self.multiple_of) * self.multiple_of
        values = collate([_filled(array, longest, value, where) for array in arrays])
        return Padded(values, asarray(np.array(lengths, np.int64)))


def _array(sample: Any, where: str) -> np.ndarray[Any, Any]:
    # An empty list has no dtype of its own; among lists of integers it is one of integers, and among others of them.
    try:
        array = np.asarray(sample, np.int64 if isinstance(sample, list) and not sample else None)
    except ValueError as error:
        raise ValueError(
            f"{where} is a list whose entries have different shapes, which make no sequence"
        ) from error
    if array.dtype.kind not in "biufc":
        raise TypeError(
            f"{where} holds {array.dtype} in a sequence, and sequences of numbers are padded; turn words into ids first"
        )
    return array


def _filled(array: Any, length: int, value: float, where: str) -> Any:
    with np.errstate(invalid="ignore"):  # nan as an integer
        kept = np.asarray(value).astype(array.dtype)
    if array.dtype.kind in "biu" and kept != value:
        raise ValueError(f"{where} is {array.dtype}, which cannot hold the padding value {value}")
    widths = ((0, length - len(array)), *[(0, 0)] * (array.ndim - 1))
    return (pad if isinstance(array, Tensor) else np.pad)(array, widths, constant_values=value)
