"""Estimators: networks with scikit-learn's methods, on the training loop of this package.

`settings.py` has what the names in their arguments stand for, `rows.py` the samples as a data set, `base.py` what the
classifier and the regressor share. This folder imports scikit-learn, and is imported when one of its names is used;
nothing that can be had without scikit-learn lives here.
"""

try:
    import sklearn  # noqa: F401 - only whether it is there
except ImportError as error:
    raise ImportError(
        "the estimators need scikit-learn, which the extra 'sklearn' brings: pip install 'pullback[sklearn]'"
    ) from error

from .classifier import PullbackClassifier
from .regressor import PullbackRegressor

__all__ = ["PullbackClassifier", "PullbackRegressor"]
