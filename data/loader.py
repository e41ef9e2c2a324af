"""DataLoader: a data set in batches, in order or shuffled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..autograd import default_generator
from .collate import fetch


class DataLoader:
    """Iterates over a data set in batches; every iteration is one epoch.

    A batch is what `collate` makes of its samples: for samples (x, y), a tuple of two tensors that have the
    batch as their first axis. A data set with a method `batch(indices)`, such as TensorDataset and its
    subsets, is asked once per batch instead of once per sample.

    Args:
        dataset: anything with `len` and integer indexing.
        batch_size: samples per batch; the last one may be smaller.
        shuffle: draw a new order in every epoch.
        collate_fn: makes a batch of a list of samples, instead of `collate`.
        drop_last: leave a last, smaller batch out.
        rng: the generator of the orders; the default one if not given.

    Raises:
        ValueError: for a batch size below 1.
        TypeError: for a data set without length or indexing, and a generator that is none.

    >>> import numpy as np
    >>> from pullback.data import DataLoader, TensorDataset
    >>> loader = DataLoader(TensorDataset(np.arange(5)), batch_size=2)
    >>> len(loader), [batch.tolist() for batch, in loader]
    (3, [[0, 1], [2, 3], [4]])
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int = 1,
        shuffle: bool = False,
        *,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        drop_last: bool = False,
        rng: np.random.Generator | None = None,
    ) -> None:
        if not (hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")):
            raise TypeError(
                f"a data set has a length and is indexed by number, and {type(dataset).__name__} has not; "
                "wrap arrays as TensorDataset(x, y)"
            )
        if isinstance(batch_size, bool) or not isinstance(batch_size, (int, np.integer)) or batch_size < 1:
            raise ValueError(f"batch_size is a whole number from 1 on, not {batch_size!r}")
        if rng is not None and not isinstance(rng, np.random.Generator):
            raise TypeError(
                f"rng is a numpy.random.Generator, not {type(rng).__name__}; use np.random.default_rng(seed)"
            )
        self.dataset = dataset
        self.batch_size = int(batch_size)
        self.shuffle = shuffle
        self.drop_last = drop_last
        self.collate_fn = collate_fn
        self.rng = rng

    def __len__(self) -> int:
        """The number of batches."""
        whole, rest = divmod(len(self.dataset), self.batch_size)
        return whole if self.drop_last or not rest else whole + 1

    def __iter__(self) -> Iterator[Any]:
        count = len(self.dataset)
        if self.shuffle:
            order = (default_generator() if self.rng is None else self.rng).permutation(count)
        else:
            order = np.arange(count)
        # A generator function of its own, so that the order is drawn when the epoch starts.
        return self._batches(
            [order[start : start + self.batch_size] for start in range(0, count, self.batch_size)]
        )

    def _batches(self, chunks: list[np.ndarray[Any, Any]]) -> Iterator[Any]:
        for chunk in chunks[: len(self)]:
            if self.collate_fn is None:
                yield fetch(self.dataset, chunk)
            else:
                yield self.collate_fn([self.dataset[int(index)] for index in chunk])
