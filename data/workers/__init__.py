"""Batches made ahead of time, by threads or by processes, and given in order.

A crew takes jobs (the number of a batch in its epoch, the indices of its samples) and gives the batches in the order
in which it took them. Which worker makes a batch has no influence on what is in it (see `Fetcher`), and which samples
are in it is not decided here but by the samplers.
"""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable, Generator, Iterator
from itertools import islice
from typing import Any, Protocol

from ..fetch import Fetcher
from .processes import ProcessCrew
from .threads import ThreadCrew


class Crew(Protocol):
    """Workers that make batches."""

    def submit(self, seed: int, number: int, indices: Any) -> None:
        """Let a worker make a batch."""

    def result(self) -> Any:
        """The batch of the oldest job that has not been given yet; what failed in a worker is raised here."""

    def close(self) -> None:
        """Send the workers home, and wait for them."""


KINDS: dict[str, Callable[[Fetcher, int], Crew]] = {"thread": ThreadCrew, "process": ProcessCrew}


class Workforce:
    """The workers of one loader: hired when an epoch begins, and kept for the next one if that is wanted."""

    def __init__(self, count: int, kind: str, prefetch_factor: int, keep: bool) -> None:
        self._count = count
        self._kind = kind
        self._ahead = count * prefetch_factor
        self._keep = keep
        self._kept: Crew | None = None

    def make(
        self, fetch: Fetcher, seed: int, jobs: Iterator[tuple[int, Any]]
    ) -> Generator[tuple[int, Any], None, None]:
        """The number and the batch of each job, made a few batches ahead.

        The workers go home when the iterator is closed, collected, or left by an error or by Ctrl-C, and, unless they
        are kept, when it is exhausted.
        """
        crew, self._kept = self._kept or self._hire(fetch), None
        failures: list[Exception] = []
        jobs = _until_they_fail(jobs, failures)
        numbers: deque[int] = deque()
        over = False
        try:
            for number, indices in islice(jobs, self._ahead):
                crew.submit(seed, number, indices)
                numbers.append(number)
            while numbers:
                batch = crew.result()
                done = numbers.popleft()
                for number, indices in islice(jobs, 1):
                    crew.submit(seed, number, indices)
                    numbers.append(number)
                yield done, batch
            if failures:
                raise failures[0]
            over = True
        finally:
            if over and self._keep and self._kept is None:
                self._kept = crew
            else:
                crew.close()

    def _hire(self, fetch: Fetcher) -> Crew:
        crew = KINDS[self._kind](fetch, self._count)
        if self._keep:
            weakref.finalize(self, crew.close)
        return crew

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_kept": None}  # a copy of a loader hires its own


def _until_they_fail(jobs: Iterator[Any], failures: list[Exception]) -> Iterator[Any]:
    """The jobs up to an error of the sampler, which is kept until the batches before it were given."""
    try:
        yield from jobs
    except Exception as error:
        failures.append(error)


__all__ = ["KINDS", "Crew", "Workforce"]
