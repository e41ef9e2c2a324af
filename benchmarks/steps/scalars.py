"""The network of scalars in micrograd."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from work import Work


def micrograd_step(work: Work) -> Callable[[], float]:
    """A step of W1; micrograd has no tanh of its own, and gets the one of its author's lecture."""
    from micrograd.engine import Value

    def tanh(x: Any) -> Any:
        t = math.tanh(x.data)
        out = Value(t, (x,), "tanh")

        def pull() -> None:
            x.grad += (1 - t * t) * out.grad

        out._backward = pull
        return out

    layers = []
    for layer in range(work.sizes["layers"]):
        weight, bias = (work.parameters[f"{layer}.{name}"] for name in ("weight", "bias"))
        rows = [[Value(float(w)) for w in row] for row in weight]
        layers.append(list(zip(rows, [Value(float(b)) for b in bias], strict=True)))
    parameters = [p for layer in layers for row, bias in layer for p in (*row, bias)]
    samples = [([float(v) for v in x], float(y)) for x, y in zip(work.data["x"], work.data["y"], strict=True)]

    def run() -> float:
        for p in parameters:
            p.grad = 0.0
        loss = Value(0.0)
        for x, y in samples:
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
        loss.backward()
        for p in parameters:
            p.data -= 0.01 * p.grad
        return float(loss.data)

    return run
