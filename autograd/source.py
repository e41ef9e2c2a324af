"""The source that is made for each operation at its declaration, as `dataclasses` makes `__init__`.

An operation's call path and its pullback are straight-line Python without loops, dictionaries or
introspection; everything that the declaration knows is decided here, once. The text is registered with
`linecache`, so tracebacks show it, and `pb.multiply.source()` prints it. It is compiled at the first call.

`call`  takes Tensors (or what becomes one), computes, records, and returns a Tensor.
`raw`   computes on whatever it is given: arrays give an array, a Tensor among them gives a Tensor.
`pull`  runs the rules that are wanted and brings each result to its input's shape and dtype.
`pull_owned`  the same by the rule for gradients that nobody else knows, where one is declared.
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
from .storage import Seal, SealGroup, register_view, sealed
from .tensor import Tensor, wrap

if TYPE_CHECKING:
    from .op import Op

INDENT = "    "

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
    blocks = [_call(op, "call", op.inputs), _raw(op), _pull(op)]
    blocks += [_pull(op, conjugated=True)] if op.complex == "holomorphic" else []
    blocks += [] if op.owned is None else [_pull_owned(op)]
    operators = _operators(op)
    blocks += [_call(op, dunder, order) for dunder, order in operators]
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
        if _asks_for_size(op):
            names |= _twins("forward", "fast_forward", op.fast_forward)
    for name, rule in op.rules.items():
        names |= (
            _twins(f"{name}_rule", f"{name}_fast_rule", rule)
            if _has_twin(op, rule)
            else {f"{name}_rule": rule}
        )
    return names | {
        f"{name}_default": parameter.default
        for name, parameter in op.signature.parameters.items()
        if parameter.default is not inspect.Parameter.empty
    }


def _asks_for_size(op: Op) -> bool:
    """Whether the call path itself looks if the array is large enough for the forward's compiled twin."""
    is_ufunc = isinstance(op.forward, np.ufunc)
    return op.fast_forward is not None and not op.variadic and (len(op.inputs) == 1 or is_ufunc)


def _has_twin(op: Op, rule: Callable[..., Any]) -> bool:
    """The same for a rule, whose gradient is one array."""
    return hasattr(rule, "kernel") and op.joint is None and not op.variadic and not op.outputs


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


# the pieces of text


def _call(op: Op, function_name: str, order: tuple[str, ...]) -> str:
    """The recording call path; `order` is the order of the arguments (reflected operators swap them)."""
    is_operator = function_name.startswith("__")
    signature = ", ".join(order) if is_operator else _signature_text(op)
    body = ["current = current_mode()"]
    body += [] if is_operator else _respelling(op) + _freeze_parameters(op)
    body += _vectorise(op)
    body += ["if current.observers:", f"{INDENT}announce_forward(current.observers, op)"]
    body += _unwrap_variadic(op) if op.variadic else _unwrap(op, is_operator)
    if op.rules and op.complex is None:
        body += [f"if {_meets_complex(op)}:", f"{INDENT}raise refuse_complex(op)"]
    body += _plain_numbers(op)
    results = ", ".join(("out", *op.residuals))
    forward = _forward_text(op, "_data")
    if _asks_for_size(op):
        fast = _forward_text(op, "_data", "fast_forward")
        leading = f"{op.inputs[0]}_data"
        small = f"{leading}.size < forward_kernel.least"
        if len(op.inputs) > 1:  # beside a tensor it may be a Python number
            small = f"{leading}.__class__ is not ndarray or {small}"
        forward = f"{forward} if {small} else {fast}"
    arrays = f"{op.inputs[0]}_data" if op.variadic else _tuple(f"{name}_data" for name in op.inputs)
    body += [
        "try:",
        f"{INDENT}{results} = {f'with_residuals(op, {forward}, {arrays})' if op.residuals else forward}",
        "except (TypeError, ValueError) as raised:",
        f"{INDENT}raise explained(op, raised, {arrays})",
    ]
    if not isinstance(op.forward, np.ufunc):
        body += _check_result(op)
    if op.parameters:  # a Tensor given as one of them has met the arrays: its gradient would be lost
        met = "any(isinstance(x, Tensor) for x in out)" if op.outputs else "isinstance(out, Tensor)"
        body += [f"if {met}:", f"{INDENT}raise refuse_parameter(op)"]
    if op.outputs:
        body.append("result = op.outputs(*[wrap(x, None) for x in out])")
    else:
        body.append("result = new_tensor(Tensor)")
        body.append("result._array = out")
        body.append("result._grad = result._seal = result._storage = result._view = result.name = None")
    body += _record(op)
    if op.view:
        first = op.inputs[0]
        body.append(f"if {first} is not None and out.__class__ is ndarray:")
        body.append(f"{INDENT}register_view(result, {first}, op, {_parameter_tuple(op)})")
    body.append("if current.observers:")
    seen = op.inputs[0] + "_seen" if op.variadic else _seen(op)
    body.append(f"{INDENT}for observer in current.observers:")
    body.append(f"{INDENT * 2}observer.on_forward(op, {seen}, {_parameter_tuple(op)}, result)")
    body.append("return result")
    return _function(function_name, signature, body)


