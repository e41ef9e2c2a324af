"""TrainingObjective: a training as the objective of a search."""

from __future__ import annotations

from typing import Any

from ..evaluation import Metrics
from ..once import Build, as_dataset, train_once
from .trial import ReportTrial, Trial


class TrainingObjective:
    """Builds a model for each trial, trains it, and gives its score; every epoch is reported.

    The trial watches the loss of every batch, so that one that explodes is stopped, and a pruner sees the score of
    every epoch. All random numbers come from the trial's `rng`.

    Args:
        build: a function of a generator and the hyper-parameters by name, `build(rng, lr=..., width=...)`, that gives
            (model, loss, optimizer), or these and a dict of further arguments of `fit`. Hyper-parameters called
            `epochs` and `batch_size` set those, and are not given to it.
        training: a data set, or a pair of arrays (inputs, targets).
        validation: another, on which the model is measured after each epoch.
        epochs: how often to go through the training data.
        batch_size: samples per update.
        score: what the search looks at, after the last epoch: "validation loss", or "validation " and a metric.
        metrics: metrics by name, as for `fit`.

    >>> import numpy as np
    >>> from pullback import nn, optim, train
    >>> x = np.linspace(-1, 1, 64).reshape(-1, 1)
    >>> def build(rng, lr, width):
    ...     model = nn.Sequential(nn.Linear(1, width, rng=rng), nn.Tanh(), nn.Linear(width, 1, rng=rng))
    ...     return model, nn.MSELoss(), optim.SGD(model.parameters(), lr=lr)
    >>> objective = train.TrainingObjective(build, (x[::2], np.sin(3 * x[::2])), (x[1::2], np.sin(3 * x[1::2])))
    >>> space = {"lr": train.LogUniform(1e-3, 10), "width": train.Integer(2, 16)}
    >>> result = train.search(objective, space, trials=8, seed=0, progress=False)
    >>> 0.01 < result.config["lr"] < 1
    True
    """

    def __init__(
        self,
        build: Build,
        training: Any,
        validation: Any,
        *,
        epochs: int = 10,
        batch_size: int = 32,
        score: str = "validation loss",
        metrics: Metrics | None = None,
    ) -> None:
        self.build = build
        self.training = as_dataset(training)
        self.validation = as_dataset(validation)
        self.epochs = epochs
        self.batch_size = batch_size
        self.score = score
        self.metrics = metrics

    def __call__(self, trial: Trial) -> float:
        """Train with the hyper-parameters of a trial."""
        _, _, history = train_once(
            self.build,
            trial,
            self.training,
            self.validation,
            epochs=self.epochs,
            batch_size=self.batch_size,
            metrics=self.metrics,
            rng=trial.rng,
            callbacks=[ReportTrial(trial, self.score)],
        )
        return history[-1].score(self.score)
