"""Monte-Carlo averaging: many random passes at test time instead of one with averaged noise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from ...autograd import Tensor, mean, stack, std
from ..dropout import Dropping
from ..functional.check import whole
from ..module import Module


class MonteCarlo(NamedTuple):
    """What `mc_predict` found: the average of the outputs, and their standard deviation."""

    mean: Tensor
    std: Tensor


@contextmanager
def mc_dropout(model: Module) -> Iterator[Module]:
    """Evaluation in which dropout stays random: batch normalisation and the rest use what training has found.

    Random stay `Dropout` and its relatives, `DropConnect`, `StochasticDepth`, and layers with a dropout rate of
    their own (recurrent layers, attention). The modes are restored at the end.

    Args:
        model: the module.

    >>> import pullback as pb
    >>> model = pb.nn.Sequential(pb.nn.Linear(2, 2), pb.nn.Dropout())
    >>> with pb.nn.utils.mc_dropout(model):
    ...     model[0].training, model[1].training
    (False, True)
    """
    before = [(module, module.training) for module in model.modules()]
    try:
        for module, _ in before:
            rate = getattr(module, "dropout", 0.0)
            own_rate = isinstance(rate, (int, float)) and rate > 0
            module.training = isinstance(module, Dropping) or own_rate
        yield model
    finally:
        for module, training in before:
            module.training = training


def mc_predict(model: Module, *args: Any, samples: int = 10, **kwargs: Any) -> MonteCarlo:
    """Run a model several times with random dropout and average its outputs; their spread says how sure it is.

    The CS231n notes (https://cs231n.github.io/neural-networks-3/, "stochastic in forward, average at test time")
    and Gal and Ghahramani, "Dropout as a Bayesian approximation", 2015, arXiv:1506.02142. Gradients are recorded as
    usual; run it under `no_grad` where none are wanted.

    Args:
        model: the module; its output is one tensor.
        *args: its arguments.
        samples: the number of passes.
        **kwargs: its keyword arguments.

    Returns:
        A named tuple (mean, std) of tensors of the output's shape; the standard deviation divides by `samples`.

    Raises:
        ValueError: for fewer than one sample.
        TypeError: for an output that is no tensor.

    >>> import pullback as pb
    >>> model = pb.nn.Sequential(pb.nn.Dropout(0.5), pb.nn.Flatten())
    >>> average = pb.nn.utils.mc_predict(model, pb.ones((1, 4)), samples=8)
    >>> average.mean.shape, average.std.shape
    ((1, 4), (1, 4))
    """
    samples = whole("samples", samples)
    with mc_dropout(model):
        outputs = [model(*args, **kwargs) for _ in range(samples)]
    if not isinstance(outputs[0], Tensor):
        raise TypeError(
            f"mc_predict averages a model whose output is one Tensor, not {type(outputs[0]).__name__}; run it "
            "under mc_dropout(model) and average what you need"
        )
    every = stack(outputs)
    return MonteCarlo(mean(every, axis=0), std(every, axis=0))
