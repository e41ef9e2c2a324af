"""The five, ten or more crops of an image that predictions are averaged over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...autograd import Tensor, asarray
from ..description import Described
from .crops import Resize, room, window
from .transform import Array, batch_of_images, pair, several


class FiveCrop(Described):
    """The four corners and the middle of each image, to average predictions over.

    `train.average_predictions` takes it as its `crops`.

    Args:
        size: of the crops, a number or (height, width).

    Raises:
        ValueError: when called, for crops that are larger than the images.

    >>> import numpy as np
    >>> from pullback.data import augment
    >>> augment.FiveCrop(6)(np.zeros((2, 3, 8, 8))).shape
    (5, 2, 3, 6, 6)
    """

    def __init__(self, size: int | Sequence[int]) -> None:
        self.size = pair(size)

    def __call__(self, images: Any) -> Any:
        """Crops (5, N, C, h, w) of images (N, C, H, W): top left, top right, bottom left, bottom right, middle."""
        array = batch_of_images(images, type(self).__name__)
        crops = self._crops(array)
        return asarray(crops) if isinstance(images, Tensor) else crops

    def _crops(self, images: Array) -> Array:
        down, across = room(images, self.size)
        corners = [(0, 0), (0, across), (down, 0), (down, across), (round(down / 2), round(across / 2))]
        return np.stack([window(images, top, left, self.size) for top, left in corners])


class TenCrop(FiveCrop):
    """The four corners and the middle of each image and of its mirror image (Krizhevsky et al., 2012, section 4.1).

    Args:
        size: of the crops, a number or (height, width).
        vertical_flip: mirror top to bottom instead of left to right.

    Raises:
        ValueError: when called, for crops that are larger than the images.
    """

    def __init__(self, size: int | Sequence[int], vertical_flip: bool = False) -> None:
        super().__init__(size)
        self.vertical_flip = vertical_flip

    def _crops(self, images: Array) -> Array:
        mirrored = np.flip(images, 2 if self.vertical_flip else 3)
        return np.concatenate([super()._crops(images), super()._crops(mirrored)])


class MultiScaleCrop(Described):
    """Crops of the images in several sizes, such as ten crops at each of three scales.

    Args:
        crop: what gives crops of a batch, such as `TenCrop(28)`.
        scales: what the shorter side of the images is brought to, one after the other; or a single one.

    Raises:
        ValueError: for no scales or scales that are no sizes.

    >>> import numpy as np
    >>> from pullback.data import augment
    >>> crops = augment.MultiScaleCrop(augment.TenCrop(8), scales=(8, 10, 12))
    >>> crops(np.zeros((2, 3, 8, 8))).shape
    (30, 2, 3, 8, 8)
    """

    def __init__(self, crop: Any, scales: int | Sequence[int]) -> None:
        self.scales = tuple(pair(scale, "a scale")[0] for scale in several(scales))
        if not self.scales:
            raise ValueError("MultiScaleCrop needs at least one scale")
        self.crop = crop
        self.sizes = [Resize(scale) for scale in self.scales]

    def __call__(self, images: Any) -> Any:
        """Crops (scales · crops, N, C, h, w) of images (N, C, H, W)."""
        array = batch_of_images(images, type(self).__name__)
        crops = np.concatenate([np.asarray(self.crop(resize(array))) for resize in self.sizes])
        return asarray(crops) if isinstance(images, Tensor) else crops
