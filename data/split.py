"""Random parts of a data set that do not overlap."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..autograd.extend import generator_of
from .dataset import Subset
from .shares import classes_of, divide, even_shares


def random_split(
    dataset: Any,
    lengths: Sequence[float],
    rng: np.random.Generator | None = None,
    *,
    stratify: Any = None,
) -> list[Subset]:
    """Split a data set at random into parts that do not overlap.

    Args:
        dataset: what to split.
        lengths: the number of samples in each part, which together are all; or fractions that sum to 1, where
            every part gets the whole number below its share and the rest goes to the first parts.
        rng: a NumPy generator; the default one if not given.
        stratify: the class of each sample, if every part is to have its share of every class, to within one
            sample.

    Raises:
        ValueError: for lengths that are negative or do not sum to the data set, and labels that are not one per
            sample.

    >>> import numpy as np
    >>> from pullback.data import TensorDataset, random_split
    >>> labels = np.array([0] * 8 + [1] * 2)
    >>> dataset = TensorDataset(labels)
    >>> parts = random_split(dataset, [0.5, 0.3, 0.2], np.random.default_rng(0))
    >>> [len(part) for part in parts]
    [5, 3, 2]
    >>> halves = random_split(dataset, [0.5, 0.5], np.random.default_rng(0), stratify=labels)
    >>> [sum(int(y) for y, in half) for half in halves]
    [1, 1]
    """
    size = len(dataset)
    counts = _counts(list(lengths), size)
    generator = generator_of(rng)
    if stratify is not None:
        numbers, classes = classes_of(stratify, size)
        return [Subset(dataset, part) for part in divide(numbers, even_shares(classes, counts), generator)]
    order = generator.permutation(size)
    ends = np.cumsum(counts)
    return [Subset(dataset, order[end - count : end]) for count, end in zip(counts, ends, strict=True)]


def _counts(lengths: list[float], size: int) -> list[int]:
    if any(not length >= 0 for length in lengths):
        raise ValueError(f"a part cannot have a negative length: {lengths}")
    if all(isinstance(length, (int, np.integer)) for length in lengths) and sum(lengths) == size:
        return [int(length) for length in lengths]
    if not math.isclose(sum(lengths), 1.0):
        raise ValueError(
            f"the lengths {lengths} sum to {sum(lengths):g}; give whole numbers that sum to the {size} "
            "samples of the data set, or fractions that sum to 1"
        )
    # A product such as 100 · 0.29 lies a rounding error below the whole number that is meant.
    counts = [math.floor(size * length + 1e-9 * max(size, 1)) for length in lengths]
    for part in range(size - sum(counts)):
        counts[part % len(counts)] += 1
    return counts
