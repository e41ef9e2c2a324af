"""The source that is made for each operation at its declaration, as `dataclasses` makes `__init__`.

An operation's call path and its pullback are straight-line Python without loops, dictionaries or
introspection; everything that the declaration knows is decided here, once. The text is registered with
`linecache`, so tracebacks show it, and `pb.multiply.source()` prints it. It is compiled at the first call.

`call`  takes Tensors (or what becomes one), computes, records, and returns a Tensor.
`raw`   computes on whatever it is given: arrays give an array, a Tensor among them gives a Tensor.
`pull`  runs the rules that are wanted and brings each result to its input's shape and dtype.
`pull_conjugated`  the same for complex results, where the declaration has the rules of a holomorphic operation.
`pull_owned`  the same by the rule for gradients that nobody else knows, where one is declared.

The pieces of text are made in `source_call.py`, `source_record.py` and `source_pull.py`; here they are put together,
and given the names that they use.
"""

from __future__ import annotations

import inspect
import linecache
from collections import namedtuple
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .calling import checked_joint, checked_results, frozen, own_memory, respell, with_residuals
from .deferred import defer
from .methods import OperationMethods
from .mode import announce_forward, current_mode
from .node import Node, next_number
from .source_call import call_text, raw_text
from .source_pull import pull_owned_text, pull_text
from .source_text import asks_for_size, has_twin
from .storage import Seal, SealGroup, register_view, sealed
from .tensor import Tensor, wrap

if TYPE_CHECKING:
    from .op import Op

# names that the made functions use for themselves, so that no input or parameter can have them
RESERVED = frozenset(
    (
        "g",
        "i",
        "out",
        "out_dtype",
        "result",
        "current",
        "node",
        "parents",
        "saved",
        "holder",
        "observer",
        "beside",
        "op",
        "forward",
        "fast_forward",
        "forward_kernel",
        "call",
        "raw",
        "pull",
        "pull_conjugated",
        "spelling",
        "x_data",
        "needs",
        "raised",
    )
)

# Python's name of the method behind an infix or prefix operator
DUNDERS = {
    "+": "add",
    "-": "sub",
    "*": "mul",
    "/": "truediv",
    "//": "floordiv",
    "%": "mod",
    "**": "pow",
    "@": "matmul",
    "&": "and",
    "|": "or",
    "^": "xor",
    "<<": "lshift",
    ">>": "rshift",
    "<": "lt",
    "<=": "le",
    ">": "gt",
    ">=": "ge",
    "==": "eq",
    "!=": "ne",
}
PREFIX_DUNDERS = {"-": "neg", "+": "pos", "~": "invert"}
COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")


def build(
    op: Op,
) -> tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any], Callable[..., Any] | None]:
    """Make and dress an operation's functions; attach its operators to Tensor."""
    blocks = [call_text(op, "call", op.inputs), raw_text(op), pull_text(op)]
    blocks += [pull_text(op, conjugated=True)] if op.complex == "holomorphic" else []
    blocks += [] if op.owned is None else [pull_owned_text(op)]
    operators = _operators(op)
    blocks += [call_text(op, dunder, order) for dunder, order in operators]
    text = "\n\n".join(blocks) + "\n"
    filename = f"<pullback operation {op.name}>"
    functions = defer(text, filename, _namespace(op))
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)

    call: Any = functions["call"]  # functions take attributes
    call.__name__ = call.__qualname__ = op.name
    call.__module__ = op.module
    call.__doc__ = op.documentation
    call.__signature__ = op.signature
    call.op = op
    call.raw = functions["raw"]
    call.source = lambda: text
    for dunder, order in operators:
        method: Any = functions[dunder]
        method.__doc__ = op.documentation
        method.__signature__ = inspect.Signature(
            [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in order]
        )
        setattr(OperationMethods, dunder, method)
    if op.infix and len(op.inputs) == 2 and op.infix not in COMPARISONS:
        setattr(OperationMethods, f"__i{DUNDERS[op.infix]}__", _augmented(call))
    return call, call.raw, functions["pull"], functions.get("pull_owned")


def _namespace(op: Op) -> dict[str, Any]:
    from .convert import array_operand, asarray, is_complex, operand
    from .errors import (
        checked_result,
        explained,
        no_rule,
        refuse_complex,
        refuse_operand,
        refuse_parameter,
        untracked,
    )
    from .tape import project
    from .vectorise import vectorised

    names: dict[str, Any] = {
        "__name__": __name__,
        "Tensor": Tensor,
        "new_tensor": Tensor.__new__,
        "Node": Node,
        "Seal": Seal,
        "SealGroup": SealGroup,
        "sealed": sealed,
        "ndarray": np.ndarray,
        "generic": np.generic,
        "float32": np.dtype(np.float32),
        "shape_of": np.shape,
        "dtype_of": np.result_type,
        "as_memory": np.asarray,
        "current_mode": current_mode,
        "announce_forward": announce_forward,
        "vectorised": vectorised,
        "next_number": next_number,
        "asarray": asarray,
        "operand": operand,
        "array_operand": array_operand,
        "refuse_operand": refuse_operand,
        "refuse_parameter": refuse_parameter,
        "explained": explained,
        "checked_result": checked_result,
        "checked_results": checked_results,
        "own_memory": own_memory,
        "frozen": frozen,
        "no_rule": no_rule,
        "refuse_complex": refuse_complex,
        "is_complex": is_complex,
        "conjugate": np.conjugate,
        "wrap": wrap,
        "untracked": untracked,
        "register_view": register_view,
        "project": project,
        "respell": respell,
        "op": op,
        "forward": op.forward,
    }
    if op.outputs:
        from .outputs import attach_picks

        names["attach_picks"] = attach_picks
    if op.residuals:
        names["with_residuals"] = with_residuals
    if op.first_order_only:
        from .composed import met_tensor, pull_composed

        names |= {"met_tensor": met_tensor, "pull_composed": pull_composed}
    if op.joint is not None or op.owned is not None:
        names |= {"joint_rule": op.joint or op.owned, "checked_joint": checked_joint}
        names["Needs"] = namedtuple("Needs", op.inputs)
    if op.fast_forward is not None:
        names["fast_forward"] = op.fast_forward
        if asks_for_size(op):
            names |= _twins("forward", "fast_forward", op.fast_forward)
    for name, rule in op.rules.items():
        names |= (
            _twins(f"{name}_rule", f"{name}_fast_rule", rule)
            if has_twin(op, rule)
            else {f"{name}_rule": rule}
        )
    return names | {
        f"{name}_default": parameter.default
        for name, parameter in op.signature.parameters.items()
        if parameter.default is not inspect.Parameter.empty
    }


def _twins(name: str, fast_name: str, function: Any) -> dict[str, Any]:
    """A reference, the function that chooses between it and its compiled twin, and what is known of them."""
    return {name: function.kernel.reference, fast_name: function, f"{name}_kernel": function.kernel}


def _operators(op: Op) -> list[tuple[str, tuple[str, ...]]]:
    if not op.infix:
        return []
    if len(op.inputs) == 1:
        return [(f"__{PREFIX_DUNDERS[op.infix]}__", op.inputs)]
    stem = DUNDERS[op.infix]
    plain = (f"__{stem}__", op.inputs)
    return [plain] if op.infix in COMPARISONS else [plain, (f"__r{stem}__", op.inputs[::-1])]


def _augmented(call: Callable[..., Any]) -> Callable[..., Any]:
    def augmented(self: Tensor, other: Any) -> Tensor:
        from .inplace import write_whole

        return write_whole(self, call(self, other))

    return augmented
