"""search: trials of configurations, by a plan or a sampler, in stages, in parallel, and gone on with after a break."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..numbers_given import is_whole
from ..parallel import as_they_come
from ..saying import say
from .result import SearchResult, shown
from .space import Config, Space
from .study import (
    PrunedBy,
    absolute,
    asked,
    close,
    finished,
    known_seed,
    open_study,
    opened,
    planned,
    pruner_of,
    quiet,
    require_optuna,
    sampler_of,
    told,
)
from .trial import Outcome, Trial, attempt

DRAW, RUN = 0, 1  # what the random numbers of a trial are for


def search(
    objective: Callable[[Trial], float],
    space: Mapping[str, Any],
    *,
    trials: int | None = None,
    strategy: Any = "random",
    points: int | Mapping[str, int] = 3,
    direction: str = "minimize",
    stages: int = 1,
    shrink: float = 0.25,
    explode: float | None = 3.0,
    pruner: Any = None,
    workers: int | None = None,
    seed: int | None = None,
    storage: str | os.PathLike[str] | None = None,
    name: str = "search",
    progress: bool = True,
) -> SearchResult:
    """Try configurations of hyper-parameters, and return what came of them.

    Random search tries more different values of each hyper-parameter than a grid of as many trials, which pays where
    only some of them matter (J. Bergstra and Y. Bengio, "Random search for hyper-parameter optimization", JMLR 13,
    2012; CS231n notes, "Neural Networks Part 3"). The configurations of a random search or a grid depend on the seed
    alone, not on the number of workers, nor on where a search was broken off.

    Ctrl-C ends the search and returns the trials that were done.

    Args:
        objective: a function of a `Trial`, which is a mapping of the hyper-parameters (`trial["lr"]`), that returns how
            good they are; such as a `TrainingObjective`. It may report and be stopped; see `Trial`. A
            `FloatingPointError`, as `fit` raises for a loss that is not finite, stops the trial; other errors end the
            search.
        space: what each hyper-parameter may be, by name: `Uniform`, `LogUniform`, `Integer`, `Choice`; a list is a
            choice, and another plain value stands for itself.
        trials: how many in each stage, together with those that the storage holds already; 20 if not given. A grid
            has as many as it has points.
        strategy: "random", "grid", "tpe" (trials depend on those before), or a sampler of Optuna.
        points: of the grid, for each number, or a dict of them by name; choices have all their options.
        direction: "minimize" or "maximize".
        stages: coarse to fine: each further stage searches in the space that `SearchResult.narrow` gives.
        shrink: by how much it is narrowed.
        explode: a trial is stopped when a loss that it reports or watches is more than so many times its first value;
            None for never.
        pruner: "median", "hyperband" or a pruner of Optuna: stops trials whose reports are worse than others'.
        workers: how many trials run at the same time; −1 for one per core; what `joblib.parallel_config` says if not
            given, else one. That also chooses the backend: processes, threads, Dask or Ray.
        seed: of the configurations, and of each trial's `rng`; drawn if not given.
        storage: a file that keeps the trials, so that a search that was broken off goes on with the next: `.db` for
            SQLite, `.journal` for a journal, or the address of a database. One process at a time goes on with a search.
        name: of the search in the storage.
        progress: write a line for each trial on standard error.

    Returns:
        The trials, the best of them, and more.

    Raises:
        ImportError: without Optuna or joblib.
        ValueError: for arguments that make no sense, and a storage with another search of that name.
        TypeError: for an objective that gives no number.

    >>> from pullback import train
    >>> space = {"lr": train.LogUniform(1e-4, 1.0), "width": train.Integer(1, 64), "activation": ["relu", "tanh"]}
    >>> def objective(trial):
    ...     return abs(trial["lr"] - 0.1) + (trial["activation"] == "relu")
    >>> result = train.search(objective, space, trials=15, stages=2, seed=0, progress=False)
    >>> print(result)
    30 trials; best value 0.000188508 in trial 3 with lr=0.09981, width=30, activation=tanh
    >>> result.best.stage, result.spaces[1]["lr"].high < 0.5
    (2, True)
    """
    require_optuna()
    space = space if isinstance(space, Space) else Space(space)
    plan = Plan(objective, strategy, points, _trials(strategy, trials), direction, explode, workers, progress)
    plan.check(stages, shrink)
    if seed is not None and not is_whole(seed, 0):
        raise ValueError(f"seed is a whole number from 0 on, not {seed!r}")
    with ExitStack() as stack:
        stack.enter_context(quiet())
        where = None if storage is None else absolute(storage)
        if where is None and pruner is not None:  # workers ask the pruner through a file
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            where = str(Path(folder) / "search.journal")
        pruned = pruner_of(pruner)
        store = opened(where)
        stack.callback(close, store)
        if seed is None:
            seed = known_seed(store, name)
        seed = int(np.random.SeedSequence().generate_state(1)[0]) if seed is None else int(seed)
        result = SearchResult([], [], plan.minimize, seed)
        for stage in range(1, stages + 1):
            narrowed = space if stage == 1 else result.narrow(shrink)
            title = name if stage == 1 else f"{name}, stage {stage}"
            study = open_study(store, title, plan.minimize, plan.described(narrowed, seed, stages), pruned)
            asking = None if pruner is None or where is None else (where, title, pruned)
            done, interrupted = plan.run(study, narrowed, stage, seed, asking)
            result = SearchResult(
                result.trials + done, [*result.spaces, narrowed], plan.minimize, seed, interrupted
            )
            if interrupted:
                break
    return result


def _trials(strategy: Any, trials: int | None) -> int | None:
    if strategy == "grid":
        if trials is not None:
            raise ValueError("a grid has as many trials as points; give points, and leave trials out")
        return None
    trials = 20 if trials is None else trials
    if not is_whole(trials, 1):
        raise ValueError(f"trials is a whole number from 1 on, not {trials!r}")
    return int(trials)


@dataclass(frozen=True)
class Plan:
    """How the trials of each stage are chosen and run."""

    objective: Callable[[Trial], float]
    strategy: Any
    points: int | Mapping[str, int]
    trials: int | None
    direction: str
    explode: float | None
    workers: int | None
    progress: bool

    @property
    def minimize(self) -> bool:
        """Whether small values are good."""
        return self.direction == "minimize"

    def check(self, stages: int, shrink: float) -> None:
        """Refuse what makes no sense, before anything is stored."""
        if self.direction not in ("minimize", "maximize"):
            raise ValueError(f"direction is 'minimize' or 'maximize', not {self.direction!r}")
        if not is_whole(stages, 1):
            raise ValueError(f"stages is a whole number from 1 on, not {stages!r}")
        if not 0 < shrink <= 1:
            raise ValueError(f"shrink is above 0 and at most 1, not {shrink!r}")
        if self.explode is not None and not self.explode > 1:
            raise ValueError(f"explode is a number above 1, or None, and not {self.explode!r}")
        if self.strategy not in ("random", "grid"):
            sampler_of(self.strategy, 0)

    def described(self, space: Space, seed: int, stages: int) -> dict[str, Any]:
        """What the configurations depend on, as JSON keeps it."""
        name = self.strategy if isinstance(self.strategy, str) else type(self.strategy).__name__
        plan: dict[str, Any] = {"space": space.described(), "strategy": name, "seed": seed}
        plan["direction"] = self.direction
        if name == "grid":
            points = self.points
            plan["points"] = (
                {name: int(count) for name, count in points.items()}
                if isinstance(points, Mapping)
                else int(points)
            )
        if stages > 1:
            plan["trials"] = self.trials  # the next stage depends on all of them
        result: dict[str, Any] = json.loads(json.dumps(plan))
        return result

    def configs(self, space: Space, stage: int, seed: int) -> list[Config] | None:
        """All configurations of a stage, or None where they depend on the trials before."""
        if self.strategy == "grid":
            return space.grid(self.points)
        if self.strategy == "random":
            return [
                space.draw(np.random.default_rng([seed, stage, number, DRAW]))
                for number in range(self.trials or 0)
            ]
        return None

    def run(
        self, study: Any, space: Space, stage: int, seed: int, asking: tuple[str, str, Any] | None
    ) -> tuple[list[Outcome], bool]:
        """Run the trials of a stage that are not done yet; all that are done then, and whether Ctrl-C ended it."""
        from joblib import delayed

        configs = self.configs(space, stage, seed)
        count = len(configs) if configs is not None else self.trials or 0
        outcomes = {outcome.number: outcome for outcome in finished(study, space, stage)}
        todo = [number for number in range(count) if number not in outcomes]
        if configs is None:
            study.sampler = sampler_of(self.strategy, [seed, stage, len(outcomes)])
        else:
            study.sampler = planned()
        running: dict[int, Any] = {}

        def jobs() -> Iterator[tuple[Trial, int]]:
            for number in todo:
                if configs is not None:
                    coded = {name: space[name].coded(value) for name, value in configs[number].items()}
                    study.sampler.next = coded
                asked_for, config = asked(study, space, number)
                running[number] = asked_for
                pruned = None
                if asking is not None:
                    where, title, pruner = asking
                    pruned = PrunedBy(where, title, asked_for.number, pruner)
                yield (
                    Trial(
                        config,
                        number,
                        [seed, stage, number, RUN],
                        minimize=self.minimize,
                        explode=self.explode,
                        pruned=pruned,
                        ended=None if pruned is None else pruned.close,
                    ),
                    stage,
                )

        interrupted = False
        try:
            tasks = (delayed(attempt)(self.objective, trial, stage) for trial, stage in jobs())
            for outcome in as_they_come(tasks, self.workers):
                told(study, running.pop(outcome.number), outcome, reported=asking is not None)
                outcomes[outcome.number] = outcome
                self._say(outcomes, outcome, count)
        except KeyboardInterrupt:
            interrupted = True
            if self.progress:
                say(f"interrupted: {len(outcomes)} of {count} trials are done")
        finally:
            for trial in running.values():
                study.tell(trial, state=_failed())
        return [outcomes[number] for number in sorted(outcomes)], interrupted

    def _say(self, outcomes: dict[int, Outcome], last: Outcome, count: int) -> None:
        if not self.progress:
            return
        best = SearchResult(list(outcomes.values()), [], self.minimize, 0).ranked
        what = f"{last.value:.6g}" if last.stopped is None else f"stopped, {last.stopped}"
        settings = ", ".join(f"{name}={shown(value)}" for name, value in last.config.items())
        known = f" (best {best[0].value:.6g} in trial {best[0].number})" if best else ""
        where = f"stage {last.stage}, " if last.stage > 1 else ""
        say(f"{where}trial {last.number}, {len(outcomes)}/{count}: {what}{known}; {settings}")


def _failed() -> Any:
    from optuna.trial import TrialState

    return TrialState.FAIL
