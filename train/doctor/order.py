"""Checks of how data arrives: in which order, whether anew in each epoch, and whether validation is apart."""

from __future__ import annotations

from typing import Any

import numpy as np

from .case import Array, Case, arrays_in, first_batches
from .report import Finding, fine, problem, silent, warning

ENOUGH = 24  # examples from which on an order can be told from chance


def sorted_labels(case: Case) -> Finding:
    """Neighbours in the loader's order are not alike."""
    name = "label order"
    if case.loader is None:
        return silent(name, "no loader was given: preflight(..., loader=loader)")
    if not case.iterates_anew:
        return silent(name, "the loader is an iterator, which looking would use up; give what makes it anew")
    parts = [list(arrays_in(target)) for _, target in case.batches]
    if not parts or any(len(part) != 1 or part[0].ndim != 1 for part in parts):
        return silent(name, "the loader's targets are not one number for each example")
    labels = np.concatenate([part[0] for part in parts]).astype(np.float64)
    sizes = [len(part[0]) for part in parts]
    if len(labels) < ENOUGH or len(parts) < 2 or np.ptp(labels) == 0:
        return silent(name, f"{len(labels)} examples in {len(parts)} batches are too few, or all alike")
    excess = _alikeness(labels, sizes)
    numbers = {"z": excess, "examples": len(labels)}
    if excess > 5:
        mixed = np.mean([len(np.unique(part[0])) for part in parts])
        return problem(
            name,
            f"neighbours have like targets far more often than by chance (z = {excess:.1f} over {len(labels)} "
            f"examples); a batch has {mixed:.1f} different targets of {len(np.unique(labels))}",
            "the data is sorted and not shuffled: DataLoader(..., shuffle=True)",
            **numbers,
        )
    return fine(
        name,
        f"the order of the targets looks random (z = {excess:.1f} over {len(labels)} examples)",
        **numbers,
    )


def new_order(case: Case) -> Finding:
    """Each epoch has another order."""
    name = "epoch order"
    if case.loader is None or not case.iterates_anew:
        return silent(name, "no loader was given that can be iterated twice")
    with case.keeper.trial():
        first, second = ([_bytes(batch) for batch in _some(case.loader)] for _ in range(2))
    if len(first) < 2:
        return silent(name, "the loader gives one batch only")
    if first == second:
        return warning(
            name,
            f"two epochs begin with the same {len(first)} batches in the same order",
            "shuffle the training data anew in every epoch: DataLoader(..., shuffle=True)",
        )
    return fine(name, "another epoch has another order")


def overlap(case: Case) -> Finding:
    """No example is in both training and validation."""
    name = "overlap"
    if case.validation is None:
        return silent(name, "no validation data was given: preflight(..., validation=loader)")
    checked = _rows_in(case, case.validation)
    if not checked:
        return silent(name, "the validation data gives no inputs that can be compared")
    known = set(_rows_in(case, case.loader)) | set(_rows([case.input]))
    shared = sum(row in known for row in checked)
    said = (
        f"{shared} of {len(checked)} validation inputs are also among {len(known)} training inputs looked at"
    )
    if shared > 0.01 * len(checked):
        return problem(
            name,
            said,
            "split before anything is copied or augmented, and remove copies: scores on such data say nothing",
            shared=shared,
            examined=len(checked),
        )
    return fine(name, said, shared=shared, examined=len(checked))


def shift(case: Case) -> Finding:
    """Validation inputs are scaled as the training inputs are."""
    name = "validation scale"
    if case.validation is None:
        return silent(name, "no validation data was given: preflight(..., validation=loader)")
    inputs = [array for input, _ in _pairs(case, case.validation) for array in arrays_in(input)]
    values = case.inputs_seen
    if values is None or values.dtype.kind != "f" or not inputs or any(x.dtype.kind != "f" for x in inputs):
        return silent(name, "inputs are not one floating array")
    checked = np.concatenate([x.reshape(-1) for x in inputs]).astype(np.float64)
    mean, std, other, spread = values.mean(), values.std(), checked.mean(), checked.std()
    said = f"training inputs have mean {mean:.3g} and std {std:.3g}, validation inputs {other:.3g} and {spread:.3g}"
    if len(checked) >= ENOUGH and std > 0 and (abs(other - mean) > 2 * std or not 0.3 < spread / std < 3):
        return problem(name, said, "preprocess both alike, with statistics of the training data")
    return fine(name, said)


def _alikeness(labels: Array, sizes: list[int]) -> float:
    """By how many standard deviations neighbours are more alike than in a random order.

    Class numbers count by equality, other numbers by their ranks' differences.
    """
    kinds = np.unique(labels)
    if len(kinds) <= max(20, len(labels) // 10):
        same = np.diff(labels) == 0
        shares = np.unique(labels, return_counts=True)[1] / len(labels)
        expected = float((shares**2).sum())
        return float((same.mean() - expected) / np.sqrt(max(expected * (1 - expected), 1e-9) / len(same)))
    ranks = np.argsort(np.argsort(labels)).astype(np.float64)
    ranks = (ranks - ranks.mean()) / ranks.std()
    return float((ranks[1:] * ranks[:-1]).mean() * np.sqrt(len(ranks) - 1))


def _some(loader: Any) -> list[Any]:
    return list(first_batches(loader, 3))


def _bytes(batch: Any) -> tuple[bytes, ...]:
    return tuple(array.tobytes() for array in arrays_in(batch))


def _pairs(case: Case, source: Any) -> list[tuple[Any, Any]]:
    if isinstance(source, tuple) and len(source) == 2:
        return [source]
    return case.epoch_of(source)


def _rows_in(case: Case, source: Any) -> list[bytes]:
    return _rows([input for input, _ in _pairs(case, source)])


def _rows(inputs: list[Any]) -> list[bytes]:
    """Every example as bytes; floating ones as float32, so that a copy is known in another dtype."""
    found: list[bytes] = []
    for input in inputs:
        arrays = [x.astype(np.float32) if x.dtype.kind == "f" else x for x in arrays_in(input) if x.ndim]
        if arrays and len({len(x) for x in arrays}) == 1 and sum(x[0].size for x in arrays if len(x)) >= 3:
            found += [
                b"".join(np.ascontiguousarray(x[i]).tobytes() for x in arrays) for i in range(len(arrays[0]))
            ]
    return found
