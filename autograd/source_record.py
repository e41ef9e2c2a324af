"""The text that records a call on the tape: its node, and what the node saves, sealed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .source_text import INDENT, meets_complex, parameters_text, tuple_text

if TYPE_CHECKING:
    from .op import Op


def record_text(op: Op) -> list[str]:
    """The node, if a gradient is wanted and the result can have one."""
    if not op.rules:
        return [] if op.outputs else ["result._node = None"]
    if op.variadic:
        wanted, parents = f"any({op.inputs[0]}_nodes)", f"{op.inputs[0]}_nodes"
    else:
        wanted = " or ".join(f"{name}_node is not None" for name in op.inputs)
        wanted = f"({wanted})" if len(op.inputs) > 1 else wanted
        parents = tuple_text(f"{name}_node" for name in op.inputs)
    inner: list[str] = []
    if (
        op.complex == "values"
    ):  # a real result of complex inputs, too, has other gradients than the rules give
        inner += [f"if {meets_complex(op)}:", f"{INDENT}raise refuse_complex(op)"]
    for name in op.inputs:
        if not op.variadic and name not in op.rules:
            inner += [f"if {name}_node is not None:", f"{INDENT}raise no_rule(op, {name!r})"]
    for name in op.saved_names:
        inner += _save(op, name)
    inner += [
        "node = Node()",
        "node.op = op",
        f"node.parents = {parents}",
        f"node.saved = {tuple_text(f'{name}_saved' for name in op.saved_names)}",
        f"node.seals = {_seals(op)}",
        f"node.parameters = {parameters_text(op)}",
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
    return f"{tuple_text(['None'] * len(seals))} if {' is '.join(seals)} is None else {tuple_text(seals)}"


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
