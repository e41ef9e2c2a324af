"""Checks of the values that go in: finite, of a useful scale, not constant, not repeated."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .case import Array, Case, arrays_in, short
from .layers import layers_of
from .report import Finding, fine, problem, silent, warning

LARGE, SMALL = 8.0, 1e-3  # root mean square of inputs that is too much, and too little
UNEVEN = 100.0  # how much larger the largest feature may be than the usual one
BLANK = 0.8  # the share of features that may be constant in pictures, whose corners often are
PICTURE = 49  # features from which on constant ones may be empty pixels


def finite(case: Case) -> Finding:
    """No nan and no infinity in inputs and targets."""
    found = []
    for what, value in (("input", case.input), ("target", case.target)):
        seen = case.inputs_seen if what == "input" else case.targets_seen
        for array in [*arrays_in(value), *([] if seen is None else [seen])]:
            wrong = ~np.isfinite(array) if array.dtype.kind in "fc" else np.zeros(0, bool)
            if wrong.any():
                rows = np.unique(np.nonzero(wrong)[0])[:5].tolist() if array.ndim else []
                found.append(f"{int(wrong.sum())} of {array.size} values of the {what} (rows {rows} ...)")
                break
    if found:
        return problem(
            "finite data",
            f"not finite: {' and '.join(found)}",
            "remove these examples or fill the gaps before training: np.isfinite(x) finds them; a division by a "
            "standard deviation of 0 is a usual source",
        )
    return fine("finite data", "every value of inputs and targets is finite")


def scale(case: Case) -> Finding:
    """Inputs of about unit variance around zero."""
    name = "input scale"
    values = _floating(case)
    if values is None:
        return silent(name, "the input is not one floating array")
    rms, mean, std = float(np.sqrt(np.mean(values**2))), float(values.mean()), float(values.std())
    said = f"values from {short(values.min())} to {short(values.max())}, mean {short(mean)}, std {short(std)}"
    numbers = {"rms": rms, "mean": mean, "std": std}
    if _is_scaled_inside(case, values):
        return fine(name, f"{said}; the model scales them before its first weights", **numbers)
    standardise = "subtract the training set's mean and divide by its standard deviation"
    if rms > LARGE:
        pixels = (
            " (bytes of pixels: divide by 255 at least)"
            if 1.5 < values.max() <= 255 and values.min() >= 0
            else ""
        )
        return problem(name, f"{said}: the inputs are not scaled{pixels}", standardise, **numbers)
    if 0 < rms < SMALL:
        return problem(name, f"{said}: the inputs are all but zero", standardise, **numbers)
    if abs(mean) > 5 * std > 0:
        return warning(
            name,
            f"{said}: the mean is {abs(mean) / std:.0f} standard deviations from zero",
            standardise,
            **numbers,
        )
    if values.ndim == 2 and values.shape[1] > 1:
        spreads = values.std(axis=0)
        moving = spreads[spreads > 0]
        if moving.size > 1 and moving.max() > UNEVEN * np.median(moving) and moving.max() > 2:
            return warning(
                name,
                f"feature {int(spreads.argmax())} varies {moving.max() / np.median(moving):.0f} times as much as the "
                f"usual one (std {short(float(moving.max()))})",
                "standardise each feature",
                **numbers,
            )
    return fine(name, said, **numbers)


def features(case: Case) -> Finding:
    """No feature is the same for every example."""
    name = "features"
    values = _floating(case)
    if values is None or values.ndim < 2 or len(values) < 8:
        return silent(name, "this needs floating inputs of at least 8 examples")
    flat = values.reshape(len(values), -1)
    if not flat.shape[1]:
        return problem(name, f"the input has shape {values.shape}: no features", "give inputs with features")
    constant = np.ptp(flat, axis=0) == 0
    share = float(constant.mean())
    numbers = {"constant": int(constant.sum()), "features": flat.shape[1]}
    said = f"{constant.sum()} of {flat.shape[1]} features are the same in all {len(flat)} examples"
    if share == 1:
        return problem(name, f"{said}: every input is the same", "look at how the batch is made", **numbers)
    places = np.nonzero(constant)[0][:8].tolist()
    empty = np.isin(flat[0, constant], [0, flat.min(), flat.max()])
    picture = flat.shape[1] >= PICTURE and bool(empty.all())
    sparse = bool(empty.all()) and float(np.median((flat[:, ~constant] == 0).mean(axis=0))) > 0.5
    allowed = BLANK if picture or sparse else 0.0
    if share > allowed:
        verdict = problem if share > 0.5 else warning
        return verdict(
            name,
            f"{said} (features {places}{' ...' if constant.sum() > 8 else ''}), so nothing can be learned from them",
            "leave them out, or look for the fault in the preprocessing that made them constant",
            **numbers,
        )
    if constant.any():
        return fine(name, f"{said}, empty ones as pictures and sparse data have them", **numbers)
    return fine(name, f"all {flat.shape[1]} features vary over the {len(flat)} examples", **numbers)


def duplicates(case: Case) -> Finding:
    """No example comes twice, and none with two different labels."""
    name = "duplicates"
    values, targets = _floating(case, batches=False), list(arrays_in(case.target))
    if values is None or values.ndim < 2 or len(values) < 8 or values[0].size < 3:
        return silent(name, "this needs floating inputs of at least 8 examples and 3 features")
    first: dict[bytes, int] = {}
    repeated, contradicting = 0, 0
    single = targets[0] if len(targets) == 1 and targets[0].ndim and len(targets[0]) == len(values) else None
    for place, row in enumerate(values):
        before = first.setdefault(row.tobytes(), place)
        if before != place:
            repeated += 1
            contradicting += single is not None and not np.array_equal(single[before], single[place])
    said = f"{repeated} of {len(values)} examples of the batch are copies of others"
    if contradicting and not _is_sparse_in_values(values):
        return problem(
            name,
            f"{said}, {contradicting} of them with another target",
            "decide which target is right; no model can fit both",
            repeated=repeated,
            contradicting=contradicting,
        )
    if _is_sparse_in_values(values):
        return fine(name, f"{said}, as few values make likely", repeated=repeated)
    if repeated > 0.1 * len(values):
        return warning(
            name, said, "remove copies, above all before splitting off validation data", repeated=repeated
        )
    return fine(name, said, repeated=repeated)


def _is_sparse_in_values(values: Array) -> bool:
    """Whether examples have so few different values that some are bound to be alike."""
    flat = values.reshape(len(values), -1)
    counts = np.array([len(np.unique(column)) for column in flat.T[:200]])
    return bool(counts.max() <= 2 or np.log2(counts).sum() < 2 * np.log2(len(flat)))


def _floating(case: Case, batches: bool = True) -> Array | None:
    """The inputs as float64, finite ones only; None if they are no floating array."""
    seen = case.inputs_seen if batches else None
    if seen is None:
        arrays = list(arrays_in(case.input))
        if len(arrays) != 1:
            return None
        seen = arrays[0]
    if seen.dtype.kind != "f" or not seen.size or not seen.ndim:
        return None
    values = seen.astype(np.float64)
    good = np.isfinite(values).reshape(len(values), -1).all(axis=1)
    return values[good] if good.any() else None


def _is_scaled_inside(case: Case, values: Array) -> bool:
    """Whether what meets the model's first weights is scaled, though the input is not."""
    if SMALL <= float(np.sqrt(np.mean(values**2))) <= LARGE and abs(values.mean()) <= 5 * values.std():
        return False
    try:
        first = next(_first_seen(case), None)
    except Exception:  # the model or the loss fails, which other checks report
        return False
    if first is None or not np.isfinite(first).all():
        return False
    return SMALL <= float(np.sqrt(np.mean(first.astype(np.float64) ** 2))) <= LARGE


def _first_seen(case: Case) -> Iterator[Array]:
    """What goes into the first product with a weight."""
    for layer in layers_of(case.run):
        if layer.seen is not None:
            yield layer.seen
