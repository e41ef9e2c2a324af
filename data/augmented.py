"""A data set whose batches are augmented as they are made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .augment.transform import require_shared_chance
from .dataset import Dataset, require_dataset
from .fetch import fetch


class AugmentedDataset(Dataset):
    """Another data set, each batch of which is changed by a transform whenever it is asked for.

    Samples are images (C, H, W), or pairs of an image and its label. Randomness comes from the loader, which has a
    generator for each batch: the same epoch is the same for any number of workers, and after `load_state_dict`. So the
    transform must not have an `rng` of its own, which each worker process would copy; give the loader one.

    Args:
        dataset: the data set.
        transform: called with the images of a batch, or with images and labels; see `data.augment`.

    Raises:
        TypeError: for a transform that cannot be called.
        ValueError: for a transform with a generator of its own; and when asked for samples of more than two parts.

    >>> import numpy as np
    >>> from pullback import data
    >>> images, labels = data.digits.load()
    >>> digits = data.TensorDataset(images[:, None], labels)
    >>> shifted = data.AugmentedDataset(digits, data.augment.RandomCrop(8, padding=1))
    >>> loader = data.DataLoader(shifted, batch_size=64, shuffle=True, rng=np.random.default_rng(0))
    >>> x, y = next(iter(loader))
    >>> x.shape, y.shape
    ((64, 1, 8, 8), (64,))
    """

    def __init__(self, dataset: Any, transform: Callable[..., Any]) -> None:
        require_dataset(dataset)
        if not callable(transform):
            raise TypeError(
                f"a transform is called with images and labels, and {type(transform).__name__} cannot be"
            )
        require_shared_chance(transform)
        self.dataset = dataset
        self.transform = transform

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Any:
        batch = self.batch(np.array([index]))
        return tuple(part[0] for part in batch) if isinstance(batch, tuple) else batch[0]

    def batch(self, indices: Any) -> Any:
        """The samples with these indices, changed together."""
        batch = fetch(self.dataset, indices)
        if not isinstance(batch, tuple):
            return self.transform(batch)
        if len(batch) > 2:
            raise ValueError(
                f"a transform changes images, or images and labels, and the samples have {len(batch)} parts"
            )
        return tuple(self.transform(*batch)) if len(batch) == 2 else (self.transform(batch[0]),)
