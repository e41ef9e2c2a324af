"""The declared rules as formulas for readers: with the names of the values, and in mathematics' spelling."""

from __future__ import annotations

import ast
import copy
import inspect
import re
from collections.abc import Mapping
from functools import cache
from types import FunctionType
from typing import Any

from ...autograd.extend import Op
from ..glyphs import superscripted
from ..lift import NotPlainError, syntax_of

Names = Mapping[str, str]
"""What stands for each parameter of a rule: the name of a value, or a number."""

_SUM, _PRODUCT, _SIGN, _POWER, _ATOM = range(5)  # how tightly parts of a formula hold together

_OPERATORS: dict[type[ast.operator], tuple[str, int]] = {
    ast.Add: (" + ", _SUM),
    ast.Sub: (" − ", _SUM),
    ast.Mult: (" · ", _PRODUCT),
    ast.Div: (" / ", _PRODUCT),
    ast.MatMult: (" @ ", _PRODUCT),
}
_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Eq: " = ",
    ast.NotEq: " ≠ ",
    ast.Lt: " < ",
    ast.LtE: " ≤ ",
    ast.Gt: " > ",
    ast.GtE: " ≥ ",
}

# helpers of rules whose meaning is shorter than their call; their arguments are put in
_SPELLED: dict[str, str] = {
    "_left_gradient": "{0} @ {1}ᵀ",
    "_right_gradient": "{1}ᵀ @ {0}",
    "_mapped": "{0} @ {1}",
    "matrix_product": "{0} @ {1}",
    "_spread": "{0}",
    "_over_channels": "{0}",
    "_rows": "{0}",
    "_one_over": "1 / {0}",
    "zeros_like": "0",
    "broadcast_to": "{0}",
    "reshape": "{0}",
    "conjugate": "{0}",
    "conj": "{0}",
    "real": "{0}",
    "transposed": "{0}ᵀ",
    "swapaxes": "{0}ᵀ",
    "sqrt": "√({0})",
    "abs": "|{0}|",
}
_LOOSE = dict.fromkeys(
    ("_left_gradient", "_right_gradient", "_mapped", "matrix_product", "_one_over"), _PRODUCT
)


def result_formula(operation: Op, operands: list[str], parameters: str) -> str:
    """What an operation computes: "x + y", "exp(x)", "sum(x, axis=0)"."""
    if operation.infix and len(operands) == 2 and not parameters:
        if operation.infix == "**":
            raised = superscripted(operands[1])
            return f"{bracketed(operands[0])}{raised or f'^{bracketed(operands[1])}'}"
        sign = {"*": "×", "-": "−"}.get(operation.infix, operation.infix)
        return f"{operands[0]} {sign} {bracketed(operands[1])}"
    if operation.infix == "-" and len(operands) == 1:
        return f"−{bracketed(operands[0])}"
    return f"{operation.name}({', '.join(filter(None, (*operands, parameters)))})"


def slope_formula(operation: Op, name: str, names: Names, known: Mapping[str, Any]) -> str | None:
    """The local gradient for one input: its rule with g = 1; None for a rule that is no single expression.

    `known` has the parameters and, for arrays, their `Extent`, so that counts of elements become numbers.
    """
    found = _expression(operation, name)
    if found is None:
        return None
    found = _Substituted({"g": ast.Constant(1)}).visit(_counted(operation, name, found, known))
    return _written(_simple(found), names, _SUM)


def pullback_formula(operation: Op, name: str, names: Names, known: Mapping[str, Any]) -> str:
    """The rule for one input, with the names of the values put in; g is the upstream gradient."""
    found = _expression(operation, name)
    if found is None:
        rule = getattr(_rule(operation, name), "__name__", "rule")
        shown = [names.get(argument, argument) for argument in operation.rule_arguments[name]]
        if rule in _SPELLED:
            return _SPELLED[rule].format(*shown)
        return f"{rule.strip('_<>')}({', '.join(shown)})"
    return _written(_simple(_counted(operation, name, found, known)), names, _SUM)


def declared_rule(operation: Op, name: str) -> str | None:
    """The rule as it stands in the declaration, in Python."""
    found = _expression(operation, name)
    return None if found is None else ast.unparse(found)


