"""The layers of a recorded pass: every product with a weight, in order, with what goes in and what comes out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...autograd.record import Entry
from ...nn.functional.activated import parts
from .case import Array, Run

ELEMENTWISE = frozenset(("add", "subtract", "multiply", "divide", "where", "maximum", "minimum", "power"))
CURVED = frozenset(("sigmoid", "tanh", "softsign", "hardtanh", "hardsigmoid"))
"""Nonlinearities with two flat ends, and where these are; see `ENDS`."""
ENDS = {"sigmoid": (0.0, 1.0), "hardsigmoid": (0.0, 1.0)}
RECTIFIERS = frozenset(("relu", "relu6", "threshold", "maximum", "clip"))


@dataclass(eq=False)
class Layer:
    """A product with a weight."""

    name: str
    entry: Entry
    """The recorded application, or what was picked from its results."""
    weight: Entry
    seen: Array | None
    """What the weight was multiplied with; None for a table that is looked up."""
    normalised: bool = False
    """Whether what comes out goes into a normalisation at once."""


def layers_of(run: Run) -> list[Layer]:
    """The layers of a pass in the order in which they ran."""
    entries = run.recording.entries
    own: set[Entry] = set(run.names)  # computed from parameters alone
    picked: dict[Entry, Entry] = {}
    for entry in entries:
        if entry.operation is None:
            if entry.requires_grad:
                own.add(entry)
        elif entry.inputs and all(x in own or (x.operation is None and not x.shape) for x in entry.inputs):
            own.add(entry)
        if (
            entry.operation is not None
            and entry.operation.name == "pick"
            and entry.parameters.get("index") == 0
        ):
            picked[entry.inputs[0]] = entry
    followers = consumers(entries)
    found = []
    for entry in entries:
        if entry.operation is None or entry in own or entry.operation.name in ELEMENTWISE:
            continue
        weights = [x for x in entry.inputs if x in own and isinstance(x.shape, tuple) and len(x.shape) >= 2]
        data = [x for x in entry.inputs if x not in own and x.value is not None]
        if not weights or not data:
            continue
        values = [x.value for x in data if x.value is not None]
        looked_up = "embedding" in entry.operation.name or any(value.dtype.kind != "f" for value in values)
        seen = None if looked_up else values[0]
        result = picked.get(entry, entry)
        name = _name(weights[0], entry, run)
        normalised = bool(followers.get(result)) and all("norm" in _operation(x) for x in followers[result])
        found.append(Layer(name, result, weights[0], seen, normalised))
    return found


def consumers(entries: list[Entry]) -> dict[Entry, list[Entry]]:
    """Which applications each value goes into."""
    found: dict[Entry, list[Entry]] = {}
    for entry in entries:
        for input in entry.inputs:
            found.setdefault(input, []).append(entry)
    return found


def channel_axis(entry: Entry) -> int:
    """Where the units of a value stand: behind the batch where a convolution made it, else at the end."""
    while entry.operation is not None:
        name, _ = parts(entry.operation.name)
        if "conv" in name:
            return 1
        if name in ("linear", "matmul", "reshape") or "layer" in name or not entry.inputs:
            return -1
        tracked = [x for x in entry.inputs if x.requires_grad]
        entry = tracked[0] if tracked else entry.inputs[0]
    return -1


def nonlinearity(entry: Entry) -> str:
    """The operation that gave a value, or the activation that it ends in; empty for a leaf."""
    if _operation(entry) == "pick" and entry.parameters.get("index") == 0:
        entry = entry.inputs[0]
    return parts(_operation(entry))[1]


def constant_units(values: Array, axis: int) -> Array:
    """For each unit whether it is the same for every example and place."""
    units = np.moveaxis(values, axis, 0).reshape(values.shape[axis], -1)
    return np.asarray(np.ptp(units, axis=1) == 0)


def variation(values: Array) -> float:
    """How much values vary from example to example: the root mean square over units of the standard deviation."""
    return float(np.sqrt(np.mean(values.astype(np.float64).var(axis=0)))) if len(values) > 1 else float("nan")


def place_of(entry: Entry) -> str:
    """Where a value was computed, in words."""
    what = repr(entry.operation.name) if entry.operation is not None else "a leaf"
    layer = f" in layer {entry.scope!r}" if entry.scope else ""
    return f"{what}{layer}" + (f" ({entry.source})" if entry.source else "")


def _name(weight: Entry, entry: Entry, run: Run) -> str:
    while weight not in run.names and weight.inputs:
        weight = weight.inputs[0]
    if weight in run.names:
        return run.names[weight].removesuffix(".weight")
    return entry.scope or (entry.operation.name if entry.operation is not None else "")


def _operation(entry: Entry) -> str:
    return "" if entry.operation is None else entry.operation.name
