"""Checks of the gradient's way: whether every parameter gets one, and where the path breaks if not."""

from __future__ import annotations

import warnings

import numpy as np

from ...autograd.record import Entry
from ...optim import Adam
from .case import Case, Run
from .layers import consumers, layers_of, place_of
from .report import Finding, fine, problem, silent, warning

FLAT = frozenset(("round", "floor", "ceil", "trunc", "sign", "heaviside"))


def registered(case: Case) -> Finding:
    """No layer is hidden in a plain list or dict."""
    name = "hidden layers"
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        list(case.model.named_parameters())
    told = [str(one.message) for one in found if "neither trains nor saves" in str(one.message)]
    if told:
        return problem(
            name, told[0], "nn.ModuleList, nn.ModuleDict or nn.ParameterList instead", count=len(told)
        )
    return fine(name, "all layers are known to the model")


def reaches(case: Case) -> Finding:
    """Every parameter gets a gradient; for one that gets none, the operation or layer that stops it."""
    name = "gradient flow"
    parameters = case.parameters
    if not parameters:
        return silent(name, "the model has no parameters")
    run = case.run
    missing = [n for n, p in parameters.items() if p.requires_grad and run.gradients[n] is None]
    zero = [n for n, g in run.gradients.items() if g is not None and g.size and not g.any()]
    stuck = _still_zero(case, zero) if zero else []
    hidden = _unknown_leaves(case, run)
    numbers = {"without": missing, "zero": stuck, "parameters": len(parameters)}
    if missing:
        return problem(
            name,
            f"{len(missing)} of {len(parameters)} parameters get no gradient: {_listed(missing)}; "
            + _break(case, run, missing[0]),
            "keep the path from the parameter to the loss in differentiable operations, or remove what is not used",
            **numbers,
        )
    if stuck:
        return problem(
            name,
            f"the gradient of {len(stuck)} of {len(parameters)} parameters is exactly zero and stays so: "
            f"{_listed(stuck)}; {_closed(run, stuck[0])}",
            "look at what stands between these parameters and the loss",
            **numbers,
        )
    if hidden:
        return problem(
            name,
            f"{hidden} tensors that require gradients are used but are no parameters of the model",
            "assign them as nn.Parameter, and keep layers in nn.ModuleList or nn.ModuleDict instead of a list or dict",
            **numbers,
        )
    wrong = [n for n, g in run.gradients.items() if g is not None and not np.isfinite(g).all()]
    if wrong:
        return problem(
            name,
            f"the gradients of {_listed(wrong)} are not finite",
            "pb.detect_anomaly() names the operation where it begins",
            **numbers,
        )
    trainable = sum(p.requires_grad for p in parameters.values())
    said = f"all {trainable} trainable parameters get a gradient"
    return fine(name, said + (" (some only after the first steps)" if zero else ""), **numbers)


def frozen(case: Case) -> Finding:
    """No parameter is frozen by accident."""
    name = "frozen"
    still = [n for n, p in case.parameters.items() if not p.requires_grad]
    if not still:
        return fine(name, "no parameter is frozen")
    if len(still) == len(case.parameters):
        return problem(name, "all parameters are frozen", "model.unfreeze()")
    said = f"{len(still)} of {len(case.parameters)} parameters are frozen: {_listed(still)}"
    if case.optimizer is not None:
        held = {id(p) for group in case.optimizer.param_groups for p in group["params"]}
        if not any(id(case.parameters[n]) in held for n in still):
            return fine(
                name, f"{said}, and the optimiser leaves them out: on purpose, it seems", frozen=still
            )
    return warning(
        name,
        f"{said}, so that they stay as they are",
        "model.unfreeze(...) if they are to learn; if not, give the optimiser only what requires gradients",
        frozen=still,
    )


def in_optimizer(case: Case) -> Finding:
    """The optimiser has exactly the parameters of the model that are to be trained."""
    name = "optimizer"
    if case.optimizer is None:
        return silent(name, "no optimiser was given: preflight(..., optimizer=optimizer)")
    held = {id(p) for group in case.optimizer.param_groups for p in group["params"]}
    left = [n for n, p in case.parameters.items() if p.requires_grad and id(p) not in held]
    own = {id(p) for p in case.parameters.values()}
    of_loss = {id(p) for p in getattr(case.loss, "parameters", lambda: ())()}
    foreign = len(held - own - of_loss)
    if left and len(left) == len(case.trainable):
        return problem(
            name,
            "the optimiser holds none of the model's parameters",
            "make the optimiser after the model, from this model's parameters()",
            left=left,
        )
    if left:
        return problem(
            name,
            f"{len(left)} of {len(case.parameters)} parameters are not in the optimiser and will stay as they are: "
            + _listed(left),
            "give it model.parameters(), or freeze these parameters if they are to stay",
            left=left,
        )
    if foreign:
        return warning(
            name,
            f"the optimiser holds {foreign} tensors that are no parameters of the model",
            "make the optimiser after the model, and anew when layers are replaced",
            foreign=foreign,
        )
    return fine(name, f"the optimiser holds all {len(case.trainable)} trainable parameters")