def helper_notes(operation: Op, name: str) -> tuple[str, ...]:
    """What the functions that a rule calls say of themselves."""
    rule = _rule(operation, name)
    if not isinstance(rule, FunctionType):
        return ()
    notes = []
    if rule.__doc__:
        notes.append(_first_line(rule.__doc__))
    for called in rule.__code__.co_names:
        function = rule.__globals__.get(called)
        if isinstance(function, FunctionType) and called.startswith("_") and function.__doc__:
            notes.append(f"{called.lstrip('_')}: {_first_line(function.__doc__)}")
    return tuple(notes)


def _rule(operation: Op, name: str) -> Any:
    """The rule for one input; where there is a compiled twin, the reference."""
    return inspect.unwrap(operation.rules[name])


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0]


def bracketed(text: str) -> str:
    """A text in brackets, where it begins with a sign that another sign would run into."""
    return f"({text})" if text.startswith("−") else text


def _expression(operation: Op, name: str) -> ast.expr | None:
    """A fresh copy of a rule's one expression, or None where there is more to it."""
    return None if operation.joint is not None else copy.deepcopy(_only_expression(_rule(operation, name)))


@cache
def _only_expression(rule: Any) -> ast.expr | None:
    if not isinstance(rule, FunctionType):
        return None
    try:
        found = syntax_of(rule)
    except NotPlainError:
        return None
    if isinstance(found, ast.Lambda):
        return found.body
    body = [part for part in found.body if not isinstance(part, ast.Expr)]
    (last, *rest) = body
    return last.value if not rest and isinstance(last, ast.Return) else None


class Extent:
    """What a formula may know of an array: not its numbers."""

    __hash__ = None  # type: ignore[assignment]  # it cannot be compared

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape
        self.ndim = len(shape)

    def __eq__(self, other: object) -> bool:
        raise TypeError("only its shape is known")


def _counted(operation: Op, name: str, found: ast.expr, known: Mapping[str, Any]) -> ast.expr:
    scope = getattr(_rule(operation, name), "__globals__", {})
    result = _Counted(scope, known).visit(found)
    assert isinstance(result, ast.expr)
    return result


class _Counted(ast.NodeTransformer):
    """Puts numbers in for what depends on shapes and parameters alone."""

    def __init__(self, scope: Mapping[str, Any], known: Mapping[str, Any]) -> None:
        self.scope = scope
        self.known = known

    def visit_Call(self, node: ast.Call) -> ast.expr:
        free = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)} - {"np", "math"}
        helper = isinstance(node.func, ast.Name) and node.func.id.startswith("_")
        if helper and _called(node) not in _SPELLED and free <= {*self.known, *self.scope}:
            text = ast.unparse(node)
            try:
                value = eval(text, {**self.scope}, {**self.known})
            except Exception:  # it needs the numbers of an array after all
                value = None
            if type(value) in (int, float):
                return ast.Constant(value)
        self.generic_visit(node)
        return node


class _Substituted(ast.NodeTransformer):
    def __init__(self, given: Mapping[str, ast.expr]) -> None:
        self.given = given

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.given.get(node.id, node)


def _is(node: ast.expr, value: int) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) is int and node.value == value


class _Simplified(ast.NodeTransformer):
    """Drops factors of one, and pulls signs to the front."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        left, right = node.left, node.right
        if isinstance(node.op, ast.Mult):
            if _is(left, 1):
                return right
            if _is(right, 1):
                return left
        if isinstance(node.op, ast.Div) and _is(right, 1):
            return left
        signed = isinstance(left, ast.UnaryOp) and isinstance(left.op, ast.USub)
        if isinstance(node.op, (ast.Mult, ast.Div)) and signed:
            assert isinstance(left, ast.UnaryOp)
            return ast.UnaryOp(left.op, self.visit(ast.BinOp(left.operand, node.op, right)))
        return node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        # factors of one fall away behind what only spreads or shapes a number
        if _called(node) in ("_spread", "_over_channels", "broadcast_to", "reshape") and node.args:
            return node.args[0]
        return node


def _simple(node: ast.expr) -> ast.expr:
    result = _Simplified().visit(node)
    assert isinstance(result, ast.expr)
    return result


def _called(node: ast.Call) -> str:
    function = node.func
    if isinstance(function, ast.Attribute):
        own = function.value
        return own.id if function.attr == "raw" and isinstance(own, ast.Name) else function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _written(node: ast.expr, names: Names, level: int) -> str:
    """An expression in mathematics' spelling, in brackets where it holds less tightly than its place asks."""
    text, own = _spelled(node, names)
    return f"({text})" if own < level else text


