"""Parameter: a tensor that a module trains."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Tensor, get_default_dtype
from ..autograd.extend import replace_memory


class Parameter(Tensor):
    """A leaf tensor that requires gradients and belongs to the module that holds it as an attribute.

    Args:
        data: a number, a list, an ndarray or a Tensor; it is copied, without its graph.
        requires_grad: False for a parameter that is frozen from the start.
        dtype: convert to this dtype; Python floats are the default dtype (float32) otherwise.
        name: what pictures and error messages call it, if not its path in the module.

    Raises:
        TypeError: for data that are not real floating numbers, which have no gradients.

    >>> from pullback import nn
    >>> nn.Parameter([1.0, 2.0])
    Parameter containing:
    tensor([1., 2.], dtype=float32, requires_grad=True)
    """

    __slots__ = ()

    def __init__(
        self, data: Any, requires_grad: bool = True, dtype: Any = None, name: str | None = None
    ) -> None:
        super().__init__(data.detach() if isinstance(data, Tensor) else data, dtype=dtype, name=name)
        if self.dtype.kind != "f":
            raise TypeError(
                f"a parameter is trained by gradients, which {self.dtype} data do not have; give floating "
                "numbers, for example Parameter(data, dtype='float32'), or register_buffer for what is not "
                "trained"
            )
        self.requires_grad_(requires_grad)

    def convert_(self, dtype: np.dtype[Any]) -> None:
        """Change the dtype of this parameter and of its gradient in place: optimisers keep hold of it."""
        if self.dtype != dtype:
            replace_memory(self, self.detach().numpy().astype(dtype))

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"


class UninitializedParameter(Parameter):
    """A parameter whose shape is not known yet; a lazy layer gives it one when it first sees an input.

    It is empty until `materialize` makes it an ordinary Parameter; it stays the same object, so that an optimiser
    may already hold it.

    Args:
        requires_grad: False for a parameter that is frozen from the start.
        dtype: the default dtype (float32) if not given.

    >>> from pullback import nn
    >>> weight = nn.UninitializedParameter()
    >>> weight.materialize((2, 3))
    >>> weight.shape, type(weight).__name__
    ((2, 3), 'Parameter')
    """

    __slots__ = ()

    def __init__(self, requires_grad: bool = True, dtype: Any = None) -> None:
        super().__init__(np.empty(0, get_default_dtype() if dtype is None else dtype), requires_grad)

    def materialize(self, shape: tuple[int, ...]) -> None:
        """Give it a shape and zeros."""
        replace_memory(self, np.zeros(shape, self.dtype))
        self.__class__ = Parameter  # type: ignore[assignment]  # of the same layout

    def __repr__(self) -> str:
        return f"UninitializedParameter(dtype={self.dtype})"
