"""The table of derivatives, made from the declarations: `python -m pullback.autograd.derivatives` writes it.

`docs/derivatives.md` has a line for each operation: how each gradient is computed, which is the source of the rules
themselves. The pages in `docs/derivatives`, one for each file of declarations, have the rest: its gates, what the tape
saves for it, and what was chosen where the derivative does not exist.
"""

from __future__ import annotations

import ast
import inspect
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import numpy as np

from .op import REGISTRY, Op, own_operations

HEADER = """# Table of derivatives

<!-- Made from the declarations by `python -m pullback.autograd.derivatives`; do not edit. -->

For every operation the rule that gives the gradient of each differentiable input. In a rule `g` is the gradient of the
result and `out` the result; a rule is ordinary NumPy, and what it returns is then summed over broadcast axes and
brought to the input's shape and dtype by the engine.

Behind the names stands the rest: the gates of the operation (what each is, is said in `autograd/gate.py`), what the
tape saves for backward, the functions that a rule calls by a name with `_` in front, and the points where the
derivative does not exist, with the gradient that is given there for g = 1; these conventions are PyTorch's.

The gradient of a real loss L for a complex number z = x + iy is ∂L/∂x + i·∂L/∂y, the direction in which L grows
fastest, as in PyTorch (twice the derivative for the conjugate of z). Each entry says what an operation does with
complex numbers: "the engine conjugates the slope" where the operation has a complex derivative, so that g meets its
conjugate; "the rules as they stand" where they hold for complex numbers too; "no gradient" where only untracked ones
are computed with; "refused" where the operation is one of real numbers. **A real input beside complex ones gets a
real gradient**: the imaginary part that the rule gives, which no change of a real number could follow, is dropped.
"""


_COMPLEX = {
    "holomorphic": "the engine conjugates the slope",
    "written": "the rules as they stand",
    "values": "no gradient",
    None: "refused",
}


def pages() -> dict[str, str]:
    """All pages as Markdown, by their paths in `docs`."""
    rooms: dict[str, list[Op]] = {}
    for op in sorted(own_operations(), key=lambda op: op.name):
        rooms.setdefault(op.module, []).append(op)
    kinds = {"Operations of the engine": "pullback.autograd", "Operations behind the layers": "pullback.nn"}
    overview = [HEADER]
    for kind, package in kinds.items():
        parts = [_overview(module, rooms[module]) for module in sorted(rooms) if module.startswith(package)]
        overview += [f"## {kind}\n", *parts]
    return {"derivatives.md": "\n".join(overview)} | {
        _file(module): _room(module, ops) for module, ops in rooms.items()
    }


def _file(module: str) -> str:
    """Where the page of a room stands."""
    name = module.removeprefix("pullback.autograd.ops.").replace("pullback.nn.functional.", "nn.")
    return f"derivatives/{name.replace('.', '-')}.md"


def _title(module: str) -> str:
    """What a room is about: the beginning of its docstring."""
    return re.split(r"[.:;] |[.:;]$", (sys.modules[module].__doc__ or "").splitlines()[0])[0]


def _overview(module: str, ops: list[Op]) -> str:
    lines = [f"### {_title(module)}\n", "| operation | gradient |", "| --- | --- |"]
    for op in ops:
        name = f"[`{op.name}`]({_file(module)}#{op.name.lower()})"
        lines.append(f"| {name} | {'<br>'.join(_gradients(op)).replace('|', chr(92) + '|')} |")
    return "\n".join([*lines, ""])


def _gradients(op: Op) -> list[str]:
    """The rule for each input, in a few words."""
    if op.joint is not None:
        return [f"{', '.join(op.rules)}: {_formula(op.joint)}"]
    return [f"{name}: {_formula(rule)}" for name, rule in op.rules.items()] or ["none"]


def _room(module: str, ops: list[Op]) -> str:
    file = module.removeprefix("pullback.").replace(".", "/")
    parts = [
        f"# {_title(module)}\n",
        "<!-- Made from the declarations by `python -m pullback.autograd.derivatives`; do not edit. -->\n",
        f"The operations of `{file}.py`; how to read this is said in the [table of derivatives](../derivatives.md).\n",
    ]
    parts += [_entry(op) for op in ops]
    helpers = {helper.__name__: helper for op in ops for helper in _helpers(op)}
    if helpers:
        sources = (textwrap.dedent(inspect.getsource(helpers[name])).rstrip() for name in sorted(helpers))
        parts += ["## Called by these rules\n", "```python", "\n\n".join(sources), "```\n"]
    return "\n".join(parts)