def _spelled(node: ast.expr, names: Names) -> tuple[str, int]:
    if isinstance(node, ast.Name):
        text = names.get(node.id, node.id)
        return text, _SIGN if text.startswith("−") else _ATOM
    if isinstance(node, ast.Constant):
        return str(node.value).replace("-", "−"), _ATOM
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return f"−{_written(node.operand, names, _PRODUCT)}", _SIGN if _tight(node.operand) else _PRODUCT
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return f"not {_written(node.operand, names, _ATOM)}", _SUM
    if isinstance(node, ast.BinOp):
        return _binary(node, names)
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _COMPARISONS:
        sign = _COMPARISONS[type(node.ops[0])]
        return f"{_written(node.left, names, _SUM)}{sign}{_written(node.comparators[0], names, _SUM)}", _SUM
    if isinstance(node, ast.Attribute) and node.attr in ("T", "mT"):
        return f"{_written(node.value, names, _ATOM)}ᵀ", _ATOM
    if (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in ("np", "math")
    ):
        return {"pi": "π"}.get(node.attr, node.attr), _ATOM
    if isinstance(node, ast.Call):
        return _call(node, names)
    return _python(node, names), _ATOM


def _python(node: ast.expr, names: Names) -> str:
    """What has no spelling of mathematics' own, as Python."""
    return re.sub(r"\b_(?=[a-z])", "", ast.unparse(_Renamed(names).visit(node)))


def _tight(node: ast.expr) -> bool:
    return not isinstance(node, ast.BinOp)


def _binary(node: ast.BinOp, names: Names) -> tuple[str, int]:
    if isinstance(node.op, ast.Pow):
        exponent = _written(node.right, names, _SUM)
        base = _written(node.left, names, _ATOM)
        raised = superscripted(exponent)
        return (base + raised if raised else f"{base}^{_written(node.right, names, _ATOM)}"), _POWER
    if type(node.op) not in _OPERATORS:
        return _python(node, names), _SUM
    sign, level = _OPERATORS[type(node.op)]
    # what stands to the right of a minus or a slash needs brackets of its own
    tighter = level + 1 if isinstance(node.op, (ast.Sub, ast.Div)) else level
    right = _written(node.right, names, tighter)
    left = _written(node.left, names, level)
    return f"{left}{sign}{bracketed(right)}", level


def _call(node: ast.Call, names: Names) -> tuple[str, int]:
    called = _called(node)
    if called == "astype" and isinstance(node.func, ast.Attribute):
        return _spelled(node.func.value, names)
    if called in ("select", "where") and len(node.args) == 3:
        condition, one, other = (_written(part, names, _SUM) for part in node.args)
        return f"{one} where {condition}, else {other}", _SUM
    if called == "square":
        return f"{_written(node.args[0], names, _ATOM)}²", _POWER
    if called == "_power_slope":
        return _power_slope(node, names)
    if called in _SPELLED and node.args:
        pattern = _SPELLED[called]
        if pattern == "{0}":
            return _spelled(node.args[0], names)
        enclosed = pattern in ("√({0})", "|{0}|")
        parts = [_written(part, names, _SUM if enclosed else _ATOM) for part in node.args]
        return pattern.format(*parts), _LOOSE.get(called, _ATOM)
    shown = [_written(part, names, _SUM) for part in node.args]
    shown += [
        f"{key.arg}={_written(key.value, names, _SUM)}" for key in node.keywords if key.arg != "keepdims"
    ]
    return f"{called.lstrip('_') or ast.unparse(node.func)}({', '.join(shown)})", _ATOM


def _power_slope(node: ast.Call, names: Names) -> tuple[str, int]:
    """y·xʸ⁻¹, where a plain number for y gives a plain exponent."""
    base, exponent = (_written(part, names, _ATOM) for part in node.args)
    try:
        less = f"{float(exponent.strip('()').replace('−', '-')) - 1:g}".replace("-", "−")
    except ValueError:
        return f"{exponent} · {base}^({exponent} − 1)", _PRODUCT
    raised = {"1": base, "0": ""}.get(less) if less in "01" else None
    if raised is None:
        figures = superscripted(less)
        raised = base + figures if figures else f"{base}^{bracketed(less)}"
    return (f"{exponent} · {raised}" if raised else exponent), _PRODUCT


class _Renamed(ast.NodeTransformer):
    """Puts names in, into what is shown as Python."""

    def __init__(self, names: Names) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Name(self.names.get(node.id, node.id), ast.Load())
