"""Gradient accumulation: the gradient of a big batch, from several small ones that fit into memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any


def accumulate(loss: Callable[..., Any], batches: Iterable[Any]) -> float:
    """Add to the gradients those of the mean loss over several batches, as if they were one batch.

    Each batch counts by its size, so a smaller last one is right too. What a layer computes from its batch, such
    as batch normalisation, is still computed from the small ones. `zero_grad` before and `step` afterwards are
    the caller's.

    Args:
        loss: a function that gives the mean loss over one batch as a scalar, such as
            `lambda x, y: criterion(model(x), y)`. It is called with the parts of a batch that is a tuple or a
            list, and else with the batch.
        batches: the batches; one after the other is computed, and only one graph is alive at a time.

    Returns:
        The mean loss over all of them.

    Raises:
        ValueError: for no batches, an empty batch, and a loss that is no scalar.

    >>> import pullback as pb
    >>> w = pb.tensor(2.0, requires_grad=True)
    >>> x = pb.tensor([1.0, 2.0, 6.0])
    >>> pb.optim.accumulate(lambda part: (w * part).mean(), [x[:2], x[2:]])
    6.0
    >>> w.grad.item()
    3.0
    """
    parts = list(batches)
    sizes = [len(batch[0]) if isinstance(batch, (tuple, list)) else len(batch) for batch in parts]
    if not parts or min(sizes) == 0:
        raise ValueError("there is nothing to accumulate: no batches, or one without samples")
    total, mean = sum(sizes), 0.0
    for batch, size in zip(parts, sizes, strict=True):
        value = loss(*batch) if isinstance(batch, (tuple, list)) else loss(batch)
        if value.shape != ():
            raise ValueError(f"the loss of a batch is one number, its mean, and not of shape {value.shape}")
        share = size / total
        (value * share).backward()
        mean += share * float(value.item())
    return mean
