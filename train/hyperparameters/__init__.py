"""Hyper-parameter search: spaces, trials, and what came of them.

`space.py` says what hyper-parameters may be, `trial.py` what a trial reports and when it is stopped, `objective.py`
makes a training an objective, `search.py` runs the trials, `study.py` keeps them in Optuna's storages, and `result.py`
is what the user gets. Optuna and joblib are imported when a search begins. How one training goes is not said here but
in the objective, and folds and error bars live beside this folder.
"""

from .objective import TrainingObjective
from .result import SearchResult
from .search import search
from .space import Choice, Integer, LogUniform, Space, Uniform
from .trial import Outcome, ReportTrial, Trial, TrialStopped

__all__ = [
    "Choice",
    "Integer",
    "LogUniform",
    "Outcome",
    "ReportTrial",
    "SearchResult",
    "Space",
    "TrainingObjective",
    "Trial",
    "TrialStopped",
    "Uniform",
    "search",
]
