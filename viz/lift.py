"""Functions of the engine as source text that needs NumPy alone, with all that they call."""

from __future__ import annotations

import ast
import builtins
import copy
import inspect
import keyword
import math
import unicodedata
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

from ..autograd import Tensor, where
from ..autograd.extend import Op, scattered, select

_NUMPY: dict[Any, str] = {inspect.unwrap(select): "np.where", where.op.forward: "np.where"}
"""Functions of ours that say no more than one of NumPy's."""

_SCATTERED = """def scattered(g, index, shape):
    whole = np.zeros(shape, g.dtype)
    np.add.at(whole, index, g)
    return whole"""


class NotPlainError(Exception):
    """A function needs something besides NumPy; the message says what."""


class Names:
    """Gives out names that are Python identifiers, each once."""

    def __init__(self) -> None:
        self.taken = {
            *keyword.kwlist,
            *keyword.softkwlist,
            *dir(builtins),
            "np",
            "math",
            "fit",
            "pullback",
            "REGISTRY",
        }

    def new(self, wish: str) -> str:
        """The wished name, with what an identifier cannot hold as underscores, and a number where it is taken."""
        text = unicodedata.normalize("NFKC", wish)
        text = "".join(sign if f"a{sign}".isidentifier() else "_" for sign in text)
        text = text if text.isidentifier() else f"p{text}"
        name, count = text, 1
        while name in self.taken:
            count += 1
            name = f"{text}_{count}"
        self.taken.add(name)
        return name


class Lifter:
    """Collects functions, renamed where their names are taken."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.sources: list[str] = []
        self._known: dict[Any, str] = {}

    def state(self) -> tuple[list[str], dict[Any, str], set[str]]:
        """What has been collected so far, for `restore`."""
        return list(self.sources), dict(self._known), set(self.names.taken)

    def restore(self, state: tuple[list[str], dict[Any, str], set[str]]) -> None:
        """Forget what has been collected since."""
        self.sources, self._known, self.names.taken = state

    def name(self, function: Any) -> str:
        """How to call a function in the text; its source, and that of all it calls, is collected."""
        function = inspect.unwrap(function)
        if isinstance(function, np.ufunc):
            name = str(function.__name__)
            if getattr(np, name, None) is not function:
                raise NotPlainError(f"{name!r}, which NumPy does not have")
            return f"np.{name}"
        if function in _NUMPY:
            return _NUMPY[function]
        if function not in self._known:
            own = str(getattr(function, "__name__", "function"))
            self._known[function] = self.names.new("rule" if own == "<lambda>" else own)
            if function is scattered:
                self.sources.append(_SCATTERED.replace("scattered", self._known[function]))
            else:
                definition = self._definition(function)
                definition.name = self._known[function]
                self.sources.append(ast.unparse(ast.fix_missing_locations(definition)))
        return self._known[function]

    def call(self, function: Any, arguments: Mapping[str, str]) -> str:
        """A call as text: the function's expression itself if it has but one, with the arguments put in.

        The arguments are the texts of expressions, by the names of the parameters.
        """
        function = inspect.unwrap(function)  # the reference, where there is a compiled twin
        if isinstance(function, FunctionType) and function is not scattered and function not in _NUMPY:
            definition = self._definition(function)
            (*rest, last) = definition.body
            simple = not rest and isinstance(last, ast.Return) and last.value is not None
            if simple and not any(
                isinstance(part, (ast.comprehension, ast.Lambda)) for part in ast.walk(last)
            ):
                assert isinstance(last, ast.Return)
                assert last.value is not None
                return ast.unparse(_Filled(arguments).visit(last.value))
            keywords = {argument.arg for argument in definition.args.kwonlyargs}
            parts = [f"{name}={text}" if name in keywords else text for name, text in arguments.items()]
            return f"{self.name(function)}({', '.join(parts)})"
        return f"{self.name(function)}({', '.join(arguments.values())})"

    def _definition(self, function: Any) -> ast.FunctionDef:
        """The bare definition: no docstring, no annotations, and names as they are here."""
        if not isinstance(function, FunctionType):
            raise NotPlainError(
                f"{getattr(function, '__name__', function)!r}, which is not written in Python"
            )
        if function.__closure__:
            raise NotPlainError(f"{function.__name__!r}, which holds on to values around it")
        found = syntax_of(function)
        if isinstance(found, ast.Lambda):
            definition = ast.parse("def rule(): pass").body[0]
            assert isinstance(definition, ast.FunctionDef)
            definition.args, definition.body = found.args, [ast.Return(found.body)]
        else:
            definition = found
            definition.decorator_list, definition.returns = [], None
            first = definition.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                definition.body = definition.body[1:]
        result = _Resolved(self, function, _bound(definition)).visit(definition)
        assert isinstance(result, ast.FunctionDef)
        return result

    def refer(self, value: Any, name: str) -> ast.expr:
        """An expression for what a global name means."""
        if isinstance(value, ModuleType):
            if value in (np, math):
                return ast.Name("np" if value is np else "math", ast.Load())
        elif _is_plain(value):
            return ast.parse(_spelled(value), mode="eval").body
        elif isinstance(value, FunctionType) and not hasattr(value, "op"):
            return ast.parse(self.name(value), mode="eval").body
        raise NotPlainError(f"{name!r} of the engine")

    def operation(self, operation: Op) -> str:
        """The function that an operation's `.raw` is on arrays."""
        if operation.residuals or operation.outputs:
            raise NotPlainError(f"the operation {operation.name!r}")
        return self.name(operation.forward)