def _still_zero(case: Case, zero: list[str]) -> list[str]:
    """Which gradients stay zero when training goes on a little: behind a layer that starts at zero they do not."""
    with case.trial():
        optimizer = Adam(case.trainable, lr=1e-3)
        left = set(zero)
        for _ in range(3):
            case.trained(optimizer, 1, case.run.input, case.run.target)
            for name in list(left):
                gradient = case.parameters[name].grad
                if gradient is not None and gradient.detach().numpy().any():
                    left.discard(name)
    return [name for name in zero if name in left]


def _unknown_leaves(case: Case, run: Run) -> int:
    """How many trainable leaves of two axes or more were used that neither model nor loss knows."""
    known = {id(p) for p in case.parameters.values()}
    known |= {id(p) for p in getattr(case.loss, "parameters", lambda: ())()}
    count = len([e for e in run.recording.entries if e.operation is None and e.requires_grad])
    used = sum(run.gradients[n] is not None for n in case.parameters)
    return max(0, count - max(used, 0)) if count > len(known) else 0


def _entry_of(case: Case, run: Run, name: str) -> Entry | None:
    try:
        return run.recording.find(case.parameters[name])
    except KeyError:
        return None


def _break(case: Case, run: Run, name: str) -> str:
    """Why the gradient does not come to a parameter, in words."""
    entry = _entry_of(case, run, name)
    if entry is None:
        return f"{name!r} is not used in the forward pass: its layer is not called, or its result is computed apart"
    followers = consumers(run.recording.entries)
    below = _descendants(entry, followers)
    for one in below:
        for next in followers.get(one, ()):
            if next.operation is not None and not next.requires_grad:
                kind = np.dtype(next.dtype).kind if not isinstance(next.dtype, tuple) else "f"
                why = "gives whole numbers or booleans" if kind in "iub" else "was computed under no_grad()"
                return f"the path breaks at {place_of(next)}, which {why}"
    ends = [one for one in below if one not in followers and one.value is not None and one.value.shape]
    for end in [*reversed(ends), *below]:
        for other in run.recording.entries:
            same = other.operation is None and not other.requires_grad and other.shape == end.shape
            if (
                same
                and other.value is not None
                and end.value is not None
                and np.array_equal(other.value, end.value)
            ):
                return (
                    f"the path breaks behind {place_of(end)}: its result goes on as a constant "
                    "(detach(), .data, .numpy(), or a new tensor made of it)"
                )
    if ends:
        return (
            f"what it computes ends at {place_of(ends[-1])} and goes no further as a tracked tensor: it is not used, "
            "or goes on by way of detach(), .numpy(), .item() or a new tensor"
        )
    return "no tracked path leads from it to the loss"


def _closed(run: Run, name: str) -> str:
    """Which operation closes the gate in front of a parameter whose gradient is zero, in words."""
    for entry in reversed(run.recording.entries):
        operation = entry.operation
        if (
            operation is None
            or entry.gradient is None
            or not entry.gradient.any()
            or operation.name == "pick"
        ):
            continue
        parts = [x for x in entry.contributions if x is not None]
        tracked = [x for x, part in zip(entry.inputs, entry.contributions, strict=False) if part is not None]
        if parts and not any(part.any() for part in parts) and tracked:
            if operation.name in FLAT:
                return f"the gradient stops at {place_of(entry)}, which is flat: its derivative is zero everywhere"
            return f"the gradient stops at {place_of(entry)}, which is closed for every example"
    names = {layer.name for layer in layers_of(run)}
    return (
        f"its layer is one of {sorted(names)}"
        if name.rpartition(".")[0] in names
        else "nothing varies with it"
    )


def _descendants(entry: Entry, followers: dict[Entry, list[Entry]]) -> list[Entry]:
    found, stack = {entry: None}, [entry]
    while stack:
        for next in followers.get(stack.pop(), ()):
            if next not in found and next.requires_grad:
                found[next] = None
                stack.append(next)
    return list(found)


def _listed(names: list[str]) -> str:
    return ", ".join(map(repr, names[:4])) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
