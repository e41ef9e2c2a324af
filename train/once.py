"""One training from a build function: what cross-validation and searches repeat."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..autograd.extend import drawing_from
from ..data import DataLoader, TensorDataset
from .callbacks import Callback
from .evaluation import Metrics
from .history import History
from .loop import fit

Build = Callable[..., tuple[Any, ...]]
"""A function of a generator and of hyper-parameters by name that gives (model, loss, optimizer), or these and a dict
of further arguments of `fit`."""

SCHEDULE = ("epochs", "batch_size")
"""Hyper-parameters that belong to the training and not to what is built."""


def as_dataset(data: Any) -> Any:
    """A data set as it is; a tuple or list of arrays (inputs, targets) as a `TensorDataset`."""
    return TensorDataset(*data) if isinstance(data, (tuple, list)) else data


def train_once(
    build: Build,
    config: Mapping[str, Any],
    training: Any,
    validation: Any,
    *,
    epochs: int,
    batch_size: int,
    metrics: Metrics | None,
    rng: np.random.Generator,
    callbacks: Sequence[Callback] = (),
) -> tuple[Any, Any, History]:
    """Build a model and train it, with all random numbers from one generator.

    Args:
        build: called with the generator and the hyper-parameters by name.
        config: the hyper-parameters; `epochs` and `batch_size` among them take the place of the arguments below and
            are not given to `build`.
        training: the data set to learn from.
        validation: the data set to measure on after each epoch, or None.
        epochs: how often to go through the data.
        batch_size: samples per update.
        metrics: as `fit` takes them.
        rng: where all random numbers come from.
        callbacks: as `fit` takes them.

    Returns:
        The model, its loss, and the history.

    Raises:
        TypeError: for a build function that gives something else.
    """
    epochs, batch_size = config.get("epochs", epochs), config.get("batch_size", batch_size)
    with drawing_from(rng):
        built = build(rng, **{name: value for name, value in config.items() if name not in SCHEDULE})
        if not isinstance(built, tuple) or len(built) not in (3, 4):
            raise TypeError(
                "a build function gives (model, loss, optimizer), or these and a dict of arguments of fit, and not "
                + (f"a tuple of {len(built)}" if isinstance(built, tuple) else f"a {type(built).__name__}")
            )
        model, loss, optimizer = built[:3]
        options = dict(built[3]) if len(built) == 4 else {}
        history = fit(
            model,
            loss,
            optimizer,
            DataLoader(training, batch_size, shuffle=True, rng=rng),
            epochs=epochs,
            validation=None if validation is None else DataLoader(validation, batch_size),
            metrics=metrics,
            callbacks=[*options.pop("callbacks", ()), *callbacks],
            progress=False,
            **options,
        )
    return model, loss, history
