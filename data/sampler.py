"""Samplers: in which order, and how often, the samples of a data set come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Sized
from itertools import islice
from typing import Any

import numpy as np

from ..autograd import default_generator
from ..autograd.extend import check_generator, drawing_from


class Sampler:
    """An order of samples, drawn anew at every iteration.

    Derive from it and write `__len__` and `indices(rng)`, which yields the order that a generator gives. The
    loader calls it with a generator of the epoch; iterating over the sampler itself uses the sampler's `rng`, or
    the default generator. Any other iterable serves as a sampler too; one that is random repeats exactly if it
    draws from `default_generator()`.

    >>> from pullback.data import DataLoader, Sampler
    >>> class EverySecond(Sampler):
    ...     def __len__(self):
    ...         return 3
    ...     def indices(self, rng):
    ...         return iter([0, 2, 4])
    >>> [batch.tolist() for batch in DataLoader(range(6), batch_size=2, sampler=EverySecond())]
    [[0, 2], [4]]
    """

    rng: np.random.Generator | None = None
    """The generator of the sampler's own, if it has one."""

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} has no __len__: write one that counts the indices")

    def indices(self, rng: np.random.Generator) -> Iterator[Any]:
        """The order that this generator gives."""
        raise NotImplementedError(f"{type(self).__name__} has no indices: write one that yields them")

    def __iter__(self) -> Iterator[Any]:
        return self.indices(default_generator() if self.rng is None else self.rng)


def follows_a_generator(sampler: Any) -> bool:
    """Whether the order of a sampler is a function of the generator that it is given."""
    return isinstance(sampler, Sampler) and type(sampler).__iter__ is Sampler.__iter__


def indices_of(sampler: Iterable[Any], rng: np.random.Generator) -> Iterator[Any]:
    """What any sampler yields, drawing from this generator; the order is begun at once."""
    if isinstance(sampler, Sampler) and follows_a_generator(sampler):
        return sampler.indices(rng)
    with drawing_from(rng):
        begun = iter(sampler)
    return _drawn(begun, rng)


def _drawn(begun: Iterator[Any], rng: np.random.Generator) -> Iterator[Any]:
    while True:
        with drawing_from(rng):
            try:
                item = next(begun)
            except StopIteration:
                return
        yield item


class SequentialSampler(Sampler):
    """All samples in order.

    >>> from pullback.data import SequentialSampler
    >>> list(SequentialSampler("abc"))
    [0, 1, 2]
    """

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def __len__(self) -> int:
        return len(self.data_source)

    def indices(self, rng: np.random.Generator) -> Iterator[int]:
        """0, 1, 2, …"""
        return iter(range(len(self.data_source)))


