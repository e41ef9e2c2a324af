"""Weights and activations as grids of small images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...autograd import Tensor
from .capture import layer_outputs
from .plot import Look, Plot, drawing, new_figure, require_matplotlib, rows_and_columns
from .surfaces import Array


@dataclass(frozen=True)
class Images:
    """Small images, of shape (count, height, width), or (count, height, width, 3) in colour between 0 and 1."""

    tiles: Array
    titles: tuple[str, ...]


def weight_images(
    weight: Any,
    shape: Sequence[int] | None = None,
    *,
    titles: Sequence[str] | None = None,
    columns: int | None = None,
    theme: str = "light",
) -> Plot[Images]:
    """Draw weights as images: the templates of a linear classifier, or the filters of a first layer.

    Filters of three channels are shown in colour, each stretched from its least to its largest weight; others in
    blue for negative weights and red for positive ones, each up to its own largest. Noisy filters mean a training
    too short, a rate too high or too little regularisation (CS231n notes, "Neural Networks Part 3", section
    "First-layer visualizations").

    Args:
        weight: of shape (units, inputs), or (units, channels, height, width) of a convolution.
        shape: (height, width) or (channels, height, width) of the inputs of a linear layer.
        titles: a name for each unit, such as the classes.
        columns: how many images stand in a row.
        theme: "light" or "dark".

    Returns:
        The figure, and its data: `Images`. A convolution of another number of channels than 1 and 3 gives one
        image for each unit and channel.

    Raises:
        ImportError: without matplotlib.
        ValueError: for weights that are no images, and titles of another number.
    """
    require_matplotlib()
    data = tile(weight, shape, titles=titles)
    return _grid(data, columns, theme, signed=data.tiles.ndim == 3)


def activation_maps(
    model: Any, input: Any, layer: str, *, columns: int | None = None, theme: str = "light"
) -> Plot[Images]:
    """Draw what the channels of a layer answer to one input.

    Maps that are empty for many inputs are dead units.

    Args:
        model: a module; run once, in the mode that it is in, without gradients.
        input: one input with its batch axis: shape (1, ...).
        layer: the path of the layer, such as `"features.0"`.
        columns: how many images stand in a row.
        theme: "light" or "dark".

    Returns:
        The figure, and its data: `Images`, one for each channel.

    Raises:
        ImportError: without matplotlib.
        ValueError: for a layer that the model has not, for several inputs, and outputs that are no images.
    """
    require_matplotlib()
    output = layer_outputs(model, input, [layer])[layer]
    if output.ndim != 4 or output.shape[0] != 1:
        raise ValueError(
            f"maps are drawn of one input whose channels are images, shape (1, C, H, W); {layer!r} gave {output.shape}"
        )
    tiles = output[0]
    data = Images(tiles, tuple(str(number) for number in range(len(tiles))))
    return _grid(data, columns, theme, signed=bool(tiles.min() < 0))


def tile(weight: Any, shape: Sequence[int] | None = None, *, titles: Sequence[str] | None = None) -> Images:
    """Weights as small images; the data of `viz.weight_images`.

    >>> import pullback as pb
    >>> from pullback.viz.figures import tile
    >>> tile(pb.nn.Linear(12, 5).weight, (3, 4)).tiles.shape
    (5, 3, 4)
    """
    array = np.asarray(weight.detach().numpy() if isinstance(weight, Tensor) else weight, np.float64)
    if shape is not None and (
        array.ndim != 2 or np.prod(shape) != array.shape[1] or len(shape) not in (2, 3)
    ):
        raise ValueError(f"weights of shape {array.shape} are no images of shape {tuple(shape)}")
    if shape is not None:
        array = array.reshape(len(array), *(1,) * (3 - len(shape)), *shape)
    if array.ndim != 4 or not array.size:
        raise ValueError(
            f"images are made of weights (units, channels, height, width), not of shape {array.shape}; a linear "
            "layer's need the shape of its inputs, as in weight_images(weight, (28, 28))"
        )
    units, channels = array.shape[:2]
    if channels == 3:
        low, high = (bound(array, axis=(1, 2, 3), keepdims=True) for bound in (np.min, np.max))
        tiles = np.moveaxis((array - low) / np.where(high > low, high - low, 1), 1, -1)
    else:
        tiles = array.reshape(-1, *array.shape[2:])
    names = [str(unit) for unit in range(units)] if titles is None else list(titles)
    if len(names) != units:
        raise ValueError(f"{units} units have {units} titles, not {len(names)}")
    if len(tiles) != units:
        names = [f"{name}, {channel}" for name in names for channel in range(channels)]
    return Images(tiles, tuple(names))


def _grid(data: Images, columns: int | None, theme: str, *, signed: bool) -> Plot[Images]:
    rows, wide = rows_and_columns(len(data.tiles), columns)
    high, across = data.tiles.shape[1:3]
    size = tile_width(wide, across, data.titles)
    with drawing(theme) as look:
        figure = new_figure(size * wide, (size * high / across + 0.2) * rows)
        for number, (image, title) in enumerate(zip(data.tiles, data.titles, strict=True)):
            axes = figure.add_subplot(rows, wide, number + 1)
            show(axes, image, look, signed)
            axes.set_title(title, fontsize=8, loc="center", pad=2, color=look.muted)
    return Plot(figure, data)


def tile_width(columns: int, pixels: int, titles: Sequence[str]) -> float:
    """The inches for each of some images side by side: many pixels and long titles need more than small filters do."""
    return min(9.6 / columns, max(1.15, min(0.07 * pixels, 3.5), 0.08 * max(map(len, titles))))


def show(axes: Any, image: Array, look: Look, signed: bool) -> None:
    """Draw one image, without ticks."""
    most = float(np.max(np.abs(image))) or 1.0
    limits = (
        {} if image.ndim == 3 else {"vmin": -most if signed else 0.0, "vmax": most, "cmap": look.map(signed)}
    )
    axes.imshow(image, interpolation="nearest", **limits)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(True)
