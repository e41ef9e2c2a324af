"""Where a training stands in the order of its data, to go on with the next batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from .random_state import Source, random_state, set_random_state


class Position:
    """The batches of one epoch, given one after the other, and what is needed to give the rest of them later.

    A loader with `state_dict()` and `load_state_dict(state)` is asked where it stands. Any other one is gone through
    again: the generators are put back to where they were when the epoch began, which gives the same order, the batches
    that were given are passed over, and the generators continue from where they were then.

    Args:
        loader: yields batches.
        generators: the random generators of the training, by name.
        state: what `state_dict` gave, to go on from there; a new epoch begins without it.
    """

    def __init__(
        self,
        loader: Iterable[Any],
        generators: Mapping[str, Source],
        state: Mapping[str, Any] | None = None,
    ) -> None:
        self.loader = loader
        self.given = 0
        self.over = False
        self.failed_at: dict[str, Any] | None = None
        self.start = None if remembers(loader) else random_state(generators)
        if state is None:
            self.batches: Iterator[Any] = iter(loader)
            return
        if ("loader" if remembers(loader) else "start") not in state:
            raise ValueError(
                "the training was left in the middle of an epoch of another kind of loader, so the rest of its batches "
                "is not known; go on with the loader that it was begun with"
            )
        self.given, self.over = state["given"], state["over"]
        now = random_state(generators)
        if self.over:
            self.batches = iter(())
        elif remembers(loader):
            loader.load_state_dict(state["loader"])  # type: ignore[attr-defined]  # it remembers
            self.batches = iter(loader)
        else:
            self.start = dict(state["start"])
            set_random_state(generators, self.start)
            self.batches = iter(loader)
            passed = sum(1 for _ in islice(self.batches, self.given))
            if passed < self.given:
                raise ValueError(
                    f"the training was left after {self.given} batches of an epoch, and the loader has only {passed}"
                )
        set_random_state(generators, now)

    def take(self, count: int) -> list[Any]:
        """The next batches, fewer at the end; if some of them fail, the position stays in front of them all."""
        before = self.state_dict() if count > 1 else None
        try:
            taken = list(islice(self.batches, count))
        except Exception:
            self.failed_at = before
            raise
        self.given += len(taken)
        self.over = len(taken) < count
        return taken

    def state_dict(self) -> dict[str, Any]:
        """What is needed to give the rest of the epoch."""
        if self.failed_at is not None:
            return self.failed_at
        how = {"loader": self.loader.state_dict()} if remembers(self.loader) else {"start": self.start}  # type: ignore[attr-defined]  # it remembers
        return {"given": self.given, "over": self.over, **how}

    def close(self) -> None:
        """Let go of the batches that were not given, and of workers that make them."""
        close = getattr(self.batches, "close", None)
        if close is not None:
            close()
        self.batches = iter(())


def remembers(loader: Any) -> bool:
    """Whether a loader says where it is and can go there."""
    return callable(getattr(loader, "state_dict", None)) and callable(
        getattr(loader, "load_state_dict", None)
    )


def places(loaders: Mapping[str, Any]) -> dict[str, Any]:
    """Where those of some loaders are that remember it."""
    return {name: loader.state_dict() for name, loader in loaders.items() if remembers(loader)}


def put(loaders: Mapping[str, Any], where: Mapping[str, Any]) -> None:
    """Let loaders go where `places` says that they were.

    Raises:
        ValueError: for one that cannot.
    """
    for name, place in where.items():
        if not remembers(loaders[name]):
            raise ValueError(
                f"the checkpoint says where {name!r} was, and the one that is given now cannot go there; go on with "
                "the loaders that the training was begun with"
            )
        loaders[name].load_state_dict(place)
