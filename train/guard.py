"""The guard against numbers that are not finite: it finds where they come from, and nothing is updated with them."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..autograd import Anomaly, detect_anomaly
from ..autograd.extend import gradient_arrays, writable
from .evaluation import run
from .metrics.base import array
from .random_state import set_state, state_of

if TYPE_CHECKING:
    from .trainer import Trainer

IN_A_ROW = 20
"""After how many updates in a row that were skipped the training is given up."""


class Guard:
    """Looks at the loss of each batch and the gradients of each update.

    Args:
        action: "raise" stops with an error that says where the first number that is not finite came from; "skip" leaves
            the update out with a warning that says it, and puts buffers, such as batch statistics, back to what they
            were.

    Raises:
        ValueError: for another action.
    """

    def __init__(self, action: str) -> None:
        if action not in ("raise", "skip"):
            raise ValueError(f"nonfinite is 'raise' or 'skip', not {action!r}")
        self.skips = action == "skip"
        self._in_a_row = 0
        self._buffers: list[tuple[Any, Any]] = []
        self._random: dict[str, Any] = {}

    def before_update(self, trainer: Trainer) -> None:
        """Remember what a skipped update must not have changed."""
        if self.skips:
            self._buffers = _copies(trainer.model)

    def before_batch(self, trainer: Trainer) -> None:
        """Remember what is needed to compute the batch again."""
        self._random = {name: state_of(one) for name, one in trainer.generators.items()}

    def loss_is_good(self, trainer: Trainer) -> bool:
        """Whether the loss of the present batch is finite."""
        if math.isfinite(trainer.loss_value):
            return True
        return self._report(trainer, f"the loss is {trainer.loss_value}", backward=False)

    def gradients_are_good(self, trainer: Trainer) -> bool:
        """Whether the gradients of the present update are finite."""
        if not getattr(trainer.optimizer, "skip_nonfinite", False):  # else it looks itself
            bad = _first_bad_gradient(trainer.optimizer)
            if bad is not None:
                names = {id(parameter): name for name, parameter in trainer.model.named_parameters()}
                name = repr(names[id(bad)]) if id(bad) in names else "that is not the model's"
                return self._report(trainer, f"the gradient of the parameter {name} is not finite", True)
        self._in_a_row = 0
        return True

    def _report(self, trainer: Trainer, what: str, backward: bool) -> bool:
        message = (
            f"{what} in epoch {trainer.epoch}, batch {trainer.batch}, and the parameters were not updated with it. "
            + self._origin(trainer, backward)
        )
        if not self.skips:
            raise FloatingPointError(message)
        self._in_a_row += 1
        if self._in_a_row == IN_A_ROW:
            raise FloatingPointError(f"{IN_A_ROW} updates in a row were skipped; {message}")
        for buffer, before in self._buffers:
            writable(buffer)[...] = before
        warnings.warn(f"skipped an update: {message}", RuntimeWarning, stacklevel=5)
        return False

    def _origin(self, trainer: Trainer, backward: bool) -> str:
        """Where it came from, in a sentence."""
        with np.errstate(all="ignore"):
            for name, parameter in trainer.model.named_parameters():
                if not _finite(parameter.detach().numpy()):
                    return f"The parameter {name!r} is not finite, so something before this batch has made it so."
            for kind, value in (("input", trainer.input), ("target", trainer.target)):
                place = _first_bad(value)
                if place:
                    return f"The {kind} holds values that are not finite, the first {place}."
        found = self._again(trainer, backward)
        if found is not None:
            return f"It comes from the {found}."
        return "A smaller learning rate often helps."

    def _again(self, trainer: Trainer, backward: bool) -> Anomaly | None:
        """The first anomaly when the batch is computed again, with the same random numbers; nothing is changed."""
        buffers = _copies(trainer.model)
        now = {name: state_of(one) for name, one in trainer.generators.items()}
        _set(trainer, self._random)
        try:
            with detect_anomaly(raises=False) as found:
                value = trainer.loss(run(trainer.model, trainer.input), trainer.target)
                if backward:
                    value.backward()
        except Exception:
            return None  # the first error is the one to be told
        finally:
            _set(trainer, now)
            for buffer, before in buffers:
                writable(buffer)[...] = before
        return found.forward or found.backward


def _copies(model: Any) -> list[tuple[Any, Any]]:
    return [(buffer, buffer.detach().numpy().copy()) for _, buffer in model.named_buffers()]


def _set(trainer: Trainer, states: Mapping[str, Any]) -> None:
    for name, state in states.items():
        set_state(trainer.generators[name], state)


def _first_bad_gradient(optimizer: Any) -> Any:
    """The first parameter whose gradient is not finite, or None."""
    with np.errstate(all="ignore"):
        for group in optimizer.param_groups:
            for parameter, gradient in zip(group["params"], gradient_arrays(group["params"]), strict=True):
                if gradient is not None and not _finite(getattr(gradient, "values", gradient)):
                    return parameter
    return None


def _finite(values: Any) -> bool:
    """Whether all are finite; a finite sum says so at once, and a large one may overflow."""
    return bool(np.isfinite(values.sum())) or bool(np.isfinite(values).all())


def _first_bad(value: Any, path: str = "") -> str:
    """Where the first value that is not finite is, in words; nothing if there is none."""
    if isinstance(value, (tuple, list, Mapping)):
        entries = value.items() if isinstance(value, Mapping) else enumerate(value)
        return next(filter(None, (_first_bad(entry, f"{path}[{name!r}]") for name, entry in entries)), "")
    values = array(value)
    if values.dtype.kind not in "fc" or _finite(values):
        return ""
    place = np.argwhere(~np.isfinite(values))[0].tolist()
    return f"in sample {place[0]}, at {path}{place}" if place else f"at {path}"
