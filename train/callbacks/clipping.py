"""Gradient clipping as a callback."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ...optim import clip_grad_norm_, clip_grad_value_
from ..numbers_given import is_positive
from .base import Callback

if TYPE_CHECKING:
    from ..trainer import Trainer


class ClipGradients(Callback):
    """Bounds the gradients of each update: their common norm, or each element.

    Args:
        norm: all gradients together are scaled down to this norm, if theirs is larger.
        value: each element is brought into [−value, value].

    Raises:
        ValueError: for neither or both, and for a bound that is not positive.

    `last_norm` is the norm that the gradients of the last update had before they were clipped.
    """

    def __init__(self, norm: float | None = None, value: float | None = None) -> None:
        if (norm is None) == (value is None):
            raise ValueError("give norm, for the norm of all gradients, or value, for each element")
        bound = norm if norm is not None else value
        if not is_positive(bound):
            raise ValueError(f"gradients are clipped to a positive number, not {bound!r}")
        self.norm = norm
        self.value = value
        self.last_norm = math.nan

    def on_gradients(self, trainer: Trainer) -> None:
        """Clip."""
        parameters = [p for group in trainer.optimizer.param_groups for p in group["params"]]
        if self.norm is not None:
            self.last_norm = float(clip_grad_norm_(parameters, self.norm))
        elif self.value is not None:
            clip_grad_value_(parameters, self.value)
