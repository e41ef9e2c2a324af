"""Operations whose rules are right at first order only, at all other orders: by a twin written in operations.

A joint rule is a kernel on arrays, and residuals are constants to the tape. Where the work of a rule is itself to
be recorded, or is that of a whole batch, the engine runs the twin (`op(composed=...)`) on the saved inputs and
differentiates that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .gate import RELAY
from .mode import ModeContext, current_mode
from .node import Node, make_node
from .op import UnlistedOp
from .tape import gradients, project
from .tensor import Tensor, wrap

if TYPE_CHECKING:
    from .op import Op


def met_tensor(g: Any) -> bool:
    """Whether an upstream gradient (of several outputs, one of them) is recorded or batched."""
    return any(isinstance(part, Tensor) for part in g) if g.__class__ is tuple else isinstance(g, Tensor)


def pull_composed(
    op: Op, node: Node, parents: Sequence[Node | None], saved: tuple[Any, ...], g: Any
) -> tuple[Any, ...]:
    """The gradients of a node by way of its operation's twin; they are on the tape if that is recorded."""
    if op.composed is None:
        raise RuntimeError(
            f"the gradient of {op.name!r} cannot be differentiated, batched or used in forward mode: its rules hold "
            "for arrays only, and its declaration gives no composed=, the same function written in operations"
        )
    values = dict(zip(op.saved_names, saved, strict=True))
    given = values[op.inputs[0]] if op.variadic else [values[name] for name in op.inputs]
    recorded = current_mode().grad
    with ModeContext(lambda mode: mode.changed(grad=True)):
        inputs = [_apart(x, recorded or parent is not None) for x, parent in zip(given, parents, strict=True)]
        args, kwargs = op.bind(inputs, dict(zip(op.parameters, node.parameters, strict=True)))
        results = op.composed(*args, **kwargs)
    pairs = zip(results, g, strict=True) if op.outputs else [(results, g)]
    tracked = [(result, part) for result, part in pairs if result.requires_grad]
    wanted = [i for i, parent in enumerate(parents) if parent is not None]
    found = gradients(
        [result for result, _ in tracked],
        [inputs[i] for i in wanted],
        [part for _, part in tracked],
        create_graph=recorded,
        allow_unused=True,
    )
    pulled: list[Any] = [None] * len(parents)
    for i, gradient in zip(wanted, found, strict=True):
        pulled[i] = project(gradient, parents[i], op, op.inputs[0 if op.variadic else i])  # type: ignore[arg-type]  # wanted ones are there
    return tuple(pulled)


def _apart(x: Any, tracked: bool) -> Any:
    """An input under a node of its own, so that its gradient is only what comes through this operation."""
    if not isinstance(x, Tensor):
        # a Python float stays one, which is weak beside the dtypes of the others
        return wrap(np.asarray(x)[()], None) if isinstance(x, (np.ndarray, np.generic, int)) else x
    node = make_node(ALIAS, (x._node,), (), (), (), x._array, None) if tracked and x._node else None
    alias = wrap(x._array, node)
    alias._seal = x._seal
    return alias


ALIAS = UnlistedOp(
    lambda x, /: x,
    "x",
    {"x": lambda g: g},
    name="alias",
    gate=RELAY,
    doc="The same values.",
)