def _entry(op: Op) -> str:
    lines = [
        f"## {op.name}\n",
        f"`{op.name}{_signature(op)}`\n",
        op.doc.split("\n\n")[0].replace("\n", " "),
        "",
    ]
    lines += [f"- gate: {_gates(op)}"]
    if op.joint is not None:
        together = ", ".join(f"`{name}`" for name in op.rules)
        lines.append(f"- gradients for {together}, together: {_formula(op.joint)}")
    else:
        lines += [f"- gradient for `{name}`: {_formula(rule)}" for name, rule in op.rules.items()]
    if op.composed is not None:
        lines.append("- higher orders and forward mode: by the same function composed of operations")
    elif op.first_order_only:
        lines.append("- higher orders and forward mode: none")
    if op.rules:
        lines += [f"- saved: {', '.join(_saved(op)) or 'nothing'}"]
        lines += [f"- complex numbers: {_COMPLEX[op.complex]}"]
    for point in op.singular:
        at = ", ".join(f"{name} = {_number(x)}" for name, x in zip(op.inputs, point.inputs, strict=False))
        given = ", ".join(_number(x) for x in point.gradients)
        lines.append(f"- at {at}: {given}")
    return "\n".join([*lines, ""])


def _signature(op: Op) -> str:
    """The parameters with their defaults; annotations would only lengthen it."""
    plain = [p.replace(annotation=p.empty) for p in op.signature.parameters.values()]
    return str(op.signature.replace(parameters=plain, return_annotation=inspect.Signature.empty))


def _gates(op: Op) -> str:
    if len(set(op.gates.values())) == 1:
        return next(iter(op.gates.values())).label
    return ", ".join(f"{gate.label} for `{name}`" for name, gate in op.gates.items())


def _saved(op: Op) -> Iterator[str]:
    for name in op.saved_names:
        users = op.needed_by(name)
        among = "" if len(users) == len(op.rules) else f" (for {', '.join(f'`{user}`' for user in users)})"
        yield f"`{name}`{among}"


def _number(value: Any) -> str:
    return str(np.asarray(value).tolist())


def _formula(rule: Callable[..., Any]) -> str:
    """A rule as one line of code if it is one expression, else as the call of a function shown below."""
    rule = inspect.unwrap(rule)  # the reference, where there is a compiled twin
    node = _definition(rule)
    if isinstance(node, ast.Lambda):
        return f"`{ast.unparse(node.body)}`"
    body = [statement for statement in node.body if not isinstance(statement, ast.Expr)]
    if len(body) == 1 and isinstance(body[0], ast.Return) and body[0].value is not None:
        return f"`{ast.unparse(body[0].value)}`"
    return f"`{node.name}({', '.join(inspect.signature(rule).parameters)})`"


def _definition(rule: Callable[..., Any]) -> ast.Lambda | ast.FunctionDef:
    """The syntax tree of a rule, found in its module by the places that its code remembers."""
    code: CodeType = rule.__code__
    places = [(line, column) for line, _, column, _ in code.co_positions() if line and column]
    around = []
    for node in ast.walk(_tree(code.co_filename)):
        if isinstance(node, ast.FunctionDef) and node.name == code.co_name:
            return node
        if isinstance(node, ast.Lambda):
            start = (node.lineno, node.col_offset)
            end = (node.end_lineno or 0, node.end_col_offset or 0)
            if all(start <= place < end for place in places):
                around.append((start, node))
    if not around:
        raise LookupError(f"the source of a rule is not in {code.co_filename}, line {code.co_firstlineno}")
    return max(around, key=lambda found: found[0])[1]  # the innermost


@cache
def _tree(filename: str) -> ast.Module:
    return ast.parse(Path(filename).read_text(encoding="utf-8"))


def _helpers(op: Op) -> Iterator[FunctionType]:
    """The private functions of its room that its rules call, directly or through one another."""
    waiting: list[Any] = list(dict.fromkeys(map(inspect.unwrap, op.rules.values())))
    seen: set[Any] = set()
    while waiting:
        function = waiting.pop()
        if function.__name__ != "<lambda>" and not _is_short(function):
            yield function
        for name in _names(function.__code__):
            called = function.__globals__.get(name)
            called = inspect.unwrap(called) if callable(called) else called
            if isinstance(called, FunctionType) and name.startswith("_") and called not in seen:
                seen.add(called)
                waiting.append(called)


def _is_short(function: Callable[..., Any]) -> bool:
    """Whether a rule that is a function stands in its row already; what a rule calls never does."""
    in_its_row = any(
        function is inspect.unwrap(rule) for op in REGISTRY.values() for rule in op.rules.values()
    )
    return in_its_row and not _formula(function).startswith(f"`{function.__name__}(")


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def destination() -> Path:
    """Where the pages stand in the checkout."""
    return Path(__file__).resolve().parent.parent / "docs"


def main() -> None:
    """Write the pages into the checkout's `docs`."""
    folder = destination()
    shutil.rmtree(folder / "derivatives", ignore_errors=True)
    (folder / "derivatives").mkdir()
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")
    print(folder / "derivatives.md", file=sys.stderr)


if __name__ == "__main__":
    main()
