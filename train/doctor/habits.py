"""Checks of modes, and of the user's own training step and evaluation, which are run and watched."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ...autograd import no_grad
from ...autograd.extend import observing
from .case import Case, arrays_in
from .report import Finding, fine, problem, silent, warning

TRIES = 8  # calls of a training step within which one that gathers gradients has stepped


def modes(case: Case) -> Finding:
    """Evaluation gives the same twice, and leaves the model as it is."""
    name = "modes"
    with case.trial(training=False), no_grad():
        buffers = [np.array(b.detach().numpy()) for b in case.model.buffers()]
        first, second = ([np.array(a) for a in arrays_in(case.model(case.input))] for _ in range(2))
        moved = any(
            not np.array_equal(b.detach().numpy(), old, equal_nan=old.dtype.kind in "fc")
            for b, old in zip(case.model.buffers(), buffers, strict=True)
        )
    if any(not np.array_equal(a, b, equal_nan=True) for a, b in zip(first, second, strict=True)):
        return problem(
            name,
            "in evaluation mode the model gives two different answers to the same input",
            "give functions such as F.dropout `training=self.training`",
        )
    if moved:
        return problem(
            name,
            "in evaluation mode the model changes its buffers",
            "let running statistics move only `if self.training`",
        )
    strong = [path for path, m in case.model.named_modules() if "Drop" in type(m).__name__ and _rate(m) > 0.9]
    if strong:
        return warning(
            name,
            f"{', '.join(map(repr, strong))} drops more than nine of ten values in training",
            "p is the share that is dropped, not the share that is kept: 0.1 to 0.5 is usual",
        )
    if _depends_on_mode(case):
        return fine(name, "training and evaluation differ, and evaluation repeats itself")
    return fine(name, "both modes give the same")


def _rate(module: Any) -> float:
    """The share that a layer drops."""
    rate = getattr(module, "p", 0.0)
    return float(rate) if isinstance(rate, (int, float)) else 0.0


def batch_norm(case: Case) -> Finding:
    """Batches are large enough for their own statistics."""
    name = "batch norm"
    layers = [path for path, module in case.model.named_modules() if hasattr(module, "running_var")]
    if not layers:
        return silent(name, "the model has no layer with running statistics")
    if case.size == 1:
        return problem(
            name,
            f"{len(layers)} layers normalise by the statistics of a batch of one example",
            "larger batches, or nn.GroupNorm or nn.LayerNorm",
        )
    lone = [len(part) for _, target in case.batches for part in arrays_in(target) if part.ndim]
    if lone and 1 in lone:
        return problem(
            name,
            "the loader gives a batch of one example, whose statistics say nothing",
            "DataLoader(..., drop_last=True), or another batch size",
        )
    return fine(name, f"{len(layers)} layers see batches of {case.size or 'several'} examples")


def evaluation(case: Case) -> Finding:
    """The user's evaluation runs in evaluation mode and changes nothing."""
    name = "evaluation"
    if case.evaluate is None:
        return silent(name, "no evaluation was given: preflight(..., evaluate=function)")
    dependent = _depends_on_mode(case)
    with case.trial(), _watched(case) as seen:
        before = _values(case)
        try:
            _call(case.evaluate, case)
        except Exception as error:
            return problem(
                name, f"the evaluation raises {type(error).__name__}: {error}", "mend it before training"
            )
        after = _values(case)
        left = [path for path, module in case.model.named_modules() if not module.training]
    training = [path or "the model" for path, mode in seen.items() if mode]
    if not seen:
        return warning(
            name, "the evaluation does not call the model", "give one that does, to have it checked"
        )
    changed = [
        n for n in before if not np.array_equal(before[n], after[n], equal_nan=before[n].dtype.kind in "fc")
    ]
    if training and dependent:
        return problem(
            name,
            f"the evaluation runs the model in training mode ({', '.join(training[:4])}), where it answers otherwise",
            "model.eval() before evaluating, and model.train() before training on: train.evaluate does both",
            training=training,
        )
    if changed:
        return problem(
            name,
            f"the evaluation changes {', '.join(map(repr, changed[:4]))}",
            "evaluate with model.eval() and under no_grad(), without a step of the optimiser",
            changed=changed,
        )
    if left and dependent:
        return warning(
            name,
            "the evaluation leaves the model in evaluation mode, in which training would go on",
            "model.train() afterwards, or at the beginning of every epoch",
        )
    return fine(name, "the evaluation runs in the right mode and changes nothing")


