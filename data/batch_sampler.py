"""Samplers of whole batches: by class, and by length."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..autograd.extend import check_generator
from .sampler import Sampler, check_batch_size, check_count
from .shares import classes_of, divide, even_shares


class StratifiedBatchSampler(Sampler):
    """Batches in which every class has its share of the data set, to within one sample; each sample once.

    Args:
        labels: the class of each sample.
        batch_size: samples per batch; the last one may be smaller.
        drop_last: leave a last, smaller batch out.
        rng: the generator of the orders; the loader's, or the default one, if not given.

    Raises:
        ValueError: for a batch size below 1, and labels that are not one per sample.

    >>> import numpy as np
    >>> from pullback.data import StratifiedBatchSampler
    >>> labels = np.array([0, 0, 0, 0, 0, 0, 1, 1])
    >>> [sorted(labels[batch]) == [0, 0, 0, 1] for batch in StratifiedBatchSampler(labels, 4)]
    [True, True]
    """

    def __init__(
        self, labels: Any, batch_size: int, drop_last: bool = False, rng: np.random.Generator | None = None
    ) -> None:
        check_batch_size(batch_size)
        self._classes, counts = classes_of(labels)
        self.batch_size = int(batch_size)
        self.drop_last = drop_last
        self.rng = check_generator(rng)
        whole, rest = divmod(len(self._classes), self.batch_size)
        self._shares = even_shares(counts, [self.batch_size] * whole + [rest] * bool(rest))
        self._length = whole if drop_last or not rest else whole + 1

    def __len__(self) -> int:
        return self._length

    def indices(self, rng: np.random.Generator) -> Iterator[list[int]]:
        """The classes, each shuffled, divided among the batches."""
        batches = divide(self._classes, self._shares, rng)
        return (batch.tolist() for batch in batches[: self._length])


class BalancedBatchSampler(Sampler):
    """Batches in which all classes are equally frequent, however rare they are in the data set.

    Every class is gone through in random order, and from its beginning again, in another order, when it is
    exhausted; so the samples of rare classes repeat. Where the batch size is no multiple of the number of
    classes, the classes take turns.

    Args:
        labels: the class of each sample.
        batch_size: samples per batch.
        num_batches: batches in an epoch; as many as hold each sample once, rounded up, if not given.
        rng: the generator of the orders; the loader's, or the default one, if not given.

    Raises:
        ValueError: for a batch size below 1, and labels that are not one per sample, or none.

    >>> import numpy as np
    >>> from pullback.data import BalancedBatchSampler
    >>> labels = np.array([0, 0, 0, 0, 0, 0, 1, 1])
    >>> [sorted(labels[batch]) == [0, 0, 1, 1] for batch in BalancedBatchSampler(labels, 4)]
    [True, True]
    """

    def __init__(
        self,
        labels: Any,
        batch_size: int,
        num_batches: int | None = None,
        rng: np.random.Generator | None = None,
    ) -> None:
        check_batch_size(batch_size)
        numbers, counts = classes_of(labels)
        if not len(counts):
            raise ValueError("there are no labels, and so no classes to balance")
        self._members = [np.flatnonzero(numbers == row) for row in range(len(counts))]
        self.batch_size = int(batch_size)
        if num_batches is not None:
            check_count("num_batches", num_batches)
        self._length = -(-len(numbers) // self.batch_size) if num_batches is None else int(num_batches)
        self.rng = check_generator(rng)

    def __len__(self) -> int:
        return self._length

    def indices(self, rng: np.random.Generator) -> Iterator[list[int]]:
        """Each batch from the classes in turn, shuffled."""
        streams = [_endless(members, rng) for members in self._members]
        turn = int(rng.integers(len(streams)))
        for _ in range(self._length):
            batch = [next(streams[(turn + place) % len(streams)]) for place in range(self.batch_size)]
            turn = (turn + self.batch_size) % len(streams)
            yield rng.permutation(batch).tolist()


def _endless(members: np.ndarray[Any, Any], rng: np.random.Generator) -> Iterator[int]:
    while True:
        yield from rng.permutation(members).tolist()


class BucketBatchSampler(Sampler):
    """Batches of samples of similar length, so that little is padded; each sample once.

    The samples are shuffled and taken by pools of `pool` batches; each pool is sorted by length and cut into
    batches, which come in random order. A larger pool pads less and mixes less.

    Args:
        lengths: the length of each sample.
        batch_size: samples per batch; one batch of the epoch may be smaller.
        pool: how many batches are sorted together.
        shuffle: without it all samples are sorted by length, and nothing is random.
        drop_last: leave the smaller batch out.
        rng: the generator of the orders; the loader's, or the default one, if not given.

    Raises:
        ValueError: for a batch size or a pool below 1, and lengths that are not one per sample.

    >>> from pullback.data import BucketBatchSampler
    >>> list(BucketBatchSampler([5, 1, 4, 2], 2, shuffle=False))
    [[1, 3], [2, 0]]
    """

    def __init__(
        self,
        lengths: Any,
        batch_size: int,
        *,
        pool: int = 100,
        shuffle: bool = True,
        drop_last: bool = False,
        rng: np.random.Generator | None = None,
    ) -> None:
        check_batch_size(batch_size)
        check_count("pool", pool)
        if pool < 1:
            raise ValueError("pool is a number of batches from 1 on, not 0")
        self.lengths = np.asarray(lengths)
        if self.lengths.ndim != 1 or self.lengths.dtype.kind not in "iuf":
            raise ValueError(
                f"lengths are one number per sample, not {self.lengths.dtype}{list(self.lengths.shape)}"
            )
        if not (self.lengths >= 0).all():
            raise ValueError(f"lengths are numbers from 0 on, and there is a {self.lengths.min()}")
        self.batch_size = int(batch_size)
        self.pool = int(pool)
        self.shuffle = shuffle
        self.drop_last = drop_last
        self.rng = check_generator(rng)

    def __len__(self) -> int:
        whole, rest = divmod(len(self.lengths), self.batch_size)
        return whole if self.drop_last or not rest else whole + 1

    def indices(self, rng: np.random.Generator) -> Iterator[list[int]]:
        """Pools of batches, sorted inside and shuffled as batches."""
        count = len(self.lengths)
        order = rng.permutation(count) if self.shuffle else np.arange(count)
        size = self.pool * self.batch_size if self.shuffle else max(count, 1)
        for start in range(0, count, size):
            pool = order[start : start + size]
            pool = pool[np.argsort(self.lengths[pool], kind="stable")]
            batches = [
                pool[at : at + self.batch_size].tolist() for at in range(0, len(pool), self.batch_size)
            ]
            if self.drop_last and len(batches[-1]) < self.batch_size:
                batches.pop()
            yield from (
                batches[place]
                for place in (rng.permutation(len(batches)) if self.shuffle else range(len(batches)))
            )
