"""Parameters in a list and by name."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, MutableSequence
from typing import Any, NoReturn, Self

from ..autograd import Tensor
from .module import Module
from .parameter import Parameter
from .tree import check_name


class _Held(Module):
    """What both have in common: values are attributes, and Tensors become Parameters."""

    def forward(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse: there is nothing to compute."""
        raise NotImplementedError(f"a {type(self).__name__} only holds parameters and cannot be called")

    def _show(self, names: Iterable[str]) -> str:
        lines = []
        for name in names:
            value = vars(self)[name]
            what = type(value).__name__
            if isinstance(value, Tensor):
                what = "Parameter" if name in dict(self.named_parameters(recurse=False)) else "Tensor"
                what += f" containing: [{value.dtype} of size {'x'.join(map(str, value.shape))}]"
            lines.append(f"({name}): {what}")
        return "\n".join(lines)

    __eq__ = object.__eq__  # a module is itself and no other, and can be in a set
    __hash__ = object.__hash__


class ParameterList(_Held, MutableSequence[Any]):
    """Parameters in a list that the model knows of: they are trained, saved and converted with it.

    It behaves as a list does. Tensors become Parameters; other values are kept and play no part in training. The
    names are "0", "1", ...

    Args:
        values: the parameters, in order.

    >>> import pullback as pb
    >>> from pullback import nn
    >>> weights = nn.ParameterList([pb.zeros((2, 3)), nn.Parameter([1.0])])
    >>> weights
    ParameterList(
      (0): Parameter containing: [float32 of size 2x3]
      (1): Parameter containing: [float32 of size 1]
    )
    >>> list(weights.state_dict())
    ['0', '1']
    """

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        self._size = 0
        if values is not None:
            self.extend(values)

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Any]:
        return (vars(self)[str(i)] for i in range(self._size))

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if not name.isdigit()]

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return type(self)(list(self)[index])
        return vars(self)[self._name(index)]

    def __setitem__(self, index: Any, value: Any) -> None:
        setattr(self, self._name(index), _trained(value))

    def __delitem__(self, index: Any) -> None:
        values = list(self)
        if not isinstance(index, slice):
            self._name(index)
        del values[index]
        self._replace(values)

    def insert(self, index: int, value: Any) -> None:
        """Put a value in front of the one at an index."""
        values = list(self)
        values.insert(index, _trained(value))
        self._replace(values)

    def append(self, value: Any) -> Self:  # type: ignore[override]  # PyTorch's returns the list
        """Add a value to the end."""
        value = _trained(value)
        setattr(self, str(self._size), value)
        self._size += 1
        return self

    def extend(self, values: Iterable[Any]) -> Self:  # type: ignore[override]  # as append
        """Add values to the end."""
        if not isinstance(values, Iterable) or isinstance(values, Tensor):
            raise TypeError(f"ParameterList takes several values in a list, not a {type(values).__name__}")
        for value in [_trained(value) for value in values]:
            self.append(value)
        return self

    def extra_repr(self) -> str:
        """What is in it."""
        return self._show(map(str, range(self._size)))

    def _name(self, index: Any) -> str:
        number = operator.index(index)
        if not -self._size <= number < self._size:
            raise IndexError(f"value {number} of a ParameterList of {self._size}")
        return str(number % self._size)

    def _replace(self, values: list[Any]) -> None:
        for i in range(self._size):
            delattr(self, str(i))
        self._size = 0
        self.extend(values)


class ParameterDict(_Held, MutableMapping[str, Any]):
    """Parameters by name that the model knows of: they are trained, saved and converted with it.

    It behaves as a dict does, in the order of insertion. Tensors become Parameters; other values are kept and play
    no part in training.

    Args:
        parameters: a dict of parameters, or pairs of names and parameters.

    Raises:
        KeyError: for a name that is empty, dotted, or that of an attribute such as "training".

    >>> import pullback as pb
    >>> from pullback import nn
    >>> weights = nn.ParameterDict({"left": pb.zeros(2), "right": pb.ones(2)})
    >>> weights["left"].requires_grad, list(weights.state_dict())
    (True, ['left', 'right'])
    """

    def __init__(self, parameters: Mapping[str, Any] | Iterable[tuple[str, Any]] | None = None) -> None:
        super().__init__()
        self._names: dict[str, None] = {}
        if parameters is not None:
            self.update(parameters)

    def __len__(self) -> int:
        return len(self._names)

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._names))

    def __reversed__(self) -> Iterator[str]:
        return reversed(list(self._names))

    def __getitem__(self, name: str) -> Any:
        if name not in self._names:
            raise KeyError(f"{name!r}; the parameters are {', '.join(map(repr, self._names)) or 'none'}")
        return vars(self)[name]

    def __setitem__(self, name: str, value: Any) -> None:
        if name not in self._names:
            check_name(self, name)
        setattr(self, name, _trained(value))
        self._names[name] = None

    def __delitem__(self, name: str) -> None:
        self[name]
        delattr(self, name)
        del self._names[name]

    def popitem(self) -> tuple[str, Any]:
        """Take the last pair out and return it."""
        if not self._names:
            raise KeyError("popitem: the ParameterDict is empty")
        name = next(reversed(self))
        return name, self.pop(name)

    def copy(self) -> ParameterDict:
        """Another dict with the same parameters."""
        return ParameterDict(self)

    def __or__(self, other: Mapping[str, Any]) -> ParameterDict:
        return ParameterDict({**self, **other})

    def __ior__(self, other: Mapping[str, Any]) -> Self:
        self.update(other)
        return self

    def extra_repr(self) -> str:
        """What is in it."""
        return self._show(self._names)


def _trained(value: Any) -> Any:
    """Tensors as Parameters, anything else as it is."""
    return Parameter(value) if isinstance(value, Tensor) and not isinstance(value, Parameter) else value
