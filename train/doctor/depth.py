"""Checks of what passes through the layers: dead and saturated units, signals and gradients by depth, symmetry."""

from __future__ import annotations

import numpy as np

from .case import Case, short
from .layers import (
    CURVED,
    ENDS,
    RECTIFIERS,
    Layer,
    channel_axis,
    constant_units,
    layers_of,
    nonlinearity,
    place_of,
    variation,
)
from .report import Finding, fine, problem, silent, warning

ENOUGH = 8  # examples from which on units can be called dead
GONE = 1e-4  # what is left of a signal that has vanished
PER_LAYER = (0.03, 8.0)  # by how much the signal may change from layer to layer
GRADIENT_PER_LAYER = (0.03, 12.0)


def dead(case: Case) -> Finding:
    """Rectifiers answer to some example."""
    name = "dead units"
    shares: dict[str, float] = {}
    for entry in case.run.recording.entries:
        operation = entry.operation
        if (
            operation is None
            or nonlinearity(entry) not in RECTIFIERS
            or entry.value is None
            or not entry.requires_grad
        ):
            continue
        if entry.value.ndim >= 2 and len(entry.value) >= 2 and entry.value.shape[-1] > 1:
            place = place_of(entry)
            while place in shares:
                place += "′"
            shares[place] = float(constant_units(entry.value, channel_axis(entry)).mean())
    if not shares:
        return silent(name, "the model has no rectifiers")
    worst = max(shares, key=lambda place: shares[place])
    share = shares[worst]
    said = f"at most {share:.0%} of a layer's units give the same for every example (in {worst})"
    if share == 1 or (share > 0.6 and (case.size or ENOUGH) >= ENOUGH):
        verdict = problem if share > 0.8 else warning
        return verdict(
            name,
            f"{share:.0%} of the units of {worst} give the same for every example",
            "initialise anew with smaller or zero biases, scale the inputs, lower the learning rate, or use LeakyReLU",
            shares=shares,
        )
    return fine(name, said, shares=shares)


def saturation(case: Case) -> Finding:
    """Sigmoid, tanh and their like are not at their ends."""
    name = "saturation"
    shares: dict[str, float] = {}
    output = None if case.scores is None else case.scores.shape
    entries = case.run.recording.entries
    for entry in entries:
        operation = entry.operation
        bend = nonlinearity(entry)
        if operation is None or bend not in CURVED or entry.value is None or entry.shape == output:
            continue
        low, high = ENDS.get(bend, (-1.0, 1.0))
        middle = (2 * entry.value - low - high) / (high - low)
        shares[place_of(entry)] = float(np.mean(np.abs(middle) > 0.97)) if entry.value.size else 0.0
    if not shares:
        return silent(name, "the model has no nonlinearity with flat ends")
    worst = max(shares, key=lambda place: shares[place])
    share = shares[worst]
    if share > 0.35:
        verdict = problem if share > 0.6 else warning
        return verdict(
            name,
            f"{share:.0%} of the values of {worst} are at the flat ends, where no gradient passes",
            "smaller initial weights (Xavier), scaled inputs, or a normalisation before it",
            shares=shares,
        )
    return fine(
        name, f"at most {share:.0%} of a layer's values are at the flat ends (in {worst})", shares=shares
    )


def activations(case: Case) -> Finding:
    """The signal, what differs from example to example, neither vanishes nor explodes on its way."""
    name = "activations"
    layers = [
        layer for layer in layers_of(case.run) if layer.seen is not None and np.isfinite(layer.seen).all()
    ]
    levels = {layer.name: variation(layer.seen) for layer in layers if layer.seen is not None}
    levels = {place: level for place, level in levels.items() if np.isfinite(level)}
    if len(levels) < 2:
        return silent(name, "the model has fewer than two layers, or the batch fewer than two examples")
    places, values = list(levels), np.array(list(levels.values()))
    return _judged(name, "signal", places, values, PER_LAYER, case)


def gradients(case: Case) -> Finding:
    """The gradient neither vanishes nor explodes on its way back."""
    name = "gradients"
    levels = {}
    for layer in layers_of(case.run):
        if layer.entry.gradient is not None and not layer.normalised:
            levels[layer.name] = float(np.linalg.norm(layer.entry.gradient.astype(np.float64)))
    if len(levels) < 2 or not all(np.isfinite(list(levels.values()))):
        return silent(name, "the model has fewer than two layers whose gradients can be compared")
    if not all(levels.values()):
        return silent(name, "some gradient is exactly zero; see gradient flow")
    places, values = list(levels)[::-1], np.array(list(levels.values()))[::-1]
    return _judged(name, "gradient", places, values, GRADIENT_PER_LAYER, case)