class _Resolved(ast.NodeTransformer):
    """Puts in what global names mean; in the text there are no Tensors."""

    def __init__(self, lifter: Lifter, function: FunctionType, bound: set[str]) -> None:
        self.lifter = lifter
        self.scope = function.__globals__
        self.bound = bound

    def _global(self, node: ast.AST) -> Any:
        if isinstance(node, ast.Name) and node.id not in self.bound:
            return self.scope.get(node.id)
        return None

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_Expr(self, node: ast.Expr) -> Any:
        """Checks of arguments fall away: what is written has passed them."""
        called = node.value.func if isinstance(node.value, ast.Call) else None
        name = called.id if isinstance(called, ast.Name) and called.id not in self.bound else ""
        if name.lstrip("_").split("_")[0] == "check":
            return None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        if node.value is None:
            return ast.Pass()
        return self.visit(ast.Assign([node.target], node.value))

    def visit_Call(self, node: ast.Call) -> Any:
        function = node.func
        asks = isinstance(function, ast.Name) and function.id == "isinstance" and len(node.args) == 2
        if asks and self._global(node.args[1]) is Tensor:
            return ast.Constant(False)
        return self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        operation = getattr(self._global(node.value), "op", None)
        if node.attr == "raw" and isinstance(operation, Op):
            return ast.parse(self.lifter.operation(operation), mode="eval").body
        return self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> Any:
        if node.id in self.bound:
            return node
        if node.id in self.scope:
            return self.lifter.refer(self.scope[node.id], node.id)
        if not hasattr(builtins, node.id):
            raise NotPlainError(f"{node.id!r}, whose meaning is not known here")
        return node


class _Filled(ast.NodeTransformer):
    """Puts expressions in the places of parameters."""

    def __init__(self, arguments: Mapping[str, str]) -> None:
        self.arguments = arguments

    def visit_Name(self, node: ast.Name) -> ast.expr:
        text = self.arguments.get(node.id)
        return node if text is None else ast.parse(text, mode="eval").body


def _is_plain(value: Any) -> bool:
    """Whether a value is a constant that can be written: a number, a text, a type of Python's or a tuple of them."""
    if type(value) is tuple:
        return all(map(_is_plain, value))
    if isinstance(value, type):
        return getattr(builtins, value.__name__, None) is value
    return value is None or type(value) in (bool, int, str) or (type(value) is float and math.isfinite(value))


def _spelled(value: Any) -> str:
    if isinstance(value, tuple):
        return "(" + "".join(f"{_spelled(part)}, " for part in value) + ")"
    return value.__name__ if isinstance(value, type) else repr(value)


def _bound(definition: ast.FunctionDef) -> set[str]:
    """The names that a function gives meanings to, in itself or in functions inside."""
    bound: set[str] = set()
    for part in ast.walk(definition):
        if isinstance(part, ast.arg):
            bound.add(part.arg)
        elif isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            bound.add(part.id)
        elif isinstance(part, ast.ExceptHandler):
            bound |= {part.name} if part.name else set()
        elif isinstance(part, ast.FunctionDef) and part is not definition:
            bound.add(part.name)
        elif isinstance(part, (ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal, ast.ClassDef)):
            raise NotPlainError(f"{definition.name!r}, which is more than a plain function")
    return bound


def syntax_of(function: FunctionType) -> ast.Lambda | ast.FunctionDef:
    """A fresh syntax tree of a function, found in its file by the places that its code remembers."""
    return copy.deepcopy(_syntax_at(function.__code__))


@cache
def _syntax_at(code: CodeType) -> ast.Lambda | ast.FunctionDef:
    places = list(_places(code))
    around: list[ast.Lambda | ast.FunctionDef] = []
    for node in ast.walk(_tree(code.co_filename)):
        if isinstance(node, ast.FunctionDef) and node.name == code.co_name:
            starts = {node.lineno, *(decorator.lineno for decorator in node.decorator_list)}
            if code.co_firstlineno in starts:
                return node
        if isinstance(node, ast.Lambda) and code.co_name == "<lambda>":
            start, end = (node.lineno, node.col_offset), (node.end_lineno or 0, node.end_col_offset or 0)
            if all(start <= place < end for place in places):
                around.append(node)
    if not around:
        raise NotPlainError(f"{code.co_name!r}, whose source is not at hand")
    return max(around, key=lambda node: (node.lineno, node.col_offset))


def _places(code: CodeType) -> Iterator[tuple[int, int]]:
    for line, _, column, _ in code.co_positions():
        if line and column:
            yield line, column


@cache
def _tree(filename: str) -> ast.Module:
    try:
        return ast.parse(Path(filename).read_text(encoding="utf-8"))
    except OSError as error:
        raise NotPlainError(f"a function whose source {filename} cannot be read") from error
