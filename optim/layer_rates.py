"""Parameter groups with a rate for each layer: chosen by name, or falling from the last layer to the first."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from ..autograd import Tensor
from .checks import require


def layer_rates(model: Any, rates: Mapping[str, float], **options: Any) -> list[dict[str, Any]]:
    """Parameter groups for an optimiser, with a learning rate for each pattern of names.

    Fine-tuning moves the layers that were trained before by small steps and a new head by larger ones
    (https://cs231n.github.io/transfer-learning/). Patterns are those of `Module.freeze`: paths of parameters or of
    modules, with `*`, `?` and `[...]`. A parameter goes to the first pattern that it fits.

    Args:
        model: what has `named_parameters`.
        rates: learning rates by pattern; `"*"` at the end is for all the rest.
        options: further options for all groups, such as `weight_decay`.

    Returns:
        One dict for each pattern, in order, with the pattern as its `name`.

    Raises:
        TypeError: for what is no model.
        ValueError: for a negative rate, a pattern that gets no parameter, and parameters that fit none.

    >>> from pullback import nn, optim
    >>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    >>> groups = optim.layer_rates(model, {"2": 1e-2, "*": 1e-4})
    >>> [(group["name"], group["lr"], len(group["params"])) for group in groups]
    [('2', 0.01, 2), ('*', 0.0001, 2)]
    >>> optimizer = optim.SGD(groups, momentum=0.9)
    """
    named = _named(model)
    for pattern, rate in rates.items():
        require(rate >= 0, f"the rate of {pattern!r}", rate, "zero or more")
    chosen: dict[str, list[Tensor]] = {pattern: [] for pattern in rates}
    left: list[str] = []
    for parameter, paths in named.items():
        fitting = (pattern for pattern in rates if any(_fits(path, pattern) for path in paths))
        first = next(fitting, None)
        if first is None:
            left.append(paths[0])
        else:
            chosen[first].append(parameter)
    known = ", ".join(paths[0] for paths in named.values())
    for pattern, parameters in chosen.items():
        if not parameters:
            raise ValueError(
                f"the pattern {pattern!r} gets none of the parameters (each goes to the first that it fits), which are "
                f"{known}"
            )
    if left:
        raise ValueError(
            f"no pattern fits {', '.join(left)}; give them a rate, such as '*' at the end for all the rest"
        )
    return [
        {"params": parameters, "lr": rates[pattern], "name": pattern, **options}
        for pattern, parameters in chosen.items()
    ]


def layer_decay(model: Any, lr: float, decay: float, depth: int = 1, **options: Any) -> list[dict[str, Any]]:
    """Parameter groups whose learning rates fall from the last layer to the first: lr·decay^k, k layers below the last.

    Howard and Ruder, "Universal language model fine-tuning for text classification", 2018 (arXiv:1801.06146): lower
    layers are the more general ones, and need to change less.

    Args:
        model: what has `named_parameters`; the order is that in which its parts were assigned.
        lr: the rate of the last layer.
        decay: the factor from each layer to the one below, above 0 and up to 1.
        depth: how many parts of a path make a layer: 1 for the children of the model, 2 for `"features.0"`.
        options: further options for all groups, such as `weight_decay`.

    Returns:
        One dict for each layer with parameters, the first layer first, with the layer's path as its `name`.

    Raises:
        TypeError: for what is no model.
        ValueError: for settings out of range.

    >>> from pullback import nn, optim
    >>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 2))
    >>> groups = optim.layer_decay(model, lr=0.01, decay=0.5)
    >>> [(group["name"], group["lr"]) for group in groups]
    [('0', 0.0025), ('2', 0.005), ('4', 0.01)]
    """
    require(lr >= 0, "lr", lr, "zero or more")
    require(0 < decay <= 1, "decay", decay, "above 0 and up to 1")
    require(
        isinstance(depth, int) and not isinstance(depth, bool) and depth >= 1,
        "depth",
        depth,
        "a whole number from 1 on",
    )
    layers: dict[str, list[Tensor]] = {}
    for parameter, paths in _named(model).items():
        layer = ".".join(paths[0].split(".")[:-1][:depth])
        layers.setdefault(layer, []).append(parameter)
    last = len(layers) - 1
    return [
        {"params": parameters, "lr": lr * decay ** (last - i), "name": layer, **options}
        for i, (layer, parameters) in enumerate(layers.items())
    ]


def _named(model: Any) -> dict[Tensor, list[str]]:
    """Each parameter once, with all its paths."""
    if not hasattr(model, "named_parameters"):
        raise TypeError(f"groups by name are made of a model, not of a {type(model).__name__}")
    named: dict[Tensor, list[str]] = {}
    for path, parameter in model.named_parameters(remove_duplicate=False):
        named.setdefault(parameter, []).append(path)
    return named


def _fits(path: str, pattern: str) -> bool:
    return fnmatchcase(path, pattern) or fnmatchcase(path, f"{pattern}.*")
