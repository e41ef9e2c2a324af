"""DropConnect: dropout of weights instead of activations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from . import functional as F  # noqa: N812 - the field's abbreviation
from .dropout import Dropping
from .module import Module
from .utils.functional_call import functional_call


class DropConnect(Dropping):
    """Runs a module with weights that are set to 0 at random in training, and with their average in evaluation.

    Each call in training draws a mask for each named parameter, the same for all samples of the batch. The inverted
    kind divides the weights that stay by 1 − p, so the average is the weights themselves; the original kind
    (`inverted=False`) leaves them, and evaluation runs with (1 − p) times the weights.
    Wan et al., "Regularization of neural networks using DropConnect", 2013.

    Args:
        module: for example a `Linear`; its parameters keep their names behind "module.".
        p: the probability that a weight is dropped.
        names: the paths of the parameters that are dropped from.
        inverted: which of the two kinds.
        rng: the generator of the masks; the program's if not given.

    Raises:
        ValueError: for p outside [0, 1].
        AttributeError: for a name that is no parameter of the module.

    >>> import pullback as pb
    >>> layer = pb.nn.DropConnect(pb.nn.Linear(4, 3), 0.5)
    >>> layer(pb.ones((2, 4))).shape
    (2, 3)
    """

    def __init__(
        self,
        module: Module,
        p: float = 0.5,
        names: Sequence[str] = ("weight",),
        *,
        inverted: bool = True,
        rng: np.random.Generator | None = None,
    ) -> None:
        super().__init__(p, rng)
        self.module = module
        self.names = (names,) if isinstance(names, str) else tuple(names)
        self.inverted = inverted
        own = dict(module.named_parameters(remove_duplicate=False))
        for name in self.names:
            if name not in own:
                raise AttributeError(
                    f"DropConnect: {type(module).__name__} has no parameter {name!r}; it has {', '.join(own)}"
                )

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Run the module with dropped or averaged weights."""
        own = dict(self.module.named_parameters(remove_duplicate=False))
        weights = {
            name: F.dropout(own[name], self.p, self.training, inverted=self.inverted, rng=self.rng)
            for name in self.names
        }
        return functional_call(self.module, weights, args, kwargs)

    def extra_repr(self) -> str:
        """The settings."""
        return f"p={self.p}, names={self.names}" + ("" if self.inverted else ", inverted=False")
