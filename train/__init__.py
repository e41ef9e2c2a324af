"""The training loop and what it reports.

`Trainer` is the loop, `fit` the loop with its usual parts in one call, and all parts are callbacks. They ask little
of what they are given: a model with `modules()`, a loss and metrics that are functions, an optimiser with `step` and
`zero_grad`, a loader that yields pairs. Nothing that a layer, a rule or a data set needs lives here.

`PullbackClassifier` and `PullbackRegressor` need scikit-learn, so they are not among the names that `import *` brings:
they are looked up when they are used.
"""

from typing import TYPE_CHECKING, Any

from .averaged_prediction import average_predictions
from .callbacks import (
    EMA,
    SWA,
    Callback,
    Checkpoint,
    ClipGradients,
    EarlyStopping,
    HistoryFile,
    LiveCurves,
    PolyakAverage,
    Progress,
    Schedule,
    Snapshots,
    TimeBudget,
)
from .checkpoint_file import CheckpointError, load_checkpoint
from .cross_validation import CrossValidation, Fold, cross_validate
from .doctor import Finding, Report, Verdict, diagnose, preflight
from .ensemble import Ensemble, snapshot_ensemble
from .evaluation import evaluate
from .history import Epoch, History, Scores
from .hyperparameters import (
    Choice,
    Integer,
    LogUniform,
    Outcome,
    ReportTrial,
    SearchResult,
    Space,
    TrainingObjective,
    Trial,
    TrialStopped,
    Uniform,
    search,
)
from .intervals import Interval, bootstrap
from .loop import fit
from .metrics import (
    F1,
    R2,
    ConfusionMatrix,
    MeanSquaredError,
    Metric,
    Perplexity,
    Precision,
    Recall,
    TopK,
    accuracy,
)
from .outputs import Outputs, outputs_of
from .trainer import Trainer

if TYPE_CHECKING:
    from .estimators import PullbackClassifier as PullbackClassifier
    from .estimators import PullbackRegressor as PullbackRegressor

__all__ = [
    "EMA",
    "F1",
    "R2",
    "SWA",
    "Callback",
    "Checkpoint",
    "CheckpointError",
    "Choice",
    "ClipGradients",
    "ConfusionMatrix",
    "CrossValidation",
    "EarlyStopping",
    "Ensemble",
    "Epoch",
    "Finding",
    "Fold",
    "History",
    "HistoryFile",
    "Integer",
    "Interval",
    "LiveCurves",
    "LogUniform",
    "MeanSquaredError",
    "Metric",
    "Outcome",
    "Outputs",
    "Perplexity",
    "PolyakAverage",
    "Precision",
    "Progress",
    "Recall",
    "Report",
    "ReportTrial",
    "Schedule",
    "Scores",
    "SearchResult",
    "Snapshots",
    "Space",
    "TimeBudget",
    "TopK",
    "Trainer",
    "TrainingObjective",
    "Trial",
    "TrialStopped",
    "Uniform",
    "Verdict",
    "accuracy",
    "average_predictions",
    "bootstrap",
    "cross_validate",
    "diagnose",
    "evaluate",
    "fit",
    "load_checkpoint",
    "outputs_of",
    "preflight",
    "search",
    "snapshot_ensemble",
]


def __getattr__(name: str) -> Any:
    if name not in ("PullbackClassifier", "PullbackRegressor"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import estimators

    return getattr(estimators, name)
