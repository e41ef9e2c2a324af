"""An epoch that is under way: its batches, its means so far, and its time."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from .evaluation import Means, Metrics
from .position import Position
from .random_state import Source


class RunningEpoch:
    """An epoch that is under way, new or gone on with.

    Args:
        metrics: the metrics to be measured.
        loader: gives the batches.
        generators: the random generators of the training, by name.
        state: what `state_dict` gave in the middle of the epoch, to go on from there.
    """

    def __init__(
        self,
        metrics: Metrics | None,
        loader: Iterable[Any],
        generators: Mapping[str, Source],
        state: Mapping[str, Any] | None = None,
    ) -> None:
        self.means = Means(metrics)
        self._before = 0.0
        self._start = time.perf_counter()
        if state is not None:
            self.means.load_state_dict(state["means"])
            self._before = state["seconds"]
        self.data = Position(loader, generators, None if state is None else state["data"])

    @property
    def seconds(self) -> float:
        """How long it has taken so far, without the time in which nobody went on with it."""
        return self._before + time.perf_counter() - self._start

    def state_dict(self) -> dict[str, Any]:
        """What is needed to go on with it."""
        return {"means": self.means.state_dict(), "seconds": self.seconds, "data": self.data.state_dict()}
