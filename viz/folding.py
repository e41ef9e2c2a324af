"""Folding a plain number into the gate that uses it, as the notes draw it: "+1", "×−1", "1/x", "x²"."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from ..autograd import Entry
from .glyphs import superscripted
from .numbers import exact

# longer numbers would not fit into a circle; they stay in a box of their own
_LONGEST = 6


class Fold(NamedTuple):
    """A gate that carries a constant: what it then shows, its role for the operand that is left."""

    constant: Entry
    symbol: str
    role: str


def _power(constant: str) -> str:
    exponent = superscripted(constant)
    return f"x{exponent}" if exponent else f"x^{constant}"


def _plus(constant: str) -> str:
    return f"+{_guarded(constant)}"


def _guarded(constant: str) -> str:
    return f"({constant})" if constant.startswith("−") else constant


# operation -> (symbol when the constant is the second operand, when it is the first)
_SYMBOLS: dict[str, tuple[Callable[[str], str], Callable[[str], str]]] = {
    "add": (_plus, _plus),
    "subtract": (lambda c: f"−{_guarded(c)}", lambda c: f"{c}−x"),
    "multiply": (lambda c: f"×{c}", lambda c: f"×{c}"),
    "divide": (lambda c: f"÷{c}", lambda c: f"{c}/x"),
    "pow": (_power, lambda c: f"{_guarded(c)}^x"),
    "maximum": (lambda c: f"max(x, {c})", lambda c: f"max({c}, x)"),
    "minimum": (lambda c: f"min(x, {c})", lambda c: f"min({c}, x)"),
}


def fold_constants(
    entries: Sequence[Entry], uses: Mapping[int, int], name: Callable[[Entry], str | None]
) -> dict[int, Fold]:
    """Which operations take in which constant, by the identity of the operation's entry.

    Only a nameless number that needs no gradient, is used once and can be written whole is folded, so that
    the picture loses nothing. With the other factor fixed, a switcher just scales: its role says so.
    """
    folds: dict[int, Fold] = {}
    for entry in entries:
        operation = entry.operation
        if operation is None or operation.name not in _SYMBOLS or len(entry.inputs) != 2:
            continue
        for slot in (1, 0):
            constant = entry.inputs[slot]
            text = _constant_text(constant)
            if text is None or uses[id(constant)] != 1 or name(constant) is not None:
                continue
            symbol = _SYMBOLS[operation.name][1 - slot](text)
            role = "scaler" if operation.name in ("multiply", "divide", "pow") else operation.gate_label
            folds[id(entry)] = Fold(constant, symbol, role)
            break
    return folds


def _constant_text(entry: Entry) -> str | None:
    """The number of a plain constant, or None where it is no plain constant or too long."""
    if entry.operation is not None or entry.requires_grad or entry.shape != () or entry.value is None:
        return None
    text = exact(entry.value[()])
    return text if len(text) <= _LONGEST else None
