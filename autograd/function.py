"""Function: an operation of one's own, written as a forward and a backward, as in the CS231n notes.

What stands here is what a user sees; `function_op.py` makes an `Op` of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

import numpy as np

from .function_op import Application, FunctionOp, refuse_hidden
from .gate import MIXER, Gate
from .mode import current_mode
from .tensor import Tensor

F = TypeVar("F", bound=Callable[..., Any])


class Context:
    """What a Function's forward leaves for its backward; any attribute may be set on it.

    Tensors are kept by `save`, where they are checked for overwriting and can be differentiated again.
    Other things (shapes, masks, and settings that were arguments of forward) may simply be attributes. Floating
    numbers that forward has computed may too, but reading them where a second derivative is wanted is an error:
    they would count as constants there.
    """

    __slots__ = ("_attributes", "_constants", "_saved", "needs_grad")

    needs_grad: tuple[bool, ...]
    """For each argument of forward, whether its gradient is wanted."""

    def __init__(
        self,
        needs_grad: tuple[bool, ...],
        attributes: dict[str, Any],
        saved: tuple[Any, ...] | None = (),
        constants: tuple[Any, ...] | None = None,
    ) -> None:
        self.needs_grad = needs_grad
        self._attributes = attributes
        self._saved = saved  # None: a second derivative would take them for constants
        self._constants = constants  # while backward is recorded: the plain arguments of forward

    def save(self, *values: Any) -> None:
        """Keep tensors (or arrays, or None) for backward; a second call replaces the first."""
        self._saved = values

    save_for_backward = save

    @property
    def saved(self) -> tuple[Any, ...]:
        """What forward has saved, in that order."""
        if self._saved is None:
            raise RuntimeError(
                "forward has saved a value that is neither its input nor its output, so its derivative is not "
                "known and a second derivative would be wrong; save inputs and compute the rest in backward, or "
                "mark backward with @once_differentiable"
            )
        return self._saved

    saved_tensors = saved

    @property
    def needs_input_grad(self) -> tuple[bool, ...]:
        """PyTorch's name of `needs_grad`."""
        return self.needs_grad

    def __setattr__(self, name: str, value: Any) -> None:
        if name in Context.__slots__:
            object.__setattr__(self, name, value)
        else:
            self._attributes[name] = value

    def __getattr__(self, name: str) -> Any:
        if name in Context.__slots__ or name not in self._attributes:
            raise AttributeError(f"nothing has been kept as ctx.{name}")
        value = self._attributes[name]
        if self._constants is not None and _computed(value, self._constants):
            raise RuntimeError(
                f"ctx.{name} is a constant to a second derivative, which would be wrong; keep tensors with "
                "ctx.save(...), or mark backward with @once_differentiable"
            )
        return value


def _computed(value: Any, constants: tuple[Any, ...]) -> bool:
    """Whether a value holds floating numbers that are no argument of forward, so that tensors may be behind them."""
    if any(value is constant for constant in constants):
        return False
    if isinstance(value, dict):
        return any(_computed(part, constants) for part in value.values())
    if isinstance(value, (list, tuple)):
        return any(_computed(part, constants) for part in value)
    if isinstance(value, (Tensor, np.ndarray, np.generic)):
        return value.dtype.kind in "fc"
    return isinstance(value, (float, complex)) and value not in [
        c for c in constants if isinstance(c, (int, float, complex))
    ]


class Function:
    """The base of one's own differentiable operations: derive from it, and call `apply`.

    `forward(ctx, ...)` computes on Tensors without a graph (`.numpy()` gives their arrays) and returns a
    Tensor, an array, or a tuple of them for several outputs. `backward(ctx, g)` gets the gradient of each
    output (zeros where nothing used it) and returns one gradient per argument of forward, None for what has
    none. Both are static. What they are given is read-only. Inside `vmap` both are called for one example after the
    other.

    The engine brings the gradients to the dtypes of their inputs and sums them over broadcast axes. Second
    derivatives are right if backward is written in operations on tensors; if it is not, mark it with
    `once_differentiable`. `gate` and `symbol` may be set for pictures.

    >>> import pullback as pb
    >>> class Multiply(pb.Function):
    ...     @staticmethod
    ...     def forward(ctx, x, y):
    ...         ctx.save(x, y)
    ...         return x * y
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         x, y = ctx.saved
    ...         return g * y, g * x
    >>> x, y = pb.tensor(-2.0, requires_grad=True), pb.tensor(5.0, requires_grad=True)
    >>> Multiply.apply(x, y).backward()
    >>> x.grad, y.grad
    (tensor(5., dtype=float32), tensor(-2., dtype=float32))
    """

    gate: ClassVar[Gate] = MIXER
    symbol: ClassVar[str | None] = None
    _operation: ClassVar[FunctionOp]

    def __init__(self) -> None:
        raise TypeError(f"a Function is not instantiated: call {type(self).__name__}.apply(...)")

    @staticmethod
    def forward(ctx: Any, *args: Any) -> Any:
        """Compute the result; every Function writes its own."""
        raise NotImplementedError("a Function needs a static `forward(ctx, ...)`, where it computes")

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        """From the gradients of the outputs to those of the inputs; every Function writes its own."""
        raise NotImplementedError("a Function needs a static `backward(ctx, g)` to be differentiated")

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Run forward, record it, and return its output as a Tensor, or a tuple of Tensors.

        Raises:
            TypeError: for a tracked Tensor inside a list, tuple or dict, where its gradient would be lost,
                or for an output that is no array of numbers.
        """
        if current_mode().levels is not None:
            from .vectorise import one_by_one

            found = one_by_one(f"{cls.__name__}.apply", cls.apply, args)
            if found is not None:
                return found
        if "_operation" not in cls.__dict__:
            cls._operation = FunctionOp(cls)
        if current_mode().grad:
            refuse_hidden(cls.__name__, args)
        application = Application(cls, Context, args)
        result = cls._operation.call([x for x in args if isinstance(x, Tensor)], application)
        return application.finish(result, args)


def once_differentiable(backward: F) -> F:
    """Mark a Function's backward as one that cannot be differentiated itself.

    It then always runs on tensors without a graph; differentiating its results raises, instead of giving a
    wrong second derivative.

    >>> import numpy as np, pullback as pb
    >>> class Exp(pb.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.y = np.exp(x.numpy())
    ...         return ctx.y
    ...     @staticmethod
    ...     @pb.once_differentiable
    ...     def backward(ctx, g):
    ...         return g.numpy() * ctx.y
    >>> pb.grad(Exp.apply)(0.0)
    tensor(1., dtype=float32)
    """
    function: Any = backward.__func__ if isinstance(backward, staticmethod) else backward
    function._once_differentiable = True  # functions take attributes
    return backward
