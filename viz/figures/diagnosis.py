"""What curves of a training say, by the rules of thumb of the CS231n notes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .surfaces import Array


@dataclass(frozen=True)
class Diagnosis:
    """What a pair of curves says."""

    kind: str
    """"initialisation", "plateau", "overfitting", "underfitting", "diverging", "rate too low", "noisy" or "still
    improving"."""
    advice: str
    first: int
    last: int
    """The epochs from which and to which it is seen, from 1 on."""


@dataclass(frozen=True)
class Curves:
    """The curves of a training, one value per epoch, and what they say."""

    training: dict[str, Array]
    """By the name of the score: "loss", and the metrics."""
    validation: dict[str, Array]
    diagnoses: tuple[Diagnosis, ...]


def diagnose(history: Any) -> Curves:
    """The curves of a training and what they say; the data of `viz.learning_curves`.

    With L the training loss, smoothed a little, and D how far it has fallen in all:

    - initialisation: it falls by less than 5 % of D in the first fifth (at least 3 epochs), and much later;
    - diverging: it ends above its start, or is no longer finite;
    - plateau: it falls by less than 2 % of D in the last third, and is still above 5 % of its start;
    - rate too low: it falls in a straight line, and by less than a fifth of its start in all;
    - still improving: it falls by more than 5 % of D in the last fifth, and the rate is not too low;
    - noisy: it differs from its smoothed self by more than a fifth of D on average;
    - overfitting: the gap between validation and training loss grows through the last half, and the validation loss
      is above its best by more than 5 %;
    - underfitting: validation and training loss differ by less than 5 % of the training loss at the end, which is
      above a third of its start.

    Raises:
        ValueError: for no epochs, for curves of different lengths, and for no loss.

    >>> from pullback.viz.figures import diagnose
    >>> curves = diagnose({"loss": [2.3] * 10 + [2.3 * 0.7**t for t in range(30)]})
    >>> [(found.kind, found.first, found.last) for found in curves.diagnoses]
    [('initialisation', 1, 11)]
    """
    training, validation = _series(history)
    loss = training["loss"]
    found = _training_shape(loss)
    if (
        "loss" in validation
        and len(loss) >= 5
        and np.isfinite(loss).all()
        and np.isfinite(validation["loss"]).all()
    ):
        found += _gap(loss, validation["loss"])
    return Curves(training, validation, tuple(found))


def _series(history: Any) -> tuple[dict[str, Array], dict[str, Array]]:
    if isinstance(history, Mapping):
        named = {str(name): np.asarray(values, np.float64) for name, values in history.items()}
    else:
        epochs = list(history)
        if not all(hasattr(epoch, "loss") for epoch in epochs):
            raise TypeError(
                "curves are those of a History, or of a dict of lists, as in {'loss': [2.3, 1.7, 1.2]}"
            )
        named = {"loss": np.array([epoch.loss for epoch in epochs], np.float64)}
        # A metric of several numbers, such as a confusion matrix, is no curve.
        metrics = [name for name, value in epochs[0].metrics.items() if np.ndim(value) == 0] if epochs else []
        named |= {name: np.array([epoch.metrics[name] for epoch in epochs], np.float64) for name in metrics}
        if epochs and all(epoch.validation is not None for epoch in epochs):
            named["validation loss"] = np.array([epoch.validation.loss for epoch in epochs], np.float64)
            for name in metrics:
                values = [epoch.validation.metrics[name] for epoch in epochs]
                named[f"validation {name}"] = np.array(values, np.float64)
    prefix = "validation "
    training = {name: values for name, values in named.items() if not name.startswith(prefix)}
    validation = {
        name.removeprefix(prefix): values for name, values in named.items() if name.startswith(prefix)
    }
    lengths = {values.shape for values in named.values()}
    if "loss" not in training:
        raise ValueError(
            f"curves of a training have a 'loss', and these have {', '.join(map(repr, named)) or 'none'}"
        )
    if len(lengths) != 1 or len(next(iter(lengths))) != 1 or not training["loss"].size:
        raise ValueError(f"each curve has one value per epoch, and these have shapes {sorted(lengths)}")
    return training, validation


