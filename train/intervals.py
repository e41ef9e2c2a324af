"""Error bars: how much a score would differ on other samples of the same kind."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..autograd import Tensor
from .extras import require_sklearn
from .numbers_given import is_whole

METHODS = ("BCa", "basic", "percentile")


@dataclass(frozen=True)
class Interval:
    """A score with its error bars.

    Attributes:
        value: the score itself.
        low: the lower end of the confidence interval.
        high: the upper end.
        standard_error: the standard deviation of the score over the resamples.
        confidence: the share of such intervals that hold the true score.
    """

    value: float
    low: float
    high: float
    standard_error: float
    confidence: float

    def __str__(self) -> str:
        percent = f"{100 * self.confidence:g} %"
        return f"{self.value:.4f} ± {self.standard_error:.4f} ({percent}: {self.low:.4f} to {self.high:.4f})"


def bootstrap(
    metric: Callable[[Any, Any], Any],
    output: Any,
    target: Any,
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    method: str = "BCa",
    rng: np.random.Generator | int | None = None,
) -> Interval:
    """A metric over a test set with its error bars, by drawing the samples again with replacement.

    The bars say how much the score depends on which samples the test set happens to hold (B. Efron and
    R. J. Tibshirani, "An Introduction to the Bootstrap", 1993). They know nothing of another training: for that,
    train again with other seeds or on other folds. `scipy.stats.bootstrap` does the work.

    Args:
        metric: a function of (output, target) that gives a number, as `fit` takes them, such as `accuracy`.
        output: what the model gave, samples along the first axis; a Tensor or an array (see `outputs_of`).
        target: what it should have given.
        confidence: of the interval, between 0 and 1.
        resamples: how often a test set is drawn.
        method: "BCa" (corrected for bias and skewness; percentiles where it is not defined), "basic" or "percentile".
        rng: a generator or a seed.

    Returns:
        The score of the samples as they are, and its interval.

    Raises:
        ImportError: without scikit-learn and SciPy.
        ValueError: for unequal lengths, fewer than two samples, and numbers out of range.

    >>> import numpy as np
    >>> from pullback import train
    >>> target = np.arange(200) % 2
    >>> output = np.eye(2)[np.where(np.arange(200) < 180, target, 1 - target)]  # nine of ten are right
    >>> print(train.bootstrap(train.accuracy, output, target, rng=0))
    0.9000 ± 0.0216 (95 %: 0.8500 to 0.9350)
    """
    require_sklearn("error bars")
    outputs, targets = _array(output), _array(target)
    if len(outputs) != len(targets):
        raise ValueError(
            f"there are {len(outputs)} outputs and {len(targets)} targets; both count the samples"
        )

    def statistic(chosen: Any) -> float:
        return float(metric(outputs[chosen], targets[chosen]))

    return _interval(np.arange(len(outputs)), statistic, confidence, resamples, method, rng)


def interval_of_mean(
    values: Any, confidence: float, resamples: int, rng: np.random.Generator | int | None
) -> Interval:
    """The mean of some values with its error bars; the BCa method, as `bootstrap`.

    Raises:
        ValueError: for fewer than two values.
    """
    require_sklearn("error bars")
    return _interval(
        np.asarray(values, dtype=np.float64),
        lambda drawn: float(np.mean(drawn)),
        confidence,
        resamples,
        "BCa",
        rng,
    )


def _interval(
    samples: Any,
    statistic: Callable[[Any], float],
    confidence: float,
    resamples: int,
    method: str,
    rng: np.random.Generator | int | None,
) -> Interval:
    from scipy.stats import DegenerateDataWarning
    from scipy.stats import bootstrap as resampled

    if len(samples) < 2:
        raise ValueError(f"error bars need at least two samples to draw from, and there is {len(samples)}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is between 0 and 1, not {confidence!r}")
    if not is_whole(resamples, 1):
        raise ValueError(f"resamples is a whole number from 1 on, not {resamples!r}")
    if method not in METHODS:
        raise ValueError(f"method is one of {', '.join(METHODS)}, not {method!r}")
    value = statistic(samples)
    with (
        warnings.catch_warnings()
    ):  # the BCa method is not defined for a score that single samples do not move
        warnings.simplefilter("ignore", DegenerateDataWarning)
        warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"scipy\.")
        result = resampled(
            (samples,),
            statistic,
            n_resamples=resamples,
            vectorized=False,
            confidence_level=confidence,
            method=method,
            rng=np.random.default_rng(rng),
        )
    low, high = (float(end) for end in result.confidence_interval)
    if not (np.isfinite(low) and np.isfinite(high)):
        tail = (1 - confidence) / 2
        low, high = (float(end) for end in np.quantile(result.bootstrap_distribution, [tail, 1 - tail]))
    return Interval(value, low, high, float(result.standard_error), confidence)


def _array(value: Any) -> Any:
    return value.detach().numpy() if isinstance(value, Tensor) else np.asarray(value)
