"""Predictions that are averages over several views of each image."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd import Tensor, asarray, no_grad, softmax
from .evaluation import mode


def average_predictions(
    model: Any,
    images: Any,
    crops: Callable[[Any], Any],
    *,
    from_logits: bool = True,
    batch_size: int | None = None,
) -> Tensor:
    """The mean of the class probabilities that a model gives for several views of each image.

    Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional neural networks", 2012,
    section 4.1, with ten crops; several scales as in Simonyan and Zisserman, "Very deep convolutional networks for
    large-scale image recognition", 2015, section 3.2.

    Args:
        model: a module that gives scores of shape (N, classes); run in evaluation mode and without gradients, and
            afterwards as it was.
        images: a batch, as `crops` takes it.
        crops: gives the views (K, N, ...) of images (N, ...), such as `data.augment.TenCrop(28)`.
        from_logits: whether the model gives logits; if not, probabilities.
        batch_size: how many views go through the model at once; all those of one kind if not given.

    Returns:
        Probabilities of shape (N, classes), whose largest is the prediction; `train.accuracy` takes them.

    Raises:
        ValueError: for no views, another number of them than of images, scores of another shape, and a batch size
            below 1.

    >>> import numpy as np, pullback as pb
    >>> from pullback import nn, train
    >>> from pullback.data import augment
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 6 * 6, 10, rng=np.random.default_rng(0)))
    >>> images = np.random.default_rng(0).random((4, 3, 8, 8), dtype=np.float32)
    >>> probabilities = train.average_predictions(model, images, augment.TenCrop(6))
    >>> probabilities.shape, np.allclose(probabilities.sum(axis=1).numpy(), 1)
    ((4, 10), True)
    """
    if batch_size is not None and batch_size < 1:
        raise ValueError(f"batch_size is a whole number from 1 on, not {batch_size!r}")
    views = asarray(crops(images))
    count = len(images)
    if views.ndim < 2 or len(views) == 0 or views.shape[1] != count:
        raise ValueError(
            f"{count} images have views of shape (K, {count}, ...), and the crops have {views.shape}"
        )
    size = max(1, count) if batch_size is None else batch_size
    total: Any = 0.0
    with mode(model, False), no_grad():
        for view in views:
            parts = [
                _probabilities(model(view[start : start + size]), from_logits)
                for start in range(0, max(1, count), size)
            ]
            total = total + np.concatenate(parts)
    return asarray(total / len(views))


def _probabilities(scores: Any, from_logits: bool) -> Any:
    if scores.ndim != 2:
        raise ValueError(f"predictions are averaged over scores (N, classes), not over shape {scores.shape}")
    return (softmax(scores, axis=1) if from_logits else scores).numpy()
