"""Dividing classes among parts, as evenly as whole numbers allow."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Tensor


def classes_of(labels: Any, size: int | None = None) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The class number of each sample, from 0 on, and the count of each class.

    Raises:
        ValueError: for labels that are not one per sample.
    """
    values = np.asarray(labels.detach() if isinstance(labels, Tensor) else labels)
    if values.ndim != 1 or (size is not None and len(values) != size):
        wanted = "one label per sample" if size is None else f"one label for each of the {size} samples"
        raise ValueError(f"labels are {wanted}, not an array {list(values.shape)}")
    _, numbers, counts = np.unique(values, return_inverse=True, return_counts=True)
    return numbers, counts


def even_shares(counts: Any, sizes: Any) -> np.ndarray[Any, Any]:
    """How many of each class go into each part: whole numbers, each at most one from the exact share.

    Rows are classes, which sum to `counts`; columns are parts, which sum to `sizes`. The shares are rounded down;
    then each class gives what is left of it to the parts that lack most. With fractional parts as weights a
    division of the rest into zeros and ones exists, and so this finds it (D. Gale, A theorem on flows in
    networks, 1957).
    """
    counts, sizes = np.asarray(counts, np.int64), np.asarray(sizes, np.int64)
    total = max(int(counts.sum()), 1)
    shares: np.ndarray[Any, Any] = counts[:, None] * sizes // total
    lacking = sizes - shares.sum(axis=0)
    for row, left in enumerate(counts - shares.sum(axis=1)):
        if left:
            parts = np.argsort(-lacking, kind="stable")[:left]
            shares[row, parts] += 1
            lacking[parts] -= 1
    return shares


def divide(
    numbers: np.ndarray[Any, Any], shares: np.ndarray[Any, Any], rng: np.random.Generator
) -> list[np.ndarray[Any, Any]]:
    """The samples of each part, drawn at random from their classes, in random order."""
    classes, parts = shares.shape
    shuffled = rng.permutation(len(numbers))
    members = shuffled[np.argsort(numbers[shuffled], kind="stable")]  # class by class, each in random order
    part_of_member = np.repeat(np.tile(np.arange(parts), classes), shares.ravel())
    order = np.lexsort((rng.random(len(members)), part_of_member))
    return np.split(members[order], np.cumsum(shares.sum(axis=0))[:-1]) if parts else []
