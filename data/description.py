"""How an object says what it was made with."""

from __future__ import annotations

import inspect


class Described:
    """Shows the arguments of `__init__` that are no defaults, as far as they are kept by their names."""

    def __repr__(self) -> str:
        kept = vars(self)
        parameters = inspect.signature(type(self)).parameters.values()
        given = [
            f"{parameter.name}={kept[parameter.name]!r}"
            for parameter in parameters
            if parameter.name in kept and repr(kept[parameter.name]) != repr(parameter.default)
        ]
        return f"{type(self).__name__}({', '.join(given)})"
