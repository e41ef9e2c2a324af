"""Learning-rate schedules as a callback."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...optim.lr_scheduler import ReduceLROnPlateau
from .base import Callback

if TYPE_CHECKING:
    from ..trainer import Trainer


class Schedule(Callback):
    """Steps a learning-rate scheduler, after each epoch or after each update.

    Args:
        scheduler: of `optim.lr_scheduler`, or anything with a method `step`.
        every: "epoch" or "batch", as the numbers of the schedule are meant; a batch is an update of the parameters,
            so that `OneCycleLR(total_steps=...)` counts updates also where gradients are accumulated.
        monitor: the score that a scheduler which answers to one (`ReduceLROnPlateau`) gets; if not given,
            "validation loss" where there is a validation, else "loss".

    Raises:
        TypeError: for what has no method `step`.
        ValueError: for another `every`, for a score that nobody asked for, and for a scheduler of scores after
            each batch; when the training begins, for a scheduler of another optimiser.

    >>> import pullback as pb
    >>> w = pb.tensor(1.0, requires_grad=True)
    >>> optimizer = pb.optim.SGD([w], lr=0.1)
    >>> one_cycle = pb.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=100)
    >>> callback = pb.train.Schedule(one_cycle, every="batch")
    """

    def __init__(self, scheduler: Any, every: str = "epoch", monitor: str | None = None) -> None:
        if not callable(getattr(scheduler, "step", None)):
            raise TypeError(f"a scheduler has a method step, and a {type(scheduler).__name__} has none")
        if every not in ("epoch", "batch"):
            raise ValueError(f"every is 'epoch' or 'batch', not {every!r}")
        self.scheduler = scheduler
        self.every = every
        self.monitor = monitor
        self.wants_score = isinstance(scheduler, ReduceLROnPlateau)
        if monitor is not None and not self.wants_score:
            raise ValueError(f"{type(scheduler).__name__} answers to no score, so there is none to monitor")
        if self.wants_score and every == "batch":
            raise ValueError("the scores are those of epochs, so ReduceLROnPlateau is stepped every 'epoch'")

    def on_train_begin(self, trainer: Trainer) -> None:
        """See that the scheduler sets the rates of this training."""
        other = getattr(self.scheduler, "optimizer", None)
        if other is None:
            return
        own = {id(group) for group in trainer.optimizer.param_groups}
        if not any(id(group) in own for group in other.param_groups):
            raise ValueError(
                f"the {type(self.scheduler).__name__} was made for another optimizer than the one of this training, "
                "whose rates it would never change; make it from this one"
            )

    def on_batch_end(self, trainer: Trainer) -> None:
        """Step after an update."""
        if self.every == "batch" and trainer.updated:
            self.scheduler.step()

    def on_epoch_end(self, trainer: Trainer) -> None:
        """Step after an epoch."""
        if self.every == "epoch":
            if self.wants_score:
                self.scheduler.step(trainer.history[-1].score(self.monitor))
            else:
                self.scheduler.step()

    def state_dict(self) -> dict[str, Any]:
        """The scheduler's state."""
        return {"scheduler": self.scheduler.state_dict()}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over the scheduler's state."""
        self.scheduler.load_state_dict(state_dict["scheduler"])
