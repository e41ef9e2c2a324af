# Made from the declarations by `python -m pullback.autograd.stubs`; do not edit.
from __future__ import annotations
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple
import numpy as np
from ...autograd import relu, sigmoid, tanh
from ...autograd.extend import DISTRIBUTOR, MIXER, SCALER, Gate, Op, kernel, op
from .activation import gelu, silu
from ...autograd.ops.declared import declared
from ...autograd.tensor import Tensor
Array = np.ndarray[Any, Any]
class Activation(NamedTuple):
    """An operation on one input, element by element.

    Attributes:
        operation: the public function of a declared operation.
        settings: all of its parameters.
        within: the same forward, written over the array that it is given; for one whose rule asks for its result.
    """
    operation: Any
    settings: dict[str, Any]
    within: Callable[[Array], Any] | None = None

    def __call__(self, x: Any) -> Any:
        """The activation of a tensor, by the operation."""
        return self.operation(x, **self.settings)
def relu_within(x: Array) -> Array: ...
class Written(NamedTuple):
    """A pair of operations whose forward and joint rule are written as one, because that pays.

    Attributes:
        forward: takes and returns what that of the operation does, its residuals too.
        rule: of all inputs; it may name what the operation's rule may. None for that of the two one after the other,
            for an activation whose rule asks for its result alone.
    """
    forward: Callable[..., Any]
    rule: Callable[..., Any] | None = None
ACTIVATIONS = {'gelu': Activation(gelu, {'approximate': 'none'}), 'gelu_tanh': Activation(gelu, {'approximate': 'tanh'}), 'relu': Activation(relu, {}, relu_within), 'sigmoid': Activation(sigmoid, {}), 'silu': Activation(silu, {}), 'tanh': Activation(tanh, {})}
def check_activation(where: str, activation: Any) -> str | None: ...
def shown_activation(activation: str | None) -> str: ...
def parts(name: str) -> tuple[str, str]: ...
def activated(base: Any, **written: Written) -> Callable[[str | None], Any]: ...
