"""Ensemble: several models that answer as one; and the cheap one, of snapshots of a single training."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from .. import nn
from ..autograd import log_softmax, logsumexp, stack
from ..optim.lr_scheduler import CosineAnnealingWarmRestarts
from .callbacks import Schedule, Snapshots
from .history import History
from .loop import fit
from .numbers_given import is_whole


class Ensemble(nn.Module):
    """The average of several models: a module that is called, evaluated, saved and loaded like one of them.

    With `average="probabilities"` it gives log((1/M)·Σₘ softmax(outputₘ)), the logarithm of the mean probabilities.
    These are logits like any other: `cross_entropy` and `accuracy` take them, their softmax are the mean
    probabilities. By Jensen's inequality the ensemble's cross-entropy is never above the mean of its members'.
    With `average="outputs"` it gives the mean of the outputs as they are: of logits, or of a regression's predictions.

    "Model ensembles" in the CS231n notes, "Neural Networks Part 3"; Lakshminarayanan, Pritzel and Blundell, "Simple
    and scalable predictive uncertainty estimation using deep ensembles", 2017 (https://arxiv.org/abs/1612.01474).

    Args:
        members: the models, which give outputs of one shape; they are kept and not copied.
        average: "probabilities", of outputs (N, classes, ...) that are logits, or "outputs".

    State: those of the members, under names that start with `members.0.`, `members.1.`, ...

    Raises:
        ValueError: for no members and another average; when called, for outputs that have no classes.
        TypeError: for a member that is no module.

    >>> import numpy as np, pullback as pb
    >>> from pullback import nn, train
    >>> members = [nn.Linear(4, 3, rng=np.random.default_rng(seed)) for seed in range(5)]
    >>> ensemble = train.Ensemble(members)
    >>> x = pb.ones((2, 4))
    >>> mean = sum(nn.functional.softmax(member(x), dim=1) for member in members) / 5
    >>> np.allclose(nn.functional.softmax(ensemble(x), dim=1).detach(), mean.detach())
    True
    """

    def __init__(self, members: Iterable[nn.Module], *, average: str = "probabilities") -> None:
        super().__init__()
        known = list(members)
        if not known:
            raise ValueError("an ensemble has at least one member")
        for member in known:
            if not isinstance(member, nn.Module):
                raise TypeError(f"the members of an ensemble are modules, not {type(member).__name__}")
        if average not in ("probabilities", "outputs"):
            raise ValueError(f"average is 'probabilities' or 'outputs', not {average!r}")
        self.members = nn.ModuleList(known)
        self.average = average

    def __len__(self) -> int:
        """The number of members."""
        return len(self.members)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the members give together."""
        outputs = [member(*args, **kwargs) for member in self.members]
        if self.average == "outputs":
            return stack(outputs).mean(axis=0)
        shape = outputs[0].shape
        if len(shape) < 2 or shape[1] < 2:
            raise ValueError(
                f"probabilities are averaged over logits (N, classes, ...) of at least two classes, and the members "
                f"give shape {shape}; average='outputs' takes any"
            )
        logarithms = stack([log_softmax(output, axis=1) for output in outputs])
        return logsumexp(logarithms, axis=0) - math.log(len(outputs))

    def extra_repr(self) -> str:
        """How it averages."""
        return f"average={self.average!r}"


class SnapshotTraining(NamedTuple):
    """What `snapshot_ensemble` gives."""

    ensemble: Ensemble
    history: History


def snapshot_ensemble(
    model: nn.Module,
    loss: Callable[[Any, Any], Any],
    optimizer: Any,
    loader: Any,
    *,
    cycles: int,
    epochs_per_cycle: int,
    keep: int | None = None,
    average: str = "probabilities",
    callbacks: Sequence[Any] = (),
    **options: Any,
) -> SnapshotTraining:
    """Train one model in cycles, and make an ensemble of what it was at the end of each.

    In each cycle the learning rate falls from the optimiser's to nearly zero along a cosine, update by update, and then
    jumps back, which throws the model out of the minimum that it has found. Huang et al., "Snapshot ensembles: train 1,
    get M for free", 2017 (https://arxiv.org/abs/1704.00109).

    Args:
        model: what is trained; afterwards it has the weights of the last snapshot.
        loss: see `fit`.
        optimizer: its learning rates are those that each cycle begins with.
        loader: with a length.
        cycles: how many there are.
        epochs_per_cycle: how long each is.
        keep: how many of the last snapshots are kept; all if not given.
        average: see `Ensemble`.
        callbacks: further callbacks.
        options: further arguments of `fit`, such as `validation`, `checkpoint` and `resume`.

    Returns:
        The ensemble and the history.

    Raises:
        ValueError: for less than one cycle or epoch, and a `scheduler` or `epochs` among the options.

    >>> import numpy as np
    >>> from pullback import data, nn, optim, train
    >>> x = np.linspace(-1, 1, 32).reshape(32, 1)
    >>> loader = data.DataLoader(data.TensorDataset(x, (x[:, 0] > 0).astype(int)), batch_size=8)
    >>> model = nn.Linear(1, 2, rng=np.random.default_rng(0))
    >>> optimizer = optim.SGD(model.parameters(), lr=1.0)
    >>> ensemble, history = train.snapshot_ensemble(
    ...     model, nn.CrossEntropyLoss(), optimizer, loader, cycles=3, epochs_per_cycle=2, progress=False
    ... )
    >>> len(ensemble), len(history)
    (3, 6)
    """
    for name, value in (("cycles", cycles), ("epochs_per_cycle", epochs_per_cycle)):
        if not is_whole(value, 1):
            raise ValueError(f"{name} is a whole number from 1 on, not {value!r}")
    for name in ("scheduler", "epochs"):
        if name in options:
            raise ValueError(f"{name} follows from the cycles; give cycles and epochs_per_cycle")
    snapshots = Snapshots(epochs_per_cycle, keep)
    updates = -(-len(loader) // options.get("accumulate", 1))
    restarts = CosineAnnealingWarmRestarts(optimizer, T_0=updates * epochs_per_cycle)
    history = fit(
        model,
        loss,
        optimizer,
        loader,
        epochs=cycles * epochs_per_cycle,
        scheduler=Schedule(restarts, every="batch"),
        callbacks=[*callbacks, snapshots],
        **options,
    )
    return SnapshotTraining(Ensemble(snapshots.models(), average=average), history)
