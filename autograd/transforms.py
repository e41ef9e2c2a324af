"""Functions of functions: derivatives of a function, as functions again.

They nest, and they may be applied to functions that close over tracked tensors: what an outer derivative may
want is recorded. The arguments that are differentiated may be trees (`pytree.py`).

Forward mode (`jvp`, `jacobian` of few inputs) is derived from the reverse rules: the vector–Jacobian product
Jᵀ·v is linear in v, so its own vector–Jacobian product is J·u. It costs about two backward passes, needs no
second set of rules, and is exact wherever second derivatives are.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from .batched import dressed, levels_of, lifted
from .convert import PYTHON_SCALARS, asarray
from .creation import zeros
from .mode import current_mode, enable_grad
from .pytree import Swap, Tree, flatten, swapped
from .tape import collect, gradients
from .tensor import Tensor

Argnums = int | Sequence[int]


def value_and_grad(
    function: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False
) -> Callable[..., tuple[Any, Any]]:
    """A function that gives the value of `function`, a scalar, and its gradient.

    The gradient has the structure of the arguments that it belongs to. Where an argument is a tree (dict, list,
    tuple, named tuple, dataclass), so is its gradient, with None at leaves that are not floating numbers;
    a module stands for its parameters that require gradients, and its gradient is a dict by their names.

    Args:
        function: takes tensors (or arrays or numbers) and returns a real scalar Tensor.
        argnums: which positional arguments to differentiate in; a tuple of gradients for a tuple.
        has_aux: whether `function` returns a pair, the scalar and something else that is handed on.

    Returns:
        A function of the same arguments. It gives (value, gradient), or ((value, aux), gradient) with
        `has_aux`. The results carry a graph only if they depend on tracked tensors and recording is on; call it
        under `no_grad()` where none is wanted.

    Raises:
        TypeError: when called, if the value is no real scalar Tensor, if an argument that is to be
            differentiated is missing, or if it holds no floating numbers.

    >>> import pullback as pb
    >>> pb.value_and_grad(lambda x, y: x**2 * y, argnums=(0, 1))(3.0, 2.0)
    (tensor(18., dtype=float32), (tensor(12., dtype=float32), tensor(9., dtype=float32)))
    >>> pb.value_and_grad(lambda p: p["a"] * p["b"])({"a": 3.0, "b": 2.0})[1]
    {'a': tensor(2., dtype=float32), 'b': tensor(3., dtype=float32)}
    """

    @functools.wraps(function)
    def with_gradient(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        outer = current_mode().grad
        with enable_grad():
            with _entered(args, argnums) as (args, inputs):
                value, aux = _parted(function(*args, **kwargs), has_aux)
            _check_scalar(value)
            recorded = outer and _depends_on_others([value], inputs.tensors)
            found = inputs.shaped(_pulled([value], inputs.tensors, [None], recorded))
        if not recorded:
            value, aux = value.detach(), _detached(aux)
        return ((value, aux) if has_aux else value), found

    return with_gradient


def grad(function: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """The gradient of a scalar function, as a function of the same arguments. It nests: `grad(grad(f))`.

    See `value_and_grad` for the arguments and for trees. With `has_aux` it gives (gradient, aux).

    >>> import pullback as pb
    >>> pb.grad(pb.grad(lambda x: x**3))(2.0)
    tensor(12., dtype=float32)
    """
    both = value_and_grad(function, argnums, has_aux)

    @functools.wraps(function)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        value, found = both(*args, **kwargs)
        return (found, value[1]) if has_aux else found

    return gradient


def elementwise_grad(function: Callable[..., Tensor], argnums: Argnums = 0) -> Callable[..., Any]:
    """The slope of a function that works on each element, at each element: dyᵢ/dxᵢ.

    It is one backward of Σ y, which is the slope only if yᵢ depends on no other element than xᵢ; that is for
    the caller to know.

    Args:
        function: takes arrays and returns a Tensor of the shape of those that are differentiated.
        argnums: as in `value_and_grad`.

    Raises:
        ValueError: when called, if the result has another shape than the argument, so that it cannot work on
            each element by itself.

    >>> import pullback as pb
    >>> pb.elementwise_grad(pb.square)([1.0, 2.0, 3.0])
    tensor([2., 4., 6.], dtype=float32)
    """

    @functools.wraps(function)
    def slope(*args: Any, **kwargs: Any) -> Any:
        outer = current_mode().grad
        with enable_grad():
            with _entered(args, argnums) as (args, inputs):
                (y,), _ = _tensors(function(*args, **kwargs))
            for x in inputs.tensors:
                if x.shape != y.shape:
                    raise ValueError(
                        f"the function gave shape {y.shape} for an argument of shape {x.shape}, so it does not "
                        "work on each element by itself; use jacobian(f)"
                    )
            recorded = outer and _depends_on_others([y], inputs.tensors)
            return inputs.shaped(_pulled([y], inputs.tensors, [np.ones(y.shape, y.dtype)], recorded))

    return slope


def vjp(function: Callable[..., Any], *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """The value of a function, and the map that pulls a gradient of the value back: g ↦ Jᵀ·g.

    Args:
        function: takes tensors or trees of them, and returns a Tensor or a tree of them.
        *primals: the arguments, all of which are differentiated.
        has_aux: whether `function` returns a pair, its value and something else that is handed on.

    Returns:
        (out, pull), or (out, pull, aux). `pull(g)`, with g of the structure and shapes of out, gives a tuple
        with the gradient of each primal. It can be called any number of times, and differentiated.

    Raises:
        TypeError: if the value is no tree of Tensors, or a primal has no floating numbers.

    >>> import pullback as pb
    >>> out, pull = pb.vjp(lambda x, y: x * y, [1.0, 2.0], [3.0, 4.0])
    >>> pull([1.0, 10.0])
    (tensor([ 3., 40.], dtype=float32), tensor([ 1., 20.], dtype=float32))
    """
    outer = current_mode().grad
    with enable_grad():
        with _entered(primals, range(len(primals))) as (args, inputs):
            out, aux = _parted(function(*args), has_aux)
        outputs, tree = _tensors(out)
    others = _depends_on_others(outputs, inputs.tensors)

    def pull(gradient: Any) -> tuple[Any, ...]:
        """Pull a gradient of the value back to the primals."""
        given = _gradients_like(tree, outputs, gradient, "the gradients that are pulled back")
        recorded = current_mode().grad and (others or any(g.requires_grad for g in given))
        with enable_grad():
            pulled: tuple[Any, ...] = inputs.shaped(_pulled(outputs, inputs.tensors, given, recorded))
        return pulled

    if not (outer and others):
        out, aux = _detached(out), _detached(aux)
    return (out, pull, aux) if has_aux else (out, pull)


def jvp(function: Callable[..., Any], primals: Any, tangents: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """The value of a function, and how it changes along tangents of its arguments: J·u, forward mode.

    It is derived from the reverse rules: J·u is the vector–Jacobian product of v ↦ Jᵀ·v.

    Args:
        function: takes tensors or trees of them, and returns a Tensor or a tree of them.
        primals: a tuple of the arguments; what is no tuple is the only argument.
        tangents: of the structure and shapes of the primals.
        has_aux: whether `function` returns a pair, its value and something else that is handed on.

    Returns:
        (out, tangent), or (out, tangent, aux); the tangent has the structure, shapes and dtypes of out.

    >>> import pullback as pb
    >>> pb.jvp(lambda x, y: x * y, (3.0, 2.0), (1.0, 10.0))
    (tensor(6., dtype=float32), tensor(32., dtype=float32))
    """
    outer = current_mode().grad
    arguments, directions, _ = _as_tuples(primals, tangents)
    with enable_grad():
        with _entered(arguments, range(len(arguments))) as (args, inputs):
            out, aux = _parted(function(*args), has_aux)
        outputs, tree = _tensors(out)
        given = inputs.tangents(directions)
        push = _forward(outputs, inputs.tensors)
        recorded = outer and (
            _depends_on_others(outputs, inputs.tensors) or any(u.requires_grad for u in given)
        )
        tangent = tree.build(push(given, recorded))
    if not recorded:
        out, aux = _detached(out), _detached(aux)
    return (out, tangent, aux) if has_aux else (out, tangent)


def hvp(function: Callable[..., Tensor], primals: Any, tangents: Any) -> Any:
    """The Hessian of a scalar function times a vector, H·u, without the Hessian: backward through backward.

    Args:
        function: takes tensors or trees of them, and returns a real scalar Tensor.
        primals: a tuple of the arguments; what is no tuple is the only argument.
        tangents: of the structure and shapes of the primals.

    Returns:
        Of the structure of the primals.

    >>> import pullback as pb
    >>> pb.hvp(lambda v: (v**3).sum(), [1.0, 2.0], [1.0, 10.0])
    tensor([  6., 120.], dtype=float32)
    """
    outer = current_mode().grad
    arguments, directions, single = _as_tuples(primals, tangents)
    with enable_grad():
        with _entered(arguments, range(len(arguments))) as (args, inputs):
            value = function(*args)
        _check_scalar(value)
        given = inputs.tangents(directions)
        recorded = outer and (
            _depends_on_others([value], inputs.tensors) or any(u.requires_grad for u in given)
        )
        slopes = _pulled([value], inputs.tensors, [None], True)
        product = inputs.shaped(_pulled(slopes, inputs.tensors, given, recorded))
    return product[0] if single else product


def jacobian(
    function: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False, mode: str = "auto"
) -> Callable[..., Any]:
    """The Jacobian ∂y/∂x of a function y of tensors, of shape y.shape + x.shape.

    Args:
        function: takes tensors or trees of them, and returns a Tensor or a tree of them.
        argnums: which positional arguments to differentiate in; a tuple of Jacobians for a tuple.
        has_aux: whether `function` returns a pair, its value and something else; then so does the Jacobian.
        mode: "reverse" takes a backward pass per element of y, "forward" (see `jvp`) a pass per element of x,
            "auto" whichever are fewer.

    Returns:
        A function of the same arguments. Its result has the structure of y, and in the place of each tensor of
        y that of the arguments.

    Raises:
        ValueError: for another mode.
        TypeError: when called, if the function gives no real tensors.

    >>> import pullback as pb
    >>> f = lambda v: pb.stack([v[0] ** 4 + 3 * v[1] ** 2 * v[0], 5 * v[1] ** 2 - 2 * v[0] * v[1] + 1])
    >>> pb.jacobian(f)([1.0, 2.0])
    tensor([[16., 12.],
            [-4., 18.]], dtype=float32)
    """
    if mode not in ("auto", "reverse", "forward"):
        raise ValueError(f"mode is 'auto', 'reverse' or 'forward', not {mode!r}")

    @functools.wraps(function)
    def full(*args: Any, **kwargs: Any) -> Any:
        outer = current_mode().grad
        with enable_grad():
            with _entered(args, argnums) as (args, inputs):
                out, aux = _parted(function(*args, **kwargs), has_aux)
            outputs, tree = _tensors(out)
            _check_real([*outputs, *inputs.tensors])
            recorded = outer and _depends_on_others(outputs, inputs.tensors)
            rows = sum(y.size for y in outputs) <= sum(x.size for x in inputs.tensors)
            build = _row_by_row if mode == "reverse" or (mode == "auto" and rows) else _column_by_column
            blocks = build(outputs, inputs.tensors, recorded)
            result = tree.build(inputs.shaped(row) for row in blocks)
        return (result, aux if recorded else _detached(aux)) if has_aux else result

    return full


def hessian(function: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """The matrix of second derivatives of a scalar function, of shape x.shape + x.shape: `jacobian(grad(f))`.

    For several arguments and for trees it has their structure twice: where the gradient has a tensor, it has
    the derivatives of that tensor in the structure of the arguments.

    >>> import pullback as pb
    >>> pb.hessian(lambda v: v[0] ** 2 * v[1] + v[1] ** 3)([2.0, 3.0])
    tensor([[ 6.,  4.],
            [ 4., 18.]], dtype=float32)
    """
    return jacobian(grad(function, argnums), argnums)


def _row_by_row(outputs: list[Tensor], inputs: list[Tensor], recorded: bool) -> Iterator[list[Tensor]]:
    """For each output its derivatives in all inputs, by a backward pass per element."""
    from .ops.shape import reshape, stack

    for y in outputs:
        passes = [_pulled([y], inputs, [unit], recorded) for unit in _units(y)]
        yield [
            reshape(stack([row[j] for row in passes]), (*y.shape, *x.shape))
            if passes
            else zeros((*y.shape, *x.shape), dtype=x.dtype)
            for j, x in enumerate(inputs)
        ]


def _column_by_column(outputs: list[Tensor], inputs: list[Tensor], recorded: bool) -> Iterator[list[Tensor]]:
    """The same by a forward pass per element of the inputs."""
    from .ops.shape import reshape, stack

    push = _forward(outputs, inputs)
    still = [np.zeros(x.shape, x.dtype) for x in inputs]
    passes = [
        [push([*still[:j], unit, *still[j + 1 :]], recorded) for unit in _units(x)]
        for j, x in enumerate(inputs)
    ]
    for i, y in enumerate(outputs):
        yield [
            reshape(stack([column[i] for column in passes[j]], axis=-1), (*y.shape, *x.shape))
            if passes[j]
            else zeros((*y.shape, *x.shape), dtype=y.dtype)
            for j, x in enumerate(inputs)
        ]


def _units(x: Tensor) -> list[np.ndarray]:
    """For each element an array of the shape of x that is 1 there and 0 elsewhere."""
    return list(np.eye(x.size, dtype=x.dtype).reshape((x.size, *x.shape)))


def _forward(
    outputs: Sequence[Tensor], inputs: Sequence[Tensor]
) -> Callable[[Sequence[Any], bool], list[Tensor]]:
    """J·u as a function of u: the vector–Jacobian product, linear in its vector, pulled back itself."""
    vectors = [_vector_like(y) for y in outputs]
    found = _pulled(outputs, inputs, vectors, True)

    def push(tangents: Sequence[Any], recorded: bool) -> list[Tensor]:
        return _pulled(found, vectors, tangents, recorded)

    return push


def _vector_like(y: Tensor) -> Tensor:
    return lifted(zeros(y.shape, dtype=y.dtype), levels_of(y)).requires_grad_(y.requires_grad)


class _Inputs:
    """The tensors that are differentiated, and the structure of the arguments that they stand in."""

    def __init__(self, trees: list[Tree], tensors: list[Tensor | None], single: bool) -> None:
        self._trees = trees
        self._places = tensors  # None at a leaf that is not differentiated
        self._single = single
        self.tensors = [x for x in tensors if x is not None]

    def shaped(self, found: Sequence[Any]) -> Any:
        """One value per tensor, in the structure of the arguments."""
        values = iter(found)
        leaves = iter([None if x is None else next(values) for x in self._places])
        results = tuple(tree.build(leaves) for tree in self._trees)
        return results[0] if self._single else results

    def tangents(self, given: Sequence[Any]) -> list[Tensor]:
        """Tangents in the structure of the arguments, one per tensor, checked."""
        if len(given) != len(self._trees):
            raise TypeError(f"{len(self._trees)} primals need as many tangents, not {len(given)}")
        pairs = zip(self._trees, given, strict=True)
        leaves = [leaf for tree, tangent in pairs for leaf in tree.leaves_like(tangent, "the tangents")]
        wanted = [(x, leaf) for x, leaf in zip(self._places, leaves, strict=True) if x is not None]
        return [_fitted(leaf, x, "a tangent") for x, leaf in wanted]


@contextlib.contextmanager
def _entered(args: Sequence[Any], argnums: Argnums) -> Iterator[tuple[tuple[Any, ...], _Inputs]]:
    """The arguments, with the chosen ones as new values on the tape; modules have them while this lasts."""
    wanted = [argnums] if isinstance(argnums, int) else list(argnums)
    entered = list(args)
    swaps: list[Swap] = []
    trees: list[Tree] = []
    places: list[Tensor | None] = []
    for i in wanted:
        if not -len(args) <= i < len(args):
            raise TypeError(
                f"argument {i} is to be differentiated, and only {len(args)} positional ones were given"
            )
        leaves, tree = flatten(args[i])
        tensors = [_fresh(leaf) for leaf in leaves]
        if not any(isinstance(x, Tensor) for x in tensors):
            raise TypeError(
                f"argument {i} is to be differentiated and holds no floating numbers; gradients are those of real "
                "floating numbers: convert it first, for example pb.tensor(data, dtype=pb.float32)"
            )
        entered[i] = tree.build(
            (leaf if x is None else x for leaf, x in zip(leaves, tensors, strict=True)), swaps
        )
        trees.append(tree)
        places += tensors
    with swapped(swaps, dressed):
        yield tuple(entered), _Inputs(trees, places, isinstance(argnums, int))


def _fresh(leaf: Any) -> Tensor | None:
    """A leaf of a tree as a new value on the tape, connected to what it was; None if it is not differentiated.

    Inside vmap it has a batch axis, so that its gradient is one per example.
    """
    if not isinstance(leaf, (Tensor, np.ndarray, np.generic, list, *PYTHON_SCALARS)):
        return None
    x = asarray(leaf)
    if x.dtype.kind not in "fc":
        return None
    if x.requires_grad:
        return lifted(x.copy(), current_mode().levels)
    return lifted(x.detach().copy(), current_mode().levels).requires_grad_()


def _parted(result: Any, has_aux: bool) -> tuple[Any, Any]:
    if not has_aux:
        return result, None
    if not isinstance(result, tuple) or len(result) != 2:
        raise TypeError(
            f"with has_aux=True the function must return a pair (value, aux), not {type(result).__name__}"
        )
    return result


def _check_scalar(value: Any) -> None:
    if isinstance(value, Tensor) and value.ndim == 0 and value.dtype.kind == "f":
        return
    what = (
        f"a {value.dtype} tensor of shape {value.shape}"
        if isinstance(value, Tensor)
        else type(value).__name__
    )
    raise TypeError(
        f"only a function with a real scalar Tensor as its value has a gradient; it gave {what}. Use jacobian, vjp "
        "or elementwise_grad for other shapes, and has_aux=True to hand on other results"
    )


def _check_real(tensors: Sequence[Tensor]) -> None:
    for tensor in tensors:
        if tensor.dtype.kind == "c":
            raise TypeError(
                f"a Jacobian is that of real numbers, and one of the tensors is {tensor.dtype}; take the real and "
                "the imaginary part as functions of their own"
            )


def _tensors(out: Any) -> tuple[list[Tensor], Tree]:
    """The tensors of a result, and its structure."""
    leaves, tree = flatten(out)
    for leaf in leaves:
        if not isinstance(leaf, Tensor):
            raise TypeError(
                f"the function must return a Tensor, or a tree of Tensors, to be differentiated, and it gave "
                f"{type(leaf).__name__}; has_aux=True hands on other results"
            )
    return leaves, tree


def _as_tuples(primals: Any, tangents: Any) -> tuple[tuple[Any, ...], tuple[Any, ...], bool]:
    """Primals and tangents as tuples, and whether they were one argument instead."""
    if not isinstance(primals, tuple) or hasattr(primals, "_fields"):
        return (primals,), (tangents,), True
    if not isinstance(tangents, (tuple, list)):
        raise TypeError(f"the tangents must be a tuple, as the primals are, not {type(tangents).__name__}")
    return primals, tuple(tangents), False


def _gradients_like(tree: Tree, outputs: Sequence[Tensor], given: Any, what: str) -> list[Tensor]:
    return [_fitted(g, y, what) for g, y in zip(tree.leaves_like(given, what), outputs, strict=True)]


def _fitted(given: Any, like: Tensor, what: str) -> Tensor:
    """A tangent or gradient as a tensor of the shape and dtype of what it belongs to."""
    x = asarray(given)
    if x.shape != like.shape:
        raise ValueError(
            f"{what} has shape {x.shape}, and what it belongs to has {like.shape}; they must be equal"
        )
    if x.dtype.kind == "c" and like.dtype.kind != "c":
        raise TypeError(f"{what} of a {like.dtype} tensor cannot be {x.dtype}")
    return x if x.dtype == like.dtype else x.astype(like.dtype)


def _detached(tree: Any) -> Any:
    leaves, structure = flatten(tree)
    if structure.keys is None and not isinstance(tree, Tensor):
        return tree
    return structure.build([x.detach() if isinstance(x, Tensor) else x for x in leaves], [])


def _depends_on_others(outputs: Sequence[Tensor], ours: Sequence[Tensor]) -> bool:
    """Whether outputs lead to leaves that are not ours, so that an outer derivative may be wanted."""
    own = {x._node for x in ours}
    roots = [y._node for y in outputs if y._node is not None]
    return any(node.is_leaf and node not in own for node in collect(roots))


def _pulled(
    outputs: Sequence[Tensor], inputs: Sequence[Tensor], given: Sequence[Any], recorded: bool
) -> list[Tensor]:
    """Gradients that an outer transform can differentiate; zeros where no output depends on an input."""
    pairs = [(y, g) for y, g in zip(outputs, given, strict=True) if y.requires_grad]
    found: Sequence[Tensor | None] = [None] * len(inputs)
    tracked = [i for i, x in enumerate(inputs) if x.requires_grad]
    if pairs and tracked:
        ys, gs = [y for y, _ in pairs], [g for _, g in pairs]
        some = gradients(
            ys, [inputs[i] for i in tracked], gs, retain_graph=True, create_graph=recorded, allow_unused=True
        )
        by_place = dict(zip(tracked, some, strict=True))
        found = [by_place.get(i) for i in range(len(inputs))]
    return [
        zeros(x.shape, dtype=x.dtype) if part is None else part for x, part in zip(inputs, found, strict=True)
    ]
