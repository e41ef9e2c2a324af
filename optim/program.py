"""An update rule as a straight-line program that runs over long arrays in pieces that stay in the cache.

A rule is written as a formula on whole arrays. Run like that on millions of numbers, each of its operations would read
and write main memory. So the rule is called once with symbols in place of arrays, which writes down its operations,
and these then run on one piece of the arrays after the other, in scratch memory that is used again. The same
operations on the same numbers in the same order: the results are those of the rule itself, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]
State = dict[str, Any]
Update = Callable[..., tuple[Any, State]]

PIECE = 1 << 18  # bytes of each array in one piece: a handful of them stay in the caches, and calls are few
ROW = 1 << 13  # elements


class Instruction(NamedTuple):
    """`result = function(*operands)`, written to memory at hand if the result has the dtype of the parameters."""

    function: Callable[..., Any]
    operands: tuple[Any, ...]
    result: Symbol
    in_place: bool


class Record(list[Instruction]):
    """What a rule does, in order, with parameters of a dtype."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        super().__init__()
        self.dtype = dtype

    def add(self, function: Callable[..., Any], operands: tuple[Any, ...], dtype: np.dtype[Any]) -> Symbol:
        """Write down one operation."""
        result = Symbol(self, dtype)
        self.append(Instruction(function, operands, result, function is not np.where and dtype == self.dtype))
        return result


class Symbol(np.lib.mixins.NDArrayOperatorsMixin):
    """Stands for an array of unknown length while a rule is written down."""

    __slots__ = ("dtype", "record")
    __hash__ = object.__hash__

    def __init__(self, record: Record, dtype: np.dtype[Any]) -> None:
        self.record = record
        self.dtype = dtype

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Symbol:
        if method != "__call__" or kwargs or ufunc.nout != 1 or ufunc.signature is not None:
            raise TypeError(
                f"an elementwise update rule cannot use {ufunc.__name__} in this way: it may combine "
                "no elements, and writes to no array; write a formula of new arrays"
            )
        operands = tuple(map(_operand, inputs))
        kinds = tuple(x.dtype if isinstance(x, Symbol) else type(x) for x in operands)
        return self.record.add(ufunc, operands, ufunc.resolve_dtypes((*kinds, None))[-1])

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Symbol:
        if function is not np.where or kwargs or len(args) != 3:
            raise TypeError(
                f"an elementwise update rule cannot use np.{function.__name__}; it may use arithmetic, "
                "ufuncs and np.where"
            )
        operands = tuple(map(_operand, args))
        kinds = (x.dtype if isinstance(x, Symbol) else x for x in operands[1:])
        return self.record.add(np.where, operands, np.result_type(*kinds))

    def __pow__(self, exponent: Any) -> Any:
        """As arrays do it: the most usual powers are other operations, which round differently."""
        usual: dict[float, Any] = {2: np.square, 0.5: np.sqrt, 1: np.positive, -1: np.reciprocal}
        return usual.get(exponent, lambda x: np.power(x, exponent))(self)

    def __bool__(self) -> bool:
        raise TypeError("an elementwise update rule cannot branch on its arrays; use np.where")


