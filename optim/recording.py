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
        return self.record.add(ufunc, operands, _result_dtype(ufunc, kinds))

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


@functools.cache  # a rule is written down at each step of most optimisers, and asking NumPy takes 8 µs
def _result_dtype(ufunc: np.ufunc, kinds: tuple[Any, ...]) -> np.dtype[Any]:
    """The dtype of what a ufunc gives for dtypes and Python's numbers."""
    return ufunc.resolve_dtypes((*kinds, None))[-1]


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