def _vectorise(op: Op) -> list[str]:
    """Inside vmap, the whole batch at once."""
    inputs = op.inputs[0] if op.variadic else _tuple(op.inputs)
    return [
        "if current.levels is not None:",
        *([f"{INDENT}{inputs} = tuple({inputs})"] if op.variadic else []),
        f"{INDENT}result = vectorised(op, {inputs}, {_parameter_tuple(op)})",
        f"{INDENT}if result is not None:",
        f"{INDENT * 2}return result",
    ]


def _check_result(op: Op) -> list[str]:
    """A forward in Python may give something else than an array, or memory that is not its own."""
    arrays = f"{op.inputs[0]}_data" if op.variadic else _tuple(f"{name}_data" for name in op.inputs)
    if op.outputs:
        return [f"out = checked_results(op, out, {arrays})"]
    body = ["if out.__class__ is not ndarray:", f"{INDENT}out = checked_result(op, out)"]
    if not op.view:
        looks = [f"out.base is not None or out is {name}_data" for name in op.inputs if not op.variadic]
        body += [
            f"elif {' or '.join(looks) or 'out.base is not None'}:",
            f"{INDENT}out = own_memory(out, {arrays})",
        ]
    return body


def _unwrap(op: Op, is_operator: bool) -> list[str]:
    """From each input its array (`x_data`) and its node (`x_node`)."""
    first, required = op.inputs[0], [name for name in op.inputs if not op.optional(name)]
    body: list[str] = []
    if not is_operator:
        none_is_tensor = " and ".join(f"not isinstance({name}, Tensor)" for name in op.inputs)
        body.append(f"if {none_is_tensor}:")
        for name in op.inputs[1:]:  # an array has a dtype of its own, beside which a Python number is weak
            body += [
                f"{INDENT}if isinstance({name}, (ndarray, generic)):",
                f"{INDENT * 2}{name} = asarray({name})",
            ]
        others = " and ".join(f"not isinstance({name}, Tensor)" for name in op.inputs[1:]) or "True"
        body += [f"{INDENT}if {others}:", f"{INDENT * 2}{first} = asarray({first})"]
    for i, name in enumerate(op.inputs):
        beside = op.inputs[1] if i == 0 and len(op.inputs) > 1 else first
        if op.rules and name not in op.rules:
            beside = "None"  # indices and the like have a dtype of their own
        body += [
            f"if {name}.__class__ is Tensor or isinstance({name}, Tensor):",  # the second is slower
            f"{INDENT}{name}_data = {name}._array",
            f"{INDENT}{name}_node = {name}._node",
        ]
        if op.view and name == first:
            body += [
                f"{INDENT}if {name}_data.__class__ is not ndarray:",
                f"{INDENT * 2}{name}_data = {name}._array = as_memory({name}_data)",
            ]
        if name not in required:
            body += [f"elif {name} is None:", f"{INDENT}{name}_data = {name}_node = None"]
        refusal = "return NotImplemented" if is_operator else f"raise refuse_operand(op, {name!r}, {name})"
        body += [
            "else:",
            f"{INDENT}{name}_data = operand({name}, {beside})",
            f"{INDENT}if {name}_data is NotImplemented:",
            f"{INDENT * 2}{refusal}",
            f"{INDENT}{name} = {name}_node = None",
        ]
    return body


