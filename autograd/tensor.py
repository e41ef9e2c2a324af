"""Tensor: a thin handle, an array plus the node that made it.

The operations are not written here: each declaration (`op.py`) attaches its method and operator to
`OperationMethods`, from which Tensor inherits. What stands here is what a handle is: its array, its
gradient, its place on the tape and Python's protocols.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .elsewhere import METHODS, Elsewhere
from .methods import OperationMethods
from .mode import recorded_backward
from .node import Node, leaf_node
from .settings import check_device
from .sparse import Scattered
from .storage import Seal, Storage, View, register_detached

if TYPE_CHECKING:
    from .hooks import RemovableHandle


class Tensor(OperationMethods):
    """A NumPy array that knows how it was computed.

    `Tensor(data)` is `pb.tensor(data)`: it copies its input. See `pullback.tensor` for the arguments.

    >>> import pullback as pb
    >>> x = pb.tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    tensor([2., 4., 6.], dtype=float32)
    """

    __slots__ = ("__weakref__", "_array", "_grad", "_node", "_seal", "_storage", "_view", "name")

    _array: Any  # an ndarray, or a NumPy scalar for 0-d results
    _node: Node | None
    _grad: Tensor | Scattered | None
    _seal: Seal | None  # of memory that is not shared; else the storage has it
    _storage: Storage | None
    _view: View | None
    name: str | None

    def __init__(
        self, data: Any, requires_grad: bool = False, dtype: Any = None, name: str | None = None
    ) -> None:
        from .convert import to_array

        self._fill(np.array(to_array(data, dtype), copy=True)[()], name)  # [()] makes 0-d a NumPy scalar
        if requires_grad:
            self.requires_grad_()

    def _fill(self, data: Any, name: str | None = None) -> None:
        self._array = data
        self._node = self._grad = self._seal = self._storage = self._view = None
        self.name = name

    # what it holds

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of each axis."""
        return self._array.shape  # type: ignore[no-any-return]  # NumPy arrays and scalars both have a shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self._array.ndim  # type: ignore[no-any-return]  # as for shape

    @property
    def size(self) -> int:
        """The number of elements."""
        return self._array.size  # type: ignore[no-any-return]  # as for shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy dtype of the elements."""
        return self._array.dtype  # type: ignore[no-any-return]  # as for shape

    @property
    def device(self) -> str:
        """Always "cpu"."""
        return "cpu"

    def to_device(self, device: Any, /, *, stream: Any = None) -> Tensor:
        """The tensor itself: all tensors live on the "cpu"."""
        check_device(device)
        if stream is not None:
            raise ValueError(f"the CPU has no streams, and stream={stream!r} was given")
        return self

    @property
    def data(self) -> Tensor:
        """A detached tensor that shares this one's memory; writing to it is seen by the checks of backward.

        Assigning to it (`w.data -= lr * w.grad`) writes the values, of the same shape and dtype.
        """
        return self.detach()

    @data.setter
    def data(self, values: Tensor) -> None:
        if not isinstance(values, Tensor) or values.shape != self.shape or values.dtype != self.dtype:
            what = f"{values.shape} {values.dtype}" if isinstance(values, Tensor) else type(values).__name__
            raise TypeError(
                f"data takes a tensor of the same shape and dtype, {self.shape} {self.dtype}, and not {what}; "
                "write what is to be broadcast or converted by data.copy_(...)"
            )
        self.detach().copy_(values.detach())

    def numpy(self) -> np.ndarray:
        """The array itself, not a copy; read-only if the tensor is part of a graph.

        A later write in place may give the tensor another array, if a graph still needs the values in this one.

        >>> import pullback as pb
        >>> pb.tensor([1.0, 2.0]).numpy()
        array([1., 2.], dtype=float32)
        """
        self._refuse_lost_graph("numpy()")
        array = np.asarray(self._array)
        if self._node is not None:
            array = array.view()
            array.flags.writeable = False
        return array

    def item(self) -> Any:
        """The only element, as a Python number."""
        self._refuse_lost_graph("item()")
        if self.size != 1:
            raise ValueError(f"item() needs a tensor of one element, and this one has shape {self.shape}")
        return self._array.item()

    def tolist(self) -> Any:
        """The elements as nested lists of Python numbers."""
        self._refuse_lost_graph("tolist()")
        return self._array.tolist()

    # its place on the tape

    @property
    def requires_grad(self) -> bool:
        """Whether operations on this tensor are recorded; assigning to it is `requires_grad_`."""
        return self._node is not None

    @requires_grad.setter
    def requires_grad(self, requires_grad: bool) -> None:
        self.requires_grad_(requires_grad)

    @property
    def is_leaf(self) -> bool:
        """Whether the tensor was made by the user rather than computed from tracked tensors."""
        return self._node is None or self._node.is_leaf

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Switch gradients on or off for a leaf, and return it.

        Raises:
            TypeError: integers and booleans have no gradients.
            RuntimeError: the tensor was computed from others; `detach()` gives one that was not.
        """
        if not self.is_leaf:
            if requires_grad:
                return self
            raise RuntimeError(
                "requires_grad can be switched off for leaves only, and this tensor was computed by "
                f"{self._node.op.name!r}; use .detach()"  # type: ignore[union-attr]  # not a leaf: has both
            )
        if not requires_grad:
            self._node = None
        elif self._node is None:
            if self.dtype.kind not in "fc":
                raise TypeError(
                    "only tensors of floating numbers, real or complex, can require gradients, and this one is "
                    f"{self.dtype}; convert it first, for example "
                    "pb.tensor(data, dtype=pb.float32, requires_grad=True)"
                )
            self._node = leaf_node(self)
            if self._view is not None:  # a leaf takes part in nobody else's gradient
                self._view = View(None, self._view.step)
        return self

    @property
    def grad(self) -> Tensor | None:
        """The gradient that backward has accumulated here, of this tensor's shape and dtype, or None.

        Only leaves get one, and tensors with `retain_grad()`; reading it of another one that was computed warns.
        """
        held = self._grad
        if isinstance(held, Scattered):
            held = self._grad = wrap(held.dense(), None)
        elif held is None and self._node is not None and self._node.op is not None:
            self._warn_unless_retained(self._node)
        return held

    @grad.setter
    def grad(self, gradient: Tensor | None) -> None:
        if gradient is not None:
            if not isinstance(gradient, Tensor):
                raise TypeError(f"a gradient is a Tensor or None, not {type(gradient).__name__}")
            if gradient.shape != self.shape or gradient.dtype != self.dtype:
                raise ValueError(
                    f"a gradient has its tensor's shape and dtype, {self.shape} {self.dtype}; "
                    f"this one is {gradient.shape} {gradient.dtype}"
                )
        self._grad = gradient

    def _warn_unless_retained(self, node: Node) -> None:
        if node.handle is None or node.handle() is not self:
            called = repr(node.op.name) if node.op is not None else "an operation"
            warnings.warn(
                f"this tensor was computed (by {called}) and does not keep its gradient, so .grad is None; call "
                ".retain_grad() on it before backward, or ask for the gradient: pb.gradients(loss, x)",
                UserWarning,
                stacklevel=3,
            )

    def retain_grad(self) -> None:
        """Let backward leave its gradient in `.grad` also for a tensor that was computed."""
        if self._node is None:
            raise RuntimeError("retain_grad() needs a tensor that requires gradients, and this one does not")
        from .hooks import retain

        retain(self, self._node)

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
        """Call `hook(g)` whenever backward has the whole gradient of this tensor.

        The hook gets a copy of the gradient. What it returns, if anything, takes its place: in what flows
        further back, and in `.grad`. Hooks run in the order of their registration.

        Returns:
            A handle; `handle.remove()` takes the hook away, and so does leaving it as a context manager.

        Raises:
            RuntimeError: the tensor does not require gradients; in backward, if the hook returns a gradient of
                another shape or dtype.

        >>> import pullback as pb
        >>> x = pb.tensor(3.0, requires_grad=True)
        >>> y = x * x
        >>> handle = y.register_hook(lambda g: g * 10)
        >>> y.backward()
        >>> x.grad
        tensor(60., dtype=float32)
        """
        from .hooks import register_hook

        return register_hook(self, hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Tensor], None]) -> RemovableHandle:
        """Call `hook(tensor)` each time backward has added to the `.grad` of this leaf.

        >>> import pullback as pb
        >>> w = pb.tensor(3.0, requires_grad=True)
        >>> handle = w.register_post_accumulate_grad_hook(lambda w: print(w.grad.item()))
        >>> (w * 2).backward()
        2.0
        """
        from .hooks import register_post_accumulate_grad_hook

        return register_post_accumulate_grad_hook(self, hook)

    def detach(self) -> Tensor:
        """The same memory without the graph.

        >>> import pullback as pb
        >>> x = pb.tensor([1.0], requires_grad=True)
        >>> (x * 2).detach().requires_grad
        False
        """
        result = wrap(self._shareable(), None)
        register_detached(result, self)
        return result

    def backward(
        self,
        gradient: Any = None,
        retain_graph: bool = False,
        create_graph: bool = False,
        inputs: Tensor | Sequence[Tensor] | None = None,
    ) -> None:
        """Pull the gradient back from here to every leaf (or to `inputs`), and add it to their `.grad`.

        Args:
            gradient: the gradient of the final value with respect to this tensor; 1 for a scalar if not given.
            retain_graph: keep the saved values, so that backward can run again.
            create_graph: record the backward itself, so that its result can be differentiated.
            inputs: of the leaves, only these get their `.grad`; one tensor or several.

        Raises:
            RuntimeError: without a graph, for a non-scalar without `gradient`, on a second run without
                `retain_graph=True`, or when a saved value was overwritten.
        """
        from .tape import backward

        backward(self, gradient, retain_graph or create_graph, create_graph, inputs)

    # in place

    def __setitem__(self, index: Any, value: Any) -> None:
        from .inplace import write_index

        write_index(self, index, value)

    def copy_(self, source: Any) -> Tensor:
        """Overwrite the elements with those of `source`, broadcast to this shape, and return self."""
        self[...] = source
        return self

    # Python's protocols

    def __len__(self) -> int:
        if self.ndim == 0:
            raise TypeError("a 0-d tensor has no length")
        return self.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        if self.ndim == 0:
            raise TypeError("a 0-d tensor cannot be iterated over")
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        if self.size != 1:
            raise ValueError(
                f"the truth of a tensor of shape {self.shape} is ambiguous; use .any() or .all() on it"
            )
        return bool(self._array)

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __complex__(self) -> complex:
        return complex(self.item())

    def __index__(self) -> int:
        if self.dtype.kind not in "iu" or self.ndim:
            raise TypeError(f"only a 0-d integer tensor can be an index, not {self.dtype}{list(self.shape)}")
        return int(self._array)

    __hash__ = object.__hash__

    def __format__(self, specification: str) -> str:
        if self.ndim == 0:
            return format(self.item(), specification)
        try:
            return format(str(self), specification)
        except ValueError:
            raise TypeError(
                f"the format {specification!r} is for one number, and this tensor has shape {self.shape}; format its "
                "elements one by one, or set np.set_printoptions(precision=...)"
            ) from None

    def __repr__(self) -> str:
        text = np.array2string(np.asarray(self._array), separator=", ", prefix="tensor(")
        if self._node is not None:
            state = ", requires_grad=True" if self._node.op is None else f", op={self._node.op.name}"
        else:
            state = ""
        return f"tensor({text}, dtype={self.dtype}{state})"

    def __contains__(self, value: Any) -> bool:
        return bool(np.any(np.asarray(self._array) == (value._array if isinstance(value, Tensor) else value)))

    def __divmod__(self, other: Any) -> tuple[Tensor, Tensor]:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> tuple[Tensor, Tensor]:
        return other // self, other % self

    def __round__(self, decimals: int = 0) -> Tensor:
        return self.round(decimals)

    def __copy__(self) -> Tensor:
        return self.copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if not self.is_leaf:
            raise RuntimeError("only leaves can be deep-copied: this tensor has a graph; use .detach() first")
        twin = type(self).__new__(type(self))
        twin._fill(np.array(self._array, copy=True), self.name)
        memo[id(self)] = twin
        if hasattr(self, "__dict__"):  # of a subclass
            twin.__dict__.update(copy.deepcopy(self.__dict__, memo))
        if self._grad is not None:
            twin._grad = self._grad.detach().copy() if isinstance(self._grad, Tensor) else self._grad.copy()
        return twin.requires_grad_() if self._node is not None else twin

    def __reduce__(self) -> tuple[Any, ...]:
        if not self.is_leaf:
            raise RuntimeError("only leaves can be pickled: this tensor has a graph; use .detach() first")
        state = getattr(self, "__dict__", None)  # of a subclass
        return _rebuild, (type(self), np.asarray(self._array), self.requires_grad, self.name), state or None

    # NumPy's protocols

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self._readable("given to NumPy"), dtype=dtype, copy=copy)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        from .numpy_protocol import apply_ufunc

        return apply_ufunc(ufunc, method, inputs, kwargs)

    def __array_namespace__(self, /, *, api_version: str | None = None) -> Any:
        """The namespace of the array API standard that works on tensors: `pullback`."""
        from .dtypes import namespace

        return namespace(api_version)

    def __dlpack__(
        self,
        /,
        *,
        stream: Any = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[Any, int] | None = None,
        copy: bool | None = None,
    ) -> Any:
        array: Any = self._readable("exported by DLPack")
        return array.__dlpack__(stream=stream, max_version=max_version, dl_device=dl_device, copy=copy)

    def __dlpack_device__(self, /) -> tuple[Any, int]:
        return np.asarray(self._array).__dlpack_device__()

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        from .numpy_protocol import apply_function

        return apply_function(function, args, kwargs)

    def _refuse_lost_graph(self, how: str) -> None:
        name = recorded_backward.get()
        if name is not None and self._node is not None:
            raise RuntimeError(
                f"{name}.backward reads a tracked value by {how} while it is itself recorded, so the next derivative "
                "would miss it; write backward in operations on tensors, or mark it with @pb.once_differentiable"
            )

    def _readable(self, what: str) -> np.ndarray:
        if self._node is not None:
            raise RuntimeError(
                f"a tensor that requires gradients cannot be {what}: its graph would be lost without notice; "
                "use .detach() (or .detach().numpy()) to say that you mean it"
            )
        return np.asarray(self._array)

    def _shareable(self) -> np.ndarray:
        """The data as an array in memory, which a NumPy scalar does not have."""
        if type(self._array) is not np.ndarray:
            self._array = np.asarray(self._array)
        return self._array

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if name not in METHODS]


for _name, _instead in METHODS.items():
    setattr(Tensor, _name, Elsewhere(_name, _instead))


def wrap(data: Any, node: Node | None) -> Tensor:
    """A tensor around an array, without copying it."""
    result = Tensor.__new__(Tensor)
    result._array = data
    result._node = node
    result._grad = result._seal = result._storage = result._view = result.name = None
    return result


def _rebuild(cls: type[Tensor], data: np.ndarray, requires_grad: bool, name: str | None) -> Tensor:
    result = cls.__new__(cls)
    result._fill(data, name)
    return result.requires_grad_() if requires_grad else result
