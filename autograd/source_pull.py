"""The text of `pull`, which runs an operation's gradient rules in backward, and of its variants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .source_text import INDENT, function_text, has_twin, tuple_text

if TYPE_CHECKING:
    from .op import Op


def pull_text(op: Op, conjugated: bool = False) -> str:
    """The rules that are wanted, each result projected onto its input's shape and dtype.

    A holomorphic operation has a second text for complex results, in which g meets the conjugate of the slope:
    conj(conj(g)·slope).
    """
    name = "pull_conjugated" if conjugated else "pull"
    body: list[str] = []
    if op.complex == "holomorphic" and not conjugated:
        body += [
            "if node.dtype is not float32 and node.dtype.kind == 'c':",
            f"{INDENT}return pull_conjugated(node, parents, saved, g)",
        ]
    if op.outputs:
        body.append("g = g.filled()")
    if op.first_order_only:
        body += ["if met_tensor(g):", f"{INDENT}return pull_composed(op, node, parents, saved, g)"]
    if op.saved_names:
        body.append(f"{tuple_text(op.saved_names)} = saved")
    used = {argument for arguments in op.rule_arguments.values() for argument in arguments}
    if used & set(op.parameters):
        body.append(f"{tuple_text(op.parameters)} = node.parameters")
    body += ["g = conjugate(g)"] if conjugated else []
    if op.joint is not None:
        body += _pull_joint(op, op.rule_arguments[next(iter(op.rules))], conjugated)
    elif op.variadic:
        body += _pull_variadic(op, conjugated)
    else:
        body += _pull_each(op, conjugated)
    return function_text(name, "node, parents, saved, g", body)


def _pull_each(op: Op, conjugated: bool) -> list[str]:
    """One rule for each input."""
    body = [f"{tuple_text(f'{name}_node' for name in op.inputs)} = parents"]
    for name in op.inputs:
        body.append(f"{name}_gradient = None")
        if name not in op.rules:
            continue
        own = {f"{name}_shape": f"{name}_node.shape", f"{name}_dtype": f"{name}_node.dtype"}
        given = [own.get(argument, argument) for argument in op.rule_arguments[name]]
        arguments = ", ".join(given)
        gradient, parent = f"{name}_gradient", f"{name}_node"
        pulled = f"{name}_rule({arguments})"
        if has_twin(op, op.rules[name]):
            leading = given[op.rules[name].kernel.by]  # type: ignore[attr-defined]  # which such a rule has
            pulled += f" if {leading}.size < {name}_rule_kernel.least else {name}_fast_rule({arguments})"
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
    return [*body, f"return {tuple_text(f'{name}_gradient' for name in op.inputs)}"]


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


def pull_owned_text(op: Op) -> str:
    """The rule that may write into the gradient, for all inputs."""
    body = [f"{tuple_text(op.saved_names)} = saved"] if set(op.owned_arguments) & set(op.saved_names) else []
    if set(op.owned_arguments) & set(op.parameters):
        body.append(f"{tuple_text(op.parameters)} = node.parameters")
    body += _pull_joint(op, op.owned_arguments)
    return function_text("pull_owned", "node, parents, saved, g", body)
