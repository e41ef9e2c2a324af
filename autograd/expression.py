"""Arithmetic written as text, computed with tensors: what `python -m pullback graph "(x + y) * z"` draws.

The text is parsed with `ast` and never executed: only numbers, names, operators and the functions below
mean anything.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from .ops import elementwise, special
from .tensor import Tensor

FUNCTIONS: dict[str, tuple[Any, int]] = {
    "abs": (elementwise.abs, 1),
    "cos": (elementwise.cos, 1),
    "exp": (elementwise.exp, 1),
    "log": (elementwise.log, 1),
    "max": (elementwise.maximum, 2),
    "min": (elementwise.minimum, 2),
    "relu": (special.relu, 1),
    "sigmoid": (special.sigmoid, 1),
    "sin": (elementwise.sin, 1),
    "sqrt": (elementwise.sqrt, 1),
    "square": (elementwise.square, 1),
    "tan": (elementwise.tan, 1),
    "tanh": (elementwise.tanh, 1),
}
"""What may be called, with the number of arguments."""

CONSTANTS = {"e": math.e, "pi": math.pi}
"""Names with a value, unless the caller gives them another."""

_BINARY: dict[type[ast.operator], Any] = {
    ast.Add: elementwise.add,
    ast.Sub: elementwise.subtract,
    ast.Mult: elementwise.multiply,
    ast.Div: elementwise.divide,
    ast.Pow: elementwise.pow,
}
_UNARY: dict[type[ast.unaryop], Any] = {ast.USub: elementwise.negative, ast.UAdd: elementwise.positive}


class Expression:
    """An expression of named numbers.

    Raises:
        ValueError: when the text is no expression, or uses what is not allowed; says where.

    >>> import pullback as pb
    >>> f = pb.Expression("(x + y) * z")
    >>> f.names
    ('x', 'y', 'z')
    >>> f({"x": -2.0, "y": 5.0, "z": -4.0})
    tensor(-12., dtype=float64)
    """

    def __init__(self, text: str) -> None:
        self.text = text.strip()
        try:
            self._tree = ast.parse(self.text, mode="eval").body
        except SyntaxError as error:
            at = f" at character {error.offset}" if error.offset else ""
            raise ValueError(f"{_short(text)} is not an expression: {error.msg}{at}") from None
        except (RecursionError, MemoryError):
            raise ValueError("the expression is nested too deeply; write it in parts") from None
        except ValueError as error:  # null bytes
            raise ValueError(f"{_short(text)} is not an expression: {error}") from None
        self.names = self._check()

    def _check(self) -> tuple[str, ...]:
        """The variables in order of appearance, after a look at every part."""
        names: dict[tuple[int, int], str] = {}
        stack: list[ast.expr] = [self._tree]
        while stack:
            part = stack.pop()
            if isinstance(part, ast.Name):
                names[part.lineno, part.col_offset] = part.id
            elif not (isinstance(part, ast.Constant) and type(part.value) in (int, float)):
                stack += self._operands(part)
        return tuple(dict.fromkeys(names[place] for place in sorted(names)))

    def _operands(self, part: ast.expr) -> list[ast.expr]:
        if isinstance(part, ast.BinOp) and type(part.op) in _BINARY:
            return [part.left, part.right]
        if isinstance(part, ast.UnaryOp) and type(part.op) in _UNARY:
            return [part.operand]
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and not part.keywords:
            name, count = part.func.id, len(part.args)
            if name not in FUNCTIONS:
                raise ValueError(
                    f"{name!r} is not a known function; there are {', '.join(sorted(FUNCTIONS))}"
                )
            if count != FUNCTIONS[name][1]:
                raise ValueError(f"{name} takes {FUNCTIONS[name][1]} argument(s), and {count} were given")
            return part.args
        source = ast.get_source_segment(self.text, part) or type(part).__name__
        raise ValueError(
            f"{_short(source)} is not allowed in an expression; use numbers, names, + - * / **, parentheses and "
            f"{', '.join(sorted(FUNCTIONS))}"
        )

    def __call__(self, values: Mapping[str, Any]) -> Tensor:
        """The value for given names, in float64; tensors among the values keep their graph.

        Raises:
            ValueError: when a name has no value, or a value's name does not occur.
        """
        known = {**CONSTANTS, **values}
        missing = [name for name in self.names if name not in known]
        if missing:
            raise ValueError(f"no value for {', '.join(missing)}; give it as {missing[0]}=1.5")
        unused = [name for name in values if name not in self.names]
        if unused:
            raise ValueError(
                f"{', '.join(unused)} does not occur in {_short(self.text)}, "
                f"which has {', '.join(self.names) or 'no names'}"
            )
        inputs = {
            name: known[name] if isinstance(known[name], Tensor) else _number(known[name])
            for name in self.names
        }
        # Post-order without recursion: a part is computed when it is met the second time.
        stack: list[tuple[ast.expr, bool]] = [(self._tree, False)]
        results: list[Tensor] = []
        while stack:
            part, ready = stack.pop()
            if isinstance(part, ast.Name):
                results.append(inputs[part.id])
            elif isinstance(part, ast.Constant):
                results.append(_number(part.value))
            elif not ready:
                stack.append((part, True))
                stack += [(operand, False) for operand in reversed(self._operands(part))]
            else:
                count = len(self._operands(part))
                arguments = results[-count:]
                del results[-count:]
                with np.errstate(all="ignore"):  # inf and nan are values here
                    results.append(_function(part)(*arguments))
        return results[0]


def _short(text: str) -> str:
    """A text in quotes for a message, cut where it is long."""
    return repr(text if len(text) <= 60 else text[:57] + "...")


def _number(value: Any) -> Tensor:
    try:
        return Tensor(float(value), dtype=np.float64)
    except OverflowError:
        raise ValueError(f"a number with {len(str(value))} digits is too large for float64") from None


def _function(part: ast.expr) -> Any:
    if isinstance(part, ast.BinOp):
        return _BINARY[type(part.op)]
    if isinstance(part, ast.UnaryOp):
        return _UNARY[type(part.op)]
    assert isinstance(part, ast.Call)  # nothing else passes the check
    assert isinstance(part.func, ast.Name)
    return FUNCTIONS[part.func.id][0]
