"""What optimisers check of their arguments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..autograd import Tensor
from .scalars import number

EMPTY = (
    "the list of parameters is empty; pass for example model.parameters(). A model finds the parameters of the modules "
    "that are its attributes, and none in plain lists and dicts: keep several in a ModuleList or a Sequential"
)


def as_groups(params: Any) -> list[dict[str, Any]]:
    """What an optimiser is given, as dicts of groups."""
    tensors = as_tensors(params)
    if not tensors:
        raise ValueError(EMPTY)
    if all(isinstance(item, dict) for item in tensors):
        return tensors
    return [{"params": tensors}]


def as_tensors(params: Any) -> list[Any]:
    """A list of parameters, named or not."""
    unfit = (Tensor, str, bytes, dict, set, frozenset)
    if isinstance(params, unfit) or not isinstance(params, Iterable) or hasattr(params, "parameters"):
        raise TypeError(
            "parameters are given as an iterable of tensors in a fixed order, such as model.parameters() or "
            f"[w, b], not as {shown(params)}"
        )
    return list(params)


def is_named(item: Any) -> bool:
    """Whether a parameter comes with its name."""
    return isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], str)


def shown(value: Any) -> str:
    """What a message calls a value that does not fit."""
    return "a single Tensor" if isinstance(value, Tensor) else f"a {type(value).__name__}"


def require(condition: bool, option: str, value: object, law: str) -> None:
    """Raise ValueError for an option out of its range."""
    if not condition:
        raise ValueError(f"{option} must be {law}, not {value!r}")


def require_not_negative(options: Mapping[str, Any], *names: str) -> None:
    """Raise an error unless these options are numbers of zero or more."""
    for name in names:
        value = number(options[name])
        if not isinstance(value, (int, float)):
            raise TypeError(f"{name} must be a number, not {shown(value)}: {value!r}")
        require(value >= 0, name, options[name], "zero or more")


def require_betas(options: Mapping[str, Any]) -> None:
    """Raise ValueError unless the betas are two decay rates."""
    betas = number(options["betas"])
    fit = isinstance(betas, tuple) and len(betas) == 2
    fit = fit and all(isinstance(beta, (int, float)) and 0 <= beta < 1 for beta in betas)
    require(fit, "betas", options["betas"], "two numbers in [0, 1)")
