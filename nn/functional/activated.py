"""An operation that ends in an activation, as one node: `F.linear(x, w, b, activation="relu")`, and the norms.

Both parts are declared elsewhere. From these declarations `activated` makes that of the pair, so there is no formula
here: forward is the one after the other, backward the activation's rule and then those of the operation. The tape
keeps what these rules name, and not what lies between them unless one of them does. A pair that gains by it is written
as one where its operation is declared (`Written`).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...autograd import relu, sigmoid, tanh
from ...autograd.extend import DISTRIBUTOR, MIXER, SCALER, Gate, Op, kernel, op
from .activation import gelu, silu

Array = np.ndarray[Any, Any]


class Activation(NamedTuple):
    """An operation on one input, element by element.

    Attributes:
        operation: the public function of a declared operation.
        settings: all of its parameters.
        within: the same forward, written over the array that it is given; for one whose rule asks for its result.
    """

    operation: Any
    settings: dict[str, Any]
    within: Callable[[Array], Any] | None = None

    def __call__(self, x: Any) -> Any:
        """The activation of a tensor, by the operation."""
        return self.operation(x, **self.settings)


@kernel("elementwise.relu_within", over=1 << 12)
def relu_within(x: Array) -> Array:
    """max(0, x), written over x."""
    return np.maximum(x, 0, out=x)


class Written(NamedTuple):
    """A pair of operations whose forward and joint rule are written as one, because that pays.

    Attributes:
        forward: takes and returns what that of the operation does, its residuals too.
        rule: of all inputs; it may name what the operation's rule may. None for that of the two one after the other,
            for an activation whose rule asks for its result alone.
    """

    forward: Callable[..., Any]
    rule: Callable[..., Any] | None = None


ACTIVATIONS = {
    "gelu": Activation(gelu, {"approximate": "none"}),
    "gelu_tanh": Activation(gelu, {"approximate": "tanh"}),
    "relu": Activation(relu, {}, relu_within),
    "sigmoid": Activation(sigmoid, {}),
    "silu": Activation(silu, {}),
    "tanh": Activation(tanh, {}),
}


def check_activation(where: str, activation: Any) -> str | None:
    """The name of an activation, or None; raise ValueError for anything else."""
    if activation is None or (isinstance(activation, str) and activation in ACTIVATIONS):
        return activation
    raise ValueError(
        f"{where}: activation must be {', '.join(map(repr, ACTIVATIONS))} or None, not {activation!r}; call any other "
        "function on the result"
    )


def shown_activation(activation: str | None) -> str:
    """The part of a module's settings that names its activation; nothing where there is none."""
    return "" if activation is None else f", activation={activation!r}"


_PARTS: dict[str, tuple[str, str]] = {}


def parts(name: str) -> tuple[str, str]:
    """The operation with which one begins, and that with which it ends, by name; the same unless it ends in an
    activation.

    >>> parts("linear_relu"), parts("linear")
    (('linear', 'relu'), ('linear', 'linear'))
    """
    return _PARTS.get(name, (name, name))


def activated(base: Any, **written: Written) -> Callable[[str | None], Any]:
    """Declare an operation again with each of the activations behind it.

    Args:
        base: the public function of a declared operation whose rules do not ask for its result, and whose forward
            makes that anew. Of several results the first is the one to activate.
        **written: by activation, what is not to be made of the two declarations.

    Returns:
        A function that gives the operation for the name of an activation; `base` for None.

    Raises:
        TypeError: for a rule that asks for the result, in whose place the activated one would be.
    """
    if any("out" in asked for asked in base.op.rule_arguments.values()):
        raise TypeError(
            f"a rule of {base.op.name!r} asks for its result, which is not kept with an activation behind it"
        )
    made = {
        name: _declared(base, name, activation, written.get(name)) for name, activation in ACTIVATIONS.items()
    }

    def chosen(activation: str | None) -> Any:
        if activation is None:
            return base
        check_activation(base.op.name, activation)
        return made[activation]

    return chosen