def _plain_numbers(op: Op) -> list[str]:
    """The memory of one number beside another number: NumPy's scalars are six times as fast, and need no seals."""
    if not isinstance(op.forward, np.ufunc) or len(op.inputs) != 2:
        return []
    first, second = (f"{name}_data" for name in op.inputs)
    body = [f"if {first}.__class__ is not {second}.__class__:"]
    for data in (first, second):
        body.append(f"{INDENT}if {data}.__class__ is ndarray and not {data}.ndim:")
        body.append(f"{INDENT * 2}{data} = {data}[()]")
    return body


def _unwrap_variadic(op: Op) -> list[str]:
    (name,) = op.inputs
    return [
        f"{name}_seen = tuple({name})",
        f"if not any(isinstance(x, Tensor) for x in {name}_seen):",
        f"{INDENT}{name}_seen = tuple(asarray(x) for x in {name}_seen)",
        f"beside = next((x for x in {name}_seen if isinstance(x, Tensor)), None)",
        f"{name}_data = tuple(x._array if isinstance(x, Tensor) else array_operand(x, beside) for x in {name}_seen)",
        f"for x, x_data in zip({name}_seen, {name}_data):",
        f"{INDENT}if x_data is NotImplemented:",
        f"{INDENT * 2}raise refuse_operand(op, {name!r}, x)",
        f"{name}_nodes = tuple(x._node if isinstance(x, Tensor) else None for x in {name}_seen)",
    ]


def _meets_complex(op: Op) -> str:
    """Whether an input is complex."""
    if op.variadic:
        return f"any(map(is_complex, {op.inputs[0]}_data))"
    return " or ".join(
        f"({name}_data.dtype.kind == 'c' if {name}_data.__class__ is ndarray else is_complex({name}_data))"
        for name in op.inputs
    )


def _record(op: Op) -> list[str]:
    """The node, if a gradient is wanted and the result can have one."""
    if not op.rules:
        return [] if op.outputs else ["result._node = None"]
    if op.variadic:
        wanted, parents = f"any({op.inputs[0]}_nodes)", f"{op.inputs[0]}_nodes"
    else:
        wanted = " or ".join(f"{name}_node is not None" for name in op.inputs)
        wanted = f"({wanted})" if len(op.inputs) > 1 else wanted
        parents = _tuple(f"{name}_node" for name in op.inputs)
    inner: list[str] = []
    if (
        op.complex == "values"
    ):  # a real result of complex inputs, too, has other gradients than the rules give
        inner += [f"if {_meets_complex(op)}:", f"{INDENT}raise refuse_complex(op)"]
    for name in op.inputs:
        if not op.variadic and name not in op.rules:
            inner += [f"if {name}_node is not None:", f"{INDENT}raise no_rule(op, {name!r})"]
    for name in op.saved_names:
        inner += _save(op, name)
    inner += [
        "node = Node()",
        "node.op = op",
        f"node.parents = {parents}",
        f"node.saved = {_tuple(f'{name}_saved' for name in op.saved_names)}",
        f"node.seals = {_seals(op)}",
        f"node.parameters = {_parameter_tuple(op)}",
        "node.number = next_number()",
        "node.scope = current.scope",
        "node.handle = None",
    ]
    if op.outputs:
        inner += [
            "node.shape = tuple([x.shape for x in out])",
            "node.dtype = tuple([x.dtype for x in out])",
            "attach_picks(node, result)",
        ]
        return [f"if current.grad and {wanted}:", *[INDENT + line for line in inner]]
    inner += ["node.shape = out.shape", "node.dtype = out_dtype", "result._node = node"]
    kinds = "in 'fc'" if op.complex_rules else "== 'f'"
    return [
        f"if current.grad and {wanted}:",
        f"{INDENT}out_dtype = out.dtype",
        f"{INDENT}if out_dtype is float32 or out_dtype.kind {kinds}:",  # the first is the usual one, and quick
        *[INDENT * 2 + line for line in inner],
        f"{INDENT}else:",
        f"{INDENT * 2}result._node = untracked(op, out_dtype)",
        "else:",
        f"{INDENT}result._node = None",
    ]


