"""The profiler: how often each operation runs, how long it takes and how much memory its results need."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np

from .mode import observing
from .node import Node
from .tensor import Tensor


@dataclass
class Cost:
    """What an operation has cost in one direction."""

    calls: int = 0
    seconds: float = 0.0
    """Its own time: what other operations took that ran inside it is theirs."""
    bytes: int = 0
    """The memory of new results; views, and gradients that are handed on, need none."""


@dataclass
class Row:
    """One operation's costs."""

    operation: str
    forward: Cost = field(default_factory=Cost)
    backward: Cost = field(default_factory=Cost)

    @property
    def seconds(self) -> float:
        """Forward and backward."""
        return self.forward.seconds + self.backward.seconds


class Profile:
    """What `profile` has measured; printing it gives a table."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        """By the operations' names."""
        self.seconds = 0.0
        """From entering to leaving; what no operation took is Python's, the engine's walk and the program's."""
        self._running: list[
            list[Any]
        ] = []  # what has started: operation or node, when, seconds of others inside

    def row(self, operation: str) -> Row:
        """The costs of an operation, all zero if it did not run."""
        return self.rows.get(operation, Row(operation))

    # the engine calls these

    def on_forward_start(self, op: Any) -> None:
        """An operation begins."""
        self._running.append([op, perf_counter(), 0.0])

    def on_forward(
        self, op: Any, inputs: tuple[Any, ...], parameters: tuple[Any, ...], output: Tensor
    ) -> None:
        """An operation has run."""
        self._add(self._row_of(op).forward, op, _new_bytes((output,), inputs))

    def on_replace(self, old: Tensor, new: Tensor) -> None:
        """Writes in place are of no interest here; they are operations too."""

    def on_backward_start(self, node: Node) -> None:
        """The rules of a node begin."""
        self._running.append([node, perf_counter(), 0.0])

    def on_backward(self, node: Node, gradient: Any, contributions: tuple[Any, ...]) -> None:
        """The rules of a node have run; leaves have none."""
        if node.op is not None:
            self._add(self._row_of(node.op).backward, node, _new_bytes(contributions, (gradient,)))

    def _row_of(self, op: Any) -> Row:
        return self.rows.setdefault(op.name, Row(op.name))

    def _add(self, cost: Cost, what: Any, size: int) -> None:
        now = perf_counter()
        cost.calls += 1
        cost.bytes += size
        while self._running:  # what began inside and never ended has raised an error
            began, start, others = self._running.pop()
            if began is what:
                cost.seconds += now - start - others
                if self._running:
                    self._running[-1][2] += now - start
                break

    def table(self) -> str:
        """A line for each operation, the most expensive first, and their sum."""
        rows = sorted(self.rows.values(), key=lambda row: -row.seconds)
        total = Row("all operations")
        for row in rows:
            for mine, cost in ((total.forward, row.forward), (total.backward, row.backward)):
                mine.calls += cost.calls
                mine.seconds += cost.seconds
                mine.bytes += cost.bytes
        heads = [f"{way} {what}" for way in ("forward", "backward") for what in ("calls", "ms", "memory")]
        lines = [["operation", *heads, "share"]]
        for row in [*rows, total]:
            cells = [row.operation]
            for cost in (row.forward, row.backward):
                cells += [str(cost.calls), f"{1e3 * cost.seconds:.3f}", _readable(cost.bytes)]
            lines.append([*cells, f"{row.seconds / (total.seconds or 1.0):.0%}"])
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        text = []
        for first, *others in lines:
            cells = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
            text.append("  ".join([first.ljust(widths[0]), *cells]))
        rule = "-" * len(text[0])
        outside = max(self.seconds - total.seconds, 0)
        last = f"{1e3 * self.seconds:.3f} ms in all, {1e3 * outside:.3f} outside operations"
        return "\n".join([text[0], rule, *text[1:-1], rule, text[-1], last])

    __str__ = __repr__ = table


@contextmanager
def profile() -> Iterator[Profile]:
    """Measure time, calls and memory of each operation, forward and backward.

    Blocks may be nested: each measures all that runs inside it. Measuring takes time itself, some microseconds
    per operation, which is not counted as the operation's.

    >>> import pullback as pb
    >>> x = pb.tensor([1.0, 2.0], requires_grad=True)
    >>> with pb.profile() as costs:
    ...     (x * x).sum().backward()
    >>> costs.row("multiply").forward.calls, costs.row("multiply").backward.calls
    (1, 1)
    >>> print(costs)  # doctest: +ELLIPSIS
    operation       forward calls  forward ms  forward memory  ...
    """
    measured = Profile()
    start = perf_counter()
    try:
        with observing(measured):
            yield measured
    finally:
        measured.seconds += perf_counter() - start


def _new_bytes(results: tuple[Any, ...], sources: tuple[Any, ...]) -> int:
    """The memory of those arrays among the results that is not a source's."""
    known = [_data(source) for source in sources]
    size = 0
    for result in map(_data, results):
        if result is not None and not any(
            isinstance(result, np.ndarray)
            and isinstance(other, np.ndarray)
            and np.may_share_memory(result, other)
            for other in known
        ):
            size += result.nbytes
    return size


def _data(value: Any) -> Any:
    data = value._array if isinstance(value, Tensor) else value
    return data if hasattr(data, "nbytes") else None


def _readable(size: int) -> str:
    """Bytes, in the unit that gives a short number."""
    amount = float(size)
    for unit in ("B", "KiB", "MiB"):
        if amount < 1024:
            return f"{amount:.4g} {unit}"
        amount /= 1024
    return f"{amount:.4g} GiB"
