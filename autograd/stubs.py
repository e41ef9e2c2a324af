"""Typing stubs, made from the declarations: `python -m pullback.autograd.stubs` writes them.

An operation's function and method come into being at run time, where type checkers and editors cannot see
them. For each module that declares operations a `.pyi` beside it says what they take and give.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from .methods import OperationMethods
from .op import Op, own_operations

HEADER = "# Made from the declarations by `python -m pullback.autograd.stubs`; do not edit.\n"

_METHODS = """
from collections.abc import Callable
from typing import Any, TypeVar

from .ops.reduce import Axis
from .tensor import Tensor

F = TypeVar("F", bound=Callable[..., Any])

def method(name: str, *, as_property: bool = False) -> Callable[[F], F]: ...

class OperationMethods:
"""

_DECLARED = """
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from ..op import Operation

P = ParamSpec("P")
R = TypeVar("R")

def declared(function: Callable[P, R]) -> Operation[P, R]: ...
"""


def stubs() -> dict[Path, str]:
    """The text of every stub by its path."""
    package = Path(inspect.getfile(OperationMethods)).parent
    made = {
        package / "methods.pyi": HEADER + _METHODS + "".join(_methods()),
        package / "ops" / "declared.pyi": HEADER + _DECLARED,
    }
    for name in sorted({op.module for op in own_operations()}):
        module = importlib.import_module(name)
        made[Path(inspect.getfile(module)).with_suffix(".pyi")] = HEADER + _module(module)
    return made


def _methods() -> Iterator[str]:
    for name, member in sorted(vars(OperationMethods).items()):
        if isinstance(member, property):
            yield f"    @property\n    def {name}(self) -> Tensor: ...\n"
        elif not callable(member):
            continue
        elif name.startswith("__") and name != "__getitem__":
            operands = "self" if len(inspect.signature(member).parameters) == 1 else "self, other: Any, /"
            override = "  # type: ignore[override]" if name in ("__eq__", "__ne__") else ""
            yield f"    def {name}({operands}) -> Tensor: ...{override}\n"
        else:
            op = getattr(member, "op", None)
            parameters = _parameters(
                op.signature if op else inspect.signature(member), 1, op.inputs if op else ()
            )
            yield f"    def {name}({', '.join(['self', *parameters])}) -> Tensor: ...\n"


def _parameters(signature: inspect.Signature, skip: int = 0, inputs: tuple[str, ...] = ()) -> list[str]:
    """The parameter list as text, without the first ones; an input takes whatever becomes an array."""
    parts: list[str] = []
    kept = list(signature.parameters.values())[skip:]
    for i, parameter in enumerate(kept):
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in parts:
            parts.append("*")
        text = str(parameter.replace(annotation=parameter.empty, default=parameter.empty))
        plain = parameter.name in inputs or parameter.annotation is parameter.empty
        text += ": Any" if plain else f": {parameter.annotation}"
        if parameter.default is not parameter.empty:
            text += f" = {parameter.default!r}"
        parts.append(text)
        last_positional = i + 1 == len(kept) or kept[i + 1].kind is not parameter.POSITIONAL_ONLY
        if parameter.kind is parameter.POSITIONAL_ONLY and last_positional:
            parts.append("/")
    return parts


def _module(module: ModuleType) -> str:
    """What a module that declares operations holds for others: operations, functions, names of types."""
    tree = ast.parse(inspect.getsource(module))
    root = "." * module.__name__.count(".")  # relative to it, the import name
    imports, body = (
        [],
        [f"from {root}autograd.ops.declared import declared", f"from {root}autograd.tensor import Tensor"],
    )
    for statement in tree.body:
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            imports.append(ast.unparse(statement))
        elif isinstance(statement, ast.ClassDef) and not statement.name.startswith("_"):
            body.append(ast.unparse(statement))
        elif isinstance(statement, ast.FunctionDef) and not statement.name.startswith("_"):
            op = getattr(getattr(module, statement.name), "op", None)
            if isinstance(op, Op):
                body.append(_function(statement.name, op))
            else:
                returns = f" -> {ast.unparse(statement.returns)}" if statement.returns else ""
                body.append(f"def {statement.name}({ast.unparse(statement.args)}){returns}: ...")
        elif isinstance(statement, ast.ClassDef) and not statement.name.startswith("_"):
            body.append(ast.unparse(statement))
        elif isinstance(statement, (ast.Assign, ast.AnnAssign)):
            target = statement.target if isinstance(statement, ast.AnnAssign) else statement.targets[0]
            name = ast.unparse(target)
            op = getattr(getattr(module, name, None), "op", None)
            if isinstance(op, Op):
                body.append(_function(name, op))
            elif isinstance(statement, ast.AnnAssign) and not name.startswith("_"):
                # without the value, which may have private names in it
                body.append(f"{name}: {ast.unparse(statement.annotation)}")
            elif not name.startswith("_"):
                body.append(ast.unparse(statement))
    if not any(line.startswith("from typing import") for line in imports):
        imports.append("from typing import Any")
    return "\n".join([*imports, *body]) + "\n"


def _function(name: str, op: Op) -> str:
    returns = op.outputs.__name__ if op.outputs else "Tensor"
    return f"@declared\ndef {name}({', '.join(_parameters(op.signature, 0, op.inputs))}) -> {returns}: ..."


def main() -> None:
    """Write every stub beside its module."""
    for path, text in stubs().items():
        path.write_text(text, encoding="utf-8")
        print(path, file=sys.stderr)


if __name__ == "__main__":
    main()
