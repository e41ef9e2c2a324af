"""How the models draw their start values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import init
from ..conv import Conv2d
from ..linear import Linear
from ..module import Module

Generator = np.random.Generator | None


def redraw(model: Module, rng: Generator) -> None:
    """Let every layer draw the start values that it has by itself, from a given generator; none: nothing to do."""
    if rng is None:
        return
    for module in model.modules():
        if isinstance(module, (Conv2d, Linear)):
            module.reset_parameters(rng=rng)


def he(model: Module, rng: Generator, linear: Callable[[Any], object] | None = None) -> None:
    """Draw the filters by He et al. (2015) for ReLU, keeping the size of gradients; biases are zero.

    Args:
        model: whose convolutions are filled.
        rng: the generator; the default one if None.
        linear: fills the weight of a Linear layer, whose bias is then zero; such layers keep theirs if not given.
    """
    for module in model.modules():
        if isinstance(module, Conv2d):
            init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu", rng=rng)
        elif isinstance(module, Linear) and linear is not None:
            linear(module.weight)
        elif isinstance(module, Linear):
            if rng is not None:
                module.reset_parameters(rng=rng)
            continue
        else:
            continue
        if module.bias is not None:
            init.zeros_(module.bias)
