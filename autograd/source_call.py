"""The text of `call` and `raw`, the functions that compute an operation; `call` records it on the tape as well."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import numpy as np

from .source_record import record_text
from .source_text import INDENT, asks_for_size, function_text, meets_complex, parameters_text, tuple_text

if TYPE_CHECKING:
    from .op import Op


def call_text(op: Op, function_name: str, order: tuple[str, ...]) -> str:
    """The recording call path; `order` is the order of the arguments (reflected operators swap them)."""
    is_operator = function_name.startswith("__")
    signature = ", ".join(order) if is_operator else _signature_text(op)
    body = ["current = current_mode()"]
    body += [] if is_operator else _respelling(op) + _freeze_parameters(op)
    body += _vectorise(op)
    body += ["if current.observers:", f"{INDENT}announce_forward(current.observers, op)"]
    body += _unwrap_variadic(op) if op.variadic else _unwrap(op, is_operator)
    if op.rules and op.complex is None:
        body += [f"if {meets_complex(op)}:", f"{INDENT}raise refuse_complex(op)"]
    body += _plain_numbers(op)
    results = ", ".join(("out", *op.residuals))
    forward = _forward_text(op, "_data")
    if asks_for_size(op):
        fast = _forward_text(op, "_data", "fast_forward")
        leading = f"{op.inputs[0]}_data"
        small = f"{leading}.size < forward_kernel.least"
        if len(op.inputs) > 1:  # beside a tensor it may be a Python number
            small = f"{leading}.__class__ is not ndarray or {small}"
        forward = f"{forward} if {small} else {fast}"
    arrays = f"{op.inputs[0]}_data" if op.variadic else tuple_text(f"{name}_data" for name in op.inputs)
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
    body += record_text(op)
    if op.view:
        first = op.inputs[0]
        body.append(f"if {first} is not None and out.__class__ is ndarray:")
        body.append(f"{INDENT}register_view(result, {first}, op, {parameters_text(op)})")
    body.append("if current.observers:")
    seen = op.inputs[0] + "_seen" if op.variadic else _seen(op)
    body.append(f"{INDENT}for observer in current.observers:")
    body.append(f"{INDENT * 2}observer.on_forward(op, {seen}, {parameters_text(op)}, result)")
    body.append("return result")
    return function_text(function_name, signature, body)


def raw_text(op: Op) -> str:
    """The same on whatever it is given."""
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
    return function_text("raw", _signature_text(op, spelling=False), body)


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


def _vectorise(op: Op) -> list[str]:
    """Inside vmap, the whole batch at once."""
    inputs = op.inputs[0] if op.variadic else tuple_text(op.inputs)
    return [
        "if current.levels is not None:",
        *([f"{INDENT}{inputs} = tuple({inputs})"] if op.variadic else []),
        f"{INDENT}result = vectorised(op, {inputs}, {parameters_text(op)})",
        f"{INDENT}if result is not None:",
        f"{INDENT * 2}return result",
    ]


def _unwrap(op: Op, is_operator: bool) -> list[str]:
    """From each input its array (`x_data`) and its node (`x_node`)."""
    first = op.inputs[0]
    if len(op.inputs) == 1 and not is_operator:
        # the class is seen sooner than isinstance has answered
        return [
            f"if {first}.__class__ is not Tensor and not isinstance({first}, Tensor):",
            f"{INDENT}{first} = asarray({first})",
            *_of_tensor(op, first),
        ]
    body: list[str] = []
    if not is_operator:
        none_is_tensor = " and ".join(f"not isinstance({name}, Tensor)" for name in op.inputs)
        body.append(f"if {first}.__class__ is not Tensor and {none_is_tensor}:")
        for name in op.inputs[1:]:  # an array has a dtype of its own, beside which a Python number is weak
            body += [
                f"{INDENT}if isinstance({name}, (ndarray, generic)):",
                f"{INDENT * 2}{name} = asarray({name})",
            ]
        others = " and ".join(f"not isinstance({name}, Tensor)" for name in op.inputs[1:])
        body += [f"{INDENT}if {others}:", f"{INDENT * 2}{first} = asarray({first})"]
    for i, name in enumerate(op.inputs):
        beside = op.inputs[1] if i == 0 and len(op.inputs) > 1 else first
        if op.rules and name not in op.rules:
            beside = "None"  # indices and the like have a dtype of their own
        body.append(f"if {name}.__class__ is Tensor or isinstance({name}, Tensor):")
        body += [INDENT + line for line in _of_tensor(op, name)]
        if op.optional(name):
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


def _of_tensor(op: Op, name: str) -> list[str]:
    """The array and the node of an input that is a Tensor."""
    body = [f"{name}_data = {name}._array", f"{name}_node = {name}._node"]
    if op.view and name == op.inputs[0]:
        body += [
            f"if {name}_data.__class__ is not ndarray:",
            f"{INDENT}{name}_data = {name}._array = as_memory({name}_data)",
        ]
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


def _check_result(op: Op) -> list[str]:
    """A forward in Python may give something else than an array, or memory that is not its own."""
    arrays = f"{op.inputs[0]}_data" if op.variadic else tuple_text(f"{name}_data" for name in op.inputs)
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
    return tuple_text(f"{name} if {name} is not None else {name}_data" for name in op.inputs)