def training_step(case: Case) -> Finding:
    """The user's step forgets old gradients, computes new ones, and moves the parameters by them."""
    name = "training step"
    if case.step is None:
        return silent(name, "no step was given: preflight(..., step=function)")
    parameters = {n: p for n, p in case.parameters.items() if p.requires_grad}
    if not parameters:
        return silent(name, "no parameter can be trained")
    dependent = _depends_on_mode(case)
    rng = case.rng()
    with case.trial(), _watched(case) as seen:
        marks = _mark(case, parameters, rng)
        moved: set[str] = set()
        kept, backward, calls = False, _Backward(), 0
        while calls < TRIES:
            calls += 1
            before = _values(case)
            try:
                with observing(backward), np.errstate(all="ignore"):
                    _call(case.step, case)
            except Exception as error:
                return problem(name, *_raised(error))
            after = _values(case)
            moved = {n for n in parameters if not np.array_equal(before[n], after[n], equal_nan=True)}
            kept = _holds(parameters, marks)
            if moved or not backward.ran:
                break
        evaluating = sorted(path or "the model" for path, mode in seen.items() if not mode)
    if not backward.ran:
        return problem(name, "the step runs no backward pass", "loss.backward() before optimizer.step()")
    if not moved:
        return problem(
            name,
            f"{calls} calls of the step change no parameter",
            "optimizer.step() after loss.backward(), with an optimiser that holds this model's parameters",
        )
    if kept:
        return problem(
            name,
            "gradients of earlier steps are still there after the optimiser's step, and the next are added to them",
            "optimizer.zero_grad() before each loss.backward()",
        )
    if dependent and evaluating and len(evaluating) == len(seen):
        return problem(
            name,
            "the step runs the model in evaluation mode",
            "model.train() before training",
        )
    still = [n for n in parameters if n not in moved]
    if still and len(still) < len(parameters) and case.optimizer is None:
        return warning(
            name,
            f"the step leaves {', '.join(map(repr, still[:4]))} as they are",
            "give the optimiser all parameters; see also gradient flow",
            still=still,
        )
    return fine(name, "the step forgets old gradients, computes new ones and moves the parameters by them")


class _Backward:
    """Notices a backward pass."""

    def __init__(self) -> None:
        self.ran = False

    def on_forward(self, op: Any, inputs: Any, parameters: Any, output: Any) -> None:
        """Forward passes are of no interest."""

    def on_replace(self, old: Any, new: Any) -> None:
        """Writes in place are of no interest."""

    def on_backward(self, node: Any, gradient: Any, contributions: Any) -> None:
        """Take note."""
        self.ran = True


def _mark(case: Case, parameters: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Give every parameter a gradient of random signs, larger than its own, by which it is known again."""
    gradients = [g for g in case.run.gradients.values() if g is not None and g.size]
    size = 30 * max((float(np.abs(g).max()) for g in gradients), default=1.0) + 1e-3
    marks = {}
    for name, p in parameters.items():
        marks[name] = rng.choice([-1.0, 1.0], p.shape)
        p.grad = (p.detach() * 0) + (size * marks[name]).astype(p.dtype)
    return marks


def _holds(parameters: dict[str, Any], marks: dict[str, Any]) -> bool:
    """Whether the marks are still in the gradients: scaling, as clipping does, leaves the direction."""
    dot = total = length = 0.0
    for name, p in parameters.items():
        if p.grad is not None:
            gradient = p.grad.detach().numpy().astype(np.float64)
            dot += float((gradient * marks[name]).sum())
            total += float((gradient**2).sum())
            length += float((marks[name] ** 2).sum())
    return total > 0 and dot / np.sqrt(total * length) > 0.5


def _raised(error: Exception) -> tuple[str, str]:
    said = f"the step raises {type(error).__name__}: {error}"
    if "no parameter has a gradient" in str(error):
        return said, "loss.backward() between optimizer.zero_grad() and optimizer.step()"
    return said, "the message says what does not fit"


def _values(case: Case) -> dict[str, Any]:
    found = {n: np.array(p.detach().numpy()) for n, p in case.parameters.items()}
    return found | {n: np.array(b.detach().numpy()) for n, b in case.model.named_buffers()}


def _call(function: Callable[..., Any], case: Case) -> Any:
    """Call with nothing, the batch, or input and target, as the function takes."""
    needed = [
        p
        for p in inspect.signature(function).parameters.values()
        if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    given = {0: (), 1: ((case.input, case.target),), 2: (case.input, case.target)}
    if len(needed) not in given:
        raise TypeError(
            f"it takes {len(needed)} arguments; nothing, a batch, or input and target would be given"
        )
    return function(*given[len(needed)])


@contextmanager
def _watched(case: Case) -> Iterator[dict[str, bool]]:
    """Note for each layer that runs whether it ran in training mode."""
    seen: dict[str, bool] = {}
    handles = []
    for path, module in case.model.named_modules():
        if not any(True for _ in module.children()):

            def note(module: Any, args: Any, path: str = path) -> None:
                seen[path] = seen.get(path, False) or module.training

            handles.append(module.register_forward_pre_hook(note))
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def _depends_on_mode(case: Case) -> bool:
    """Whether training mode gives another output, or moves buffers."""
    outputs = []
    for training in (True, False):
        with case.trial(training), no_grad():
            before = [np.array(b.detach().numpy()) for b in case.model.buffers()]
            try:
                outputs.append([np.array(a) for a in arrays_in(case.model(case.input))])
            except ValueError:  # one example under batch normalisation
                return True
            moved = [np.array(b.detach().numpy()) for b in case.model.buffers()]
            if any(not np.array_equal(a, b) for a, b in zip(before, moved, strict=True)):
                return True
    return any(not np.array_equal(a, b, equal_nan=True) for a, b in zip(*outputs, strict=True))
