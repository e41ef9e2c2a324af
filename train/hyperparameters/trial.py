"""Trial: one configuration while it is tried, what it reports, and when it is stopped."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..callbacks import Callback
from .space import Config

if TYPE_CHECKING:
    from ..trainer import Trainer


class TrialStopped(Exception):  # noqa: N818 - it is no error
    """Raised within a trial that is not worth going on; `search` notes it and takes the next."""


class Trial(Mapping[str, Any]):
    """A configuration under trial: a mapping of the hyper-parameters, to which the objective reports.

    Attributes:
        number: of the trial in its stage, from 0 on.
        config: the hyper-parameters as a dict.
        rng: a generator that is the trial's own: the same for the same seed, stage and number.
        reports: what was reported so far.

    Args:
        config: the hyper-parameters.
        number: of the trial.
        seed: what `rng` is made from.
        minimize: whether reports are better when they are smaller.
        explode: the trial is stopped when its loss is more than so many times its first value; None for never.
        pruned: told (report, step), whether a pruner wants the trial to end.
        ended: called once the trial is over, however it ends.

    >>> from pullback import train
    >>> trial = train.Trial({"lr": 0.1})
    >>> trial["lr"]
    0.1
    >>> for loss in (2.0, 1.5, 6.5):
    ...     trial.report(loss)
    Traceback (most recent call last):
    ...
    pullback.train.hyperparameters.trial.TrialStopped: the loss is 6.5, more than 3 times its first value 2
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        number: int = 0,
        seed: Any = None,
        *,
        minimize: bool = True,
        explode: float | None = 3.0,
        pruned: Callable[[float, int], bool] | None = None,
        ended: Callable[[], object] | None = None,
    ) -> None:
        self.config = dict(config)
        self.number = number
        self.rng = np.random.default_rng(seed)
        self.reports: list[float] = []
        self._minimize = minimize
        self._explode = explode
        self._pruned = pruned
        self._ended = ended
        self._first: float | None = None

    def __getitem__(self, name: str) -> Any:
        if name not in self.config:
            raise KeyError(
                f"{name!r} is none of the hyper-parameters of this search: {', '.join(self.config)}"
            )
        return self.config[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.config)

    def __len__(self) -> int:
        return len(self.config)

    def watch(self, loss: float) -> None:
        """Look at a loss, as often as you like, and end the trial if it explodes.

        Raises:
            TrialStopped: for a loss that is not finite, and one that is more than `explode` times the first one that
                was seen, if that was positive.
        """
        loss = float(loss)
        if not math.isfinite(loss):
            raise TrialStopped(f"the loss is {loss}")
        if self._first is None:
            self._first = loss
        elif self._explode is not None and 0 < self._first * self._explode < loss:
            raise TrialStopped(
                f"the loss is {loss:g}, more than {self._explode:g} times its first value {self._first:g}"
            )

    def report(self, value: float) -> None:
        """Report how good the trial is by now, once per epoch, say; a pruner compares it with other trials there.

        A value that is minimised is a loss, so it is watched too.

        Raises:
            TrialStopped: when the trial is not worth going on.
        """
        value = float(value)
        if self._minimize:
            self.watch(value)
        elif not math.isfinite(value):
            raise TrialStopped(f"the value is {value}")
        self.reports.append(value)
        if self._pruned is not None and self._pruned(value, len(self.reports)):
            raise TrialStopped(f"pruned after report {len(self.reports)}")


@dataclass(frozen=True)
class Outcome:
    """What came of a trial."""

    number: int
    config: Config
    value: float
    """What the objective gave; nan for a trial that was stopped."""
    reports: list[float] = field(default_factory=list)
    stopped: str | None = None
    """Why the trial was ended early; None for one that was not."""
    seconds: float = 0.0
    stage: int = 1


class ReportTrial(Callback):
    """Reports the epochs of a training to a trial, and lets it watch the loss of every batch.

    Args:
        trial: gets the reports.
        monitor: the score that is reported; if not given, "validation loss" where there is a validation, else "loss".
    """

    def __init__(self, trial: Trial, monitor: str | None = None) -> None:
        self.trial = trial
        self.monitor = monitor

    def on_batch_end(self, trainer: Trainer) -> None:
        """Watch the loss."""
        self.trial.watch(trainer.loss_value)

    def on_epoch_end(self, trainer: Trainer) -> None:
        """Report."""
        self.trial.report(trainer.history[-1].score(self.monitor))


def attempt(objective: Callable[[Trial], float], trial: Trial, stage: int) -> Outcome:
    """Call an objective with a trial, and say what came of it.

    Raises:
        TypeError: for an objective that gives no number.
    """
    start = time.perf_counter()
    config = dict(trial.config)  # as it was given, whatever the objective does to it
    value, stopped = math.nan, None
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # what comes of it is looked at
            value = objective(trial)
    except (TrialStopped, FloatingPointError) as reason:
        stopped = str(reason)
    else:
        try:
            value = float(value)
        except (TypeError, ValueError):
            raise TypeError(
                f"an objective returns one number, how good the trial is, and not {value!r}"
            ) from None
        if not math.isfinite(value):
            value, stopped = math.nan, f"the value is {value}"
    finally:
        if trial._ended is not None:
            trial._ended()
    seconds = time.perf_counter() - start
    return Outcome(trial.number, config, value, trial.reports, stopped, seconds, stage)
