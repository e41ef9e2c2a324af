"""The UCI optical handwritten digits, shipped with the package: 1,797 real images for a first training.

Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning
Repository, 1998, https://doi.org/10.24432/C50P49, under CC BY 4.0 (see LICENSE.txt and README.md in this
folder). Sets that have to be brought here first live in `readers`.
"""

from __future__ import annotations

from importlib import resources
from typing import Any, NamedTuple

import numpy as np

from ...autograd import get_default_dtype

COUNT = 1797
CLASSES = 10
BRIGHTEST = 16


class Digits(NamedTuple):
    """Images in [0, 1], of shape (1797, 8, 8), and the digit that each of them shows."""

    images: np.ndarray[Any, Any]
    labels: np.ndarray[Any, Any]


def load() -> Digits:
    """Load the digits: images of the default dtype scaled from 0..16 to [0, 1], and int64 labels.

    Raises:
        ValueError: the file does not hold what was shipped.

    >>> import pullback as pb
    >>> images, labels = pb.data.digits.load()
    >>> images.shape, images.dtype, float(images.max())
    ((1797, 8, 8), dtype('float32'), 1.0)
    >>> labels[:5]
    array([0, 1, 2, 3, 4])
    """
    with (
        resources.files(__name__).joinpath("digits.npz").open("rb") as file,
        np.load(file, allow_pickle=False) as archive,
    ):
        pixels, labels = archive["images"], archive["labels"]
    _check(pixels, labels)
    return Digits(pixels.astype(get_default_dtype()) / BRIGHTEST, labels.astype(np.int64))


def _check(pixels: np.ndarray[Any, Any], labels: np.ndarray[Any, Any]) -> None:
    """A damaged installation is found here and not as a bad accuracy later."""
    whole = (
        pixels.shape == (COUNT, 8, 8)
        and labels.shape == (COUNT,)
        and pixels.dtype == labels.dtype == np.uint8
        and pixels.max() == BRIGHTEST
        and np.array_equal(np.unique(labels), np.arange(CLASSES))
    )
    if not whole:
        raise ValueError(
            f"digits.npz should hold ({COUNT}, 8, 8) images of 0..{BRIGHTEST} with labels 0..{CLASSES - 1}, "
            f"and it holds {pixels.dtype}{list(pixels.shape)} with {labels.dtype}{list(labels.shape)}; "
            "install the package again"
        )


__all__ = ["Digits", "load"]
