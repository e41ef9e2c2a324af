"""The outputs of a model over a whole data set."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from ..autograd import Tensor, concat, no_grad
from .evaluation import mode, pair, run


class Outputs(NamedTuple):
    """What a model gave for a data set, and what it should have given, sample by sample."""

    output: Tensor
    target: Tensor


def outputs_of(model: Any, loader: Iterable[Any]) -> Outputs:
    """The outputs of a model over a data set with the targets, in evaluation mode and without gradients.

    Args:
        model: a module; afterwards each of its modules is in the mode in which it was. It is called as in `fit`.
        loader: yields batches (input, target), where the target is a tensor.

    Raises:
        TypeError: for outputs or targets that are no tensors.
        ValueError: for a loader without batches, and batches that are no pairs.

    >>> import numpy as np
    >>> from pullback import data, nn, train
    >>> loader = data.DataLoader(data.TensorDataset(np.eye(4), np.arange(4)), batch_size=3)
    >>> output, target = train.outputs_of(nn.Identity(), loader)
    >>> output.shape, target.tolist()
    ((4, 4), [0, 1, 2, 3])
    """
    outputs: list[Tensor] = []
    targets: list[Tensor] = []
    with mode(model, False), no_grad():
        for input, target in map(pair, loader):
            for part, parts in ((run(model, input), outputs), (target, targets)):
                if not isinstance(part, Tensor):
                    raise TypeError(
                        "outputs and targets of a data set are put together where they are tensors, and this is a "
                        f"{type(part).__name__}"
                    )
                parts.append(part)
    if not outputs:
        raise ValueError("the loader gave no batches, so there is nothing to put together")
    return Outputs(concat(outputs), concat(targets))
