"""Noise: of each value, and along the principal colours."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from .transform import Array, Transform, batch_of_images, require_floating, require_unit


class GaussianNoise(Transform):
    """Normal noise added to each value.

    Args:
        mean: of the noise.
        sigma: its standard deviation.
        clip: keep the values in [0, 1], in which they must be; without it, values of any range are taken.
        rng: a NumPy generator; the program's one if not given.

    Raises:
        ValueError: for a negative sigma; when called with `clip`, for values outside of [0, 1].
        TypeError: when called, for images of whole numbers.
    """

    def __init__(
        self,
        mean: float = 0.0,
        sigma: float = 0.1,
        clip: bool = True,
        *,
        rng: np.random.Generator | None = None,
    ) -> None:
        super().__init__(rng=rng)
        if not (np.isfinite(mean) and 0 <= sigma < np.inf):
            raise ValueError(
                f"noise has a finite mean and a sigma from 0 on, not mean {mean!r} and sigma {sigma!r}"
            )
        self.mean, self.sigma, self.clip = float(mean), float(sigma), clip

    def apply(
        self, images: Array, labels: Array | None, rng: np.random.Generator
    ) -> tuple[Array, Array | None]:
        """Each value with its own noise."""
        noise = self.mean + self.sigma * np.asarray(rng.standard_normal(images.shape))
        return _with(images, noise.astype(images.dtype), self.clip, "GaussianNoise"), labels


class PCAColorNoise(Transform):
    """The colours of each image shifted along the principal colours of the training set.

    To each pixel of an image is added Σᵢ αᵢ·λᵢ·vᵢ with αᵢ normal of standard deviation `std`, where λᵢ and vᵢ are the
    eigenvalues and eigenvectors of the 3×3 covariance matrix of all training pixels: a change of the intensity and
    colour of the light (Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional neural
    networks", 2012, section 4.1). `from_images` computes them. The λᵢ are those of the values' own range: covariances
    of values in [0, 1] are small numbers, and `std` is chosen accordingly larger.

    Args:
        eigenvalues: shape (C,).
        eigenvectors: as columns, shape (C, C).
        std: the standard deviation of the αᵢ.
        clip: keep the values in [0, 1], in which they must be; without it, values of any range are taken.
        rng: a NumPy generator; the program's one if not given.

    Raises:
        ValueError: for shapes that do not fit; when called, for images of other channels, and with `clip` for values
            outside of [0, 1].
        TypeError: when called, for images of whole numbers.
    """

    def __init__(
        self,
        eigenvalues: Any,
        eigenvectors: Any,
        std: float = 0.1,
        clip: bool = True,
        *,
        rng: np.random.Generator | None = None,
    ) -> None:
        super().__init__(rng=rng)
        self.eigenvalues = np.array(eigenvalues, np.float64)
        self.eigenvectors = np.array(eigenvectors, np.float64)
        count = self.eigenvalues.size
        if self.eigenvalues.shape != (count,) or self.eigenvectors.shape != (count, count):
            raise ValueError(
                f"C eigenvalues have eigenvectors (C, C), not shapes {self.eigenvalues.shape} and "
                f"{self.eigenvectors.shape}"
            )
        if not 0 <= std < np.inf:
            raise ValueError(f"std is a number from 0 on, not {std!r}")
        self.std, self.clip = float(std), clip

    @classmethod
    def from_images(
        cls, images: Any, std: float = 0.1, clip: bool = True, *, rng: np.random.Generator | None = None
    ) -> Self:
        """With the principal colours of training images (N, C, H, W).

        >>> import numpy as np
        >>> from pullback.data import augment
        >>> grey = np.repeat(np.random.default_rng(0).random((50, 1, 8, 8)), 3, axis=1)
        >>> noise = augment.PCAColorNoise.from_images(grey)
        >>> noise.eigenvectors[:, 0].round(4)  # from black to white
        array([0.5774, 0.5774, 0.5774])
        """
        array = batch_of_images(images, cls.__name__)
        if not len(array):
            raise ValueError("there are no images to take the principal colours from")
        pixels = np.moveaxis(array, 1, 0).reshape(array.shape[1], -1).astype(np.float64)
        values, vectors = np.linalg.eigh(np.cov(pixels, ddof=0).reshape(len(pixels), len(pixels)))
        largest = vectors[np.abs(vectors).argmax(0), np.arange(len(values))]
        vectors = vectors * np.where(largest < 0, -1, 1)  # whatever sign the library gives
        return cls(np.maximum(values, 0)[::-1], vectors[:, ::-1], std, clip, rng=rng)

    def apply(
        self, images: Array, labels: Array | None, rng: np.random.Generator
    ) -> tuple[Array, Array | None]:
        """Each image in another light."""
        if images.shape[1] != len(self.eigenvalues):
            raise ValueError(
                f"the principal colours are of {len(self.eigenvalues)} channels, and the images have {images.shape[1]}"
            )
        amounts = np.asarray(rng.standard_normal((len(images), len(self.eigenvalues))))
        amounts = amounts * self.std * self.eigenvalues
        shifts = (amounts @ self.eigenvectors.T).astype(images.dtype)
        return _with(images, shifts[:, :, None, None], self.clip, "PCAColorNoise"), labels


def _with(images: Array, noise: Array, clip: bool, name: str) -> Array:
    (require_unit if clip else require_floating)(images, name)
    noisy: Array = images + noise
    return np.clip(noisy, 0, 1) if clip else noisy
