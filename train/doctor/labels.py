"""Checks of the targets: in range, of several kinds, and with something to do with the inputs."""

from __future__ import annotations

import numpy as np

from ...autograd import asarray
from ...optim import Adam
from .case import Array, Case, arrays_in
from .losses import Kind, accuracy_of
from .report import Finding, fine, problem, silent, warning

SURE = 100  # examples from which on it is a fault and no more a warning
PER_DIRECTION = 4  # examples for each direction in which inputs vary, that a relation needs to be seen
ENOUGH = 60  # examples from which on the absence of any relation says something
CLEAR = 3.0  # standard deviations above shuffled labels from which on a relation is one


def label_range(case: Case) -> Finding:
    """Class numbers from 0 to C − 1."""
    name = "label range"
    labels, scores = _classes(case)
    if case.kind is not None and case.kind.name.startswith("binary"):
        return _shares(case, name)
    if labels is None or scores is None:
        return silent(name, "the targets are no class numbers")
    count = scores.shape[1] if scores.shape[:1] + scores.shape[2:] == labels.shape else scores.shape[-1]
    ignored = getattr(case.loss, "ignore_index", -100)
    counted = labels[labels != ignored]
    wrong = counted[(counted < 0) | (counted >= count)]
    numbers = {"classes": count, "least": int(labels.min(initial=0)), "greatest": int(labels.max(initial=0))}
    if wrong.size:
        shown = sorted({int(label) for label in wrong})[:5]
        from_one = counted.min() == 1 and counted.max() == count
        return problem(
            name,
            f"{wrong.size} of {labels.size} labels are no class: the model gives {count} scores, for the classes 0 to "
            f"{count - 1}, and there are labels {shown}",
            "the labels count from 1: subtract 1"
            if from_one
            else "mend the labels, or give the model an output per class",
            **numbers,
        )
    return fine(
        name, f"labels from {numbers['least']} to {numbers['greatest']}, for {count} scores", **numbers
    )


def _shares(case: Case, name: str) -> Finding:
    """The targets of a binary cross entropy."""
    values = np.concatenate([array.reshape(-1) for array in arrays_in(case.target)])
    low, high = float(values.min()), float(values.max())
    if low < 0 or high > 1:
        return problem(
            name,
            f"the targets of a binary cross entropy are from {low:g} to {high:g}, and must lie from 0 to 1",
            "labels of -1 and 1 become 0 and 1 by (labels + 1) / 2",
        )
    return fine(name, f"targets from {low:g} to {high:g}")


def balance(case: Case) -> Finding:
    """No class takes nearly everything."""
    name = "class balance"
    labels, _ = _classes(case)
    seen = case.targets_seen
    if labels is None or seen is None or seen.ndim != 1 or len(seen) < 16:
        return silent(name, "this needs class numbers of at least 16 examples")
    kinds, counts = np.unique(seen, return_counts=True)
    top = float(counts.max() / counts.sum())
    said = f"{len(kinds)} classes in {len(seen)} examples, the most frequent one in {top:.0%}"
    if len(kinds) == 1:
        return problem(
            name,
            f"all {len(seen)} examples have the label {kinds[0]}",
            "look at how labels are made, and shuffle sorted data: DataLoader(..., shuffle=True)",
            share=top,
        )
    if top > 0.9:
        return warning(
            name,
            f"{said}: a model that always answers {kinds[counts.argmax()]} is right in {top:.0%}",
            "weight the loss or the sampling by class, and judge by more than accuracy",
            share=top,
        )
    return fine(name, said, share=top)


def leakage(case: Case) -> Finding:
    """No single feature is the label itself."""
    name = "leakage"
    labels, _ = _classes(case)
    values, seen = case.inputs_seen, case.targets_seen
    if labels is None or values is None or seen is None or seen.ndim != 1 or values.dtype.kind != "f":
        return silent(name, "this needs floating inputs, and a class number for each")
    if len(values) < 16 or values[0].size < 2 or not np.isfinite(values).all():
        return silent(name, "this needs at least 16 examples of two features")
    flat = values.reshape(len(values), -1).astype(np.float64)
    kinds, place = np.unique(seen, return_inverse=True)
    if len(kinds) < 2 or len(kinds) > len(seen) // 4:
        return silent(name, "this needs several examples of each of two classes or more")
    first = np.array([np.argmax(place == kind) for kind in range(len(kinds))])
    fixed = (np.abs(flat - flat[first][place]) <= 1e-6 * np.abs(flat).max(axis=0, initial=1e-12)).all(axis=0)
    telling = [
        int(column) for column in np.nonzero(fixed)[0] if len(np.unique(flat[first, column])) == len(kinds)
    ]
    if telling:
        return problem(
            name,
            f"feature {telling[0]} has one value for each class: it is the label itself",
            "leave out what is made from the label; it will not be known where the model is used",
            features=telling,
        )
    return fine(name, "no single feature is the label")


