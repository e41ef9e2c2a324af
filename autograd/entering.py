"""How the transforms enter a function, with its arguments as new values on the tape, and read gradients out.

What they share: arguments and results that are trees (`pytree.py`), tangents and gradients that must fit them,
and the question whether an outer derivative may be wanted, so that the work has to be recorded.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from .batched import dressed, levels_of, lifted
from .convert import PYTHON_SCALARS, asarray
from .creation import zeros
from .mode import current_mode
from .pytree import Swap, Tree, flatten, swapped
from .tape import collect, gradients
from .tensor import Tensor

Argnums = int | Sequence[int]


class Inputs:
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
def entered(args: Sequence[Any], argnums: Argnums | None) -> Iterator[tuple[tuple[Any, ...], Inputs]]:
    """The arguments, with the chosen ones as new values on the tape; modules have them while this lasts.

    Each of the chosen must hold floating numbers; with `argnums` None all are chosen, and one of them must.
    """
    wanted = range(len(args)) if argnums is None else [argnums] if isinstance(argnums, int) else list(argnums)
    new = list(args)
    swaps: list[Swap] = []
    trees: list[Tree] = []
    places: list[Tensor | None] = []
    for place, i in enumerate(wanted):
        if not -len(args) <= i < len(args):
            raise TypeError(
                f"argument {i} is to be differentiated, and only {len(args)} positional ones were given"
            )
        if args and i % len(args) in {j % len(args) for j in wanted[:place]}:
            raise ValueError(f"argument {i} is named twice in argnums {argnums}; name it once")
        leaves, tree = flatten(args[i])
        tensors = [_fresh(leaf) for leaf in leaves]
        if argnums is not None and not any(isinstance(x, Tensor) for x in tensors):
            raise _no_floats(f"argument {i}")
        new[i] = tree.build(
            (leaf if x is None else x for leaf, x in zip(leaves, tensors, strict=True)), swaps
        )
        trees.append(tree)
        places += tensors
    if not any(isinstance(x, Tensor) for x in places):
        raise _no_floats("the function")
    with swapped(swaps, dressed):
        yield tuple(new), Inputs(trees, places, isinstance(argnums, int))


def _no_floats(what: str) -> TypeError:
    return TypeError(
        f"{what} is to be differentiated and holds or takes no floating numbers, which alone have gradients; convert "
        "its values first, for example pb.tensor(data, dtype='float32')"
    )


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
        return lifted(x.copy(), current_mode().levels or ())
    return lifted(x.detach().copy(), current_mode().levels or ()).requires_grad_()


def parted(result: Any, has_aux: bool) -> tuple[Any, Any]:
    """What a function gave, as its value and what it only hands on."""
    if not has_aux:
        return result, None
    if not isinstance(result, tuple) or len(result) != 2:
        raise TypeError(
            f"with has_aux=True the function must return a pair (value, aux), not {type(result).__name__}"
        )
    return result


def check_function(function: Any, by: str) -> None:
    """Refuse a result, which PyTorch's `autograd.grad` takes, where a function is wanted."""
    if not callable(function):
        raise TypeError(
            f"{by} takes a function and makes another one of it, and a {type(function).__name__} was given; "
            "the gradients of a result that has been computed are pb.gradients(result, inputs)"
        )


def check_scalar(value: Any) -> None:
    """Refuse what is no real scalar Tensor."""
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


def tensors_of(out: Any) -> tuple[list[Tensor], Tree]:
    """The tensors of a result, and its structure."""
    leaves, tree = flatten(out)
    for leaf in leaves:
        if not isinstance(leaf, Tensor):
            raise TypeError(
                f"the function must return a Tensor, or a tree of Tensors, to be differentiated, and it gave "
                f"{type(leaf).__name__}; has_aux=True hands on other results"
            )
    return leaves, tree


def as_tuples(primals: Any, tangents: Any) -> tuple[tuple[Any, ...], tuple[Any, ...], bool]:
    """Primals and tangents as tuples, and whether they were one argument instead."""
    if not isinstance(primals, tuple) or hasattr(primals, "_fields"):
        return (primals,), (tangents,), True
    if not isinstance(tangents, (tuple, list)):
        raise TypeError(f"the tangents must be a tuple, as the primals are, not {type(tangents).__name__}")
    return primals, tuple(tangents), False


def gradients_like(tree: Tree, outputs: Sequence[Tensor], given: Any, what: str) -> list[Tensor]:
    """Gradients in the structure of the outputs, one per tensor, checked; `what` names them in errors."""
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


def detached(tree: Any) -> Any:
    """A tree with its tensors without their graph."""
    leaves, structure = flatten(tree)
    if structure.keys is None and not isinstance(tree, Tensor):
        return tree
    return structure.build([x.detach() if isinstance(x, Tensor) else x for x in leaves], [])


def depends_on_others(outputs: Sequence[Tensor], ours: Sequence[Tensor]) -> bool:
    """Whether outputs lead to leaves that are not ours, so that an outer derivative may be wanted."""
    own = {x._node for x in ours}
    roots = [y._node for y in outputs if y._node is not None]
    return any(node.is_leaf and node not in own for node in collect(roots))


def pulled(
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


def forward_mode(
    outputs: Sequence[Tensor], inputs: Sequence[Tensor]
) -> Callable[[Sequence[Any], bool], list[Tensor]]:
    """J·u as a function of u: the vector–Jacobian product, linear in its vector, pulled back itself."""
    vectors = [_vector_like(y) for y in outputs]
    found = pulled(outputs, inputs, vectors, True)

    def push(tangents: Sequence[Any], recorded: bool) -> list[Tensor]:
        return pulled(found, vectors, tangents, recorded)

    return push


def _vector_like(y: Tensor) -> Tensor:
    return lifted(zeros(y.shape, dtype=y.dtype), levels_of(y)).requires_grad_(y.requires_grad)