def initialisation(case: Case) -> Finding:
    """Units of a layer differ, and weights are neither tiny nor huge for their number of inputs."""
    name = "initialisation"
    alike, copies, gains = [], [], {}
    layers = [layer for layer in layers_of(case.run) if layer.seen is not None]
    for layer in layers:
        weight, slope = layer.weight.value, layer.weight.gradient
        if weight is None or weight.shape[0] < 2 or not np.isfinite(weight).all():
            continue
        if _same_units(weight, layer) and (slope is None or _same_units(slope, layer)):
            alike.append(layer.name)
        elif weight.any() and _same_units(weight, layer):
            copies.append(layer.name)
        if not layer.normalised and weight.any() and len(weight.shape) >= 2:
            fan = weight[0].size if len(weight.shape) > 2 else _inputs(layer)
            gains[layer.name] = float(np.sqrt(np.mean(weight.astype(np.float64) ** 2) * fan))
    if alike:
        return problem(
            name,
            f"all units of {', '.join(map(repr, alike[:4]))} have the same weights and the same gradients, so they "
            "stay copies of each other",
            "draw weights at random: nn.init.kaiming_normal_ or xavier_uniform_, or the layer's own default",
            alike=alike,
        )
    if copies:
        return warning(
            name,
            f"all units of {', '.join(map(repr, copies[:4]))} start with the same weights",
            "draw weights at random: nn.init.kaiming_normal_ or xavier_uniform_, or the layer's own default",
            alike=copies,
        )
    if not gains:
        return silent(name, "the model has no weights that say something about it")
    said = f"weights times √inputs from {short(min(gains.values()))} to {short(max(gains.values()))} (about 1 is usual)"
    small = [place for place in list(gains)[:-1] if gains[place] < 0.03]
    large = [place for place in gains if gains[place] > 4.5]
    if small or large:
        which = small or large
        return problem(
            name,
            f"the weights of {', '.join(map(repr, which[:4]))} are too {'small' if small else 'large'}: {said}",
            "draw weights with a standard deviation of √(2 / inputs): nn.init.kaiming_normal_, or the default",
            gains=gains,
        )
    return fine(name, said, gains=gains)


def _judged(
    name: str, what: str, places: list[str], values: np.ndarray, per_layer: tuple[float, float], case: Case
) -> Finding:
    """Whether levels that follow each other shrink or grow too much."""
    numbers = dict(zip(places, map(float, values), strict=True))
    start = values[0]
    if start == 0:
        return silent(name, "nothing varies at the first layer")
    with np.errstate(divide="ignore"):
        total = values / start
        steps = total ** (1 / np.maximum(np.arange(len(values)), 1))
    least, most = int(total[1:].argmin()) + 1, int(total[1:].argmax()) + 1
    low, high = per_layer
    said = f"{what} from {short(start)} at {places[0]!r} to {short(values[-1])} at {places[-1]!r}, {len(values)} layers"
    remedy = "initialise for the nonlinearity (kaiming for ReLU, xavier for tanh), or add normalisation"
    if total[least] < GONE or steps[least] < low:
        return problem(
            name,
            f"the {what} vanishes: {said}; at {places[least]!r} {short(float(total[least]))} of it is left",
            remedy,
            levels=numbers,
        )
    if total[most] > 1 / GONE or steps[most] > high:
        return problem(
            name,
            f"the {what} explodes: {said}; at {places[most]!r} it is {short(float(total[most]))} times as large",
            remedy,
            levels=numbers,
        )
    return fine(name, said, levels=numbers)


def _same_units(weight: np.ndarray, layer: Layer) -> bool:
    """Whether all units have the same row; for a bare product x @ w they are columns."""
    rows = weight.reshape(weight.shape[0], -1)
    if layer.entry.operation is not None and layer.entry.operation.name == "matmul":
        rows = rows.T
    return len(rows) > 1 and bool((np.abs(rows - rows[0]) <= 1e-4 * np.abs(rows).max()).all())


def _inputs(layer: Layer) -> int:
    return layer.seen.shape[-1] if layer.seen is not None else 1
