"""fit: the training loop with its usual parts, in one call."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from .callbacks import Callback, Checkpoint, ClipGradients, Progress, Schedule, TimeBudget
from .evaluation import Metrics
from .history import History
from .trainer import Trainer


def fit(
    model: Any,
    loss: Callable[[Any, Any], Any],
    optimizer: Any,
    loader: Iterable[Any],
    *,
    epochs: int,
    validation: Iterable[Any] | None = None,
    metrics: Metrics | None = None,
    progress: bool = True,
    scheduler: Any = None,
    clip: float | ClipGradients | None = None,
    accumulate: int = 1,
    callbacks: Sequence[Callback] = (),
    checkpoint: str | os.PathLike[str] | Checkpoint | None = None,
    resume: bool | str | os.PathLike[str] = False,
    seconds: float | None = None,
    nonfinite: str = "raise",
    rng: np.random.Generator | None = None,
) -> History:
    """Train a model, and return what each epoch gave.

    The model is in training mode while it is trained and in evaluation mode while it is validated; afterwards
    each of its modules is in the mode in which it was. This makes a `Trainer` with the usual callbacks and runs it.

    Args:
        model: a module. An input that is a tuple becomes its positional arguments, a dict its arguments by name.
        loss: a function of (output, target) that gives a scalar, the mean over the batch.
        optimizer: what updates the model's parameters.
        loader: yields batches (input, target), anew in every epoch.
        epochs: how often to go through the loader.
        validation: a loader for the evaluation after each epoch.
        metrics: by name, functions of (output, target) that give the mean over the batch, and `Metric`s.
        progress: show a bar on a terminal, and plain lines elsewhere.
        scheduler: a learning-rate scheduler, stepped after each epoch; or a `Schedule`, which may step it after each
            update.
        clip: the norm to which the gradients of an update are scaled down; or a `ClipGradients`.
        accumulate: how many batches make one update; its gradient is that of the mean over all their samples.
        callbacks: called in this order, after those that the other arguments make and before the progress bar.
        checkpoint: a folder for the whole state of the training, written after each epoch and at the end; or a
            `Checkpoint`, which may write more often and keep the best.
        resume: go on from the newest file in that folder, or begin if there is none; or the file to go on from.
        seconds: a budget of time, after which the training stops.
        nonfinite: what to do about a loss or a gradient that is infinite or nan: "raise" an error that says where it
            came from; or "skip" the update, with a warning that says it.
        rng: the generator that random functions without one of their own draw from while training.

    Raises:
        CheckpointError: for a damaged file to go on from, and for a folder of another training without `resume`.
        FloatingPointError: for a loss or a gradient that is infinite or nan, before the update.
        KeyboardInterrupt: after Ctrl-C, when the present update is whole and everything is saved.
        TypeError: for a metric, a callback, a scheduler or a generator that is none.
        ValueError: for a negative number of epochs, a loader without batches, batches that are no pairs, and options
            out of range.

    >>> import numpy as np, pullback as pb
    >>> from pullback import data, nn, optim, train
    >>> x = np.linspace(-1, 1, 32).reshape(32, 1)
    >>> loader = data.DataLoader(data.TensorDataset(x, (x[:, 0] > 0).astype(int)), batch_size=8)
    >>> model = nn.Linear(1, 2, rng=np.random.default_rng(0))
    >>> optimizer = optim.SGD(model.parameters(), lr=1.0)
    >>> history = train.fit(model, nn.CrossEntropyLoss(), optimizer, loader, epochs=5, progress=False)
    >>> history[-1].loss < history[0].loss
    True
    """
    parts: list[Callback] = []
    if clip is not None:
        parts.append(clip if isinstance(clip, ClipGradients) else ClipGradients(norm=clip))
    if scheduler is not None:
        parts.append(scheduler if isinstance(scheduler, Schedule) else Schedule(scheduler))
    parts += callbacks
    if seconds is not None:
        parts.append(TimeBudget(seconds))
    if progress:
        parts.append(Progress())
    files = Checkpoint(checkpoint) if isinstance(checkpoint, (str, os.PathLike)) else checkpoint
    if files is not None:
        parts.append(files)
    elif resume is not False:
        raise ValueError(
            "resume needs to know from where: give checkpoint, the folder of the training's state"
        )
    trainer = Trainer(
        model,
        loss,
        optimizer,
        metrics=metrics,
        accumulate=accumulate,
        callbacks=parts,
        nonfinite=nonfinite,
        rng=rng,
    )
    if files is not None and resume is not False:
        files.resume(trainer, None if resume is True else resume)
    return trainer.fit(loader, epochs=epochs, validation=validation)
