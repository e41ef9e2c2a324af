"""Histories as text: JSON, which holds everything, and CSV, for tables."""

from __future__ import annotations

import csv
import io
import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .history import History

KIND = "pullback training history"
_WORDS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def as_json(history: History) -> str:
    """JSON that every reader takes: numbers that are not finite are the words "nan", "inf" and "-inf"."""
    return json.dumps({"kind": KIND} | _plain(history.to_dict()), indent=1, allow_nan=False) + "\n"


def from_json(text: str) -> dict[str, Any]:
    """What `as_json` was made of.

    Raises:
        ValueError, TypeError, KeyError: for anything else.
    """
    content = json.loads(text)
    if not isinstance(content, dict) or content.pop("kind", None) != KIND:
        raise ValueError("it was not written by History.save")
    for epoch in content["epochs"]:
        for scores in (epoch, epoch["validation"]):
            if scores is not None:
                scores["loss"] = _numbers(scores["loss"])
                scores["metrics"] = {name: _numbers(value) for name, value in scores["metrics"].items()}
    return content


def as_csv(history: History) -> str:
    """A row for each epoch: its number, its scores that are single numbers, and its seconds."""
    rows = [
        {"epoch": epoch.number}
        | {name: value for name, value in epoch.scores().items() if np.ndim(value) == 0}
        | {"seconds": epoch.seconds}
        for epoch in history
    ]
    names = list(dict.fromkeys(name for row in rows for name in row if name != "seconds")) or ["epoch"]
    file = io.StringIO()
    writer = csv.DictWriter(file, [*names, "seconds"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def _plain(value: Any) -> Any:
    """The same as JSON has it."""
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.tolist()
    if isinstance(value, dict):
        return {str(name): _plain(entry) for name, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _numbers(value: Any) -> Any:
    """A number, or an array of several."""
    if isinstance(value, list):
        return np.array([_numbers(entry) for entry in value])
    return _WORDS[value] if isinstance(value, str) else value