class RandomSampler(Sampler):
    """Samples at random.

    Args:
        data_source: what to draw from; only its length counts.
        replacement: draw each time from all samples, instead of each sample once.
        num_samples: how many to draw; as many as there are if not given. More than there are, without
            replacement, means further permutations.
        rng: the generator of the orders; the loader's, or the default one, if not given.

    Raises:
        ValueError: for a number below 0, and for some samples of an empty data set.

    >>> import numpy as np
    >>> from pullback.data import RandomSampler
    >>> sorted(RandomSampler(range(4), rng=np.random.default_rng(0)))
    [0, 1, 2, 3]
    """

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        rng: np.random.Generator | None = None,
    ) -> None:
        if num_samples is not None:
            check_count("num_samples", num_samples)
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.rng = check_generator(rng)
        if num_samples and not len(data_source):
            raise ValueError(f"{num_samples} samples cannot be drawn from a data set that has none")

    @property
    def num_samples(self) -> int:
        """How many are drawn."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __len__(self) -> int:
        return self.num_samples

    def indices(self, rng: np.random.Generator) -> Iterator[int]:
        """Permutations of all, or independent draws."""
        size, wanted = len(self.data_source), self.num_samples
        if self.replacement and wanted:
            yield from rng.integers(size, size=wanted).tolist()
            return
        while wanted > 0:
            yield from rng.permutation(size)[:wanted].tolist()
            wanted -= size


class SubsetRandomSampler(Sampler):
    """The given indices, each once, in random order.

    Raises:
        TypeError: for indices that are not integers.

    >>> import numpy as np
    >>> from pullback.data import SubsetRandomSampler
    >>> sorted(SubsetRandomSampler([7, 3, 5], np.random.default_rng(0)))
    [3, 5, 7]
    """

    def __init__(self, indices: Sequence[int], rng: np.random.Generator | None = None) -> None:
        chosen = np.asarray(indices)
        if chosen.ndim != 1 or (chosen.size and chosen.dtype.kind not in "iu"):
            raise TypeError(
                f"indices are a flat sequence of integers, not {chosen.dtype}{list(chosen.shape)}"
            )
        self._indices = [int(index) for index in indices]
        self.rng = check_generator(rng)

    def __len__(self) -> int:
        return len(self._indices)

    def indices(self, rng: np.random.Generator) -> Iterator[int]:
        """A permutation of the given indices."""
        return (self._indices[place] for place in rng.permutation(len(self._indices)).tolist())


class WeightedRandomSampler(Sampler):
    """Samples with probabilities in proportion to weights.

    Args:
        weights: one number per sample, from 0 on; they need not sum to 1.
        num_samples: how many to draw.
        replacement: whether a sample may come again within an epoch.
        rng: the generator of the orders; the loader's, or the default one, if not given.

    Raises:
        ValueError: for weights that are negative, not finite or all 0, and for more samples than have a weight
            if they are drawn without replacement.

    >>> import numpy as np
    >>> from pullback.data import WeightedRandomSampler
    >>> list(WeightedRandomSampler([0, 1, 0], 4, rng=np.random.default_rng(0)))
    [1, 1, 1, 1]
    """

    def __init__(
        self,
        weights: Any,
        num_samples: int,
        replacement: bool = True,
        rng: np.random.Generator | None = None,
    ) -> None:
        self.weights = np.asarray(weights, np.float64)
        check_count("num_samples", num_samples)
        if self.weights.ndim != 1:
            raise ValueError(f"weights are one number per sample, not an array {list(self.weights.shape)}")
        if not np.isfinite(self.weights).all() or (self.weights < 0).any():
            bad = np.flatnonzero(~np.isfinite(self.weights) | (self.weights < 0))[0]
            raise ValueError(
                f"weights are finite numbers from 0 on, and that of sample {bad} is {self.weights[bad]}"
            )
        positive = int(np.count_nonzero(self.weights))
        if num_samples and not positive:
            raise ValueError("all weights are 0, so nothing can be drawn")
        if not replacement and num_samples > positive:
            raise ValueError(
                f"{num_samples} samples cannot be drawn without replacement: only {positive} have a weight above 0"
            )
        self.num_samples = int(num_samples)
        self.replacement = replacement
        self.rng = check_generator(rng)

    def __len__(self) -> int:
        return self.num_samples

    def indices(self, rng: np.random.Generator) -> Iterator[int]:
        """Draws in proportion to the weights."""
        if not self.num_samples:
            return iter(())
        scaled = self.weights / self.weights.max()  # so that no sum overflows
        drawn = rng.choice(len(scaled), self.num_samples, self.replacement, scaled / scaled.sum())
        return iter(drawn.tolist())


class BatchSampler(Sampler):
    """Lists of `batch_size` indices, from another sampler.

    Args:
        sampler: any iterable of indices.
        batch_size: how many indices make a batch.
        drop_last: leave a last, smaller batch out.

    Raises:
        ValueError: for a batch size below 1.

    >>> from pullback.data import BatchSampler, SequentialSampler
    >>> list(BatchSampler(SequentialSampler(range(5)), 2, drop_last=False))
    [[0, 1], [2, 3], [4]]
    """

    def __init__(self, sampler: Iterable[Any], batch_size: int, drop_last: bool = False) -> None:
        check_batch_size(batch_size)
        self.sampler = sampler
        self.batch_size = int(batch_size)
        self.drop_last = drop_last
        self.rng = sampler.rng if isinstance(sampler, Sampler) and follows_a_generator(sampler) else None

    def __len__(self) -> int:
        if not isinstance(self.sampler, Sized):
            raise TypeError(f"{type(self.sampler).__name__} has no length, so its batches cannot be counted")
        whole, rest = divmod(len(self.sampler), self.batch_size)
        return whole if self.drop_last or not rest else whole + 1

    def indices(self, rng: np.random.Generator) -> Iterator[list[Any]]:
        """The sampler's order, cut into batches."""
        order = indices_of(self.sampler, rng)
        while chunk := list(islice(order, self.batch_size)):
            if len(chunk) == self.batch_size or not self.drop_last:
                yield chunk


def check_batch_size(batch_size: Any) -> None:
    """Refuse what is no number of samples in a batch."""
    if isinstance(batch_size, bool) or not isinstance(batch_size, (int, np.integer)) or batch_size < 1:
        raise ValueError(f"batch_size is a whole number from 1 on, not {batch_size!r}")


def check_count(name: str, count: Any) -> None:
    """Refuse what is no number of things."""
    if isinstance(count, bool) or not isinstance(count, (int, np.integer)) or count < 0:
        raise ValueError(f"{name} is a whole number from 0 on, not {count!r}")
