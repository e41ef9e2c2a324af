"""Run a module with other tensors in the places of its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...autograd import Tensor
from ..module import Module
from ..parameter import Parameter


def functional_call(
    module: Module,
    parameter_and_buffer_dicts: Mapping[str, Any],
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
) -> Any:
    """Run a module with other tensors in the places of its parameters and buffers.

    The module itself is left as it was, also when the call fails. A parameter that is shared under several
    names is replaced under all of them. With this a model is a function of its parameters, ready for gradient
    checks and transforms.

    Args:
        module: the module to run.
        parameter_and_buffer_dicts: Tensors by path, as in `named_parameters`; the others stay as they are.
        args: the positional arguments as a tuple, or one argument.
        kwargs: the keyword arguments.

    Raises:
        KeyError: for a path that the module has not; nothing is changed then.
        TypeError: for what is no Tensor.
        ValueError: for two different tensors for one shared parameter.

    >>> import pullback as pb
    >>> layer = pb.nn.Linear(2, 1, bias=False)
    >>> x = pb.tensor([[3.0, 4.0]])
    >>> pb.nn.functional_call(layer, {"weight": pb.tensor([[1.0, 10.0]])}, x).item()
    43.0
    """
    if kwargs is not None and not isinstance(kwargs, dict):
        raise TypeError(
            f"kwargs is a dict, not {type(kwargs).__name__}; several arguments go into a tuple: args=(x, y)"
        )
    positional = () if args is None else args if isinstance(args, tuple) else (args,)
    places = _places(module, parameter_and_buffer_dicts)
    before = [(owner, name, vars(owner)[name]) for owner, name, _ in places]
    try:
        for owner, name, tensor in places:
            if isinstance(vars(owner)[name], Parameter):
                vars(owner)["_stand_ins"] = owner._stand_ins | {name}  # still found by `named_parameters`
            vars(owner)[name] = tensor
        return module(*positional, **(kwargs or {}))
    finally:
        for owner, name, tensor in before:
            vars(owner)[name] = tensor
            vars(owner).pop("_stand_ins", None)


def _places(module: Module, tensors: Mapping[str, Any]) -> list[tuple[Module, str, Tensor]]:
    """Where each replacement goes: the module that holds the original, under each name that it has there."""
    own: dict[str, Tensor] = dict(module.named_parameters(remove_duplicate=False))
    own.update(module.named_buffers(remove_duplicate=False))
    replacements: dict[Tensor, Tensor] = {}
    for path, tensor in tensors.items():
        if path not in own:
            raise KeyError(
                f"{type(module).__name__} has no parameter or buffer {path!r}; it has {', '.join(own)}"
            )
        if not isinstance(tensor, Tensor):
            raise TypeError(f"{path!r} is replaced by a Tensor, not by {type(tensor).__name__}")
        if replacements.setdefault(own[path], tensor) is not tensor:
            raise ValueError(f"{path!r} is shared with another name, for which a different tensor is given")
    places = []
    for path, original in own.items():
        if original in replacements:
            owner, _, name = path.rpartition(".")
            places.append((module.get_submodule(owner), name, replacements[original]))
    return places
