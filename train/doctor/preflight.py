"""`preflight`: the checks before a training, in order, with everything put back afterwards."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from . import by_heart, depth, flow, habits, inputs, labels, mixing, order, rate, start
from .case import Case, prepared
from .keeping import Keeper
from .losses import kind_of
from .report import Finding, Report, Verdict, silent

Check = Callable[[Case], Finding]


def preflight(
    model: Any,
    loss: Callable[[Any, Any], Any],
    batch: Any,
    *,
    optimizer: Any = None,
    loader: Iterable[Any] | None = None,
    validation: Any = None,
    regulariser: Callable[..., Any] | None = None,
    step: Callable[..., Any] | None = None,
    evaluate: Callable[..., Any] | None = None,
    steps: int = 100,
    seed: int = 0,
    progress: bool = False,
) -> Report:
    """Examine a model, its loss and its data before training, as the CS231n notes advise, and say what is wrong.

    Each check answers ok, warning, problem or not applicable, with the numbers, and how to mend what it found. What is
    given decides what can be checked. Afterwards everything is as it was, bit for bit, also after an error or Ctrl-C:
    parameters, buffers, gradients, modes, the optimiser's state, and the state of every generator that was used.

    Args:
        model: a module.
        loss: a function of (output, target) that gives a scalar. What kind it is is found by calling it.
        batch: a pair (input, target) of training data; some tens of examples are better than a few.
        optimizer: what will train the model, for the checks of its rate, its decay and its parameters.
        loader: what gives training batches, for the order of the data; a few hundred examples of it are looked at. A
            generator, which looking would use up, is left alone.
        validation: a loader or a pair, for what it shares with the training data.
        regulariser: a function of the model, or of nothing, that gives what is added to the loss.
        step: one training step of yours; it is called with nothing, the batch, or input and target, as it takes.
            Besides what belongs to the model and the optimiser, the modules, generators, lists and schedules that
            it refers to are put back.
        evaluate: your evaluation, called in the same way, to see in which mode it runs.
        steps: how many steps of learning a tiny batch by heart may take at each rate.
        seed: of everything that is random in the examination, which gives the same report again.
        progress: show a bar over the checks, for models whose passes take long.

    Raises:
        ValueError: for a batch that is no pair, a model whose parameters have no shape yet, and steps below 1.

    >>> import numpy as np, pullback as pb
    >>> from pullback import nn, optim, train
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(0, 3, 64)
    >>> x = rng.normal(size=(64, 8)) + np.eye(3, 8)[y] * 3
    >>> model = nn.Sequential(nn.Linear(8, 16, rng=rng), nn.ReLU(), nn.Linear(16, 3, rng=rng))
    >>> report = train.preflight(model, nn.CrossEntropyLoss(), (x, y), optimizer=optim.Adam(model.parameters()))
    >>> report.ok
    True
    >>> print(train.preflight(model, nn.CrossEntropyLoss(), (x * 100, y))["input scale"].verdict)
    problem
    """
    if not isinstance(batch, (tuple, list)) or len(batch) != 2:
        raise ValueError("a batch is a pair (input, target)")
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise ValueError(f"steps is a whole number from 1 on, not {steps!r}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is to be said stands in the report
        parameters = dict(model.named_parameters())
        unshaped = [n for n, p in parameters.items() if type(p).__name__ == "UninitializedParameter"]
        if unshaped:
            raise ValueError(f"{unshaped[0]!r} has no shape yet; call the model once on a batch first")
        dtype = next((p.dtype for p in parameters.values() if p.dtype.kind == "f"), None)
        case = Case(
            model,
            loss,
            prepared(batch[0], dtype),
            prepared(batch[1], dtype),
            optimizer,
            loader,
            validation,
            regulariser,
            step,
            evaluate,
            seed,
            steps,
            Keeper([model, loss, optimizer, loader, validation, regulariser, step, evaluate], seed),
        )
        found: Iterable[Finding] = _findings(case)
        if progress:
            from tqdm import tqdm  # type: ignore[import-untyped]  # no types; and it takes its time to import

            count = len(BEFORE) + len(WITH_OUTPUT) + len(WITH_GRADIENT) + 2  # and forward, and loss
            found = tqdm(found, "preflight", count, leave=False)
        return Report(tuple(found))


BEFORE: dict[str, Check] = {
    "hidden layers": flow.registered,
    "finite data": inputs.finite,
    "input scale": inputs.scale,
    "features": inputs.features,
    "duplicates": inputs.duplicates,
    "label order": order.sorted_labels,
    "epoch order": order.new_order,
    "overlap": order.overlap,
    "validation scale": order.shift,
    "batch norm": habits.batch_norm,
}
WITH_OUTPUT: dict[str, Check] = {
    "label range": labels.label_range,
    "class balance": labels.balance,
    "leakage": labels.leakage,
    "signal": labels.signal,
    "frozen": flow.frozen,
    "optimizer": flow.in_optimizer,
    "modes": habits.modes,
    "independence": mixing.independence,
    "causality": mixing.causality,
    "loss direction": start.direction,
    "output": start.output_form,
}
WITH_GRADIENT: dict[str, Check] = {
    "initial loss": start.chance,
    "initialisation": depth.initialisation,
    "nonlinearity": start.linearity,
    "activations": depth.activations,
    "saturation": depth.saturation,
    "dead units": depth.dead,
    "gradients": depth.gradients,
    "gradient flow": flow.reaches,
    "regulariser": start.regulariser,
    "tiny batch": by_heart.tiny_batch,
    "learning rate": rate.learning_rate,
    "update ratio": rate.update_ratio,
    "training step": habits.training_step,
    "evaluation": habits.evaluation,
}


def _findings(case: Case) -> Iterator[Finding]:
    for name, check in BEFORE.items():
        yield _asked(name, check, case)
    runs = start.forward(case)
    yield runs
    if "error" in runs.numbers:
        yield from (silent(name, "the model does not run") for name in (*WITH_OUTPUT, "loss", *WITH_GRADIENT))
        return
    case.kind = kind_of(case)
    for name, check in WITH_OUTPUT.items():
        yield _asked(name, check, case)
    value = start.loss_value(case)
    yield value
    for name, check in WITH_GRADIENT.items():
        if value.verdict is Verdict.PROBLEM and not value.numbers.get("learns"):
            yield silent(name, "there is no loss with a gradient")
        else:
            yield _asked(name, check, case)


def _asked(name: str, check: Check, case: Case) -> Finding:
    """A check's answer; one that cannot be made for this model says so instead of stopping the others."""
    try:
        return check(case)
    except Exception as error:
        return silent(name, f"it could not be made: {type(error).__name__}: {error}")
