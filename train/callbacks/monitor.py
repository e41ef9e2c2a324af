"""Monitor: whether a score has become better."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..history import Epoch

MODES = ("min", "max")


class Monitor:
    """Follows a score through the epochs and knows its best value.

    Args:
        name: of the score, such as "validation accuracy"; if not given, the loss that counts, see `Epoch.score`.
        mode: "min" where a smaller value is better, "max" where a larger one is; for a loss it may be left out.
        min_delta: by how much a value must be better than the best to count.

    Raises:
        ValueError: for another mode, none where the name does not tell, and a negative `min_delta`.
    """

    def __init__(self, name: str | None, mode: str | None = None, min_delta: float = 0.0) -> None:
        if mode is None:
            if name is not None and not name.endswith("loss"):
                raise ValueError(f"say whether a small or a large {name!r} is good: mode='min' or mode='max'")
            mode = "min"
        if mode not in MODES:
            raise ValueError(f"mode is 'min' or 'max', not {mode!r}")
        if not min_delta >= 0:
            raise ValueError(f"min_delta is a number from 0 on, not {min_delta!r}")
        self.name = name
        self.mode = mode
        self.min_delta = min_delta
        self.best: float | None = None
        self.best_epoch = 0

    def better(self, epoch: Epoch) -> bool:
        """Take an epoch's score, and say whether it is the best so far; nan never is."""
        value = epoch.score(self.name)
        if math.isnan(value):
            return False
        if self.best is not None:
            gain = self.best - value if self.mode == "min" else value - self.best
            if not gain > self.min_delta:
                return False
        self.best, self.best_epoch = value, epoch.number
        return True

    def state_dict(self) -> dict[str, Any]:
        """The best value and its epoch."""
        return {"best": self.best, "best_epoch": self.best_epoch}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what `state_dict()` gave."""
        self.best, self.best_epoch = state_dict["best"], state_dict["best_epoch"]
