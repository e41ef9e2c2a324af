"""Metrics: numbers that tell a person how good a model is; no gradients.

A metric is a function of (output, target) that gives the mean over a batch; or, where the score of a data set is no
mean over its batches, a `Metric`, which gathers what it needs from them. Losses, which are there to be differentiated,
do not live here but in `nn`.
"""

from .base import Metric
from .classes import TopK, accuracy
from .confusion import F1, ConfusionMatrix, Precision, Recall
from .numbers import R2, MeanSquaredError, Perplexity

__all__ = [
    "F1",
    "R2",
    "ConfusionMatrix",
    "MeanSquaredError",
    "Metric",
    "Perplexity",
    "Precision",
    "Recall",
    "TopK",
    "accuracy",
]
