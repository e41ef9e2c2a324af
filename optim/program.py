"""An update rule as a straight-line program that runs over long arrays in pieces that stay in the cache.

A rule is written as a formula on whole arrays. Run like that on millions of numbers, each of its operations would read
and write main memory. So the rule is called once with symbols in place of arrays (`recording.py`), which writes down
its operations, and these then run on one piece of the arrays after the other, in scratch memory that is used again.
The same operations on the same numbers in the same order: the results are those of the rule itself, bit for bit.
Where Numba is installed they are compiled to one loop (`compiled.py`), with the same results.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np

from ..autograd.extend import pays, split
from .compiled import loop
from .recording import Instruction, Record, Symbol

Array = np.ndarray[Any, Any]
State = dict[str, Any]
Update = Callable[..., tuple[Any, State]]

PIECE = 1 << 18  # bytes of each array in one piece: a handful of them stay in the caches, and calls are few
ROW = 1 << 13  # elements

PARAMETER, GRADIENT, FIRST_STATE = 0, 1, 2  # slots; then come the states, the new parameter, and all others
OVER = 1 << 14  # elements from which on a compiled loop pays
SHARE = 1 << 15  # elements of a compiled loop that are worth a thread
MANY = 8  # arrays of which a thread takes whole ones, for what is around the loop takes as long


class Job(NamedTuple):
    """Arrays of one axis that are updated together.

    Attributes:
        parameter: is only read.
        gradient: is only read.
        state: the arrays of the state by name, which are written; those that are new may hold anything.
        value: takes the new parameter; may be the array `parameter`.
    """

    parameter: Array
    gradient: Array
    state: Mapping[str, Array]
    value: Array


class Layout:
    """Where everything stands while a program runs: numbered slots, of which some are memory that is written.

    A result goes to its last place at once if what was there is read no more; a passing one into the memory of an
    operand that is done with, or into scratch memory.

    Args:
        record: the operations.
        parameter, gradient: what is given.
        old: the states before, by name.
        new: the states afterwards.
        value: the new parameter.
        change: what is looked at after all operations.
    """

    def __init__(
        self,
        record: Record,
        parameter: Symbol,
        gradient: Symbol,
        old: dict[str, Symbol],
        new: dict[str, Symbol],
        value: Symbol,
        change: Symbol,
    ) -> None:
        self.states = {name: slot for slot, name in enumerate({**old, **new}, start=FIRST_STATE)}
        self.value = FIRST_STATE + len(self.states)
        self.size = self.value + 1
        self.scratch: list[int] = []
        self.constants: dict[int, Any] = {}
        self.copies: list[tuple[int, int]] = []
        self._dtype = record.dtype
        self._where = {parameter: PARAMETER, gradient: GRADIENT}
        self._where |= {symbol: self.states[name] for name, symbol in old.items()}
        results = [(self.states[name], symbol) for name, symbol in new.items() if old.get(name) is not symbol]
        self._targets = self._wanted([*results, (self.value, value)])
        self._last: dict[Symbol, int] = {}
        for number, instruction in enumerate(record):
            self._last |= dict.fromkeys(instruction.symbols, number)
        self._last[change] = len(record)
        self._read_until = {slot: self._last.get(symbol, -1) for symbol, slot in self._where.items()}
        self._read_until[self.value] = self._read_until[PARAMETER]  # the new one may go where the old one is
        self._lendable = {self.states[name] for name, symbol in old.items() if new.get(name) is not symbol}
        self._guests: dict[int, Symbol] = {}  # what stands in the memory of an old state that is read no more
        self._free: list[int] = []
        self._change = change
        self.steps = [self._place(number, instruction) for number, instruction in enumerate(record)]
        self.change = self._where[change]

    def _wanted(self, results: list[tuple[int, Symbol]]) -> dict[Symbol, int]:
        """The last place of each result; one that was given, or has a place, is copied."""
        targets: dict[Symbol, int] = {}
        for slot, symbol in results:
            needs_copy = symbol in self._where or symbol in targets
            targets[np.positive(symbol) if needs_copy else symbol] = slot
        return targets

    def _place(
        self, number: int, instruction: Instruction
    ) -> tuple[Callable[..., Any], Callable[[list[Any]], Any], int | None]:
        """The function, what gets its operands from all slots, and the slot of a result that is not written."""
        function, operands, result, written = instruction
        slots = [self._slot_of(operand, written) for operand in operands]
        for symbol in instruction.symbols:
            done = self._last[symbol] == number and symbol not in self._targets
            if done and self._where[symbol] in self.scratch:
                self._free.append(self._where[symbol])
        slot = self._slot_for(number, result, slots) if written else self._new_slot()
        target = self._targets.get(result, slot)
        if slot != target:
            self.copies.append((slot, target))
        self._where[result] = slot
        if written:
            return _into(function), itemgetter(*slots, slot), None
        return function, _getter(slots), slot

    def _slot_of(self, operand: Any, written: bool) -> int:
        if isinstance(operand, Symbol):
            return self._where[operand]
        slot = self._new_slot()
        self.constants[slot] = np.asarray(operand, self._dtype) if written else operand
        return slot

    def _slot_for(self, number: int, result: Symbol, operands: list[int]) -> int:
        """Where to write a result."""
        target = self._targets.get(result)
        if target is not None and self._is_free(target, number):
            self._lendable.discard(target)  # from now on it holds the result
            return target
        if target is None and result is not self._change:
            for slot in self._lendable.intersection(operands):
                if self._is_free(slot, number):
                    self._guests[slot] = result
                    return slot
        if self._free:
            return self._free.pop()
        self.scratch.append(self._new_slot())
        return self.scratch[-1]

    def _is_free(self, slot: int, number: int) -> bool:
        """Whether nobody reads what stands in a slot after an operation."""
        guest = self._guests.get(slot)
        occupied = guest is not None and self._last.get(guest, -1) > number
        return not occupied and self._read_until.get(slot, -1) <= number

    def _new_slot(self) -> int:
        self.size += 1
        return self.size - 1


class Program:
    """A rule with given numbers (rates, step counts), ready to run on arrays of one dtype.

    Args:
        update: `update(parameter, gradient, state, **options)` gives the new parameter and the new state.
        entries: the names in the state, in order.
        numbers: those of them that are not arrays.
        options: the rule's hyper-parameters.
        dtype: of all arrays.

    Attributes:
        entries: the names in the state afterwards, in the order of the rule.
        numbers: those entries that are not arrays.
    """

    def __init__(
        self,
        update: Update,
        entries: Sequence[str],
        numbers: Mapping[str, Any],
        options: Mapping[str, Any],
        dtype: np.dtype[Any],
    ) -> None:
        self.dtype = dtype
        self._record = Record(dtype)
        self._parameter, self._gradient = Symbol(self._record, dtype), Symbol(self._record, dtype)
        old = {name: Symbol(self._record, dtype) for name in entries if name not in numbers}
        given = {name: old[name] if name in old else numbers[name] for name in entries}
        value, state = update(self._parameter, self._gradient, given, **options)
        new = {name: entry for name, entry in state.items() if isinstance(entry, Symbol)}
        self.entries = tuple(state)
        self.numbers = {name: entry for name, entry in state.items() if name not in new}
        for result in (value, *new.values()):
            if result.dtype != dtype:
                raise TypeError(f"the rule gives {result.dtype} for a parameter of {dtype}")
        change = self._change_to(value)
        self._symbols = self._parameter, self._gradient, old, new, value, change
        self._states = tuple({**old, **new})
        self._memory = np.empty((0, 0), dtype)  # scratch

    def _change_to(self, value: Symbol) -> Symbol:
        """What the parameter changes by, but for its sign; mostly the rule has computed it anyway."""
        for function, operands, result, _ in self._record:
            if result is value and function is np.subtract and operands[0] is self._parameter:
                change = operands[1]
                if isinstance(change, Symbol) and change.dtype == self.dtype:
                    return change
        difference: Symbol = value - self._parameter
        return difference

    def run(self, jobs: Sequence[Job]) -> list[tuple[float, float]]:
        """Update arrays: in one compiled loop if that is possible and pays, else operation by operation.

        Returns:
            For each job the sums of squares of the change and of the old parameter.
        """
        if self.dtype.itemsize >= 4 and pays(sum(len(job.parameter) for job in jobs), OVER):
            loop = self._loop
            if loop is not None:
                return self._run_compiled(jobs, *loop)
        return [self._run_in_pieces(*job) for job in jobs]

    @cached_property
    def _loop(self) -> tuple[Callable[..., Any], Array] | None:
        """The compiled loop and the numbers that it takes."""
        function = loop(self._record, *self._symbols)
        if function is None:
            return None
        return function, np.array([0, 1, *self._record.numbers], self.dtype)

    def _run_compiled(
        self, jobs: Sequence[Job], function: Callable[..., Any], numbers: Array
    ) -> list[tuple[float, float]]:
        def run(start: int, stop: int) -> list[tuple[float, float]]:
            sums = []
            for parameter, gradient, state, value in jobs[start:stop]:
                if value is not parameter:
                    value[...] = parameter
                arrays = (value, np.ascontiguousarray(gradient), *(state[name] for name in self._states))
                parts = split(function, len(value), SHARE, *arrays, numbers)
                sums.append((sum(changed for changed, _ in parts), sum(size for _, size in parts)))
            return sums

        lengths = [len(job.parameter) for job in jobs]
        even = MANY * max(lengths) <= sum(
            lengths
        )  # then each thread takes some of the arrays, else some of each
        shares: list[list[tuple[float, float]]] = split(run, len(jobs), MANY if even else len(jobs))
        return [sums for share in shares for sums in share]

    @cached_property
    def _layout(self) -> Layout:
        return Layout(self._record, *self._symbols)

    def _run_in_pieces(
        self, parameter: Array, gradient: Array, state: Mapping[str, Array], value: Array
    ) -> tuple[float, float]:
        layout = self._layout
        arrays = {PARAMETER: parameter, GRADIENT: gradient, layout.value: value}
        arrays |= {slot: state[name] for name, slot in layout.states.items()}
        length = len(parameter)
        count = -(-length * self.dtype.itemsize // PIECE)
        piece = max(-(-length // max(count, 1)), 1)  # equal ones
        if piece > ROW:
            piece = -(-piece // ROW) * ROW  # of whole rows
        if self._memory.shape[1] < piece or len(self._memory) < len(layout.scratch):
            self._memory = np.empty((len(layout.scratch), piece), self.dtype)
        memory: list[Any] = [None] * layout.size
        for slot, constant in layout.constants.items():
            memory[slot] = constant
        changed = size = 0.0
        for start in range(0, length, piece):
            for slot, array in arrays.items():
                memory[slot] = array[start : start + piece]
            for slot, row in zip(layout.scratch, self._memory, strict=True):
                memory[slot] = row[: min(piece, length - start)]
            size += _sum_of_squares(memory[PARAMETER])
            for function, operands, loose in layout.steps:
                result = function(*operands(memory))
                if loose is not None:
                    memory[loose] = result
            changed += _sum_of_squares(memory[layout.change])
            for source, target in layout.copies:
                memory[target][...] = memory[source]
        return changed, size


def _getter(slots: list[int]) -> Callable[[list[Any]], Any]:
    """`itemgetter` that gives a tuple also for one item."""
    return itemgetter(*slots) if len(slots) > 1 else itemgetter(slice(slots[0], slots[0] + 1))


def _into(function: Callable[..., Any]) -> Callable[..., Any]:
    """A ufunc that takes its output by position, which is faster, and which two of them refuse."""
    if function in (np.maximum, np.minimum):
        return lambda x, y, out: function(x, y, out=out)
    return function


def _sum_of_squares(x: Array) -> float:
    """By rows, which are too short for BLAS to wake its other threads for them."""
    even = len(x) - len(x) % ROW
    rows, rest = x[:even].reshape(-1, ROW), x[even:]
    total: float = sum(np.vecdot(rows, rows).tolist())
    return total + float(np.dot(rest, rest)) if len(rest) else total
