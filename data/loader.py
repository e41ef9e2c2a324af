"""DataLoader: a data set in batches, in order or drawn by a sampler, by this thread or by workers."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..autograd import default_generator
from ..autograd.extend import check_generator
from .dataset import require_dataset
from .epoch import Epoch
from .fetch import Fetcher
from .sampler import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    check_count,
    follows_a_generator,
    indices_of,
)
from .workers import KINDS, Workforce


class DataLoader:
    """Iterates over a data set in batches; every iteration is one epoch.

    A batch is what `collate` makes of its samples: for samples (x, y), a tuple of two tensors that have the
    batch as their first axis. A data set with a method `batch(indices)`, such as TensorDataset and its
    subsets, is asked once per batch instead of once per sample.

    One seed, drawn when an epoch begins, gives its order and, with the number of a batch, the generator that
    is the default one while the batch is made. So a data set that draws from `pullback.default_generator()`
    gives the same samples with any number of workers. A loader without a generator of its own draws the seed from
    the default generator; one whose order is fixed (no sampler, or a list) leaves that generator as it is.

    `state_dict()` says where the loader is, also in the middle of an epoch: after `load_state_dict`, the next
    iteration goes on with the batch after the last one given, and gives what the interrupted one would have.

    With `num_workers`, batches are made ahead of time, by threads or by processes. They come in the same order and
    are the same ones; an error in a worker is raised here when its batch is due, with the worker's traceback; and
    the workers are gone when the iteration ends, by its last batch, `break`, an error or Ctrl-C.

    Args:
        dataset: anything with `len` and integer indexing.
        batch_size: samples per batch; the last one may be smaller.
        shuffle: draw a new order in every epoch.
        sampler: an iterable of indices, instead of `shuffle`; see `Sampler`.
        batch_sampler: an iterable of lists of indices, instead of `batch_size`, `shuffle`, `sampler` and
            `drop_last`.
        collate_fn: makes a batch of a list of samples, instead of `collate`.
        drop_last: leave a last, smaller batch out.
        num_workers: how many workers make batches; with 0 they are made when they are asked for.
        workers: "thread", for samples that are read from files or computed by NumPy, or "process", for those
            that take long in Python itself; their data set and collate_fn are pickled, when the workers start.
        prefetch_factor: how many batches each worker may be ahead.
        persistent_workers: keep the workers from one epoch to the next, unless it is left early. Worker processes
            take about a second to start; those that are kept do not see later changes of the data set.
        rng: the generator of the epochs' seeds; the default one if not given.

    Raises:
        ValueError: for a batch size below 1, and arguments that exclude one another.
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
        sampler: Iterable[Any] | None = None,
        batch_sampler: Iterable[Any] | None = None,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        drop_last: bool = False,
        num_workers: int = 0,
        workers: str = "thread",
        prefetch_factor: int = 2,
        persistent_workers: bool = False,
        rng: np.random.Generator | None = None,
    ) -> None:
        require_dataset(dataset)
        if sampler is not None and shuffle:
            raise ValueError("a sampler gives the order, so shuffle=True has no meaning; give one of the two")
        if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
            raise ValueError(
                "a batch_sampler gives the batches, so batch_size, shuffle, sampler and drop_last have no meaning"
            )
        check_count("num_workers", num_workers)
        check_count("prefetch_factor", prefetch_factor)
        if workers not in KINDS or prefetch_factor < 1:
            raise ValueError(
                f'workers are "thread" or "process", each at least one batch ahead, and not {workers!r} with '
                f"prefetch_factor={prefetch_factor}"
            )
        self.dataset = dataset
        self.num_workers = int(num_workers)
        self.workers = workers
        self.prefetch_factor = int(prefetch_factor)
        self.persistent_workers = persistent_workers
        self._workforce = Workforce(self.num_workers, workers, self.prefetch_factor, persistent_workers)
        self.sampler = sampler
        if batch_sampler is None:
            if self.sampler is None:
                self.sampler = RandomSampler(dataset) if shuffle else SequentialSampler(dataset)
            batch_sampler = BatchSampler(self.sampler, batch_size, drop_last)
        self.batch_sampler = batch_sampler
        self.batch_size = getattr(batch_sampler, "batch_size", None)
        self.drop_last = drop_last
        self.collate_fn = collate_fn
        self.rng = check_generator(rng)
        self._epoch: Epoch | None = None
        self._resuming = False
        self._begun = 0

    def __len__(self) -> int:
        """The number of batches in a whole epoch."""
        return len(self.batch_sampler)  # type: ignore[arg-type]  # a sampler without a length says so itself

    def __iter__(self) -> Iterator[Any]:
        # The order is drawn here, when the epoch begins, and the batches are made in a generator function.
        if not self._resuming or self._epoch is None:
            self._begun += 1
            self._epoch = self._new_epoch()
        self._resuming = False
        epoch = self._epoch
        batches = enumerate(indices_of(self.batch_sampler, np.random.default_rng([epoch.order, 0])))
        return self._batches(epoch, batches)

    def _batches(self, epoch: Epoch, batches: Iterator[tuple[int, Any]]) -> Iterator[Any]:
        jobs = ((number, indices) for number, indices in batches if number >= epoch.given)
        fetch = Fetcher(self.dataset, self.collate_fn)
        if self.num_workers:
            made = self._workforce.make(fetch, epoch.seed, jobs)
        else:
            made = ((number, fetch(epoch.seed, number, indices)) for number, indices in jobs)
        try:
            for number, batch in made:
                epoch.given = number + 1
                yield batch
        finally:
            made.close()  # and with it the workers
        if self._epoch is epoch:
            self._epoch = None

    def _new_epoch(self) -> Epoch:
        generator = self.rng or default_generator()
        if self.rng is None and self._in_order():
            generator = copy.deepcopy(generator)
            seed = int(np.random.default_rng([int(generator.integers(2**63)), self._begun]).integers(2**63))
        else:
            seed = int(generator.integers(2**63))
        own = self._sampler_rng()
        return Epoch(seed, seed if own is None else int(own.integers(2**63)))

    def _in_order(self) -> bool:
        """Whether the order is known to be the same in every epoch."""
        fixed = (SequentialSampler, Sequence, np.ndarray)
        sampler = self.batch_sampler
        return isinstance(sampler, fixed) or (
            type(sampler) is BatchSampler and isinstance(sampler.sampler, fixed)
        )

    def _sampler_rng(self) -> np.random.Generator | None:
        sampler = self.batch_sampler
        return sampler.rng if isinstance(sampler, Sampler) and follows_a_generator(sampler) else None

    def state_dict(self) -> dict[str, Any]:
        """Where the loader is: the seeds of the epoch, how many of its batches were given, and its generators.

        The generators are the loader's and the sampler's own; the program's default generator is the caller's to
        keep. An epoch that is over, or not begun, has no seeds; one that was left by a `break` is in its middle
        until the next begins. The state is made of numbers, strings, lists and dicts, so that JSON can hold it.
        """
        return {
            "samples": len(self.dataset),
            "batch_size": None if self.batch_size is None else int(self.batch_size),
            "epoch": None if self._epoch is None else self._epoch.state(),
            "begun": self._begun,
            "rng": _state_of(self.rng),
            "sampler_rng": _state_of(self._sampler_rng()),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go where another loader was, of the same data set and arguments, with the next iteration.

        Raises:
            ValueError: for what is no state of such a loader: of another length of the data, and, in the middle of an
                epoch, of another batch size.
        """
        here = self.state_dict()
        missing = [key for key in here if key not in state]
        if missing:
            raise ValueError(
                f"the state of a DataLoader has no {missing[0]!r}; give what state_dict() returned"
            )
        for name, counts in (("samples", True), ("batch_size", state["epoch"] is not None)):
            if counts and state[name] != here[name]:
                raise ValueError(
                    f"the saved loader had {name.replace('_', ' ')} {state[name]}, and this one has {here[name]}, so "
                    "its batches are others; go on with the same data and batch size"
                )
        generators = {"rng": self.rng, "sampler_rng": self._sampler_rng()}
        for name, generator in generators.items():
            saved = state[name]
            if (generator is None) != (saved is None):
                whose = "loader" if name == "rng" else "sampler"
                had, has = ("no" if saved is None else "a"), ("none" if generator is None else "one")
                raise ValueError(f"the saved {whose} had {had} generator of its own, and this one has {has}")
            if (
                generator is not None
                and saved["bit_generator"] != generator.bit_generator.state["bit_generator"]
            ):
                raise ValueError(
                    f"the saved generator is a {saved['bit_generator']}, and this one is a "
                    f"{generator.bit_generator.state['bit_generator']}"
                )
        epoch = None if state["epoch"] is None else Epoch.from_state(state["epoch"])
        for name, generator in generators.items():
            if generator is not None:
                generator.bit_generator.state = state[name]
        self._epoch = epoch
        self._resuming = epoch is not None
        self._begun = int(state["begun"])


def _state_of(generator: np.random.Generator | None) -> Any:
    return None if generator is None else _plain(generator.bit_generator.state)


def _plain(value: Any) -> Any:
    """The same with lists for arrays, which JSON can hold and NumPy takes back."""
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value
