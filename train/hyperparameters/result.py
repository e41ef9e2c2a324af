"""SearchResult: the trials of a search, the best of them, what to search next, and a picture."""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...autograd.extend import write_atomically
from .space import Choice, Config, Parameter, Space
from .trial import Outcome

if TYPE_CHECKING:
    from ...viz.figures.plot import Plot
    from ...viz.figures.search import Trials


@dataclass(frozen=True)
class SearchResult:
    """What a search found.

    Attributes:
        trials: what came of each, in the order of their stages and numbers.
        spaces: the space of each stage.
        minimize: whether small values are good.
        seed: the search again with this seed draws the same configurations.
        interrupted: whether it was ended by Ctrl-C.
    """

    trials: list[Outcome]
    spaces: list[Space]
    minimize: bool
    seed: int
    interrupted: bool = False

    @property
    def ranked(self) -> list[Outcome]:
        """The trials that were not stopped, the best first."""
        done = [trial for trial in self.trials if trial.stopped is None]
        return sorted(done, key=lambda trial: trial.value if self.minimize else -trial.value)

    @property
    def best(self) -> Outcome:
        """The best trial.

        Raises:
            ValueError: if there is none that was not stopped.
        """
        ranked = self.ranked
        if not ranked:
            reasons = "; ".join(f"trial {t.number}: {t.stopped}" for t in self.trials[:3])
            raise ValueError(f"none of {len(self.trials)} trials came to its end ({reasons})")
        return ranked[0]

    @property
    def config(self) -> Config:
        """The hyper-parameters of the best trial, as a dict."""
        return dict(self.best.config)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the hyper-parameters of the best trial as JSON.

        Args:
            path: where to.

        Raises:
            OSError: if it cannot be written.
        """
        write_atomically(path, (json.dumps(self.config, indent=2) + "\n").encode())

    def narrow(self, shrink: float = 0.25) -> Space:
        """A space around the best trial, for a finer search.

        Numbers get a range of `shrink` times the width that they had in the last stage, around the best value and
        never beyond that range; choices keep the options that the best quarter of all trials has.

        Args:
            shrink: above 0, at most 1.
        """
        _ = self.best  # which says what is wrong if there is none
        good = self.ranked[: math.ceil(len(self.ranked) / 4)]
        return self.spaces[-1].narrowed([trial.config for trial in good], shrink)

    def rows(self) -> list[dict[str, Any]]:
        """The trials as flat dicts with hyper-parameters and value, as a data frame takes them."""
        return [
            {
                **trial.config,
                "value": trial.value,
                "stage": trial.stage,
                "number": trial.number,
                "stopped": trial.stopped,
                "seconds": trial.seconds,
            }
            for trial in self.trials
        ]

    def plot(self, x: str | None = None, y: str | None = None, *, theme: str = "light") -> Plot[Trials]:
        """Draw the trials: two hyper-parameters and the value, or one and the value; see `viz.hyperparameters`.

        Args:
            x: the hyper-parameter along; if not given, the first that is a number.
            y: the one upwards; if not given, the second that is a number, or the value if there is none.
            theme: "light" or "dark".

        Raises:
            ImportError: without matplotlib.
            ValueError: for a hyper-parameter that is no number, and where none is.
        """
        from ...viz import hyperparameters

        space = self.spaces[0]
        numbers = [name for name, parameter in space.items() if _is_number(parameter)]
        x = x if x is not None else next((name for name in numbers if name != y), None)
        y = y if y is not None else next((name for name in numbers if name != x), "value")
        for name in (x, y):
            if name not in numbers and not (name == "value" and name is y):
                raise ValueError(
                    f"the picture has axes of numbers, and {name!r} is none; there "
                    + (f"are {', '.join(numbers)}" if numbers else "is none in this space")
                )
        assert x is not None
        axes = [name for name in (x, y) if name in space and space[name].logarithmic]
        return hyperparameters(
            self.rows(), x, y, "value", larger_is_better=not self.minimize, log=axes, theme=theme
        )

    def __str__(self) -> str:
        stopped = sum(trial.stopped is not None for trial in self.trials)
        text = f"{len(self.trials)} trials" + (f", {stopped} of them stopped early" if stopped else "")
        if stopped < len(self.trials):
            best = self.best
            settings = ", ".join(f"{name}={shown(value)}" for name, value in best.config.items())
            text += f"; best value {best.value:.6g} in trial {best.number} with {settings}"
        return text + ("; interrupted" if self.interrupted else "")


def _is_number(parameter: Parameter) -> bool:
    return not isinstance(parameter, Choice)


def shown(value: Any) -> str:
    """A hyper-parameter for people."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
