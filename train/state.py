"""The state of a whole training: all that it needs to go on as if it had never been stopped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..optim.saving import copied
from .callbacks.base import Callback
from .history import History

if TYPE_CHECKING:
    from .trainer import Trainer

FORMAT = 1
"""Of the states; a later change of what they hold counts it up."""


def training_state(trainer: Trainer) -> dict[str, Any]:
    """Model, optimiser, callbacks, history, random state and position, as copies."""
    return {
        "format": FORMAT,
        "model": copied(trainer.weights()),
        "frozen": [name for name, p in trainer.model.named_parameters() if not p.requires_grad],
        "optimizer": trainer.optimizer.state_dict(),
        "callbacks": {name: copied(state) for name, (_, state) in _states(trainer).items()},
        "history": trainer.history.to_dict(),
        "epoch": trainer.epoch,
        "batch": trainer.batch,
        "updates": trainer.updates,
        "position": trainer.position(),
    }


def restore(trainer: Trainer, state: Mapping[str, Any]) -> None:
    """Take over a state; what fails half-way is undone."""
    if not isinstance(state, Mapping) or "format" not in state:
        raise ValueError("this is no state of a training, as Trainer.state_dict() gives it")
    if state["format"] != FORMAT:
        raise ValueError(
            f"the state has the format {state['format']}, and this version reads {FORMAT}; a newer pullback wrote it"
        )
    names = _states(trainer).keys()
    if names != state["callbacks"].keys():
        raise ValueError(
            f"the state is of a training with these callbacks that remember something: {_listed(state['callbacks'])}; "
            f"this one has: {_listed(names)}. Give the same ones"
        )
    before = training_state(trainer)
    try:
        _load(trainer, state)
    except BaseException:
        _load(trainer, before)
        raise


def _load(trainer: Trainer, state: Mapping[str, Any]) -> None:
    trainer.take_weights(state["model"])
    for name, parameter in trainer.model.named_parameters():
        parameter.requires_grad_(name not in state["frozen"])
    for name, (callback, _) in _states(trainer).items():
        callback.load_state_dict(state["callbacks"][name])
    trainer.optimizer.load_state_dict(state["optimizer"])
    trainer.history.epochs[:] = History.from_dict(state["history"]).epochs
    trainer.epoch, trainer.batch, trainer.updates = state["epoch"], state["batch"], state["updates"]
    trainer.go_to(state["position"])


def named(callbacks: Iterable[Callback]) -> dict[str, Callback]:
    """Callbacks by the names of their classes, numbered where there are several of one."""
    result: dict[str, Callback] = {}
    for callback in callbacks:
        name = type(callback).__name__
        count = sum(other.partition(" ")[0] == name for other in result)
        result[f"{name} {count + 1}" if count else name] = callback
    return result


def _states(trainer: Trainer) -> dict[str, tuple[Callback, dict[str, Any]]]:
    """The callbacks that have a state, and it."""
    found = {name: (callback, callback.state_dict()) for name, callback in named(trainer.callbacks).items()}
    return {name: (callback, state) for name, (callback, state) in found.items() if state}


def _listed(names: Any) -> str:
    return ", ".join(names) or "none"
