"""Class numbers as rows of zeros with a one."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autograd.extend import BLOCK, given, op


def _batch(call: Any, batched: tuple[bool, ...], tensor: Any, *, num_classes: int) -> Any:
    """The number of classes has to be the same for all examples."""
    if num_classes < 0:
        raise RuntimeError("one_hot: inside vmap the number of classes must be given, num_classes=...")
    return call(tensor, num_classes=num_classes)


@op(
    "tensor",
    gate=BLOCK,
    batch=_batch,
    samples=given(
        ((np.array([2, 0, 1]),), {"num_classes": 4}),
        ((np.array([[0], [1]]),), {"num_classes": 2}),
        ((np.array(1),), {"num_classes": 3}),
    ),
    reference=lambda tensor, num_classes: np.eye(num_classes, dtype=np.int64)[tensor],
)
def one_hot(tensor: Any, num_classes: int = -1) -> Any:
    """For each class number a row of zeros with a one at its place.

    Args:
        tensor: class numbers from 0 on, integers of any shape.
        num_classes: the length of the rows; −1 for one more than the largest number.

    Returns:
        A tensor of int64, of the input's shape with an axis of `num_classes` behind; convert it with
        `.astype("float32")` where a loss wants probabilities.

    Raises:
        TypeError: for numbers that are not integers.
        ValueError: for negative numbers, and those from `num_classes` on.

    >>> import pullback as pb
    >>> pb.nn.functional.one_hot(pb.tensor([0, 2])).tolist()
    [[1, 0, 0], [0, 0, 1]]
    """
    if tensor.dtype.kind not in "iu":
        raise TypeError(
            f"one_hot: class numbers are integers, not {tensor.dtype}; convert with .astype('int64')"
        )
    if num_classes == -1:
        if not tensor.size:
            raise ValueError("one_hot: without class numbers their count must be given, num_classes=...")
        num_classes = int(np.max(tensor)) + 1
    if num_classes < 1:
        raise ValueError(f"one_hot: num_classes is a whole number from 1 on, or -1, not {num_classes!r}")
    if tensor.size and (np.min(tensor) < 0 or np.max(tensor) >= num_classes):
        raise ValueError(
            f"one_hot: class numbers go from 0 to {num_classes - 1}, and these from {np.min(tensor)} to "
            f"{np.max(tensor)}"
        )
    return (np.expand_dims(tensor, -1) == np.arange(num_classes)).astype(np.int64)
