"""ReduceLROnPlateau: the scheduler that answers to a metric."""

from __future__ import annotations

from typing import Any

from ..schedules import Plateau, PlateauState
from .scheduler import LRScheduler, of_group, per_group


class ReduceLROnPlateau(LRScheduler):
    """Lowers the rates when a metric no longer improves; see `schedules.Plateau`.

    Unlike the others this is no function of the number of steps: `step` takes the metric, and resuming needs
    the state.

    Args:
        optimizer: the optimiser whose rates are set.
        mode: "min" where a smaller metric is better, "max" where a larger one is.
        factor: what the rates are multiplied with, below 1.
        patience: how many metrics in a row may be no better than the best.
        threshold: by how much a metric must be better to count.
        threshold_mode: "rel": by that share of the best; "abs": by that much.
        cooldown: for how many metrics after a reduction nothing is counted.
        min_lr: the lowest rate, or one for each parameter group.
        eps: reductions of a rate by no more than that are left out.

    >>> import pullback as pb
    >>> optimizer = pb.optim.SGD([pb.tensor(1.0, requires_grad=True)], lr=0.4)
    >>> scheduler = pb.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
    >>> for loss in (3.0, 2.0, 2.0, 2.0):
    ...     scheduler.step(loss)
    >>> scheduler.get_last_lr()
    [0.2]
    """

    def __init__(
        self,
        optimizer: Any,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | list[float] = 0,
        eps: float = 1e-8,
    ) -> None:
        self.mode, self.factor, self.patience = mode, factor, patience
        self.threshold, self.threshold_mode = threshold, threshold_mode
        self.cooldown, self.eps = cooldown, eps
        super().__init__(optimizer)
        self.last_epoch = 0
        self.min_lrs = per_group("min_lr", min_lr, optimizer)
        self.best, self.num_bad_epochs, self.cooldown_counter = self._rule(0.0).start()

    def initial_step(self) -> None:
        """There is nothing to be set before the first metric."""

    def step(self, metrics: Any, epoch: float | None = None) -> None:  # type: ignore[override]  # it needs the metric, as PyTorch's does
        """Take the next metric, and lower the rates if it is time to.

        Args:
            metrics: a number, or a tensor of one.
            epoch: what `last_epoch` becomes, instead of one more.
        """
        metric = float(metrics)
        state = PlateauState(self.best, self.num_bad_epochs, self.cooldown_counter)
        state, lower = self._rule(0.0).update(state, metric)
        self._adopt_groups()
        if lower:
            for number, group in enumerate(self.optimizer.param_groups):
                minimum = of_group(self.min_lrs, number)
                group["lr"] = self._rule(minimum).lowered(group["lr"])
        self.best, self.num_bad_epochs, self.cooldown_counter = state
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        self._last_lr = [group["lr"] for group in self.optimizer.param_groups]

    def _rule(self, min_lr: float) -> Plateau:
        return Plateau(
            self.mode,
            self.factor,
            self.patience,
            self.threshold,
            self.threshold_mode,
            self.cooldown,
            min_lr,
            self.eps,
        )

    def _only_pytorch_has(self, name: str) -> bool:
        return name in ("mode_worse", "default_min_lr") or super()._only_pytorch_has(name)
