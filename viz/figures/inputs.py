"""What an input means to a model: saliency maps, and the input that a unit answers to most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...autograd import Tensor, gradients, tensor
from ...autograd.extend import generator_of
from .capture import array, fitting, hook, unmoved, used
from .images import show
from .plot import Plot, drawing, new_figure, require_matplotlib
from .surfaces import Array


@dataclass(frozen=True)
class Saliency:
    """How much the score of a class changes with each pixel."""

    image: Array
    """The input, of shape (H, W) or (H, W, 3)."""
    gradient: Array
    """The gradient of the score, of the shape of the input."""
    saliency: Array
    """Its absolute value, the largest over the channels; shape (H, W)."""
    score: float
    target: int


def saliency(model: Any, input: Any, target: int | None = None, *, theme: str = "light") -> Plot[Saliency]:
    """Draw an image beside the size of the gradient of a class's score with respect to each pixel.

    Simonyan, Vedaldi and Zisserman, "Deep inside convolutional networks", 2013
    (https://arxiv.org/abs/1312.6034), section 3.

    Args:
        model: a module that gives scores of shape (1, classes), before any softmax; run as it is.
        input: one image with its batch axis, of shape (1, H, W), (1, C, H, W) or flat as the model wants it.
        target: the number of the class; the one with the highest score if not given.
        theme: "light" or "dark".

    Returns:
        The figure, and its data: `Saliency`.

    Raises:
        ImportError: without matplotlib.
        ValueError: for several inputs, scores of another shape, a class that there is not, and a flat input that
            is no square.
    """
    require_matplotlib()
    data = attribute(model, input, target)
    with drawing(theme) as look:
        figure = new_figure(6.4, 3.4)
        left, right = figure.add_subplot(1, 2, 1), figure.add_subplot(1, 2, 2)
        show(left, data.image, look, signed=bool(data.image.min() < 0))
        show(right, data.saliency, look, signed=False)
        left.set_title("input")
        right.set_title(f"|∂ score {data.target} / ∂ pixel|")
    return Plot(figure, data)


def attribute(model: Any, input: Any, target: int | None = None) -> Saliency:
    """The gradient of a score with respect to an input; the data of `viz.saliency`."""
    values = fitting(model, input)
    if values.ndim < 2 or len(values) != 1:
        raise ValueError(
            f"saliency is of one input with its batch axis, shape (1, ...), not of shape {values.shape}"
        )
    image = as_image(values[0])
    x = tensor(values, requires_grad=True)
    with unmoved(model):
        scores = model(x)
    if scores.ndim != 2 or len(scores) != 1:
        raise ValueError(f"the model must give scores of shape (1, classes), and gave shape {scores.shape}")
    chosen = int(np.argmax(scores.detach().numpy())) if target is None else int(target)
    if not 0 <= chosen < scores.shape[1]:
        raise ValueError(f"there is no class {chosen} among {scores.shape[1]}")
    score = scores[0, chosen]
    (gradient,) = gradients(score, x)
    assert gradient is not None
    size = np.abs(as_image(gradient.numpy()[0]))
    return Saliency(
        image,
        np.array(gradient.numpy()),
        size.max(-1) if size.ndim == 3 else size,
        float(score.item()),
        chosen,
    )


def as_image(values: Array) -> Array:
    """Values (H, W), (1, H, W), (3, H, W) or flat of a square, as (H, W) or (H, W, 3)."""
    side = round(values.size**0.5)
    if values.ndim == 1 and side * side == values.size:
        return values.reshape(side, side)
    if values.ndim == 2:
        return values
    if values.ndim == 3 and values.shape[0] in (1, 3):
        return values[0] if values.shape[0] == 1 else np.moveaxis(values, 0, -1)
    raise ValueError(
        f"an image has shape (H, W), (1, H, W), (3, H, W) or is flat and square, not shape {values.shape}"
    )


@dataclass(frozen=True)
class Ascent:
    """An input that was changed until a unit answered strongly to it."""

    input: Array
    """With its batch axis."""
    image: Array
    activations: Array
    """The activation of the unit before each step, and at the end; shape (steps + 1,)."""


def maximal_input(
    model: Any,
    shape: Sequence[int],
    unit: int,
    *,
    layer: str | None = None,
    steps: int = 100,
    lr: float = 1.0,
    l2: float = 1e-2,
    rng: np.random.Generator | None = None,
    theme: str = "light",
) -> Plot[Ascent]:
    """Draw the image that a unit answers to most, found by gradient ascent on the input.

    From small noise, each step goes `lr` along the normalised gradient of activation − l2/2·‖x‖². Simonyan,
    Vedaldi and Zisserman, "Deep inside convolutional networks", 2013 (https://arxiv.org/abs/1312.6034), section 2.

    Args:
        model: a module; run as it is, so put it into evaluation mode first.
        shape: of the input without its batch axis, such as (3, 32, 32).
        unit: the number of the class, of the feature, or of the channel (whose mean is maximised then).
        layer: the path of the layer that has the unit; the model's output if not given.
        steps: how many steps to climb.
        lr: the length of a step.
        l2: the strength of the penalty on the input's size.
        rng: the generator of the noise; the default one if not given.
        theme: "light" or "dark".

    Returns:
        The figure, and its data: `Ascent`.

    Raises:
        ImportError: without matplotlib.
        ValueError: for a unit or a layer that there is not, and an input that is no image.
    """
    require_matplotlib()
    data = climb(model, shape, unit, layer=layer, steps=steps, lr=lr, l2=l2, rng=rng)
    with drawing(theme) as look:
        figure = new_figure(6.8, 3.2)
        left, right = figure.add_subplot(1, 2, 1), figure.add_subplot(1, 2, 2)
        image = data.image
        if image.ndim == 3:
            image = (image - image.min()) / ((image.max() - image.min()) or 1.0)
        show(left, image, look, signed=True)
        left.set_title(f"unit {unit}" + (f" of {layer}" if layer else ""))
        right.plot(data.activations, color=next(look.styles()).color, linewidth=1.8)
        right.set_title("activation")
        right.set_xlabel("step")
        right.grid(True)
    return Plot(figure, data)


def climb(
    model: Any,
    shape: Sequence[int],
    unit: int,
    *,
    layer: str | None = None,
    steps: int = 100,
    lr: float = 1.0,
    l2: float = 1e-2,
    rng: np.random.Generator | None = None,
) -> Ascent:
    """Gradient ascent on the input of a model; the data of `viz.maximal_input`."""
    generator = generator_of(rng)
    x = tensor(fitting(model, generator.normal(0, 1e-2, (1, *shape)).astype(np.float32)), requires_grad=True)
    as_image(x.detach().numpy()[0])  # refuses what is no image before the climb
    activations = []
    for step in range(steps + 1):
        with unmoved(model):
            activation = _activation(model, x, unit, layer)
        activations.append(float(activation.item()))
        if step < steps:
            (gradient,) = gradients(activation - l2 / 2 * (x * x).sum(), x)
            assert gradient is not None
            slope = gradient.numpy()
            length = float(np.linalg.norm(slope)) or 1.0
            x = tensor(x.detach().numpy() + slope * (lr / length), requires_grad=True)
    found = array(x)
    return Ascent(found, as_image(found[0]), np.array(activations))


def _activation(model: Any, x: Tensor, unit: int, layer: str | None) -> Tensor:
    caught: dict[str, Tensor] = {}
    if layer is None:
        output = model(x)
    else:
        with hook(model, layer, caught):
            model(x)
        output = used(caught, layer)
    if output.ndim < 2 or not 0 <= unit < output.shape[1]:
        raise ValueError(
            f"there is no unit {unit} in an output of shape {output.shape}, whose units are its axis 1"
        )
    activation: Tensor = output[0, unit].mean()
    return activation
