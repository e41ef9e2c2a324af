"""Files of a training's state: one safetensors file each, whole or not there, and checked when it is read."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..autograd import load, save
from ..optim import flatten_state, unflatten_state

BEST = "best.safetensors"
_NAME = re.compile(r"step-(\d{9,})\.safetensors")
_UNFINISHED = re.compile(r"\.[0-9a-f]{16}\.tmp")  # as pb.save names what it has not finished
_CHECKSUM = "checksum"


class CheckpointError(ValueError):
    """A checkpoint that is not there, not whole, or not one of a training."""


def write_checkpoint(path: Path, state: Mapping[str, Any]) -> None:
    """Write a state to exactly this path; it appears whole or not at all."""
    tensors = flatten_state(state)
    save(tensors | {_CHECKSUM: _digest(tensors)}, path)


def load_checkpoint(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read the state of a training, as `Checkpoint` has written it; nothing in the file is executed.

    Args:
        path: a file, or a folder, whose newest checkpoint is read.

    Returns:
        What `Trainer.load_state_dict` takes; `["model"]` is what `load_state_dict` of the model takes.

    Raises:
        CheckpointError: for a folder without checkpoints, and for a file that is damaged, or no checkpoint.
        OSError: if the file cannot be read.
    """
    found = Path(path)
    if found.is_dir():
        files = checkpoints_in(found)
        if not files:
            raise CheckpointError(f"there are no checkpoints in {found}")
        found = files[-1]
    try:
        tensors = load(found)
        checksum = tensors.pop(_CHECKSUM, None)
        state = unflatten_state(tensors) if checksum is not None else None
    except ValueError as error:
        raise CheckpointError(f"{found} is damaged or no checkpoint: {error}{_instead(found)}") from error
    if checksum is None or not isinstance(state, dict) or "format" not in state:
        raise CheckpointError(
            f"{found} holds tensors, and is no checkpoint of a training; weights alone are read by pb.load"
        )
    if not np.array_equal(checksum.numpy(), _digest({name: t.numpy() for name, t in tensors.items()})):
        raise CheckpointError(f"{found} is damaged: its content does not match its checksum{_instead(found)}")
    return state


def checkpoints_in(folder: Path) -> list[Path]:
    """The checkpoints of a folder, oldest first, without the best one."""
    if not folder.is_dir():
        return []
    return sorted((path for path in folder.iterdir() if _NAME.fullmatch(path.name)), key=_number)


def checkpoint_name(number: int) -> str:
    """The name of the checkpoint after so many updates."""
    return f"step-{number:09d}.safetensors"


def remove_unfinished(folder: Path) -> None:
    """Delete what a killed process has left of files that it had not finished."""
    for path in folder.iterdir():
        if _UNFINISHED.fullmatch(path.name):
            path.unlink(missing_ok=True)


def _number(path: Path) -> int:
    match = _NAME.fullmatch(path.name)
    return int(match[1]) if match else -1


def _instead(path: Path) -> str:
    """The advice to go on from the checkpoint before a damaged one, if there is one."""
    before = [other for other in checkpoints_in(path.parent) if _number(other) < _number(path)]
    return (
        f"; the one before it is {before[-1]}, and resume={str(before[-1])!r} goes on from there"
        if before
        else ""
    )


def _digest(tensors: Mapping[str, np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    """SHA-256 of names, dtypes, shapes and numbers."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        array = np.ascontiguousarray(tensors[name])
        digest.update(f"{name} {array.dtype.str} {np.shape(tensors[name])};".encode())
        digest.update(array.reshape(-1).view(np.uint8).data)
    return np.frombuffer(digest.digest(), np.uint8)
