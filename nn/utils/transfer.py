"""Transfer learning: a new head on an old model, and what a model makes of its inputs below the head."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autograd import Tensor, asarray, concat
from ..conv import Conv2d
from ..functional.check import whole
from ..linear import Linear
from ..module import Module
from ..tree import own_parameters
from .evaluating import evaluating


def replace_head(model: Module, num_classes: int, *, rng: np.random.Generator | None = None) -> Module:
    """Put a new last layer on a model, for other classes; everything below stays as it is.

    The new layer has the old one's kind, inputs, bias and dtype, and new start values. It is the last layer that
    has parameters, in the order in which they were assigned: `fc` of a ResNet, `classifier.6` of a VGG. The auxiliary
    classifiers of GoogLeNet get new ones, too. Anything else is an assignment: `model.classifier = nn.Sequential(...)`.

    Args:
        model: changed in place.
        num_classes: the outputs of the new layer.
        rng: the generator of its start values; the default one if not given.

    Returns:
        The model.

    Raises:
        ValueError: for a model that is one layer, whose last layer is neither Linear nor Conv2d, or whose head shares
            its weight with another layer; nothing is changed then.

    >>> import pullback as pb
    >>> model = pb.nn.utils.replace_head(pb.nn.models.resnet18(num_classes=10), 3)
    >>> model.fc
    Linear(in_features=512, out_features=3, bias=True)
    """
    whole("num_classes", num_classes)
    paths = _heads(model)
    for path in paths:
        _check(model, path)
    for path in paths:
        owner, name, old = _place(model, path)
        new = _like(old, num_classes, rng).to(old.weight.dtype)
        setattr(owner, name, new.train(old.training))
    return model


def features(model: Module, input: Any, layer: str | None = None, *, batch_size: int = 256) -> Tensor:
    """What a model makes of inputs, as rows for a linear classifier, an SVM or a search for neighbours.

    Args:
        model: run in evaluation mode, without gradients; afterwards each of its modules is in the mode in which it was.
        input: the inputs of the model, with the batch as their first axis.
        layer: the path of the layer whose output is wanted; without it, it is what goes into the model's head
            (see `replace_head`).
        batch_size: how many inputs run at once.

    Returns:
        Shape (N, features): one row for each input, without a graph.

    Raises:
        ValueError: for no inputs, a layer that the model has not or that has not run, and an output that is no tensor
            with the batch as its first axis.

    >>> import pullback as pb
    >>> model = pb.nn.models.LeNet5(image_size=28)
    >>> pb.nn.utils.features(model, pb.zeros((3, 1, 28, 28))).shape
    (3, 84)
    >>> pb.nn.utils.features(model, pb.zeros((3, 1, 28, 28)), "pool2").shape
    (3, 400)
    """
    inputs = asarray(input)
    if not inputs.ndim or not len(inputs):
        raise ValueError(
            f"features are taken of inputs (N, ...), at least one, and not of shape {inputs.shape}"
        )
    size = whole("batch_size", batch_size)
    known = dict(model.named_modules(remove_duplicate=False))
    path = _heads(model)[0] if layer is None else layer
    if path not in known:
        raise ValueError(
            f"{type(model).__name__} has no layer {path!r}; its layers are {', '.join(name for name in known if name)}"
        )
    seen: list[Any] = []
    if layer is None:
        handle = known[path].register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    else:
        handle = known[path].register_forward_hook(lambda module, args, output: seen.append(output))
    rows = []
    try:
        with evaluating(model):
            for start in range(0, len(inputs), size):
                seen.clear()
                part = inputs[start : start + size]
                model(part)
                rows.append(_row(seen, path, len(part)))
    finally:
        handle.remove()
    return concat(rows, axis=0)


def _row(seen: list[Any], path: str, count: int) -> Tensor:
    """The last thing that a hook saw, flat behind its first axis."""
    if not seen:
        raise ValueError(f"the layer {path!r} did not run")
    value = seen[-1]
    if not isinstance(value, Tensor) or not value.ndim or len(value) != count:
        shape = f"of shape {value.shape}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
        raise ValueError(f"{path!r} gave {shape} for {count} inputs; features are a tensor (N, ...)")
    return value.detach().reshape((count, -1))


def _heads(model: Module) -> list[str]:
    """The paths of the layers that give the classes, the main one first."""
    known = dict(model.named_modules(remove_duplicate=False))
    if type(model)._heads:
        return [path for path in type(model)._heads if path in known]
    owners = [path for path, module in known.items() if next(iter(own_parameters(module)), None) is not None]
    if not owners:
        raise ValueError(f"{type(model).__name__} has no parameters, and so no head")
    return [owners[-1]]


def _place(model: Module, path: str) -> tuple[Any, str, Any]:
    """The module that holds a layer, the layer's name there, and the layer."""
    above, _, name = path.rpartition(".")
    known = dict(model.named_modules(remove_duplicate=False))
    return known[above], name, known[path]


def _check(model: Module, path: str) -> None:
    """Raise ValueError unless the layer can be replaced."""
    if not path:
        raise ValueError(
            f"this {type(model).__name__} has its parameters itself, and no head to replace; make a new one"
        )
    layer = _place(model, path)[2]
    if not isinstance(layer, (Linear, Conv2d)):
        raise ValueError(
            f"the last layer of {type(model).__name__} is {path!r}, a {type(layer).__name__}, and not Linear or "
            "Conv2d; assign a head of your own where it stands"
        )
    named = model.named_parameters(remove_duplicate=False)
    others = [name for name, p in named if p is layer.weight and name != f"{path}.weight"]
    if others:
        raise ValueError(
            f"the weight of {path!r} is that of {others[0]!r} as well, and a new one would part them; assign a head of "
            "your own where that is meant"
        )


def _like(old: Linear | Conv2d, outputs: int, rng: np.random.Generator | None) -> Module:
    bias = old.bias is not None
    if isinstance(old, Linear):
        return Linear(old.in_features, outputs, bias, rng=rng, activation=old.activation)
    return Conv2d(
        old.in_channels,
        outputs,
        old.kernel_size,
        old.stride,
        old.padding,
        old.dilation,
        old.groups,
        bias,
        old.padding_mode,
        rng=rng,
    )
