"""How a `Function` becomes an operation: its forward on the call path, its backward as one joint pull.

The node of a Function's application holds, in place of values by name, one tuple of what `ctx.save` was
given, with a seal for each; backward frees it like every saved value.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .bundle import Bundle, bundle_of
from .convert import to_array
from .gate import BLOCK
from .mode import ModeContext, current_mode, recorded_backward
from .node import Freed, Node
from .op import UnlistedOp
from .outputs import PICK, picked
from .storage import Seal, SealGroup, sealed
from .tape import project
from .tensor import Tensor, wrap


class Kept(NamedTuple):
    """A value that `ctx.save` was given."""

    value: Any
    origin: str
    """"input" or "output", of that place, "constant" for a plain argument, or "made" for what is none of these."""
    place: int
    form: type  # as it was given, it is given back: Tensor, np.ndarray, or object for anything else


class FunctionOp(UnlistedOp):
    """The operation of one Function."""

    def __init__(self, function: Any) -> None:
        super().__init__(
            _forward,
            "*tensors",
            {"tensors": lambda g: g},  # there is one; `_pull` takes its place
            name=function.__name__,
            gate=function.gate,
            doc=function.__doc__ or f"The Function {function.__name__}.",
            symbol=function.symbol,
            module=function.__module__,
        )
        self.saved_names = ("kept",)
        self.pull = _pull

    def input_name(self, node: Node, place: int) -> str:
        """The name that forward has for it."""
        application: Application = node.parameters[0]
        return application.name_of(place)

    def kept(self, node: Node) -> list[tuple[str, Any]]:
        """What `ctx.save` was given; nothing yet while forward is being announced."""
        return [("ctx.save", tuple(entry.value for entry in kept)) for kept in node.saved]

    def sealed_values(self, node: Node) -> list[tuple[str, Node | None]]:
        """The first value of `ctx.save` that was overwritten; all of them have one seal."""
        if isinstance(node.saved, Freed):
            return [("a value that it saved", None)]
        (application,), (kept,), (group,) = node.parameters, node.saved, node.seals
        broken = next(i for i, seal in enumerate(group) if seal is not None and seal.broken_at)  # type: ignore[arg-type]  # a group of seals
        index = kept[broken].place
        if kept[broken].origin == "input":
            return [(f"its input {application.name_of(index)!r}", node.parents[index])]
        return [("its result" if kept[broken].origin == "output" else "a value that it saved", None)]


class Application:
    """One call of a Function: what goes to its forward, and what its backward has to know."""

    __slots__ = (
        "args", "attributes", "constants", "context", "count", "ctx", "function", "given", "kinds", "made", "positions",
        "several", "shapes",
    )  # fmt: skip

    def __init__(self, function: Any, context: Any, args: tuple[Any, ...]) -> None:
        self.function = function
        self.context = context
        self.count = len(args)
        self.kinds = tuple(map(type, args))
        self.positions = tuple(i for i, x in enumerate(args) if isinstance(x, Tensor))
        self.constants = tuple(x for x in args if not isinstance(x, Tensor))
        self.attributes: dict[str, Any] = {}  # what is set on ctx
        self.several = False
        self.shapes: tuple[tuple[tuple[int, ...], Any], ...] = ()  # and dtypes, of the outputs
        # until `finish` only: the tape keeps nothing but what was saved
        self.args: tuple[Any, ...] = args
        self.given: list[Any] = []
        self.made: tuple[Any, ...] = ()
        self.ctx: Any = None

    def __repr__(self) -> str:
        return f"{self.function.__name__}(...)"

    def name_of(self, tensor: int) -> str:
        """The name that forward has for one of the tensors among its arguments."""
        position = self.positions[tensor]
        names = list(inspect.signature(self.function.forward).parameters.values())[1:]
        if position < len(names) and names[position].kind is not inspect.Parameter.VAR_POSITIONAL:
            return names[position].name
        return f"argument {position}"

    def arguments(self, tensors: Sequence[Any]) -> list[Any]:
        """The arguments of the call, with these in the places of its tensors."""
        given, constants = dict(zip(self.positions, tensors, strict=True)), iter(self.constants)
        return [given[i] if i in given else next(constants) for i in range(self.count)]

    def run(self, tensors: Sequence[Any]) -> Any:
        """Run forward unrecorded; its outputs as arrays that share memory with no input."""
        self.given = list(self.args)
        for position, data in zip(self.positions, tensors, strict=True):
            self.given[position] = _protected(np.asarray(data), None)
        recording = current_mode().grad
        needs = tuple(recording and isinstance(x, Tensor) and x.requires_grad for x in self.args)
        self.ctx = self.context(needs, self.attributes)
        with ModeContext(lambda mode: mode.changed(grad=False, observers=())):
            made = self.function.forward(self.ctx, *self.given)
        self.several = isinstance(made, (tuple, list))
        self.made = tuple(made) if self.several else (made,)
        if not self.made:
            raise TypeError(f"{self.function.__name__}.forward returned an empty tuple: it has no output")
        arrays: list[Any] = []
        for value in self.made:
            data = value._array if isinstance(value, Tensor) else self._numeric(value)
            data = data[()] if np.ndim(data) == 0 else data
            shared = any(np.may_share_memory(data, other) for other in (*tensors, *arrays))
            arrays.append(np.array(data) if shared and type(data) is np.ndarray else data)
        self.shapes = tuple((data.shape, data.dtype) for data in arrays)
        return bundle_of(arrays) if self.several else arrays[0]

    def _numeric(self, value: Any) -> Any:
        if value is None:
            raise TypeError(f"{self.function.__name__}.forward returned None; it must return its output")
        return to_array(value)[()]

    def finish(self, result: Tensor, args: tuple[Any, ...]) -> Any:
        """The outputs as Tensors; on the node what `ctx.save` was given, sealed."""
        count = len(self.made)
        node = result._node
        if node is not None and self.several:  # now it is known what it has, and how many
            node.shape, node.dtype = zip(*self.shapes, strict=True)
        outputs = tuple(PICK.call(result, index=i) for i in range(count)) if self.several else (result,)
        if node is not None:
            kept, seals = [], []
            for value in self.ctx._saved:
                entry, seal = self._recognised(value, args, outputs)
                kept.append(entry)
                seals.append(seal)
            node.saved = (tuple(kept),)
            node.seals = (SealGroup(seals),)
        self.args, self.given, self.made, self.ctx = (), [], (), None
        return outputs if self.several else result

    def _recognised(
        self, value: Any, args: tuple[Any, ...], outputs: tuple[Tensor, ...]
    ) -> tuple[Kept, Seal | None]:
        """Which input or output a saved value is, and the seal of the memory that it lies in."""
        data = value._array if isinstance(value, Tensor) else value
        form = next((kind for kind in (Tensor, np.ndarray) if isinstance(value, kind)), object)
        inputs = [args[position] for position in self.positions]
        for i, x in enumerate(inputs):
            given = self.given[self.positions[i]]
            if value is given or _same(data, given._array):
                return Kept(x._array, "input", i, form), sealed(x)
        for i, output in enumerate(outputs):
            if value is self.made[i] or _same(data, output._array):
                return Kept(output._array, "output", i, form), sealed(output)
        if any(value is constant for constant in self.constants):
            return Kept(data, "constant", -1, form), None
        seal = sealed(value) if isinstance(value, Tensor) else None
        for tensor in (*inputs, *outputs):  # a part of one of them
            if type(data) is np.ndarray and np.may_share_memory(data, tensor._array):
                seal = sealed(tensor)
        return Kept(data, "made", -1, form), seal


def _forward(tensors: Any, /, application: Application) -> Any:
    return application.run(tensors)


def _pull(node: Node, parents: tuple[Node | None, ...], saved: Any, g: Any) -> tuple[Any, ...]:
    """Call the Function's backward once, for all inputs; under `create_graph` on tensors of the tape."""
    (application,), (kept,) = node.parameters, saved
    function = application.function
    recorded = current_mode().grad
    once = getattr(function.backward, "_once_differentiable", False)
    gradients = [_upstream(part, *how) for part, how in zip(_parts(g), application.shapes, strict=True)]
    sources = gradients if recorded and not once else [wrap(x._array, None) for x in gradients]
    gs = [_protected(x._array, x._node) for x in sources]
    values: tuple[Any, ...] | None = tuple(
        _given_back(entry, node, seal, recorded and not once)
        for entry, seal in zip(kept, node.seals[0], strict=True)  # type: ignore[arg-type]  # a group of seals
    )
    if recorded and not once and any(entry.origin == "made" and _floating(entry.value) for entry in kept):
        values = None
    needs = [False] * application.count
    for position, parent in zip(application.positions, parents, strict=True):
        needs[position] = parent is not None
    constants = application.constants if recorded and not once else None
    ctx = application.context(tuple(needs), application.attributes, values, constants)
    token = recorded_backward.set(function.__name__ if recorded and not once else None)
    try:
        with ModeContext(lambda mode: mode.changed(grad=recorded and not once)):
            found = function.backward(ctx, *gs)
    finally:
        recorded_backward.reset(token)
    results = _checked(application, found)
    if recorded:
        tracked = [x for x in gradients if x._node is not None]
        if once:
            tracked += [wrap(np.float32(0), parent) for parent in node.parents if parent is not None]
            results = [None if x is None else barrier.call(tracked, x, function.__name__) for x in results]
        else:
            for x in results:
                _refuse_lost(function.__name__, x, bool(tracked), values)
    return tuple(
        None if parent is None else project(_raw(x, recorded), parent, node.op, application.name_of(i))
        for i, (x, parent) in enumerate(zip(results, parents, strict=True))
    )


