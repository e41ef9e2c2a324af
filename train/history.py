"""What a training gave: scores, epochs, and the history that they make."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..autograd.extend import write_atomically
from . import history_text

VALIDATION = "validation "
"""What the names of scores on validation data begin with."""


@dataclass(frozen=True)
class Scores:
    """A mean loss and metrics over the samples of a data set."""

    loss: float
    metrics: dict[str, Any]
    """Numbers by name; a metric of several numbers, such as a confusion matrix, has an array."""

    def __str__(self) -> str:
        named = {"loss": self.loss, **self.metrics}
        return ", ".join(f"{name} {value:.4f}" for name, value in named.items() if is_number(value))


@dataclass(frozen=True)
class Epoch:
    """What one epoch gave: scores on the training batches as they came, on validation, and its duration."""

    number: int
    loss: float
    metrics: dict[str, Any]
    validation: Scores | None
    seconds: float

    def __str__(self) -> str:
        text = str(Scores(self.loss, self.metrics))
        if self.validation is not None:
            text += f", validation {self.validation}"
        return f"{text} ({self.seconds:.2f} s)"

    def scores(self) -> dict[str, Any]:
        """All scores by name: "loss", the metrics, and those on validation data as "validation loss" and so on."""
        named = {"loss": self.loss, **self.metrics}
        if self.validation is not None:
            checked = {"loss": self.validation.loss, **self.validation.metrics}
            named |= {VALIDATION + name: value for name, value in checked.items()}
        return named

    def score(self, name: str | None = None) -> float:
        """One number among the scores, such as "validation accuracy"; without a name the loss that counts.

        Args:
            name: of the score; if not given, "validation loss" where there was a validation, else "loss".

        Raises:
            ValueError: for a name that is not there, with those that are, and for a metric of several numbers.
        """
        named = self.scores()
        if name is None:
            name = VALIDATION + "loss" if self.validation is not None else "loss"
        if name not in named:
            raise ValueError(f"there is no score {name!r}; this training has {', '.join(map(repr, named))}")
        if not is_number(named[name]):
            raise ValueError(f"the score {name!r} is no single number, so it cannot be followed")
        return float(named[name])


@dataclass
class History:
    """The epochs of one training, in order; indexing, length and iteration are those of the list."""

    epochs: list[Epoch] = field(default_factory=list)
    stopped: str | None = None
    """Why the training ended before its last epoch; None if it did not."""

    def __len__(self) -> int:
        return len(self.epochs)

    def __getitem__(self, index: int) -> Epoch:
        return self.epochs[index]

    def __iter__(self) -> Iterator[Epoch]:
        return iter(self.epochs)

    def to_dict(self) -> dict[str, Any]:
        """The epochs and the reason as plain dicts and lists, with arrays where a metric has several numbers."""
        return {"epochs": [asdict(epoch) for epoch in self.epochs], "stopped": self.stopped}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> History:
        """The history that `to_dict` gave."""
        epochs = [
            Epoch(**{**one, "validation": None if one["validation"] is None else Scores(**one["validation"])})
            for one in content["epochs"]
        ]
        return cls(epochs, content["stopped"])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the history to a file that ends with .json or .csv; it appears whole or not at all.

        JSON holds everything, and `History.from_json` reads it. CSV has a row for each epoch and a column for each
        score that is a single number.

        Raises:
            ValueError: for another ending.
        """
        kinds = {".json": history_text.as_json, ".csv": history_text.as_csv}
        suffix = os.path.splitext(path)[1]
        if suffix not in kinds:
            raise ValueError(f"a history is written as .json or .csv, and not as {os.fspath(path)!r}")
        write_atomically(path, kinds[suffix](self).encode())

    @classmethod
    def from_json(cls, path: str | os.PathLike[str]) -> History:
        """Read what `save` has written as JSON.

        Raises:
            OSError: if the file cannot be read.
            ValueError: if it is no history.

        >>> import os, tempfile
        >>> from pullback.train import Epoch, History
        >>> path = os.path.join(tempfile.mkdtemp(), "history.json")
        >>> History([Epoch(1, 0.5, {"accuracy": 0.75}, None, 0.1)]).save(path)
        >>> History.from_json(path)[0].metrics
        {'accuracy': 0.75}
        """
        text = Path(path).read_text(encoding="utf-8")
        try:
            return cls.from_dict(history_text.from_json(text))
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"{os.fspath(path)} is no history of a training: {error}") from error


def is_number(value: Any) -> bool:
    """Whether a score is a single number."""
    return isinstance(value, (int, float, np.number)) or (isinstance(value, np.ndarray) and value.ndim == 0)