def _seals(op: Op) -> str:
    """The seals, in the order of what is saved; where there are none, as for scalars, a tuple that is there already."""
    seals = [f"{name}_seal" for name in op.saved_names if name in op.inputs or name == "out"]
    if not seals:
        return "()"
    return f"{_tuple(['None'] * len(seals))} if {' is '.join(seals)} is None else {_tuple(seals)}"


def _save(op: Op, name: str) -> list[str]:
    """Keep a value that a rule has named, if one of the rules that name it will run; seal its memory."""
    if name == "out" and op.outputs:
        return ["out_saved = out", "out_seal = SealGroup([sealed(x) for x in result])"]
    if name == "out":
        return [
            "out_saved = out",
            "if out.__class__ is ndarray:",
            f"{INDENT}out_seal = result._seal = Seal()",
            f"{INDENT}out_seal.broken_at = None",
            "else:",
            f"{INDENT}out_seal = None",
        ]
    if name in op.residuals:
        return [f"{name}_saved = {name}"]
    if name not in op.inputs:  # x_shape or x_dtype, for another input's rule
        base, _, what = name.rpartition("_")
        value = f"tuple({what}_of(x) for x in {base}_data)" if op.variadic else f"{what}_of({base}_data)"
        return [f"{name}_saved = {value}"]
    if op.variadic:
        return [
            f"{name}_saved = {name}_data",
            f"{name}_seal = SealGroup(sealed(x) if isinstance(x, Tensor) else None for x in {name}_seen)",
        ]
    needed = " or ".join(f"{user}_node is not None" for user in op.needed_by(name))
    return [
        f"{name}_saved = {name}_seal = None",
        f"if {needed}:",
        f"{INDENT}{name}_saved = {name}_data",
        f"{INDENT}if {name} is not None and {name}_data.__class__ is ndarray:",
        f"{INDENT * 2}holder = {name}._storage or {name}",
        f"{INDENT * 2}{name}_seal = holder._seal",
        f"{INDENT * 2}if {name}_seal is None:",
        f"{INDENT * 3}{name}_seal = holder._seal = Seal()",
        f"{INDENT * 3}{name}_seal.broken_at = None",
    ]