def _parts(g: Any) -> tuple[Any, ...]:
    return g.parts if isinstance(g, Bundle) else (g,)


def _upstream(part: Any, shape: tuple[int, ...], dtype: Any) -> Tensor:
    """The gradient of one output; zeros where nothing used it."""
    if part is None:
        part = np.zeros(shape, dtype)[()]
    return part if isinstance(part, Tensor) else wrap(part, None)


def _protected(data: Any, node: Node | None) -> Tensor:
    """A handle through which nobody can write: the memory belongs to others."""
    if type(data) is np.ndarray:
        data = data.view()
        data.flags.writeable = False
    return wrap(data, node)


def _given_back(entry: Kept, node: Node, seal: Seal | None, recorded: bool) -> Any:
    """A saved value for backward; what is an input or output is on the tape again if that is recorded."""
    if entry.form is object:
        return entry.value  # None, a number, a shape
    if not recorded or entry.origin in ("constant", "made"):
        handle = _protected(entry.value, None)
        return handle if entry.form is Tensor else handle._array
    if entry.origin == "input":
        tensor = _protected(entry.value, node.parents[entry.place])
    elif node.parameters[0].several:
        tensor = _protected(entry.value, picked(node, entry.place, entry.value))
    else:
        tensor = _protected(entry.value, node)
    tensor._seal = seal
    return tensor


