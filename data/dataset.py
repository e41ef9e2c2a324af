"""Data sets: anything with a length and samples by number."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from ..autograd import Tensor, asarray, get_default_dtype
from .fetch import fetch


class Dataset:
    """A set of samples: `len(dataset)` of them, `dataset[i]` is the i-th.

    Derive from it and write `__len__` and `__getitem__`. A set that can fetch many samples at once may
    also write `batch(indices)`, which returns what collating them one by one would. Random samples repeat exactly,
    with any number of workers, if they draw from `pullback.default_generator()`, which the loader sets.

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

    def __add__(self, other: Any) -> ConcatDataset:
        return ConcatDataset([self, other])


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
        self.indices = np.where(chosen < 0, chosen + size, chosen)

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Any:
        return self.dataset[int(self.indices[index])]

    def batch(self, indices: Any) -> Any:
        """The samples with these numbers in the subset, as one batch."""
        return fetch(self.dataset, self.indices[indices])


class ConcatDataset(Dataset):
    """Several data sets one after the other; `first + second` makes one too.

    Raises:
        TypeError: for something that has no length or samples.
        ValueError: for no data sets.

    >>> import numpy as np
    >>> from pullback.data import ConcatDataset, TensorDataset
    >>> both = ConcatDataset([TensorDataset(np.arange(3)), TensorDataset(np.arange(10, 12))])
    >>> len(both), [int(x) for x, in both]
    (5, [0, 1, 2, 10, 11])
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise ValueError("ConcatDataset needs at least one data set")
        for dataset in self.datasets:
            require_dataset(dataset)
        self.cumulative_sizes = np.cumsum([len(dataset) for dataset in self.datasets]).tolist()

    def __len__(self) -> int:
        return int(self.cumulative_sizes[-1])

    def __getitem__(self, index: int) -> Any:
        place = index + len(self) if index < 0 else index
        if not 0 <= place < len(self):
            raise IndexError(f"index {index} is outside of the data set, which has {len(self)} samples")
        part = bisect_right(self.cumulative_sizes, place)
        return self.datasets[part][place - (self.cumulative_sizes[part - 1] if part else 0)]


class MapDataset(Dataset):
    """A function of each sample of another data set, computed whenever the sample is asked for.

    Args:
        dataset: the data set.
        function: of one sample, exactly as the data set gives it. Worker processes need one that can be pickled:
            a function with a name, at the top level of a module.

    >>> from pullback.data import MapDataset
    >>> list(MapDataset([1, 2, 3], lambda sample: sample * 10))
    [10, 20, 30]
    """

    def __init__(self, dataset: Any, function: Callable[[Any], Any]) -> None:
        require_dataset(dataset)
        self.dataset = dataset
        self.function = function

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Any:
        return self.function(self.dataset[index])


def require_dataset(dataset: Any) -> None:
    """Refuse what has no length or no samples by number."""
    if not (hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")):
        raise TypeError(
            f"a data set has a length and is indexed by number, and {type(dataset).__name__} has not; "
            "wrap arrays as TensorDataset(x, y)"
        )


def _in_default_dtype(data: Any) -> Tensor:
    if isinstance(data, Tensor):
        return data
    tensor = asarray(data)
    return tensor.astype(get_default_dtype()) if tensor.dtype.kind == "f" else tensor