def _operand(value: Any) -> Any:
    """Numbers as Python's, which take the dtype of the arrays beside them."""
    if isinstance(value, (np.generic, np.ndarray)) and value.ndim == 0:
        value = value.item()
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, (Symbol, int, float)):
        return value
    raise TypeError(
        f"an elementwise update rule combines its arrays with numbers, not with a {type(value).__name__}"
    )


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
        self._change = self._change_to(value)
        self._plan(old, value, new)

    def _change_to(self, value: Symbol) -> Symbol:
        """What the parameter changes by, but for its sign; mostly the rule has computed it anyway."""
        for function, operands, result, _ in self._record:
            if result is value and function is np.subtract and operands[0] is self._parameter:
                change = operands[1]
                if isinstance(change, Symbol) and change.dtype == self.dtype:
                    return change
        difference: Symbol = value - self._parameter
        return difference

    def _plan(self, old: dict[str, Symbol], value: Symbol, new: dict[str, Symbol]) -> None:
        """Decide where each result is written: to its last place at once if what was there is read no more."""
        self._slots = slot_of = {name: number for number, name in enumerate({**old, **new}, start=2)}
        self._value_slot = 2 + len(slot_of)
        self._size = 3 + len(slot_of)
        where: dict[Symbol, int] = {self._parameter: 0, self._gradient: 1}
        where |= {symbol: slot_of[name] for name, symbol in old.items()}
        targets: dict[Symbol, int] = {}
        results = [(slot_of[name], symbol) for name, symbol in new.items() if old.get(name) is not symbol]
        for slot, symbol in [*results, (self._value_slot, value)]:
            if symbol.dtype != self.dtype:
                raise TypeError(f"the rule gives {symbol.dtype} for a parameter of {self.dtype}")
            needs_copy = symbol in where or symbol in targets
            targets[np.positive(symbol) if needs_copy else symbol] = slot
        last: dict[Symbol, int] = {}
        for number, instruction in enumerate(self._record):
            last |= {operand: number for operand in instruction.operands if isinstance(operand, Symbol)}
        last[self._change] = len(self._record)
        read_until = {slot: last.get(symbol, -1) for symbol, slot in where.items()}
        read_until[self._value_slot] = read_until[0]  # where the new value goes, the old may be
        changing = {slot_of[name] for name, symbol in old.items() if new.get(name) is not symbol}
        tenant: dict[int, Symbol] = {}  # what stands in the memory of an old state that is read no more

        def is_free(slot: int, number: int) -> bool:
            there = tenant.get(slot)
            return read_until.get(slot, -1) <= number and (there is None or last.get(there, -1) <= number)

        free: list[int] = []
        self._scratch: list[int] = []
        self._constants: dict[int, Any] = {}
        self._copies: list[tuple[int, int]] = []
        self._steps: list[tuple[Callable[..., Any], Callable[[list[Any]], Any], int | None]] = []
        for number, (function, operands, result, writes) in enumerate(self._record):
            slots = []
            for operand in operands:
                if isinstance(operand, Symbol):
                    slots.append(where[operand])
                else:
                    self._constants[self._size] = np.asarray(operand, self.dtype) if writes else operand
                    slots.append(self._new_slot())
            for symbol in {operand for operand in operands if isinstance(operand, Symbol)}:
                done = last[symbol] == number and symbol not in targets
                if done and where[symbol] in self._scratch:
                    free.append(where[symbol])
            target = targets.get(result)
            own = [] if target is not None or result is self._change else changing.intersection(slots)
            if not writes:
                slot = self._new_slot()
            elif target is not None and is_free(target, number):
                slot = target
                changing.discard(slot)  # from now on it holds the result
            elif mine := [slot for slot in own if is_free(slot, number)]:
                slot = mine[0]
                tenant[slot] = result
            elif free:
                slot = free.pop()
            else:
                slot = self._new_slot()
                self._scratch.append(slot)
            if target is not None and slot != target:
                self._copies.append((slot, target))
            where[result] = slot
            if writes:
                self._steps.append((_into(function), itemgetter(*slots, slot), None))
            else:
                self._steps.append((function, _getter(slots), slot))
        self._change_slot = where[self._change]
        self._memory = np.empty((len(self._scratch), 0), self.dtype)

    def _new_slot(self) -> int:
        self._size += 1
        return self._size - 1

    def run(
        self, parameter: Array, gradient: Array, state: Mapping[str, Array], value: Array
    ) -> tuple[float, float]:
        """Update arrays of one axis.

        Args:
            parameter: is only read.
            gradient: is only read.
            state: the arrays of the state, which are written; those that are new may hold anything.
            value: takes the new parameter; may be the array `parameter`.

        Returns:
            The sums of squares of the change and of the old parameter.
        """
        arrays = {0: parameter, 1: gradient, self._value_slot: value}
        arrays |= {slot: state[name] for name, slot in self._slots.items()}
        length = len(parameter)
        count = -(-length * self.dtype.itemsize // PIECE)
        piece = max(-(-length // max(count, 1)), 1)  # equal ones, each within PIECE
        if self._memory.shape[1] < piece:
            self._memory = np.empty((len(self._scratch), piece), self.dtype)
        memory: list[Any] = [None] * self._size
        for slot, constant in self._constants.items():
            memory[slot] = constant
        changed = size = 0.0
        for start in range(0, length, piece):
            for slot, array in arrays.items():
                memory[slot] = array[start : start + piece]
            for slot, row in zip(self._scratch, self._memory, strict=True):
                memory[slot] = row[: min(piece, length - start)]
            size += _sum_of_squares(memory[0])
            for function, operands, loose in self._steps:
                result = function(*operands(memory))
                if loose is not None:
                    memory[loose] = result
            change = memory[self._change_slot]
            changed += _sum_of_squares(change)
            for source, target in self._copies:
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
    return float(np.vecdot(rows, rows).sum()) + float(np.dot(rest, rest))
