"""A rule written down: symbols in place of arrays, and the list of what is done with them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


class Instruction(NamedTuple):
    """`result = function(*operands)`, written to memory at hand if the result has the dtype of the parameters."""

    function: Callable[..., Any]
    operands: tuple[Any, ...]
    result: Symbol
    written: bool

    @property
    def symbols(self) -> set[Symbol]:
        """The operands that are not numbers."""
        return {operand for operand in self.operands if isinstance(operand, Symbol)}


class Record(list[Instruction]):
    """What a rule does, in order, with parameters of a dtype.

    Attributes:
        dtype: of the parameters.
        numbers: all that are operands, in order.
        form: what is done to which symbols, without the numbers.
        symbols: how many there are.
    """

    def __init__(self, dtype: np.dtype[Any]) -> None:
        super().__init__()
        self.dtype = dtype
        self.numbers: list[Any] = []
        self.form: list[Any] = []
        self.symbols = 0

    def add(self, function: Callable[..., Any], inputs: tuple[Any, ...]) -> Symbol:
        """Write down one operation."""
        operands: list[Any] = []
        kinds: list[Any] = []
        places: list[int | None] = []
        for x in inputs:
            if type(x) is Symbol:
                kinds.append(x.dtype)
                places.append(x.place)
            else:
                x = _number(x)
                kinds.append(type(x))
                places.append(None)
                self.numbers.append(x)
            operands.append(x)
        dtype = _result_dtype(function, tuple(kinds))
        self.form.append((function, dtype, *places))
        result = Symbol(self, dtype)
        written = function is not np.where and dtype == self.dtype
        self.append(Instruction(function, tuple(operands), result, written))
        return result


def _operators(function: np.ufunc) -> tuple[Callable[..., Symbol], Callable[..., Symbol]]:
    """An operator and its reflection; they need not ask NumPy, which takes longer than writing the operation down."""
    return (
        lambda self, other: self.record.add(function, (self, other)),
        lambda self, other: self.record.add(function, (other, self)),
    )


class Symbol(np.lib.mixins.NDArrayOperatorsMixin):
    """Stands for an array of unknown length while a rule is written down."""

    __slots__ = ("dtype", "place", "record")
    __hash__ = object.__hash__
    __add__, __radd__ = _operators(np.add)
    __sub__, __rsub__ = _operators(np.subtract)
    __mul__, __rmul__ = _operators(np.multiply)
    __truediv__, __rtruediv__ = _operators(np.divide)

    def __init__(self, record: Record, dtype: np.dtype[Any]) -> None:
        self.record = record
        self.dtype = dtype
        self.place = record.symbols
        record.symbols += 1

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Symbol:
        if method != "__call__" or kwargs or ufunc.nout != 1 or ufunc.signature is not None:
            raise TypeError(
                f"an elementwise update rule cannot use {ufunc.__name__} in this way: it may combine "
                "no elements, and writes to no array; write a formula of new arrays"
            )
        return self.record.add(ufunc, inputs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Symbol:
        if function is not np.where or kwargs or len(args) != 3:
            raise TypeError(
                f"an elementwise update rule cannot use np.{function.__name__}; it may use arithmetic, "
                "ufuncs and np.where"
            )
        return self.record.add(np.where, args)

    def __pow__(self, exponent: Any) -> Any:
        """As arrays do it: the most usual powers are other operations, which round differently."""
        usual: dict[float, Any] = {2: np.square, 0.5: np.sqrt, 1: np.positive, -1: np.reciprocal}
        return usual.get(exponent, lambda x: np.power(x, exponent))(self)

    def __bool__(self) -> bool:
        raise TypeError("an elementwise update rule cannot branch on its arrays; use np.where")


@functools.cache  # a rule is written down at each step of most optimisers, and asking NumPy takes 8 µs
def _result_dtype(function: Any, kinds: tuple[Any, ...]) -> np.dtype[Any]:
    """The dtype of what a function gives for dtypes and Python's numbers."""
    if function is np.where:
        return np.result_type(*(kind(1) if isinstance(kind, type) else kind for kind in kinds[1:]))
    result: np.dtype[Any] = function.resolve_dtypes((*kinds, None))[-1]
    return result


def _number(value: Any) -> Any:
    """Numbers as Python's, which take the dtype of the arrays beside them."""
    if isinstance(value, (np.generic, np.ndarray)) and value.ndim == 0:
        value = value.item()
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, (int, float)):
        return value
    raise TypeError(
        f"an elementwise update rule combines its arrays with numbers, not with a {type(value).__name__}"
    )
