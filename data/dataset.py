"""Data sets: anything with a length and samples by number."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..autograd import Tensor, asarray, default_generator, get_default_dtype
from .collate import fetch


class Dataset:
    """A set of samples: `len(dataset)` of them, `dataset[i]` is the i-th.

    Derive from it and write `__len__` and `__getitem__`. A set that can fetch many samples at once may
    also write `batch(indices)`, which returns what collating them one by one would.

    >>> from pullback.data import DataLoader, Dataset
    >>> class Squares(Dataset):
    ...     def __len__(self):
    ...         return 4
    ...     def __getitem__(self, index):
    ...         return float(index), float(index) ** 2
    >>> for x, y in DataLoader(Squares(), batch_size=4):
    ...     print(y)
    tensor([0., 1., 4., 9.], dtype=float32)
    """

    def __len__(self) -> int:
        raise NotImplementedError(
            f"{type(self).__name__} has no __len__: write one that gives the sample count"
        )

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no __getitem__: write one that gives a sample")

    def __iter__(self) -> Iterator[Any]:
        return (self[index] for index in range(len(self)))


class TensorDataset(Dataset):
    """Tensors side by side: sample i is a tuple of the i-th entry of each.

    Floating ndarrays are converted to the default dtype, once; Tensors keep the dtype that they were given.

    Args:
        tensors: Tensors or ndarrays with the same length of the first axis.

    Raises:
        ValueError: for none, for unequal lengths, and for a 0-d tensor.

    >>> import numpy as np
    >>> from pullback.data import TensorDataset
    >>> dataset = TensorDataset(np.eye(3), np.array([2, 0, 1]))
    >>> len(dataset)
    3
    >>> dataset[0]
    (tensor([1., 0., 0.], dtype=float32), tensor(2, dtype=int64))
    """

    def __init__(self, *tensors: Any) -> None:
        if not tensors:
            raise ValueError(
                "TensorDataset needs at least one tensor, for example TensorDataset(images, labels)"
            )
        self.tensors = tuple(_in_default_dtype(tensor) for tensor in tensors)
        if any(tensor.ndim == 0 for tensor in self.tensors):
            raise ValueError("a 0-d tensor holds no samples; TensorDataset counts them along the first axis")
        lengths = [len(tensor) for tensor in self.tensors]
        if len(set(lengths)) > 1:
            shapes = ", ".join(str(tensor.shape) for tensor in self.tensors)
            raise ValueError(f"the tensors have different numbers of samples (their shapes are {shapes})")

    def __len__(self) -> int:
        return len(self.tensors[0])

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        return tuple(tensor[index] for tensor in self.tensors)

    def batch(self, indices: Any) -> tuple[Tensor, ...]:
        """The samples with these indices, each tensor indexed once."""
        return tuple(tensor[indices] for tensor in self.tensors)


class Subset(Dataset):
    """The samples of another data set with these indices, in this order.

    Raises:
        IndexError: for an index outside the data set.
        TypeError: for indices that are not integers.

    >>> import numpy as np
    >>> from pullback.data import Subset, TensorDataset
    >>> [int(x) for x, in Subset(TensorDataset(np.arange(10)), [7, 3])]
    [7, 3]
    """

    def __init__(self, dataset: Any, indices: Sequence[int] | np.ndarray[Any, Any]) -> None:
        chosen = np.asarray(indices)
        if chosen.size == 0:
            chosen = chosen.astype(np.int64)
        if chosen.ndim != 1 or chosen.dtype.kind not in "iu":
            raise TypeError(
                f"indices are a flat sequence of integers, not {chosen.dtype}{list(chosen.shape)}"
            )
        size = len(dataset)
        outside = chosen[(chosen < -size) | (chosen >= size)]
        if outside.size:
            raise IndexError(f"index {outside[0]} is outside of the data set, which has {size} samples")
        self.dataset = dataset
        self.indices = chosen

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Any:
        return self.dataset[int(self.indices[index])]

    def batch(self, indices: Any) -> Any:
        """The samples with these numbers in the subset, as one batch."""
        return fetch(self.dataset, self.indices[indices])


def random_split(
    dataset: Any, lengths: Sequence[float], rng: np.random.Generator | None = None
) -> list[Subset]:
    """Split a data set at random into parts that do not overlap.

    Args:
        dataset: what to split.
        lengths: the number of samples in each part, which together are all; or fractions that sum to 1, where
            every part gets the whole number below its share and the rest goes to the first parts.
        rng: a NumPy generator; the default one if not given.

    Raises:
        ValueError: for lengths that are negative or do not sum to the data set.

    >>> import numpy as np
    >>> from pullback.data import TensorDataset, random_split
    >>> parts = random_split(TensorDataset(np.arange(10)), [0.5, 0.3, 0.2], np.random.default_rng(0))
    >>> [len(part) for part in parts]
    [5, 3, 2]
    """
    size = len(dataset)
    counts = _counts(list(lengths), size)
    order = (default_generator() if rng is None else rng).permutation(size)
    ends = np.cumsum(counts)
    return [Subset(dataset, order[end - count : end]) for count, end in zip(counts, ends, strict=True)]


def _counts(lengths: list[float], size: int) -> list[int]:
    if any(length < 0 for length in lengths):
        raise ValueError(f"a part cannot have a negative length: {lengths}")
    if all(isinstance(length, (int, np.integer)) for length in lengths) and sum(lengths) == size:
        return [int(length) for length in lengths]
    if not math.isclose(sum(lengths), 1.0):
        raise ValueError(
            f"the lengths {lengths} sum to {sum(lengths):g}; give whole numbers that sum to the {size} "
            "samples of the data set, or fractions that sum to 1"
        )
    counts = [math.floor(size * length) for length in lengths]
    for part in range(size - sum(counts)):
        counts[part % len(counts)] += 1
    return counts


def _in_default_dtype(data: Any) -> Tensor:
    if isinstance(data, Tensor):
        return data
    tensor = asarray(data)
    return tensor.astype(get_default_dtype()) if tensor.dtype.kind == "f" else tensor