def _pull(op: Op, conjugated: bool = False) -> str:
    """The rules that are wanted, each result projected onto its input's shape and dtype.

    A holomorphic operation has a second text for complex results, in which g meets the conjugate of the slope:
    conj(conj(g)·slope).
    """
    name = "pull_conjugated" if conjugated else "pull"
    body: list[str] = []
    if op.complex == "holomorphic" and not conjugated:
        body += ["if node.dtype.kind == 'c':", f"{INDENT}return pull_conjugated(node, parents, saved, g)"]
    if op.outputs:
        body.append("g = g.filled()")
    if op.first_order_only:
        body += ["if met_tensor(g):", f"{INDENT}return pull_composed(op, node, parents, saved, g)"]
    if op.saved_names:
        body.append(f"{_tuple(op.saved_names)} = saved")
    used = {argument for arguments in op.rule_arguments.values() for argument in arguments}
    if used & set(op.parameters):
        body.append(f"{_tuple(op.parameters)} = node.parameters")
    body += ["g = conjugate(g)"] if conjugated else []
    if op.joint is not None:
        body += _pull_joint(op, op.rule_arguments[next(iter(op.rules))], conjugated)
    elif op.variadic:
        body += _pull_variadic(op, conjugated)
    else:
        body += _pull_each(op, conjugated)
    return _function(name, "node, parents, saved, g", body)


def _pull_each(op: Op, conjugated: bool) -> list[str]:
    """One rule for each input."""
    body = [f"{_tuple(f'{name}_node' for name in op.inputs)} = parents"]
    for name in op.inputs:
        body.append(f"{name}_gradient = None")
        if name not in op.rules:
            continue
        own = {f"{name}_shape": f"{name}_node.shape", f"{name}_dtype": f"{name}_node.dtype"}
        arguments = ", ".join(own.get(argument, argument) for argument in op.rule_arguments[name])
        gradient, parent = f"{name}_gradient", f"{name}_node"
        pulled = f"{name}_rule({arguments})"
        if _has_twin(op, op.rules[name]):
            pulled += f" if g.size < {name}_rule_kernel.least else {name}_fast_rule({arguments})"
        body += [
            f"if {parent} is not None:",
            f"{INDENT}{gradient} = {pulled}",
            *([f"{INDENT}{gradient} = conjugate({gradient})"] if conjugated else []),
            # of a scalar the class says all
            f"{INDENT}if ({gradient}.__class__ is not ndarray or {gradient}.dtype is not {parent}.dtype or"
            f" {gradient}.shape != {parent}.shape) if {parent}.shape else"
            f" {gradient}.__class__ is not {parent}.dtype.type:",
            f"{INDENT * 2}{gradient} = project({gradient}, {parent}, op, {name!r})",
        ]
    return [*body, f"return {_tuple(f'{name}_gradient' for name in op.inputs)}"]


def _pull_owned(op: Op) -> str:
    """The rule that may write into the gradient, for all inputs."""
    body = [f"{_tuple(op.saved_names)} = saved"] if set(op.owned_arguments) & set(op.saved_names) else []
    if set(op.owned_arguments) & set(op.parameters):
        body.append(f"{_tuple(op.parameters)} = node.parameters")
    body += _pull_joint(op, op.owned_arguments)
    return _function("pull_owned", "node, parents, saved, g", body)


def _pull_joint(op: Op, rule_arguments: tuple[str, ...], conjugated: bool = False) -> list[str]:
    """One rule for all inputs."""
    gradient = "gradient if gradient is None else conjugate(gradient)" if conjugated else "gradient"
    wanted = ", ".join(f"parents[{i}] is not None" for i in range(len(op.inputs)))
    wanted = "tuple(parent is not None for parent in parents)," if op.variadic else wanted
    arguments = ", ".join(rule_arguments)
    names = "op.inputs * len(parents)" if op.variadic else "op.inputs"
    return [
        *([f"needs = Needs({wanted})"] if "needs" in arguments.split(", ") else []),
        f"found = checked_joint(op, joint_rule({arguments}), len(parents))",
        "return tuple(",
        f"{INDENT}None if parent is None else project({gradient}, parent, op, name)",
        f"{INDENT}for gradient, parent, name in zip(found, parents, {names})",
        ")",
    ]


