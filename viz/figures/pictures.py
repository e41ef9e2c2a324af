"""Images as they are: grids of them, and what augmentations make of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...autograd import Tensor
from .images import Images, tile_width
from .plot import Look, Plot, drawing, new_figure, require_matplotlib, rows_and_columns
from .surfaces import Array

_GAP = 0.08  # between images, as a share of their width


def image_grid(
    images: Any,
    titles: Sequence[Any] | None = None,
    *,
    columns: int | None = None,
    stretch: bool = False,
    theme: str = "light",
) -> Plot[Images]:
    """Draw images side by side, in colour or in grey from black (0) to white (1).

    Args:
        images: shape (N, C, H, W) of one or three channels, or (N, H, W), with values in [0, 1].
        titles: one for each image, such as its label.
        columns: how many images stand in a row.
        stretch: take values of any range, and stretch those of each image to [0, 1].
        theme: "light" or "dark".

    Returns:
        The figure, and its data: `Images`.

    Raises:
        ImportError: without matplotlib.
        ValueError: for no images, other shapes and titles of another number, and for values outside of [0, 1]
            without `stretch`.
    """
    require_matplotlib()
    data = arrange(images, titles, stretch=stretch)
    rows, wide = rows_and_columns(len(data.tiles), columns)
    high, across = data.tiles.shape[1:3]
    with drawing(theme) as look:
        size = tile_width(wide, across, data.titles)
        figure = new_figure(size * wide, (size * high / across + (0.2 if titles is not None else 0)) * rows)
        for number, (image, title) in enumerate(zip(data.tiles, data.titles, strict=True)):
            axes = figure.add_subplot(rows, wide, number + 1)
            _paint(axes, _colored(image))
            axes.set_title(title, fontsize=8, loc="center", pad=2, color=look.muted)
    return Plot(figure, data)


def arrange(images: Any, titles: Sequence[Any] | None = None, *, stretch: bool = False) -> Images:
    """Images as tiles with values in [0, 1]; the data of `viz.image_grid`.

    >>> import numpy as np
    >>> from pullback.viz.figures import arrange
    >>> arrange(np.zeros((5, 3, 4, 6))).tiles.shape
    (5, 4, 6, 3)
    """
    array = np.asarray(images.detach().numpy() if isinstance(images, Tensor) else images)
    if array.ndim == 4 and array.shape[1] == 1:
        array = array[:, 0]
    elif array.ndim == 4 and array.shape[1] == 3:
        array = np.moveaxis(array, 1, -1)
    elif array.ndim != 3:
        raise ValueError(
            f"images have shape (N, 1, H, W), (N, 3, H, W) or (N, H, W), and these have {array.shape}"
        )
    if not array.size:
        raise ValueError("there are no images to be drawn")
    tiles = array.astype(np.float64)
    if stretch:
        axes = tuple(range(1, tiles.ndim))
        low, high = tiles.min(axes, keepdims=True), tiles.max(axes, keepdims=True)
        tiles = (tiles - low) / np.where(high > low, high - low, 1)
    elif not (tiles.min() >= -1e-3 and tiles.max() <= 1 + 1e-3):
        raise ValueError(
            f"images have values in [0, 1], and these go from {tiles.min():g} to {tiles.max():g}; bring them there, "
            "or give stretch=True"
        )
    names = [""] * len(tiles) if titles is None else [str(title) for title in titles]
    if len(names) != len(tiles):
        raise ValueError(f"{len(tiles)} images have {len(tiles)} titles, not {len(names)}")
    return Images(np.clip(tiles, 0, 1), tuple(names))


@dataclass(frozen=True)
class Augmentations:
    """What transforms have made of some images."""

    rows: dict[str, Array]
    """The images by the name of the transform, as tiles; the first row are the originals."""


def augmentations(
    images: Any, transforms: Mapping[str, Callable[[Any], Any]], *, theme: str = "light"
) -> Plot[Augmentations]:
    """Draw what transforms make of some images: a row for the images, and one for each transform.

    Args:
        images: a batch of shape (N, C, H, W), with values in [0, 1].
        transforms: functions of the batch by name, such as those of `data.augment`.
        theme: "light" or "dark".

    Returns:
        The figure, and its data: `Augmentations`.

    Raises:
        ImportError: without matplotlib.
        ValueError: for what are no images, before or after a transform.
    """
    require_matplotlib()
    rows = {"images": arrange(images).tiles}
    rows |= {name: arrange(transform(images)).tiles for name, transform in transforms.items()}
    with drawing(theme) as look:
        count = max(map(len, rows.values()))
        size = min(0.8, 7.6 / count)
        names = 0.2 + 0.085 * max(map(len, rows))  # inches before the images
        wide, high = names + size * count * (1 + _GAP), size * (1 + _GAP) * len(rows)
        figure = new_figure(wide, high)
        figure.set_layout_engine("none")
        for number, (name, tiles) in enumerate(rows.items(), 1):
            bottom = 1 - number / len(rows)
            axes = figure.add_axes((names / wide, bottom, 1 - names / wide, 1 / len(rows)))
            _strip(axes, name, tiles, count, look)
    return Plot(figure, Augmentations(rows))


def _strip(axes: Any, name: str, tiles: Array, count: int, look: Look) -> None:
    """A row of images, each one unit wide, with its name before it."""
    for place, tile in enumerate(tiles):
        high, wide = tile.shape[0] / max(tile.shape[:2]), tile.shape[1] / max(tile.shape[:2])
        left, bottom = place * (1 + _GAP) + (1 - wide) / 2, (1 - high) / 2
        axes.imshow(
            _colored(tile), interpolation="nearest", extent=(left, left + wide, bottom, bottom + high)
        )
    axes.set_xlim(0, count * (1 + _GAP))
    axes.set_ylim(-_GAP / 2, 1 + _GAP / 2)
    axes.set_axis_off()
    axes.text(-0.12, 0.5, name, ha="right", va="center", fontsize=9, color=look.ink)


def _colored(tile: Array) -> Array:
    return tile if tile.ndim == 3 else np.repeat(tile[:, :, None], 3, axis=2)


def _paint(axes: Any, image: Array) -> None:
    axes.imshow(image, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(True)
