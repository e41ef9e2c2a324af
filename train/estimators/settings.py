"""What the settings of an estimator stand for: networks, losses and optimisers by name, and what is refused."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ... import nn, optim
from ...autograd import Tensor, no_grad
from ..evaluation import mode
from ..numbers_given import is_whole

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "identity": nn.Identity,
    "leaky_relu": nn.LeakyReLU,
    "logistic": nn.Sigmoid,
    "relu": nn.ReLU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
}


def perceptron(n_features: int, n_outputs: int, hidden: Any, activation: Any) -> nn.Module:
    """Linear layers with an activation between each two.

    Args:
        n_features: the inputs.
        n_outputs: the outputs.
        hidden: the sizes of the hidden layers; one number for a single layer.
        activation: a name in `ACTIVATIONS`, or what makes a module when it is called.

    Raises:
        ValueError: for sizes that are not whole numbers from 1 on, and an unknown name.
    """
    sizes = list(hidden) if isinstance(hidden, Iterable) else [hidden]
    if not all(is_whole(size, 1) for size in sizes):
        raise ValueError(f"hidden_layer_sizes are whole numbers from 1 on, not {hidden!r}")
    if isinstance(activation, str) and activation not in ACTIVATIONS:
        raise ValueError(
            f"activation is one of {', '.join(ACTIVATIONS)} or makes a module, not {activation!r}"
        )
    make = ACTIVATIONS[activation] if isinstance(activation, str) else activation
    layers: list[nn.Module] = []
    for inputs, outputs in zip([n_features, *sizes], sizes, strict=False):
        layers += [nn.Linear(inputs, int(outputs)), make()]
    return nn.Sequential(*layers, nn.Linear(int(sizes[-1]) if sizes else n_features, n_outputs))


def network(settings: Any, n_features: int, n_outputs: int) -> nn.Module:
    """The module of an estimator: what its factory makes, or a perceptron.

    Raises:
        TypeError: for a factory that is none, and one that makes no module.
    """
    factory = settings.module
    if factory is None:
        return perceptron(n_features, n_outputs, settings.hidden_layer_sizes, settings.activation)
    if isinstance(factory, nn.Module) or not callable(factory):
        raise TypeError(
            "module is a function of (n_features, n_outputs) that makes a new nn.Module, so that every fit starts "
            f"afresh, and not a {type(factory).__name__}"
        )
    module = factory(n_features, n_outputs)
    if not isinstance(module, nn.Module):
        raise TypeError(
            f"module({n_features}, {n_outputs}) gives an nn.Module, not a {type(module).__name__}"
        )
    return module


def check_outputs(module: nn.Module, row: Tensor, n_outputs: int) -> None:
    """Refuse a module that does not give as many outputs for a row as are needed.

    Raises:
        ValueError: with the shape that it gives.
    """
    with mode(module, False), no_grad():
        found = module(row).shape
    if found != (1, n_outputs):
        raise ValueError(
            f"for one row the module gives an output of shape {found}, and it is to be (1, n_outputs), that is "
            f"{(1, n_outputs)}: a column for each class, label or number"
        )


def optimizer(settings: Any, module: nn.Module) -> Any:
    """The optimiser of an estimator for the parameters of a module.

    Raises:
        ValueError: for a name that `optim` has not.
    """
    rule = settings.optimizer
    if isinstance(rule, str):
        found = getattr(optim, rule, None)
        if not (isinstance(found, type) and issubclass(found, optim.Optimizer)):
            raise ValueError(f"optimizer is the name of a class in optim, such as 'Adam', and not {rule!r}")
        rule = found
    decay = {"weight_decay": float(settings.weight_decay)} if settings.weight_decay else {}
    return rule(module.parameters(), lr=float(settings.lr), **decay)


def criterion(loss: Any, known: dict[str, Callable[[], Any]]) -> Callable[[Any, Any], Any]:
    """A loss by its name, or the function that was given.

    Raises:
        ValueError: for an unknown name.
    """
    if not isinstance(loss, str):
        return loss  # type: ignore[no-any-return]  # a user's, or a module
    if loss not in known:
        raise ValueError(f"loss is one of {', '.join(known)} or a function of (output, target), not {loss!r}")
    return known[loss]()  # type: ignore[no-any-return]  # a user's, or a module


def check(settings: Any) -> None:
    """Refuse numbers that make no sense, by name.

    Raises:
        ValueError: naming the first of them.
    """
    for name, least in (("max_iter", 1), ("n_iter_no_change", 1)):
        if not is_whole(getattr(settings, name), least):
            raise ValueError(f"{name} is a whole number from {least} on, not {getattr(settings, name)!r}")
    if settings.batch_size != "auto" and not is_whole(settings.batch_size, 1):
        raise ValueError(
            f"batch_size is a whole number from 1 on, or 'auto' for at most 200, not {settings.batch_size!r}"
        )
    for name in ("lr", "tol", "weight_decay"):
        value: Any = getattr(settings, name)
        if not (isinstance(value, numbers.Real) and 0 <= float(value) < np.inf):
            raise ValueError(f"{name} is a number from 0 on, not {value!r}")
    fraction = settings.validation_fraction
    if settings.early_stopping and not (isinstance(fraction, numbers.Real) and 0 < float(fraction) < 1):
        raise ValueError(f"validation_fraction is between 0 and 1, not {fraction!r}")


def check_incremental(settings: Any) -> None:
    """Refuse settings that need all data at once.

    Raises:
        ValueError: naming the setting.
    """
    if settings.early_stopping:
        raise ValueError("partial_fit goes through the rows once, so it has no use for early_stopping=True")
    if getattr(settings, "class_weight", None) == "balanced":
        raise ValueError(
            "class_weight='balanced' needs the frequencies in all data, which partial_fit does not see; give a dict, "
            "such as compute_class_weight of scikit-learn makes"
        )
