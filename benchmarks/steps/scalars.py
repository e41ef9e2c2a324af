"""The network of scalars as all libraries of scalars write it, and its training step in micrograd."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from work import Work

Layers = list[list[tuple[list[Any], Any]]]  # for each unit of each layer, its weights and its bias


def layers_of(work: Work, leaf: Callable[[float], Any]) -> Layers:
    """The parameters, each made by `leaf`."""
    layers = []
    for layer in range(work.sizes["layers"]):
        weight, bias = (work.parameters[f"{layer}.{name}"] for name in ("weight", "bias"))
        units = zip(weight, bias, strict=True)
        layers.append([([leaf(float(w)) for w in row], leaf(float(b))) for row, b in units])
    return layers


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

    layers = layers_of(work, Value)
    parameters = [p for layer in layers for row, bias in layer for p in (*row, bias)]

    def run() -> float:
        for p in parameters:
            p.grad = 0.0
        loss = loss_of(layers, work, micrograd_tanh)
        loss.backward()
        for p in parameters:
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
