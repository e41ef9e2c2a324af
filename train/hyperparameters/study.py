"""Optuna's part of a search: studies in files, samplers, pruners, and trials that are told what came of them."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from .space import Config, Space
from .trial import Outcome

SQLITE = (".db", ".sqlite", ".sqlite3")
JOURNAL = (".journal", ".jsonl", ".log")


def require_optuna() -> None:
    """Raise ImportError with the way to mend it, where Optuna or joblib is missing."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about widgets for bars, which are not drawn here
            import joblib  # noqa: F401 - only whether it is there
            import optuna  # noqa: F401 - only whether it is there
    except ImportError as error:
        raise ImportError(
            "the search needs Optuna and joblib, which the extra 'search' brings: pip install 'pullback[search]'"
        ) from error


@contextmanager
def quiet() -> Iterator[None]:
    """Optuna without its notes on every trial."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def absolute(storage: str | os.PathLike[str]) -> str:
    """A storage so that every worker finds it: an address as it is, a path from the root on.

    Raises:
        ValueError: for a path that does not say by its suffix what it is.
    """
    text = os.fspath(storage)
    if "://" in text:
        return text
    if Path(text).suffix not in (*SQLITE, *JOURNAL):
        raise ValueError(
            f"a storage is an SQLite file ({', '.join(SQLITE)}), a journal file ({', '.join(JOURNAL)}) or the address "
            f"of a database such as 'postgresql://...', and {text!r} is none of them"
        )
    return str(Path(text).resolve())


def opened(storage: str | None) -> Any:
    """The storage of Optuna for what `absolute` gave; in memory for None."""
    from optuna.storages import InMemoryStorage, JournalStorage, RDBStorage
    from optuna.storages.journal import JournalFileBackend

    if storage is None:
        return InMemoryStorage()
    if "://" in storage:
        return RDBStorage(storage)
    if Path(storage).suffix in SQLITE:
        return RDBStorage(f"sqlite:///{storage}")
    return JournalStorage(JournalFileBackend(storage))


def close(store: Any) -> None:
    """Let go of a data base's connections, which Optuna itself leaves to the garbage collector."""
    engine = getattr(store, "engine", None)
    if engine is not None:
        store.remove_session()
        engine.dispose()


def pruner_of(pruner: Any) -> Any:
    """A pruner of Optuna by its name, or the one that was given.

    Raises:
        ValueError: for an unknown name.
    """
    import optuna

    if pruner is None:
        return optuna.pruners.NopPruner()
    if isinstance(pruner, optuna.pruners.BasePruner):
        return pruner
    if pruner == "median":
        return optuna.pruners.MedianPruner()
    if pruner == "hyperband":
        return optuna.pruners.HyperbandPruner()
    raise ValueError(f"pruner is 'median', 'hyperband', one of Optuna's, or None, and not {pruner!r}")


def planned() -> Any:
    """A sampler of Optuna that gives the configuration in its attribute `next`."""
    import optuna

    class Planned(optuna.samplers.BaseSampler):
        next: Config

        def infer_relative_search_space(self, study: Any, trial: Any) -> dict[str, Any]:
            return {}

        def sample_relative(self, study: Any, trial: Any, search_space: Any) -> dict[str, Any]:
            return {}

        def sample_independent(self, study: Any, trial: Any, param_name: str, param_distribution: Any) -> Any:
            return self.next[param_name]

    return Planned()


class PrunedBy:
    """Whether a pruner wants a trial to end, asked from any process that can open the storage."""

    def __init__(self, storage: str, study: str, number: int, pruner: Any) -> None:
        self.storage = storage
        self.study = study
        self.number = number
        self.pruner = pruner
        self._store: Any = None
        self._trial: Any = None

    def __call__(self, value: float, step: int) -> bool:
        """Store a report and ask."""
        if self._trial is None:
            self._store = opened(self.storage)
            self._trial = self._found()
        self._trial.report(value, step)
        return bool(self._trial.should_prune())

    def close(self) -> None:
        """Let go of the storage; another report would open it again."""
        close(self._store)
        self._store = self._trial = None

    def _found(self) -> Any:
        import optuna

        study = optuna.load_study(
            study_name=self.study, storage=self._store, sampler=planned(), pruner=self.pruner
        )
        key = self._store.get_study_id_from_name(self.study)
        number = self._store.get_trial_id_from_study_id_trial_number(key, self.number)
        return optuna.trial.Trial(study, number)

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_store": None, "_trial": None}