def _checked(application: Application, found: Any) -> list[Any]:
    """What backward returned for the tensors, after checking how many there are and what they are."""
    name = application.function.__name__
    results = list(found) if isinstance(found, (tuple, list)) else [found]
    count = application.count
    if len(results) > count and all(x is None for x in results[count:]):
        results = results[:count]
    if len(results) != count:
        raise RuntimeError(
            f"{name}.backward returned {len(results)} gradient{'s' * (len(results) != 1)}, and forward took "
            f"{count} argument{'s' * (count != 1)}; return one for each, None for what has none"
        )
    for position, x in enumerate(results):
        kind = application.kinds[position]
        if x is not None and not issubclass(kind, (Tensor, np.ndarray, np.generic, int, float, complex)):
            raise RuntimeError(
                f"{name}.backward returned a gradient for argument {position}, which is a {kind.__name__}; return None "
                "there"
            )
        if x is not None and not isinstance(x, (Tensor, np.ndarray, np.generic, int, float, complex)):
            raise TypeError(
                f"{name}.backward returned a {type(x).__name__} for argument {position}; gradients are Tensors, "
                "arrays or None"
            )
    return [results[position] for position in application.positions]


def _refuse_lost(name: str, result: Any, tracked: bool, saved: tuple[Any, ...] | None) -> None:
    """A gradient that has left the tape would count as a constant: refuse, unless it is zero."""
    depends = tracked or (
        not isinstance(result, Tensor) and any(isinstance(x, Tensor) and x.requires_grad for x in saved or ())
    )
    if result is None or not depends or (isinstance(result, Tensor) and result.requires_grad):
        return
    if np.any(np.asarray(result._array if isinstance(result, Tensor) else result)):
        raise RuntimeError(
            f"{name}.backward returned a gradient without a graph, so a second derivative would be wrong; write it "
            "in operations on tensors, or mark it with @once_differentiable"
        )


def _raw(x: Any, recorded: bool) -> Any:
    if x is None:
        return None
    if isinstance(x, Tensor):
        return x if recorded else x._array
    array = to_array(x)[()]
    return wrap(array, None) if recorded else array


def _same(data: Any, other: Any) -> bool:
    """Whether two arrays are one and the same piece of memory, read in the same way."""
    if type(data) is not np.ndarray or type(other) is not np.ndarray or not data.size:
        return False
    return (
        data.ctypes.data == other.ctypes.data
        and data.shape == other.shape
        and data.strides == other.strides
        and data.dtype == other.dtype
    )


def _floating(value: Any) -> bool:
    return isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "fc"


def refuse_hidden(name: str, args: tuple[Any, ...]) -> None:
    """Raise if a tracked Tensor lies inside a list, tuple or dict among the arguments."""
    for position, argument in enumerate(args):
        inside = argument.values() if isinstance(argument, dict) else argument
        if isinstance(argument, (list, tuple, dict)) and any(
            isinstance(x, Tensor) and x.requires_grad for x in inside
        ):
            raise TypeError(
                f"{name}.apply: argument {position} is a {type(argument).__name__} with a tensor that requires "
                "gradients in it, which would get none; pass tensors as arguments of their own"
            )


def _refuse_twice(g: Any, name: str) -> Any:
    raise RuntimeError(
        f"{name}.backward is marked once_differentiable, so it has no second derivative; write it in operations on "
        "tensors and take the mark away"
    )


barrier = UnlistedOp(
    lambda tensors, /, value, name: np.array(value._array if isinstance(value, Tensor) else value)[()],
    "*tensors",
    {"tensors": _refuse_twice},
    name="once_differentiable",
    gate=BLOCK,
    doc="A value that depends on tensors in a way that cannot be differentiated.",
)
