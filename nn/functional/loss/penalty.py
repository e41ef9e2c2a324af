"""Penalties on parameters, to be added to a loss: L1, L2, and both.

The gradient of the L2 penalty is strength·w, as of weight decay: the half in front of the square is there for that,
as in the CS231n notes, https://cs231n.github.io/neural-networks-2/#reg.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ....autograd import Tensor
from ....autograd.extend import MIXER, given, op

_SAMPLES = given(
    ([[(3,), (2, 2)]], {"strength": 0.3}),
    ([[(2, 3)]], {}),
    ([[(), (0, 2)]], {"strength": 2.0}),
)


def _checked(where: str, parameters: Any, strength: float) -> Any:
    if not parameters:
        raise ValueError(f"{where}: there are no parameters; model.parameters() is used up after one pass")
    if not strength >= 0:
        raise ValueError(f"{where}: the strength must not be negative, and it is {strength!r}")
    for w in parameters:
        if w.dtype.kind != "f":
            raise TypeError(f"{where}: a parameter is {w.dtype} and must be floating")
    return parameters


def _sum_of(measure: Any, parameters: Any, batched: Any = ()) -> Any:
    """The sum over all parameters; one for each example where some of them have a batch axis."""
    examples = batched or (False,) * len(parameters)
    return sum(
        np.sum(measure(w), axis=tuple(range(1, w.ndim)) if b else None)
        for w, b in zip(parameters, examples, strict=True)
    )


def _batch_l1(call: Any, batched: Any, parameters: Any, strength: float) -> Any:
    return strength * _sum_of(np.abs, _checked("l1_penalty", parameters, strength), batched)


def _batch_l2(call: Any, batched: Any, parameters: Any, strength: float) -> Any:
    return strength / 2 * _sum_of(np.square, _checked("l2_penalty", parameters, strength), batched)


@op(
    "*parameters",
    parameters=lambda g, parameters, i, strength: g * strength * np.sign(parameters[i]),
    gate=MIXER,
    batch=_batch_l1,
    symbol="λ‖w‖₁",
    samples=_SAMPLES,
)
def l1_penalty(parameters: Any, strength: float = 1.0) -> Any:
    """strength · Σ |w| over all parameters: drives weights to exactly 0. The gradient is strength·sign(w), 0 at 0.

    Args:
        parameters: tensors, for example `model.parameters()`.
        strength: λ, not negative.

    Returns:
        A scalar.

    Raises:
        ValueError: for no parameters, and a negative strength.
        TypeError: for parameters that are not floating.

    >>> import pullback as pb
    >>> pb.nn.functional.l1_penalty([pb.tensor([1.0, -2.0]), pb.tensor(3.0)], 0.5).item()
    3.0
    """
    strength = float(strength)
    return strength * _sum_of(np.abs, _checked("l1_penalty", parameters, strength))


@op(
    "*parameters",
    parameters=lambda g, parameters, i, strength: g * strength * parameters[i],
    gate=MIXER,
    batch=_batch_l2,
    symbol="½λ‖w‖²",
    samples=_SAMPLES,
)
def l2_penalty(parameters: Any, strength: float = 1.0) -> Any:
    """strength/2 · Σ w² over all parameters: drives weights towards 0. The gradient is strength·w.

    Args:
        parameters: tensors, for example `model.parameters()`.
        strength: λ, not negative.

    Returns:
        A scalar.

    Raises:
        ValueError: for no parameters, and a negative strength.
        TypeError: for parameters that are not floating.

    >>> import pullback as pb
    >>> pb.nn.functional.l2_penalty([pb.tensor([1.0, -2.0]), pb.tensor(3.0)], 0.5).item()
    3.5
    """
    strength = float(strength)
    return strength / 2 * _sum_of(np.square, _checked("l2_penalty", parameters, strength))


def elastic_net_penalty(parameters: Iterable[Any], l1: float = 1.0, l2: float = 1.0) -> Tensor:
    """The sum of both penalties, l1·Σ |w| + l2/2·Σ w².

    Where it is written without the half, λ₁|w| + λ₂w², as in the notes, l2 is 2·λ₂.
    Zou and Hastie, "Regularization and variable selection via the elastic net", 2005.

    Args:
        parameters: tensors, for example `model.parameters()`.
        l1: the strength of the L1 penalty.
        l2: the strength of the L2 penalty.

    Returns:
        A scalar.

    Raises:
        ValueError: for no parameters, and a negative strength.
        TypeError: for parameters that are not floating.

    >>> import pullback as pb
    >>> pb.nn.functional.elastic_net_penalty([pb.tensor([1.0, -2.0])], 1.0, 2.0).item()
    8.0
    """
    tensors = tuple(parameters)
    result: Tensor = l1_penalty(tensors, l1) + l2_penalty(tensors, l2)
    return result
