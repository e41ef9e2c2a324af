"""What is not a learner's to change: Python's own functions, NumPy's, pullback's and the grader's."""

from __future__ import annotations

import builtins
import sys
import threading
import time
from typing import Any

import numpy as np


class Belongings:
    """The functions and classes that a grading stands on, as they are when it begins."""

    def __init__(self) -> None:
        own = __name__.rpartition(".")[0]
        ours = [module for name, module in list(sys.modules.items()) if name.startswith(own)]
        classes = [thing for module in ours for thing in vars(module).values() if _is_of(thing, own)]
        places = [
            builtins,
            np,
            np.linalg,
            threading,
            time,
            sys.modules[own.partition(".")[0]],
            *ours,
            *classes,
        ]
        self._before = [
            (place, [(name, thing) for name, thing in vars(place).items() if _watched(place, name, thing)])
            for place in places
        ]

    def mended(self) -> str:
        """Put back what has been exchanged since; the name of one such thing, "" if there is none."""
        found = ""
        for place, things in self._before:  # by nothing that may have been exchanged itself
            now = place.__dict__
            for name, thing in things:
                if now.get(name) is not thing:
                    setattr(place, name, thing)
                    found = f"{place.__name__}.{name}"
        return found


def _watched(place: Any, name: str, thing: Any) -> bool:
    properties_too = isinstance(place, type) and not name.startswith("__")
    return callable(thing) or properties_too


def _is_of(thing: Any, package: str) -> bool:
    return isinstance(thing, type) and thing.__module__.startswith(package)