def _declared(base: Any, name: str, activation: Activation, written: Written | None) -> Any:
    first, second = base.op, activation.operation.op
    made, residuals = _joined(first, activation)
    if written is not None:
        made, residuals = Written(written.forward, written.rule or made.rule), first.residuals
    _PARTS[f"{first.name}_{name}"] = first.name, second.name
    return op(
        made.forward,
        " ".join(first.inputs),
        joint=made.rule,
        residuals=" ".join(residuals),
        composed=_composed(base, activation),
        outputs=first.outputs,
        gate={part: _gate(gate) for part, gate in first.gates.items()},
        name=f"{first.name}_{name}",
        symbol=f"{name.replace('_', ' ')}({first.symbol})",
        samples=first.samples,
        doc=f"`{first.name}` and `{name}` of its result, as one operation.",
    )


def _joined(first: Op, activation: Activation) -> tuple[Written, tuple[str, ...]]:
    """Forward and rule, made of those of both; and the names of the residuals."""
    second = activation.operation.op
    (entry,) = second.inputs
    wanted = ["before" if asked == entry else asked for asked in second.rule_arguments[entry]]
    kept = ("before",) if "before" in wanted else ()
    made = Written(_forward(first, activation, keeping=bool(kept)), _rule(first, activation, wanted))
    return made, (*first.residuals, *kept, *second.residuals)


def _gate(gate: Gate) -> Gate:
    """What becomes of a gate with a slope behind it."""
    return SCALER if gate in (SCALER, DISTRIBUTOR) else MIXER


def _forward(first: Op, activation: Activation, *, keeping: bool) -> Callable[..., Any]:
    """The two forwards as one; residuals are those of the first, the value between, and those of the second."""
    second = activation.operation.op
    function = second.fast_forward or second.forward

    def forward(*arrays: Any, **parameters: Any) -> Any:
        found = first.forward(*arrays, **parameters)
        result, *residuals = found if first.residuals else (found,)
        before, *others = result if first.outputs else (result,)
        after = activation.within(before) if activation.within else function(before, **activation.settings)
        if keeping:
            residuals.append(before)
        if second.residuals:
            after, *more = after
            residuals += more
        result = (after, *others) if first.outputs else after
        return (result, *residuals) if residuals else result

    forward.__signature__ = first.signature  # type: ignore[attr-defined]  # functions take attributes
    return forward


def _rule(first: Op, activation: Activation, wanted: list[str]) -> Callable[..., Any]:
    """The rule of the activation, and with its result those of the first; it asks for what they ask for."""
    slope = next(iter(activation.operation.op.rules.values()))
    own = dict.fromkeys(name for names in first.rule_arguments.values() for name in names)
    names = [name for name in dict.fromkeys((*wanted, *own, "needs")) if name not in activation.settings]

    def pulled(*values: Any) -> tuple[Any, ...]:
        known = dict(zip(names, values, strict=True)) | activation.settings
        g = known["g"]
        if first.outputs:  # the activation is that of the first of them
            known |= {name: known[name][0] for name in ("g", "out") if name in known}
        known["g"] = slope(*[known[name] for name in wanted])
        if first.outputs:
            known["g"] = (known["g"], *g[1:])
        if first.joint is not None:
            return tuple(first.joint(*map(known.__getitem__, own)))
        return tuple(
            rule(*map(known.__getitem__, first.rule_arguments[name]))
            if getattr(known["needs"], name)
            else None
            for name, rule in first.rules.items()
        )

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    pulled.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # functions take attributes
        [inspect.Parameter(name, kind) for name in names]
    )
    return pulled


def _composed(base: Any, activation: Activation) -> Callable[..., Any]:
    """The two operations, one after the other."""

    def composed(*inputs: Any, **parameters: Any) -> Any:
        found = base(*inputs, **parameters)
        return type(found)(activation(found[0]), *found[1:]) if base.op.outputs else activation(found)

    return composed
