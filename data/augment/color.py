"""Brightness, contrast, saturation and hue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...autograd import Tensor, asarray
from .transform import Array, Transform, batch_of_images, between, require_unit, span

_GREY = (0.299, 0.587, 0.114)  # ITU-R BT.601; they sum to 1, so that grey stays grey


def adjust_brightness(images: Any, factor: Any) -> Any:
    """Images times a factor, clipped to [0, 1]: 0 gives black, 1 the image.

    Args:
        images: shape (N, C, H, W) with values in [0, 1].
        factor: from 0 on, a number or one for each image.

    Raises:
        ValueError: for values outside of [0, 1], and factors that do not fit.
    """
    return _adjusted(images, factor, _brightness, "adjust_brightness", least=0.0)


def adjust_contrast(images: Any, factor: Any) -> Any:
    """Images between grey and themselves: factor·image + (1 − factor)·(mean of the image in grey), clipped to [0, 1].

    Args:
        images: shape (N, C, H, W) with values in [0, 1] and one or three channels.
        factor: from 0 on, a number or one for each image.

    Raises:
        ValueError: for values outside of [0, 1], other channels, and factors that do not fit.
    """
    return _adjusted(images, factor, _contrast, "adjust_contrast", least=0.0)


def adjust_saturation(images: Any, factor: Any) -> Any:
    """Images between their grey and themselves: factor·image + (1 − factor)·grey, clipped to [0, 1].

    The grey of a pixel is 0.299·R + 0.587·G + 0.114·B. Images of one channel stay as they are.

    Args:
        images: shape (N, C, H, W) with values in [0, 1] and one or three channels.
        factor: from 0 on, a number or one for each image.

    Raises:
        ValueError: for values outside of [0, 1], other channels, and factors that do not fit.

    >>> import numpy as np
    >>> from pullback.data import augment
    >>> red = np.array([1.0, 0.0, 0.0]).reshape(1, 3, 1, 1)
    >>> augment.adjust_saturation(red, 0).ravel()
    array([0.299, 0.299, 0.299])
    """
    return _adjusted(images, factor, _saturation, "adjust_saturation", least=0.0)


def adjust_hue(images: Any, turn: Any) -> Any:
    """Images with their hues turned around the circle of colours; value and saturation (HSV) stay.

    Images of one channel stay as they are.

    Args:
        images: shape (N, C, H, W) with values in [0, 1] and one or three channels.
        turn: 1 is once around, a third takes red to green; a number or one for each image.

    Raises:
        ValueError: for values outside of [0, 1], other channels, and turns that do not fit.

    >>> import numpy as np
    >>> from pullback.data import augment
    >>> red = np.array([1.0, 0.0, 0.0]).reshape(1, 3, 1, 1)
    >>> augment.adjust_hue(red, 1 / 3).ravel()
    array([0., 1., 0.])
    """
    return _adjusted(images, turn, _hue, "adjust_hue", least=-np.inf)


class ColorJitter(Transform):
    """Brightness, contrast, saturation and hue of each image changed by random amounts, in a random order.

    Each is a number d ≥ 0, for factors uniform in [max(0, 1 − d), 1 + d] and turns of the hue in [−d, d]; or a pair
    (least, largest).

    Args:
        brightness: see `adjust_brightness`.
        contrast: see `adjust_contrast`.
        saturation: see `adjust_saturation`.
        hue: see `adjust_hue`; at most half a turn.
        rng: a NumPy generator; the program's one if not given.

    Raises:
        ValueError: for options out of range; when called, for values outside of [0, 1].
        TypeError: when called, for images of whole numbers.
    """

    def __init__(
        self,
        brightness: float | Sequence[float] = 0,
        contrast: float | Sequence[float] = 0,
        saturation: float | Sequence[float] = 0,
        hue: float | Sequence[float] = 0,
        *,
        rng: np.random.Generator | None = None,
    ) -> None:
        super().__init__(rng=rng)
        self.brightness = _factors(brightness, "brightness")
        self.contrast = _factors(contrast, "contrast")
        self.saturation = _factors(saturation, "saturation")
        single = isinstance(hue, (int, float, np.integer, np.floating))
        self.hue = span((-hue, hue) if single else hue, "hue", -0.5, 0.5)  # type: ignore[operator]  # a number where it is single

    def apply(
        self, images: Array, labels: Array | None, rng: np.random.Generator
    ) -> tuple[Array, Array | None]:
        """Each image in other colours."""
        require_unit(images, "ColorJitter")
        u = rng.random((len(images), 8))
        changes = [
            (_brightness, self.brightness, 1.0),
            (_contrast, self.contrast, 1.0),
            (_saturation, self.saturation, 1.0),
            (_hue, self.hue, 0.0),
        ]
        order = np.argsort(u[:, :4], axis=1)
        result = images.copy()
        for place in range(4):
            for number, (change, limits, neutral) in enumerate(changes):
                chosen = np.flatnonzero(order[:, place] == number)
                if len(chosen) and limits != (neutral, neutral):
                    amounts = between(u[chosen, 4 + number], limits)
                    result[chosen] = change(result[chosen], amounts.astype(images.dtype)[:, None, None, None])
        return result, labels


def _adjusted(
    images: Any, amount: Any, change: Callable[[Array, Array], Array], name: str, *, least: float
) -> Any:
    array = batch_of_images(images, name)
    require_unit(array, name)
    amounts = np.asarray(amount, array.dtype)
    fits = amounts.shape in ((), (len(array),))
    if not fits or not np.isfinite(amounts).all() or (amounts < least).any():
        raise ValueError(
            f"{name} takes one number{' from 0 on' if least == 0 else ''}, or one for each of {len(array)} images, "
            f"not {amount!r}"
        )
    changed = change(array, np.broadcast_to(amounts, len(array))[:, None, None, None])
    return asarray(changed) if isinstance(images, Tensor) else changed


def _brightness(images: Array, factor: Array) -> Array:
    return _blend(images, np.zeros_like(images), factor)


def _contrast(images: Array, factor: Array) -> Array:
    mean = _grey(images).mean((1, 2, 3), keepdims=True)
    return _blend(images, mean, factor)


def _saturation(images: Array, factor: Array) -> Array:
    return _blend(images, _grey(images), factor)


def _blend(images: Array, others: Array, factor: Array) -> Array:
    blended: Array = factor * images + (1 - factor) * others
    return np.clip(blended, 0, 1)


def _grey(images: Array) -> Array:
    if _channels(images) == 1:
        return images
    red, green, blue = (images[:, i : i + 1] for i in range(3))
    grey: Array = _GREY[0] * red + _GREY[1] * green + _GREY[2] * blue
    return grey


def _hue(images: Array, turn: Array) -> Array:
    """To hue, saturation and value, around, and back (Smith, "Color gamut transform pairs", SIGGRAPH 1978)."""
    if _channels(images) == 1:
        return images.copy()
    red, green, blue = images[:, 0], images[:, 1], images[:, 2]
    value, chroma = images.max(1), np.ptp(images, axis=1)
    safe = np.where(chroma > 0, chroma, 1)
    sixth = np.where(
        value == red,
        np.mod((green - blue) / safe, 6),
        np.where(value == green, (blue - red) / safe + 2, (red - green) / safe + 4),
    )
    turned = sixth + 6 * turn[:, 0]
    corners = (np.mod(corner + turned, 6) for corner in (5, 3, 1))
    parts = [value - chroma * np.clip(np.minimum(k, 4 - k), 0, 1) for k in corners]
    colors: Array = np.stack(parts, 1)
    return np.clip(colors, 0, 1)


def _channels(images: Array) -> int:
    channels: int = images.shape[1]
    if channels not in (1, 3):
        raise ValueError(
            f"colours have 3 channels and grey images 1, and these have {channels}: shape {images.shape}; images with "
            "the channels last become (N, C, H, W) by np.moveaxis(images, -1, 1)"
        )
    return channels


def _factors(value: Any, name: str) -> tuple[float, float]:
    if isinstance(value, (int, float, np.integer, np.floating)):
        if not 0 <= value < np.inf:
            raise ValueError(f"{name} is a number from 0 on, or (least, largest), not {value!r}")
        return max(0.0, 1 - float(value)), 1 + float(value)
    return span(value, name, 0, np.finfo(np.float64).max)
