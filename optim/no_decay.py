"""Parameter groups by name: weight decay for weights, and none for biases and the scales of normalisations."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any

from ..autograd import Tensor
from .checks import require

NO_DECAY = ("*.bias", "*norm*")
"""The patterns that `param_groups` takes if none are given."""


def param_groups(
    model: Any, weight_decay: float, no_decay: str | Iterable[str] = NO_DECAY, **options: Any
) -> list[dict[str, Any]]:
    """Two parameter groups for an optimiser: one with weight decay, and one without by name.

    A pattern with `*`, `?` and `[...]` is compared with the path of each parameter (`"encoder.norm1.weight"`) and
    with its name in its layer (`"LayerNorm.weight"`), upper and lower case being the same. So `"*norm*"` also
    finds a normalisation that is called `"1"` in a Sequential.

    Args:
        model: what has `named_parameters` and `named_modules`.
        weight_decay: the decay of the first group.
        no_decay: patterns of parameters that are not decayed. Each must fit something, but for the ones that
            stand there if none are given.
        options: further options for both groups, such as `lr`.

    Returns:
        A list of one or two dicts for `params`: with decay, and without. Groups of nothing are left out.

    Raises:
        TypeError: for what is no model.
        ValueError: for a negative decay, and a pattern that fits no parameter.

    >>> from pullback import nn, optim
    >>> model = nn.Sequential(nn.Linear(4, 8), nn.LayerNorm(8), nn.Linear(8, 2))
    >>> groups = optim.param_groups(model, 0.01)
    >>> [(len(group["params"]), group["weight_decay"]) for group in groups]
    [(2, 0.01), (4, 0.0)]
    >>> optimizer = optim.Adam(groups, lr=1e-3)
    """
    if not hasattr(model, "named_parameters") or not hasattr(model, "named_modules"):
        raise TypeError(f"groups by name are made of a model, not of a {type(model).__name__}")
    require(weight_decay >= 0, "weight_decay", weight_decay, "zero or more")
    patterns = [no_decay] if isinstance(no_decay, str) else list(no_decay)
    names = dict(_names(model))
    used: set[str] = set()
    decayed: list[Tensor] = []
    spared: list[Tensor] = []
    for parameter, known_as in names.items():
        fitting = {pattern for pattern in patterns if any(_fits(name, pattern) for name in known_as)}
        used |= fitting
        (spared if fitting else decayed).append(parameter)
    unused = [pattern for pattern in patterns if pattern not in used]
    if unused and no_decay is not NO_DECAY:
        known = ", ".join(path for path, _ in model.named_parameters())
        raise ValueError(f"the pattern {unused[0]!r} fits none of the parameters, which are {known}")
    groups = [
        {"params": decayed, "weight_decay": weight_decay, **options},
        {"params": spared, "weight_decay": 0.0, **options},
    ]
    return [group for group in groups if group["params"]]


def _names(model: Any) -> list[tuple[Tensor, list[str]]]:
    """Each parameter once, with its paths and its names in its layers."""
    kinds = {path: type(module).__name__ for path, module in model.named_modules(remove_duplicate=False)}
    names: dict[Tensor, list[str]] = {}
    for path, parameter in model.named_parameters(remove_duplicate=False):
        owner, _, name = path.rpartition(".")
        kind = kinds.get(owner, type(model).__name__)
        names.setdefault(parameter, []).extend((path, f"{kind}.{name}"))
    return list(names.items())


def _fits(name: str, pattern: str) -> bool:
    return fnmatchcase(name.lower(), pattern.lower())
