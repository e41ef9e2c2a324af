"""From the numbers of samples to a batch, with randomness that belongs to the batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..autograd.extend import drawing_from
from .collate import collate

MOST_SHOWN = 8  # indices of a batch in a note


def fetch(dataset: Any, indices: Sequence[Any], collate_fn: Callable[[list[Any]], Any] | None = None) -> Any:
    """The batch of the samples with these indices: by the data set's own `batch`, else collated."""
    if collate_fn is None and _batches_itself(dataset):
        return dataset.batch(np.asarray(indices))
    samples = [_sample(dataset, index) for index in indices]
    return collate(samples) if collate_fn is None else collate_fn(samples)


def _sample(dataset: Any, index: Any) -> Any:
    try:
        return dataset[int(index) if isinstance(index, np.integer) else index]
    except Exception as error:
        error.add_note(f"sample {index} of {type(dataset).__name__} was being read")
        raise


def _batches_itself(dataset: Any) -> bool:
    """Whether `batch` is at least as special as `__getitem__`: a subclass that changes only samples wins."""
    for kind in type(dataset).__mro__:
        if "batch" in vars(kind):
            return True
        if "__getitem__" in vars(kind):
            return False
    return False


@dataclass(frozen=True)
class Fetcher:
    """Makes batches, each with a generator of its own.

    A batch is made in one piece by whoever makes it, so its randomness depends on the epoch's seed and on its
    place in the epoch, and not on the number of workers.
    """

    dataset: Any
    collate_fn: Callable[[list[Any]], Any] | None

    def __call__(self, seed: int, number: int, indices: Sequence[Any]) -> Any:
        """The batch with this number in the epoch of this seed; what it draws from the default generator is its own."""
        with drawing_from(np.random.default_rng([seed, 1, number])):
            try:
                return fetch(self.dataset, indices, self.collate_fn)
            except Exception as error:
                shown = ", ".join(str(index) for index in indices[:MOST_SHOWN])
                more = ", …" if len(indices) > MOST_SHOWN else ""
                error.add_note(f"batch {number} of the epoch was being made, of the samples {shown}{more}")
                raise
