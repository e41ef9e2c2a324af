"""vmap: a function of one example, run on a whole batch at once."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from .batched import ESCAPED, BatchedTensor, batched, levels_of, next_level
from .convert import PYTHON_SCALARS, asarray
from .family import spread
from .mode import ModeContext, current_mode
from .ops.shape import moveaxis
from .pytree import Tree, flatten, is_module
from .tensor import Tensor


def vmap(function: Callable[..., Any], in_axes: Any = 0, out_axes: Any = 0) -> Callable[..., Any]:
    """A function of one example as a function of a batch of them, without a loop over the batch.

    Inside `function` the tensors have the shapes of one example, and every operation works on all of them at once.
    It composes with the other transforms: `vmap(grad(f))` gives a gradient per example, and `grad`, `jacobian`,
    `jvp` and `vmap` itself may be applied to the result.

    Args:
        function: takes tensors, or trees of them, and returns a Tensor or a tree of them.
        in_axes: which axis counts the examples: an integer for all arguments, or a tuple with an entry per
            argument, which is an integer, None for an argument that is the same for all examples (modules are),
            or a container of them like the argument. Keyword arguments are the same for all examples.
        out_axes: where that axis goes in the results: an integer, or a container like the result. None for a
            result that is the same for all examples.

    Returns:
        A function of the same arguments with that axis.

    Operations that belong to a family (elementwise, reductions, along an axis), products, moving, joining,
    indexing and the kernels of `nn` compute the whole batch at once. Those in the list `docs/vmap.md` are called
    once per example, as is one of your own without `batch=`. Random numbers are drawn once and are the same for
    all examples; draw them outside, with a batch axis, for different ones. Writes in place go into the whole
    batch; one of a value that differs between examples into a tensor that does not is refused.

    Raises:
        ValueError: when called, for batches of different lengths, for an axis that an argument has not, or if
            there is no axis at all.
        TypeError: for in_axes or out_axes that do not fit, and for results that are no arrays.
        RuntimeError: when the function reads values (`if`, `item()`, boolean masks, results whose shape depends
            on them), which belong to all examples at once.

    >>> import pullback as pb
    >>> per_example = pb.vmap(pb.grad(lambda w, x: (w * x).sum() ** 2), in_axes=(None, 0))
    >>> per_example([1.0, 1.0], [[1.0, 0.0], [1.0, 2.0]])
    tensor([[ 2.,  0.],
            [ 6., 12.]], dtype=float32)
    """

    @functools.wraps(function)
    def over_batch(*args: Any, **kwargs: Any) -> Any:
        flat = [flatten(arg) for arg in args]
        axes = _axes(in_axes, args, [tree for _, tree in flat])
        size = _length(flat, axes)
        level = next_level()
        inside = []
        for (leaves, tree), own in zip(flat, axes, strict=True):
            entered = [
                leaf if axis is None else batched(moveaxis(asarray(leaf), axis, 0), level)
                for leaf, axis in zip(leaves, own, strict=True)
            ]
            inside.append(tree.build(entered, []))
        with ModeContext(lambda mode: mode.changed(levels=(*(mode.levels or ()), (level, size)))):
            result = function(*inside, **kwargs)
        leaves, tree = flatten(result)
        places = tree.spread(out_axes, "out_axes")
        left = [_left(leaf, axis, level, size) for leaf, axis in zip(leaves, places, strict=True)]
        return tree.build(left)

    return over_batch


def _axes(in_axes: Any, args: tuple[Any, ...], trees: list[Tree]) -> list[list[int | None]]:
    """The axis of every leaf of every argument, as a non-negative number."""
    if not isinstance(in_axes, (int, tuple, list)):
        raise TypeError(
            f"in_axes is an integer or a tuple with an entry per argument, not {type(in_axes).__name__}"
        )
    given = [in_axes] * len(args) if isinstance(in_axes, int) else list(in_axes)
    if len(given) != len(args):
        raise TypeError(f"in_axes has {len(given)} entries, and {len(args)} arguments were given")
    return [
        tree.spread(axes, f"in_axes of argument {i}")
        for i, (axes, tree) in enumerate(zip(given, trees, strict=True))
    ]


def _length(flat: list[tuple[list[Any], Tree]], axes: list[list[int | None]]) -> int:
    """The number of examples, on which all arguments must agree; the axes are made non-negative."""
    lengths: dict[int, int] = {}
    for i, ((leaves, tree), own) in enumerate(zip(flat, axes, strict=True)):
        if is_module(tree.node) and any(axis is not None for axis in own):
            raise TypeError(
                f"argument {i} of vmap is a module, which is the same for all examples: give in_axes None for it, "
                "or run it with stacked parameters by nn.functional_call"
            )
        for place, (leaf, axis) in enumerate(zip(leaves, own, strict=True)):
            if axis is None:
                continue
            shape = asarray(leaf).shape if isinstance(leaf, (Tensor, np.ndarray, list)) else ()
            if not shape:
                raise ValueError(
                    f"argument {i} of vmap has no axis {axis} to map over (it is {_described(leaf)}); give in_axes "
                    "None for it if it is the same for all examples"
                )
            own[place] = axis = normalize_axis_index(axis, len(shape))
            lengths.setdefault(shape[axis], i)
    if not lengths:
        raise ValueError("vmap needs at least one argument with an axis to map over")
    if len(lengths) > 1:
        described = ", ".join(f"{length} (argument {i})" for length, i in lengths.items())
        raise ValueError(f"vmap needs batches of one length, and got {described}")
    return next(iter(lengths))


def _described(leaf: Any) -> str:
    return "0-d" if isinstance(leaf, (Tensor, np.ndarray, *PYTHON_SCALARS)) else type(leaf).__name__


def _left(leaf: Any, axis: int | None, level: int, size: int) -> Tensor:
    """A result with its batch axis as an ordinary one."""
    if not isinstance(leaf, (Tensor, np.ndarray, np.generic, list, *PYTHON_SCALARS)):
        raise TypeError(f"the function that vmap runs must return Tensors, not {type(leaf).__name__}")
    tensor = asarray(leaf)
    active = {number for number, _ in (current_mode().levels or ())} | {level}
    if not {number for number, _ in levels_of(tensor)} <= active:
        raise RuntimeError(ESCAPED)
    if isinstance(tensor, BatchedTensor) and tensor.level == level:
        whole = tensor.value
        if axis is None:
            raise ValueError(
                "out_axes is None for a result that differs from example to example; give the place of its axis"
            )
    elif axis is None:
        return tensor
    else:
        whole = spread(tensor, size).copy()
    return whole if axis == 0 else moveaxis(whole, 0, axis)
