"""Data sets of images that fit into memory, kept as bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...autograd import asarray, get_default_dtype
from ..augment.transform import Transform, require_shared_chance
from ..collate import collate
from ..dataset import Dataset

BRIGHTEST = 255


class ImageDataset(Dataset):
    """Images as bytes, with labels: sample i is an image in [0, 1] and a number.

    Args:
        images: uint8, of shape (samples, channels, height, width).
        labels: the class of each image, int64.
        classes: the names of the classes.
        transform: a function of an image, an array of shape (channels, height, width) in the default dtype, that
            gives what the sample has in its place; or an augmentation without a generator of its own.

    Raises:
        TypeError: for a transform that cannot be called.
        ValueError: for an augmentation with a generator of its own.
    """

    def __init__(
        self,
        images: np.ndarray[Any, Any],
        labels: np.ndarray[Any, Any],
        classes: Sequence[str],
        transform: Callable[[Any], Any] | None = None,
    ) -> None:
        self.images = images
        """The bytes, of shape (samples, channels, height, width)."""
        self.labels = labels
        """The class of each image, int64."""
        self.classes = tuple(classes)
        """The names of the classes."""
        self.transform = checked(transform)

    @property
    def class_to_idx(self) -> dict[str, int]:
        """The number of each class by its name."""
        return {name: number for number, name in enumerate(self.classes)}

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return transformed(scaled(self.images[index]), self.transform), int(self.labels[index])

    def batch(self, indices: Any) -> Any:
        """The samples with these indices, as one batch."""
        if self.transform is not None and not isinstance(self.transform, Transform):
            return collate([self[int(index)] for index in indices])
        images = scaled(self.images[indices])
        if self.transform is not None:
            images = self.transform(images)
        return asarray(images), asarray(self.labels[indices])


def checked(transform: Callable[[Any], Any] | None) -> Callable[[Any], Any] | None:
    """A function of an image, or None."""
    if transform is not None and not callable(transform):
        raise TypeError(f"a transform is called with an image, and {type(transform).__name__} cannot be")
    require_shared_chance(transform)
    return transform


def transformed(image: np.ndarray[Any, Any], transform: Callable[[Any], Any] | None) -> Any:
    """What a function, or an augmentation, which takes batches, makes of an image."""
    if transform is None:
        return image
    return transform(image[None])[0] if isinstance(transform, Transform) else transform(image)


def scaled(pixels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Bytes as numbers from 0 to 1, in the default dtype."""
    return pixels.astype(get_default_dtype()) / BRIGHTEST


def require_labels(labels: np.ndarray[Any, Any], classes: int, path: Any) -> np.ndarray[Any, Any]:
    """Labels from a file, as int64.

    Raises:
        ValueError: for one that is no class, naming its place.
    """
    outside = np.flatnonzero(labels >= classes)
    if outside.size:
        raise ValueError(
            f"{path} has the label {labels[outside[0]]} at place {outside[0]}, and the classes are 0 to {classes - 1}"
        )
    return labels.astype(np.int64)