def signal(case: Case) -> Finding:
    """Inputs say something about labels; where they do not, the labels may be shuffled against the inputs."""
    kind: Kind | None = case.kind
    name = "signal"
    values, targets = case.inputs_seen, case.targets_seen
    if targets is not None and targets.ndim == 2 and targets.shape[1] == 1:
        targets = targets[:, 0]
    if (
        values is None
        or targets is None
        or values.dtype.kind != "f"
        or targets.ndim != 1
        or len(values) != len(targets)
        or values.ndim < 2
        or not np.isfinite(values).all()
        or kind is None
    ):
        return silent(name, "this needs one floating array of inputs and one label for each")
    if len(values) < ENOUGH:
        return silent(
            name,
            f"{len(values)} examples are too few to tell labels from shuffled ones",
        )
    rng = case.rng()
    chosen = rng.permutation(len(values))[:600]
    flat = values[chosen].reshape(len(chosen), -1).astype(np.float64)
    flat = (flat - flat.mean(0)) / np.where(flat.std(0) > 0, flat.std(0), 1)
    directions = flat.shape[0] ** 2 / float((np.corrcoef(flat) ** 2).sum()) if len(flat) > 1 else 1.0
    if len(flat) < PER_DIRECTION * directions:
        return silent(
            name, f"{len(values)} examples are too few for inputs that vary in {directions:.0f} directions"
        )
    wanted = targets[chosen]
    is_class = kind.name != "regression"
    table = (
        np.eye(int(wanted.max()) + 1)[wanted] if is_class and wanted.dtype.kind in "iu" else wanted[:, None]
    )
    table = table.astype(np.float64) - table.mean(0)
    if not table.any():
        return silent(name, "all targets are the same")
    relations = {
        "nearest neighbours": _above_chance(_neighbours(flat), table, rng),
        "a linear model": _above_chance(_linear(flat), table, rng),
        "squares of the inputs": _above_chance(_linear(flat**2 - 1), table, rng),
    }
    best = max(relations, key=lambda way: relations[way])
    if relations[best] > CLEAR:
        said = f"{best} tell labels from shuffled ones by {relations[best]:.0f} standard deviations"
        return fine(name, f"inputs and labels belong together: {said}", **relations)
    if _the_model_learns(case, kind, rng):
        return fine(
            name, "the model, trained on half of the examples, tells the labels of the others", **relations
        )
    return (problem if len(flat) >= SURE else warning)(
        name,
        f"in {len(flat)} examples neither {', '.join(relations)} nor the model, trained on half of them, tell the "
        "labels better than they would tell shuffled ones",
        "look whether inputs and labels were shuffled or sorted apart from each other; if they were not, the inputs "
        "may not say what is asked for",
        **relations,
    )


def _classes(case: Case) -> tuple[Array | None, Array | None]:
    """The targets, if they are class numbers for the model's scores, and the scores."""
    scores = case.scores
    found = list(arrays_in(case.target))
    if scores is None or len(found) != 1 or found[0].dtype.kind not in "iu" or scores.ndim < 2:
        return None, None
    labels = found[0]
    fits = labels.shape in (scores.shape[:1] + scores.shape[2:], scores.shape[:-1])
    return (labels, scores) if fits and labels.size else (None, None)


def _neighbours(flat: Array) -> Array:
    """The matrix that averages over the five nearest other examples."""
    squares = (flat**2).sum(1)
    distances = squares[:, None] + squares[None] - 2 * flat @ flat.T
    np.fill_diagonal(distances, np.inf)
    nearest = np.argpartition(distances, min(5, len(flat) - 2), axis=1)[:, :5]
    weights: Array = np.zeros(distances.shape)
    np.put_along_axis(weights, nearest, 0.2, axis=1)
    return weights


def _linear(flat: Array) -> Array:
    """The matrix that predicts each example by a ridge regression on the others."""
    kernel = flat @ flat.T
    # a ridge as strong as the features are many, so that a wide input is not simply interpolated
    strength = max(1.0, 0.1 * float(np.trace(kernel)) / len(flat))
    inverse = np.linalg.inv(kernel + strength * np.eye(len(flat)))
    # leave-one-out: y − (K+λ)⁻¹y / diag
    prediction: Array = np.eye(len(flat)) - inverse / np.diag(inverse)[:, None]
    return prediction


def _above_chance(predict: Array, table: Array, rng: np.random.Generator, tries: int = 99) -> float:
    """How many standard deviations targets agree better with their predictions than shuffled targets do."""
    agreement = float((table * (predict @ table)).sum())
    others = []
    for _ in range(tries):
        shuffled = table[rng.permutation(len(table))]
        others.append(float((shuffled * (predict @ shuffled)).sum()))
    return float((agreement - np.mean(others)) / max(float(np.std(others)), 1e-12))


def _the_model_learns(case: Case, kind: Kind, rng: np.random.Generator) -> bool:
    """Whether the model, trained shortly on half of the examples, does better on the others than chance."""
    values, targets = case.inputs_seen, case.targets_seen
    if values is None or targets is None:
        return False
    order = rng.permutation(len(values))[:400]
    half = len(order) // 2
    first, second = order[:half], order[half:]
    if not case.trainable:
        return False
    with case.trial():
        optimizer = Adam(case.trainable, lr=3e-3)
        case.trained(optimizer, case.steps // 2, asarray(values[first]), asarray(targets[first]))
        case.model.eval()
        output = np.array(case.model(asarray(values[second])).detach().numpy())
    if kind.name == "regression":
        return bool(
            np.corrcoef(output.reshape(-1), targets[second].reshape(-1))[0, 1] > 4 / np.sqrt(len(second))
        )
    right = accuracy_of(kind, output, targets[second])
    counts = np.unique(targets[second], return_counts=True)[1]
    top = counts.max() / counts.sum()
    return right is not None and right > top + 3 * np.sqrt(top * (1 - top) / len(second))
