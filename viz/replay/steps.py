"""What a replay tells, step by step: each value as it is computed, then each gradient as it comes back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from ..numbers import Array
from .speech import axes_text

Phase = Literal["start", "forward", "seed", "backward", "sum", "failed", "end"]


@dataclass(frozen=True, eq=False)
class Term:
    """What goes back to one operand, or into one sum."""

    edge: int
    operand: int
    """The node that the gradient goes to; in a sum the node that it comes from."""
    gradient: str
    """Of what, as in "∂f/∂x"."""
    upstream: Array | None
    local: Array | None
    """The local gradient where the pullback is a product of elements, else None."""
    downstream: Array | None
    formula: str
    """The local gradient as a formula; where there is none, the whole rule."""
    rule: str | None
    """The rule as declared, where it is one expression."""
    product: bool
    """Whether upstream × local = downstream, element by element; if not, it is a vector–Jacobian product."""
    summed: tuple[int, ...] = ()
    """The axes of the product over which it is summed, because the operand was broadcast along them."""
    unsummed: Array | None = None
    """The product before that sum."""
    notes: tuple[str, ...] = ()
    agrees: bool = True
    """Whether what was recorded is what the rule gives."""
    local_name: str = ""
    """Of what the local gradient is, as in "∂q/∂x"."""
    part: bool = False
    """Whether more comes to the operand from elsewhere."""

    @property
    def summed_text(self) -> str:
        """The summed axes in words."""
        return axes_text(self.summed)


@dataclass(frozen=True, eq=False)
class Step:
    """One moment of a replay."""

    phase: Phase
    node: int | None
    title: str
    text: str
    """All of it in words, for those who listen."""
    equation: str | None = None
    gate: str | None = None
    terms: tuple[Term, ...] = ()
    total: Array | None = None
    wires: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    own: str = ""
    """The gradient that this step begins with, or ends with: "∂f/∂q"."""
    why: str = ""
    """What the gradient is with which backward begins."""
    leaves: tuple[int, ...] = ()
    """The nodes that the first step gives, or whose gradients the last one has found."""


class Told(NamedTuple):
    """The steps, and at which of them each number becomes known."""

    steps: tuple[Step, ...]
    value_at: tuple[int, ...]  # by node
    gradient_at: tuple[int, ...]  # by node
    wire_at: tuple[int, ...]  # by edge: its gradient
    names: tuple[str, ...]  # by node, as the formulas call it
    partials: tuple[str, ...]  # by node, what its gradient is called
    notes: tuple[str, ...]  # what is missing, and why
