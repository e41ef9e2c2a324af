"""Metrics: numbers that tell a person how good a model is; no gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Tensor


def accuracy(output: Any, target: Any) -> float:
    """The share of samples whose largest score is that of their class.

    Args:
        output: scores or logits of shape (N, C) or (N, C, d1, ...), a Tensor or an array.
        target: the classes, integers of the same shape without the axis C.

    Returns:
        A number from 0 to 1; nan for no samples.

    Raises:
        ValueError: for shapes that do not fit.

    >>> import pullback as pb
    >>> pb.train.accuracy(pb.tensor([[2.0, 1.0], [0.0, 3.0]]), pb.tensor([0, 0]))
    0.5
    """
    scores, classes = _array(output), _array(target)
    if scores.ndim < 2 or scores.shape[:1] + scores.shape[2:] != classes.shape:
        raise ValueError(
            "accuracy takes scores of shape (N, C) and classes of shape (N,), not "
            f"{scores.shape} and {classes.shape}"
        )
    if classes.size == 0:
        return float("nan")
    return float(np.mean(np.argmax(scores, axis=1) == classes))


def _array(value: Any) -> np.ndarray[Any, Any]:
    return value.detach().numpy() if isinstance(value, Tensor) else np.asarray(value)