def _training_shape(loss: Array) -> list[Diagnosis]:
    count = len(loss)
    if not np.isfinite(loss).all():
        first = int(np.argmin(np.isfinite(loss))) + 1
        return [Diagnosis("diverging", "the loss is not finite: lower the learning rate", first, count)]
    if count < 5:
        return []
    smooth = _smoothed(loss)
    fallen = smooth[0] - smooth.min()
    if smooth[-1] > smooth[0] or fallen <= 0:
        return [
            Diagnosis(
                "diverging", "the loss grows: lower the learning rate", int(np.argmin(smooth)) + 1, count
            )
        ]
    found = []
    early = max(3, count // 5)
    if count > early and smooth[0] - smooth[:early].min() < 0.05 * fallen:
        flat = int(np.argmax(smooth[0] - smooth >= 0.05 * fallen))
        found.append(
            Diagnosis("initialisation", "flat first and falling then: initialise better", 1, max(1, flat))
        )
    third, fifth = count - max(2, count // 3), count - max(2, count // 5)
    if smooth[third] - smooth[-1] < 0.02 * fallen and smooth[-1] > 0.05 * smooth[0]:
        level = smooth[third:].mean()
        start = int(np.argmax(smooth - level < 0.02 * fallen + 1e-12))
        found.append(Diagnosis("plateau", "it no longer falls: decay the learning rate", start + 1, count))
    elif fallen < 0.2 * smooth[0] and _is_straight(smooth):
        found.append(
            Diagnosis("rate too low", "it falls slowly in a straight line: raise the learning rate", 1, count)
        )
    elif smooth[fifth] - smooth[-1] > 0.05 * fallen:
        found.append(Diagnosis("still improving", "it still falls: train longer", fifth + 1, count))
    if count >= 10 and np.abs(loss - _mean_of_neighbours(loss, 5)).mean() > 0.2 * fallen:
        found.append(Diagnosis("noisy", "it jumps about: larger batches, or a lower learning rate", 1, count))
    return found


def _gap(training: Array, validation: Array) -> list[Diagnosis]:
    count = len(training)
    loss, checked = _smoothed(training), _smoothed(validation)
    gap, best = checked - loss, int(np.argmin(checked))
    half = max(count // 2, best) if best < count - 2 else count // 2
    if gap[-1] > gap[half] and gap[-1] > 0.1 * loss[0] and checked[-1] > 1.05 * checked[best]:
        advice = "the gap grows: regularise more, get more data, or stop at the best epoch"
        return [Diagnosis("overfitting", advice, best + 1, count)]
    if abs(gap[-1]) < 0.05 * abs(loss[-1]) and loss[-1] > loss[0] / 3:
        return [
            Diagnosis(
                "underfitting", "no gap and no good loss: a larger model", max(1, count - count // 3), count
            )
        ]
    return []


def _is_straight(values: Array) -> bool:
    """Whether a line explains nearly all of a curve's fall, and its halves fall alike."""
    half = len(values) // 2
    first, second = values[0] - values[half], values[half] - values[-1]
    line = np.corrcoef(np.arange(len(values)), values)[0, 1]
    return bool(line < -0.97 and second > 0.6 * first)


def _smoothed(values: Array) -> Array:
    """The running mean over about a twentieth of the curve, which leaves short curves as they are."""
    return _mean_of_neighbours(values, max(1, len(values) // 20))


def _mean_of_neighbours(values: Array, width: int) -> Array:
    padded = np.pad(values, (width // 2, width - 1 - width // 2), mode="edge")
    return np.convolve(padded, np.ones(width) / width, mode="valid")
