"""Functions that are made from source text exist at once, and are compiled when one of them is first called.

Compiling the call paths of all operations would take most of the time of `import pullback`, and a program uses few of
them. A function's code can be exchanged, so the function object that everybody has imported meanwhile becomes the
compiled one, and later calls cost nothing more.
"""

from __future__ import annotations

import threading
from types import FunctionType
from typing import Any

_compiling = threading.Lock()

# What such a function does when it is called for the first time; on one line, so that tracebacks show its first. Its
# own name takes the place of this one, which no Python keeps outside the constants of the code, as 3.15 does "".
_NAME = "<name>"
_stand_in = (lambda *args, **kwargs: _compiled("<name>")(*args, **kwargs)).__code__  # type: ignore[name-defined]  # noqa: F821 - found in its globals


def defer(text: str, filename: str, namespace: dict[str, Any]) -> dict[str, FunctionType]:
    """The functions that a text defines at its top level, by name; they see the namespace and each other.

    >>> functions = defer("def double(x):\\n    return add(x, x)\\n", "<example>", {"add": lambda x, y: x + y})
    >>> functions["double"](4)
    8
    """
    functions: dict[str, FunctionType] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("def "):
            name = line[4 : line.index("(")]
            code = _stand_in.replace(
                co_name=name,
                co_qualname=name,
                co_filename=filename,
                co_firstlineno=number,
                co_consts=tuple(name if x == _NAME else x for x in _stand_in.co_consts),
            )
            functions[name] = FunctionType(code, namespace, name)
    waiting = True

    def compiled(name: str) -> FunctionType:
        nonlocal waiting
        with _compiling:
            if waiting:
                made: dict[str, Any] = {}
                exec(compile(text, filename, "exec"), namespace, made)
                for (
                    key,
                    function,
                ) in functions.items():  # the code last: until then the others are of no effect
                    function.__defaults__ = made[key].__defaults__
                    function.__kwdefaults__ = made[key].__kwdefaults__
                    function.__code__ = made[key].__code__
                waiting = False
        return functions[name]

    namespace |= {**functions, "_compiled": compiled}
    return functions
