"""Where a loader is in an epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass
class Epoch:
    """The seeds that an epoch was begun with, and how many of its batches were given."""

    seed: int
    """Of the randomness inside the batches."""
    order: int
    """Of the order of the samples."""
    given: int = 0

    def state(self) -> dict[str, int]:
        """The three numbers by name."""
        return {"seed": self.seed, "order": self.order, "given": self.given}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Epoch:
        """The epoch that `state` describes.

        Raises:
            ValueError: for a state that lacks a number or has a negative one.
        """
        numbers = [state.get(name) for name in ("seed", "order", "given")]
        if any(not isinstance(number, (int, np.integer)) or number < 0 for number in numbers):
            raise ValueError(
                f"an epoch has the numbers seed, order and given, each from 0 on, and not {dict(state)}"
            )
        return cls(*map(int, numbers))  # type: ignore[arg-type]  # None was refused
