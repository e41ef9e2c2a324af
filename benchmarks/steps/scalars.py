"""The network of scalars as all libraries of scalars write it, and its training step in micrograd."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from work import Work

Layers = list[list[tuple[list[Any], Any]]]  # for each unit of each layer, its weights and its bias


def numbers_of(work: Work) -> dict[str, float]:
    """The parameters as numbers with names: of each unit of each layer, its weights and its bias."""
    numbers = {}
    for layer in range(work.sizes["layers"]):
        weight, bias = (work.parameters[f"{layer}.{name}"] for name in ("weight", "bias"))
        for unit, row in enumerate(weight.tolist()):
            numbers |= {f"{layer}.{unit}.weight.{at}": w for at, w in enumerate(row)}
            numbers[f"{layer}.{unit}.bias"] = bias[unit].item()
    return numbers


def layers_of(work: Work, parameters: Mapping[str, Any]) -> Layers:
    """The layers of parameters with these names."""
    return [
        [
            (
                [parameters[f"{layer}.{unit}.weight.{at}"] for at in range(inputs)],
                parameters[f"{layer}.{unit}.bias"],
            )
            for unit in range(units)
        ]
        for layer in range(work.sizes["layers"])
        for units, inputs in [work.parameters[f"{layer}.weight"].shape]
    ]


def loss_of(layers: Layers, work: Work, tanh: Callable[[Any], Any]) -> Any:
    """The sum of squared errors over the samples."""
    loss: Any = 0.0
    for x, y in zip(work.data["x"].tolist(), work.data["y"].tolist(), strict=True):
        values: list[Any] = x
        for layer in layers:
            sums = []
            for row, bias in layer:
                total = bias
                for w, value in zip(row, values, strict=True):
                    total = total + w * value
                sums.append(tanh(total))
            values = sums
        loss = loss + (values[0] - y) ** 2
    return loss


def micrograd_step(work: Work) -> Callable[[], float]:
    """A step of W1."""
    from micrograd.engine import Value

    parameters = {name: Value(number) for name, number in numbers_of(work).items()}
    layers = layers_of(work, parameters)

    def run() -> float:
        for p in parameters.values():
            p.grad = 0.0
        loss = loss_of(layers, work, micrograd_tanh)
        loss.backward()
        for p in parameters.values():
            p.data -= 0.01 * p.grad
        return float(loss.data)

    return run


def micrograd_tanh(x: Any) -> Any:
    """micrograd has no tanh of its own; this is the one of its author's lecture."""
    from micrograd.engine import Value

    t = math.tanh(x.data)
    out = Value(t, (x,), "tanh")

    def pull() -> None:
        x.grad += (1 - t * t) * out.grad

    out._backward = pull
    return out