def _pull_variadic(op: Op, conjugated: bool) -> list[str]:
    """One rule for all inputs, of which there may be any number."""
    (name,) = op.inputs
    gradient = f"{name}_rule({', '.join(op.rule_arguments[name])})"
    gradient = f"conjugate({gradient})" if conjugated else gradient
    return [
        "return tuple(",
        f"{INDENT}None if parent is None else project({gradient}, parent, op, {name!r})",
        f"{INDENT}for i, parent in enumerate(parents)",
        ")",
    ]


def _raw(op: Op) -> str:
    if op.variadic:
        any_tensor = f"any(isinstance(x, Tensor) for x in {op.inputs[0]})"
    else:
        any_tensor = " or ".join(f"isinstance({name}, Tensor)" for name in op.inputs)
    fast = "forward" if op.fast_forward is None else "fast_forward"
    body = [
        f"if {any_tensor}:",
        f"{INDENT}return call({_pass_on(op, '')})",
        f"return {_forward_text(op, '', fast)}{'[0]' if op.residuals else ''}",
    ]
    return _function("raw", _signature_text(op, spelling=False), body)


def _respelling(op: Op) -> list[str]:
    if "axis" not in op.parameters:
        return []
    default = (
        "axis_default" if op.signature.parameters["axis"].default is not inspect.Parameter.empty else "None"
    )
    if "keepdims" in op.parameters:
        change = f"axis, keepdims = respell(op.name, spelling, axis, keepdims, default={default})"
    else:
        change = f"axis, _ = respell(op.name, spelling, axis, default={default})"
    return ["if spelling:", INDENT + change]


def _freeze_parameters(op: Op) -> list[str]:
    """Rules read the parameters later, so a list that the caller may change by then is taken as it is now."""
    return [
        line
        for name in op.parameters
        for line in (
            f"if {name}.__class__ is list or {name}.__class__ is ndarray:",
            f"{INDENT}{name} = frozen({name})",
        )
    ]


def _signature_text(op: Op, spelling: bool = True) -> str:
    """The parameter list, with defaults taken from the namespace, and PyTorch's spellings of axis."""
    parts: list[str] = []
    kinds = [parameter.kind for parameter in op.signature.parameters.values()]
    for i, (name, parameter) in enumerate(op.signature.parameters.items()):
        if parameter.kind is parameter.KEYWORD_ONLY and parameter.KEYWORD_ONLY not in kinds[:i]:
            parts.append("*")
        has_default = parameter.default is not parameter.empty
        parts.append(f"{name}={name}_default" if has_default else name)
        if parameter.kind is parameter.POSITIONAL_ONLY and parameter.POSITIONAL_ONLY not in kinds[i + 1 :]:
            parts.append("/")
    if spelling and "axis" in op.parameters:
        parts.append("**spelling")
    return ", ".join(parts)


def _forward_text(op: Op, suffix: str, forward: str = "forward") -> str:
    values = [name + suffix for name in op.inputs]
    if op.infix and isinstance(op.forward, np.ufunc) and forward == "forward":
        return f"{values[0]} {op.infix} {values[1]}" if len(values) == 2 else f"{op.infix}{values[0]}"
    return f"{forward}({_pass_on(op, suffix)})"


def _pass_on(op: Op, suffix: str) -> str:
    """The arguments of a call of the forward, in the kind that its signature wants."""
    parts = []
    for name, parameter in op.signature.parameters.items():
        value = name + suffix if name in op.inputs else name
        parts.append(f"{name}={value}" if parameter.kind is parameter.KEYWORD_ONLY else value)
    return ", ".join(parts)


def _seen(op: Op) -> str:
    return _tuple(f"{name} if {name} is not None else {name}_data" for name in op.inputs)


def _parameter_tuple(op: Op) -> str:
    return _tuple(op.parameters)


def _tuple(names: Any) -> str:
    names = list(names)
    return "(" + ", ".join(names) + ("," if len(names) == 1 else "") + ")"


def _function(name: str, signature: str, body: list[str]) -> str:
    return f"def {name}({signature}):\n{INDENT}" + f"\n{INDENT}".join(body)