def open_study(storage: Any, name: str, minimize: bool, plan: dict[str, Any], pruner: Any) -> Any:
    """The study of one stage, new or gone on with; trials that nobody works on any more are marked as failed.

    Args:
        storage: of Optuna.
        name: of the study.
        minimize: whether small values are good.
        plan: what the trials depend on; a study that was begun with another is refused.
        pruner: of Optuna.

    Raises:
        ValueError: for a study of that name with another plan.
    """
    import optuna
    from optuna.trial import TrialState

    study = optuna.create_study(
        storage=storage,
        study_name=name,
        direction="minimize" if minimize else "maximize",
        pruner=pruner,
        sampler=planned(),
        load_if_exists=True,
    )
    known = study.user_attrs.get("pullback")
    if known is None:
        if study.get_trials(deepcopy=False):
            raise ValueError(
                f"the study {name!r} in this storage is not one of pullback's; give another name"
            )
        study.set_user_attr("pullback", plan)
    elif known != plan:
        others = [key for key in plan if known.get(key) != plan[key]]
        raise ValueError(
            f"the storage holds a search {name!r} with another {' and '.join(others)}; give this one another name, or "
            f"go on with {', '.join(f'{key}={known.get(key)!r}' for key in others)}"
        )
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING, TrialState.WAITING)):
        study.tell(trial.number, state=TrialState.FAIL)
    return study


def known_seed(storage: Any, name: str) -> int | None:
    """The seed with which a search was begun, or None for a new one."""
    import optuna

    if name not in optuna.get_all_study_names(storage):
        return None
    study = optuna.load_study(study_name=name, storage=storage, sampler=planned())
    seed = study.user_attrs.get("pullback", {}).get("seed")
    return None if seed is None else int(seed)


def sampler_of(strategy: Any, seed: Any) -> Any:
    """The sampler of Optuna for a strategy that learns from trials.

    Raises:
        ValueError: for an unknown name.
    """
    import optuna

    if isinstance(strategy, optuna.samplers.BaseSampler):
        return strategy
    if strategy == "tpe":
        number = int(np.random.SeedSequence(seed).generate_state(1)[0])
        return optuna.samplers.TPESampler(seed=number)
    raise ValueError(f"strategy is 'random', 'grid', 'tpe' or a sampler of Optuna, and not {strategy!r}")


def asked(study: Any, space: Space, number: int) -> tuple[Any, Config]:
    """A new trial of Optuna, with the configuration that the study's sampler gives."""
    trial = study.ask({name: parameter.distribution() for name, parameter in space.items()})
    trial.set_user_attr("number", number)
    return trial, _config(trial, space)


def told(study: Any, trial: Any, outcome: Outcome, *, reported: bool) -> None:
    """Store what came of a trial.

    Args:
        study: of Optuna.
        trial: of Optuna.
        outcome: what came of it.
        reported: whether its reports are there already.
    """
    from optuna.trial import TrialState

    if not reported:
        for step, value in enumerate(outcome.reports, 1):
            trial.report(value, step)
    trial.set_user_attr("seconds", outcome.seconds)
    trial.set_user_attr("stopped", outcome.stopped)
    if outcome.stopped is None:
        study.tell(trial, outcome.value)
    else:
        study.tell(trial, state=TrialState.PRUNED)


def finished(study: Any, space: Space, stage: int) -> list[Outcome]:
    """What came of the trials of a study so far, in the order of their numbers."""
    from optuna.trial import TrialState

    outcomes = []
    for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED)):
        notes = trial.user_attrs
        stopped = notes["stopped"]
        value = float("nan") if stopped is not None else float(trial.value)
        reports = [value for _, value in sorted(trial.intermediate_values.items())]
        outcomes.append(
            Outcome(notes["number"], _config(trial, space), value, reports, stopped, notes["seconds"], stage)
        )
    return sorted(outcomes, key=lambda outcome: outcome.number)


def _config(trial: Any, space: Space) -> Config:
    return {name: space[name].decoded(trial.params[name]) for name in space}
