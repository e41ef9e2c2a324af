"""Checks of the first pass: it runs, output and loss fit each other, and the loss is where chance would put it."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from ...autograd import Tensor, no_grad
from .case import Array, Case, arrays_in, short
from .layers import layers_of, place_of
from .losses import Kind
from .report import Finding, fine, problem, silent, warning

LARGE_TARGETS = 100.0  # in the mean, which a network that starts around zero reaches slowly


def forward(case: Case) -> Finding:
    """The model takes the batch."""
    name = "forward"
    try:
        output = case.output
    except Exception as error:
        return problem(name, _told(error), "the message says what does not fit", error=type(error).__name__)
    wrong = sum(int((~np.isfinite(array)).sum()) for array in arrays_in(output) if array.dtype.kind in "fc")
    if wrong:
        return problem(
            name,
            f"{wrong} values of the output are not finite",
            "scale the inputs and start with smaller weights; pb.detect_anomaly() names the operation",
        )
    shapes = [array.shape for array in arrays_in(output)]
    return fine(name, f"the model gives {', '.join(map(str, shapes)) or 'no tensor'} for the batch")


def loss_value(case: Case) -> Finding:
    """The loss takes the output and the targets, and gives one number with a gradient."""
    name = "loss"
    try:
        with case.trial():
            value = case.value(case.input, case.target)
            checked = isinstance(value, Tensor)
            tracked = checked and value.requires_grad
            number = np.array(value.detach().numpy()) if checked else np.asarray(value)
    except Exception as error:
        return problem(name, _told(error), "the message says what does not fit", error=type(error).__name__)
    if not checked or number.shape != ():
        what = f"has shape {number.shape}" if checked else f"is a {type(value).__name__} and no Tensor"
        return problem(
            name, f"the loss {what}", "a loss is one number: reduce it with .mean(), and keep it a Tensor"
        )
    if not np.isfinite(number):
        return problem(
            name, f"the loss is {number}", "pb.detect_anomaly() names the operation that made it so"
        )
    if not tracked:
        why = "the path from the parameters is broken, by detach(), no_grad(), argmax, an integer or NumPy"
        if not case.trainable:
            why = "all parameters are frozen" if case.parameters else "the model has no parameters"
        return problem(
            name,
            f"the loss has no gradient: {why}",
            "compute it from the output in differentiable operations",
        )
    broadcast = _broadcast(case)
    if broadcast:
        return problem(
            name,
            broadcast,
            "give both the same shape: output.squeeze(-1), or target[:, None]",
            learns=True,
        )
    return fine(name, f"the loss of the batch is {short(float(number))}", loss=float(number))


def direction(case: Case) -> Finding:
    """A better output has a smaller loss, and the optimiser goes down."""
    kind: Kind | None = case.kind
    name = "loss direction"
    climbing = case.optimizer is not None and any(
        group.get("maximize") for group in case.optimizer.param_groups
    )
    if kind is None:
        return silent(name, "it is not known which output would be right for this loss")
    if kind.falls is climbing:
        what = "the optimiser climbs (maximize=True), and" if climbing else "the sign is wrong:"
        return problem(
            name,
            f"{what} right answers have a {'smaller' if kind.falls else 'greater'} loss than none",
            "turn the sign of the loss, or leave maximize out",
        )
    return fine(name, f"it behaves like a {kind.name} loss, and right answers have a smaller one")


def output_form(case: Case) -> Finding:
    """The output is what the loss takes: logits, log probabilities or probabilities; and it may take all values."""
    kind: Kind | None = case.kind
    name = "output"
    scores = case.scores
    if kind is None or scores is None:
        return silent(name, "it is not known what this loss takes")
    axis = kind.axis if kind.axis is not None else -1
    sums = scores.sum(axis=axis)
    is_distribution = scores.min() >= 0 and bool(np.allclose(sums, 1, atol=1e-3)) and scores.shape[axis] > 1
    with np.errstate(all="ignore"):
        is_log = bool(np.allclose(np.exp(np.minimum(scores, 50)).sum(axis=axis), 1, atol=1e-3))
    last = case.last_operation
    if kind.name == "softmax cross entropy" and is_distribution:
        return problem(
            name,
            "the output is a softmax already, and the loss takes another one of it: the gradients become tiny",
            "give the loss the logits: leave the softmax out of the model",
        )
    if kind.name == "log likelihood" and not is_log:
        what = "probabilities" if is_distribution else "raw scores"
        return problem(
            name,
            f"the loss takes log probabilities, and the output is {what}",
            "end the model with nn.LogSoftmax(-1), or use nn.CrossEntropyLoss on the scores",
        )
    if kind.name == "binary cross entropy" and last == "sigmoid":
        return problem(
            name,
            "the output is a sigmoid already, and the loss takes another one of it",
            "give the loss the logits: leave the sigmoid out, or use nn.BCELoss",
        )
    if kind.name == "binary cross entropy of probabilities" and (scores.min() < 0 or scores.max() > 1):
        return problem(
            name,
            f"the loss takes probabilities, and the output is from {short(float(scores.min()))} to "
            f"{short(float(scores.max()))}",
            "end the model with a sigmoid, or use nn.BCEWithLogitsLoss",
        )
    takes_all = kind.name in ("softmax cross entropy", "binary cross entropy", "margin")
    if takes_all and last in ("relu", "relu6", "sigmoid", "tanh") and not is_log:
        return warning(
            name,
            f"the scores come out of a {last!r}, so they cannot take all values",
            "leave the nonlinearity behind the last layer out",
        )
    unreachable = _unreachable(case, kind, last)
    if unreachable:
        return problem(name, unreachable, "end the model with a linear layer, or scale the targets")
    return fine(name, f"the output fits a {kind.name} loss")


def chance(case: Case) -> Finding:
    """The first loss is that of a model that knows nothing."""
    kind: Kind | None = case.kind
    name = "initial loss"
    if kind is None:
        return silent(name, "it is not known what this loss gives by chance")
    with case.trial(), no_grad():
        first = float(case.value(case.input, case.target).item())
    expected = kind.chance
    numbers = {"loss": first, "chance": expected, "kind": kind.name}
    said = f"{short(first)}, where chance gives {short(expected)} ({kind.meaning})"
    if not kind.falls:
        return silent(name, f"{said}; the loss has the wrong direction")
    unit = (
        abs(expected) / np.log(kind.classes)
        if kind.axis is not None and kind.name != "margin"
        else abs(expected)
    )
    if kind.name == "regression":
        size = max((float(np.abs(targets).mean()) for targets in arrays_in(case.target)), default=0.0)
        if size > LARGE_TARGETS:
            said += f"; the targets are {short(size)} in the mean"
        if first > 10 * expected > 0 or size > LARGE_TARGETS:
            return (problem if first > 100 * expected else warning)(
                name,
                said,
                "standardise the targets, or start the last bias at their mean; smaller weights in the last layer",
                **numbers,
            )
        return fine(name, said, **numbers)
    excess = first - expected
    if excess > 0.7 * abs(expected) + 0.6 * unit:
        return (problem if excess > 1.5 * abs(expected) + unit else warning)(
            name,
            said,
            "the first scores are large and wrong: smaller weights, above all in the last layer, and scaled inputs",
            **numbers,
        )
    if first < 0.3 * expected:
        said += "; the model knows the answers already"
    return fine(name, said, **numbers)


def regulariser(case: Case) -> Finding:
    """The regulariser raises the loss, and does not drown it."""
    name = "regulariser"
    if case.regulariser is not None:
        return _own_regulariser(case, name)
    if case.optimizer is None:
        return silent(name, "neither an optimiser nor a regulariser was given")
    groups = [group for group in case.optimizer.param_groups if group.get("weight_decay")]
    if not groups:
        return silent(name, "the optimiser decays no weights")
    run = case.run
    names = {id(p): n for n, p in case.parameters.items()}
    penalty, pull, push, strongest, shrink = 0.0, 0.0, 0.0, 0.0, 0.0
    for group in groups:
        decay = float(group["weight_decay"])
        apart = "W" in type(case.optimizer).__name__ or bool(group.get("decoupled_weight_decay"))
        strongest = max(strongest, decay)
        for p in group["params"]:
            square = float((p.detach().numpy().astype(np.float64) ** 2).sum())
            penalty += decay / 2 * square
            gradient = run.gradients.get(names.get(id(p), ""))
            if apart:
                shrink = max(shrink, decay * float(group.get("lr", 0)))
            elif gradient is not None:
                pull += decay**2 * square
                push += float((gradient.astype(np.float64) ** 2).sum())
    ratio = float(np.sqrt(pull / push)) if push else 0.0
    said = (
        f"weight decay {short(strongest)} adds {short(penalty)} to a loss of {short(float(run.loss.item()))}"
    )
    numbers = {"penalty": penalty, "ratio": ratio, "shrink": shrink}
    if penalty < 0:
        return problem(name, said, "weight decay is a positive number", **numbers)
    if ratio > 2 or shrink > 0.01:
        how = (
            f"it pulls {short(ratio)} times as hard as the data"
            if ratio > 2
            else f"it shrinks the weights by {shrink:.1%} in each step"
        )
        return problem(
            name, f"{said}; {how}", "a much smaller one: 1e-4 for SGD and 1e-2 for AdamW are usual", **numbers
        )
    return fine(name, said, **numbers)


def linearity(case: Case) -> Finding:
    """There is a nonlinearity between layers."""
    name = "nonlinearity"
    arrays = list(arrays_in(case.input))
    count = sum(layer.seen is not None for layer in layers_of(case.run))
    few = min(case.size or 0, 16)
    if count < 2 or len(arrays) != 1 or arrays[0].dtype.kind != "f" or case.scores is None or few < 2:
        return silent(name, "this needs two layers and a floating input")
    here, _ = case.rows(np.arange(few))
    there, _ = case.rows(np.arange(few)[::-1].copy())
    # far outside too, so that rectifiers that happen to be open for all of the batch are seen to be bent
    away = there - here[:1]
    points = [here, there, (here + there) * 0.5, 20 * away, -20 * away, 0 * away]
    with case.trial(training=False), no_grad(), np.errstate(all="ignore"):
        try:
            outputs = [np.array(case.model(x).detach().numpy(), np.float64) for x in points]
        except Exception as error:
            return silent(name, f"the model does not take other inputs ({error})")
    ends, middle, far = outputs[:2], outputs[2], outputs[3:]
    size = float(np.abs(ends).max())
    if np.allclose(ends[0], ends[1]) or not size:
        return silent(name, "the output does not vary with the input, as a last layer of zeros makes it")
    bent = float(np.abs(middle - (ends[0] + ends[1]) / 2).max()) / size
    reach = max(float(np.abs(far[0] - far[2]).max()), 1e-12)
    bent = max(bent, float(np.abs(far[0] + far[1] - 2 * far[2]).max()) / reach)
    if bent < 1e-4:
        return warning(
            name,
            f"the model is a linear function of its input, though it has {count} layers",
            "put a nonlinearity such as nn.ReLU() between the layers; without one they are worth a single layer",
        )
    return fine(name, f"the model of {count} layers is not linear")


def _own_regulariser(case: Case, name: str) -> Finding:
    rule = case.regulariser
    assert rule is not None
    with case.trial():
        value: Any = rule(case.model) if inspect.signature(rule).parameters else rule()
        number = float(value.item()) if isinstance(value, Tensor) else float(value)
        tracked = isinstance(value, Tensor) and value.requires_grad
        loss = float(case.value(case.input, case.target).item())
    said = f"it adds {short(number)} to a loss of {short(loss)}"
    if not number > 0:
        return problem(
            name,
            f"{said}: it does not raise the loss",
            "a penalty is positive: λ/2·Σw², or λ·Σ|w|",
            penalty=number,
        )
    if not tracked:
        return problem(
            name, f"{said} and has no gradient", "compute it from the parameters, without detach or .numpy()"
        )
    if number > 10 * abs(loss):
        return problem(name, f"{said}: it drowns the data", "a smaller strength", penalty=number)
    return fine(name, said, penalty=number)


def _broadcast(case: Case) -> str:
    """Whether output and target met in shapes that were stretched against each other, and where."""
    targets = list(arrays_in(case.run.target))
    output = case.run.output
    if len(targets) != 1 or not isinstance(output, Tensor) or output.shape == targets[0].shape:
        return ""
    shapes = {output.shape, targets[0].shape}
    for entry in case.run.recording.entries:
        if entry.operation is None or len(entry.inputs) != 2 or not isinstance(entry.shape, tuple):
            continue
        left, right = (x.shape for x in entry.inputs)
        if {left, right} == shapes and np.prod(entry.shape) > max(map(np.prod, shapes)):
            met = "each output meets every target"
            return f"{place_of(entry)} stretches {left} against {right} to {entry.shape}: {met}"
    return ""


def _unreachable(case: Case, kind: Kind, last: str) -> str:
    """Targets of a regression that the last nonlinearity cannot give."""
    ranges = {"sigmoid": (0.0, 1.0), "softmax": (0.0, 1.0), "tanh": (-1.0, 1.0), "relu": (0.0, np.inf)}
    targets: list[Array] = list(arrays_in(case.target))
    if kind.name != "regression" or last not in ranges or not targets:
        return ""
    low, high = ranges[last]
    outside = float(np.mean((targets[0] < low - 1e-6) | (targets[0] > high + 1e-6)))
    if outside <= 0.02:
        return ""
    return f"the output comes out of a {last!r}, from {low:g} to {high:g}, and {outside:.0%} of the targets lie outside"


def _told(error: BaseException) -> str:
    notes = "".join(f"; {note}" for note in getattr(error, "__notes__", ()))
    return f"{type(error).__name__}: {error}{notes}"
