"""A reader of pickles that builds plain data and runs nothing.

A pickle is a small program. This reader knows the instructions that make dicts, lists, tuples, numbers and strings;
a name of a class or function is data for it, and what such a name is called with goes to one function of the
caller's, which decides what is known. There is no import, no attribute, no class in it.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from typing import Any, NamedTuple

_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_VALUES = frozenset(
    {"BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"}
    | {"BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES"}
)
_MAKE: dict[str, Callable[[], Any]] = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_KEYS = (str, int, float, type(None))  # hashed without walking into anything


class Name(NamedTuple):
    """The name of a class or function; what it names is not looked up."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


def read(
    content: bytes, call: Callable[[Name, tuple[Any, ...]], Any], persistent: Callable[[Any], Any]
) -> Any:
    """The object that a pickle describes.

    Args:
        content: the pickle.
        call: gets the name of a function and its arguments, and returns the result or raises ValueError.
        persistent: gets the id of an object outside the pickle, and returns the object or raises ValueError.

    Raises:
        ValueError: for a pickle that is malformed, or holds anything but plain data and what `call` knows.
    """
    try:
        return _Machine(call, persistent).run(content)
    except (IndexError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"the pickle is malformed: {error!r}") from error


class _Machine:
    """The stack, the marks on it and the memo."""

    def __init__(
        self, call: Callable[[Name, tuple[Any, ...]], Any], persistent: Callable[[Any], Any]
    ) -> None:
        self.call = call
        self.persistent = persistent
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def run(self, content: bytes) -> Any:
        for opcode, argument, _ in pickletools.genops(content):
            if opcode.name == "STOP":
                result = self.stack.pop()
                if self.stack:
                    raise ValueError("the pickle is malformed: something is left on its stack")
                return result
            self.step(opcode.name, argument)
        raise ValueError("the pickle does not end")

    def step(self, name: str, argument: Any) -> None:
        stack = self.stack
        if name in _VALUES:
            stack.append(argument)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in _MAKE:
            stack.append(_MAKE[name]())
        elif name in _TUPLES:
            count = _TUPLES[name]
            items = tuple(self.pop() for _ in range(count))
            stack.append(items[::-1])
        elif name == "MARK":
            self.marks.append(len(stack))
        elif name == "TUPLE":
            stack.append(tuple(self.pop_to_mark()))
        elif name in ("BINPUT", "LONG_BINPUT"):
            self.memo[argument] = stack[-1]
        elif name == "MEMOIZE":
            self.memo[len(self.memo)] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(self.memo[argument])
        elif name == "SETITEM":
            value, key = self.pop(), self.pop()
            self.fill([key, value])
        elif name == "SETITEMS":
            self.fill(self.pop_to_mark())
        elif name in ("APPEND", "APPENDS"):
            items_ = [self.pop()] if name == "APPEND" else self.pop_to_mark()
            if type(stack[-1]) is not list:
                raise ValueError("the pickle is malformed: it appends to what is no list")
            stack[-1].extend(items_)
        elif name == "GLOBAL":
            stack.append(Name(*argument.split(" ", 1)))
        elif name == "STACK_GLOBAL":
            word, module = self.pop(), self.pop()
            if not isinstance(word, str) or not isinstance(module, str):
                raise ValueError("the pickle is malformed: a name that is no string")
            stack.append(Name(module, word))
        elif name in ("REDUCE", "NEWOBJ"):
            arguments, function = self.pop(), self.pop()
            if not isinstance(function, Name) or type(arguments) is not tuple:
                raise ValueError("the pickle calls what is no function")
            stack.append(self.call(function, arguments))
        elif name == "BUILD":
            self.pop()  # attributes of an OrderedDict, such as a state's versions of its layers
            if type(stack[-1]) is not dict:
                raise ValueError("the pickle gives attributes to an object, which plain data do not have")
        elif name == "BINPERSID":
            stack.append(self.persistent(self.pop()))
        elif name not in ("PROTO", "FRAME"):
            raise ValueError(f"the pickle has the instruction {name}, which plain data do not need")

    def pop(self) -> Any:
        if self.marks and len(self.stack) <= self.marks[-1]:
            raise ValueError("the pickle is malformed: it takes more from its stack than there is")
        return self.stack.pop()

    def pop_to_mark(self) -> list[Any]:
        start = self.marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def fill(self, items: list[Any]) -> None:
        if type(self.stack[-1]) is not dict or len(items) % 2:
            raise ValueError("the pickle is malformed: it sets items of what is no dict")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not isinstance(key, _KEYS):
                raise ValueError(
                    f"the key of a dict is a string or a number, and this is a {type(key).__name__}"
                )
            self.stack[-1][key] = value
