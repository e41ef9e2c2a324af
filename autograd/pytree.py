"""Trees: arguments and results that are containers of arrays.

A tree is a dict, list, tuple, named tuple, dataclass or module, of trees; anything else is a leaf. None holds
no leaf. A list that holds nothing but Python numbers is not a tree but an array, as for `pb.tensor`. A module
is whatever has `named_parameters` and `get_submodule`: its leaves are the parameters that require gradients, by
name, and in a result a dict of the same names stands for it.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

NUMBERS = (bool, int, float, complex)


class Tree:
    """The structure of a tree: what stands where its leaves were."""

    __slots__ = ("children", "keys", "node")

    def __init__(self, node: Any, keys: tuple[Any, ...] | None, children: tuple[Tree, ...]) -> None:
        self.node = node
        self.keys = keys  # None for a leaf
        self.children = children

    def build(self, leaves: Iterable[Any], swaps: list[Swap] | None = None) -> Any:
        """A tree of this structure with other leaves, in the order of `flatten`.

        With a list of `swaps`, a module stands for itself, and what its parameters are to be is noted there.
        """
        return self._build(iter(leaves), swaps)

    def _build(self, leaves: Iterator[Any], swaps: list[Swap] | None) -> Any:
        if self.keys is None:
            return next(leaves)
        values = [child._build(leaves, swaps) for child in self.children]
        if is_module(self.node) and swaps is not None:
            swaps.append(Swap(self.node, dict(zip(self.keys, values, strict=True))))
            return self.node
        return _rebuilt(self.node, self.keys, values)

    def leaves_like(self, other: Any, what: str) -> list[Any]:
        """The leaves of a tree that must have this structure; `what` names it in errors."""
        if self.keys is None:
            return [other]
        keys, values = _parts(other, literal=False) or (None, ())
        if keys is None or set(keys) != set(self.keys) or isinstance(other, dict) != self._is_mapping():
            raise TypeError(
                f"{what} must have the structure of what they belong to: "
                f"{type(self.node).__name__} of {list(self.keys)} and not "
                + (type(other).__name__ if keys is None else f"{type(other).__name__} of {list(keys)}")
            )
        by_key = dict(zip(keys, values, strict=True))
        return [
            leaf
            for key, child in zip(self.keys, self.children, strict=True)
            for leaf in child.leaves_like(by_key[key], what)
        ]

    def spread(self, prefix: Any, what: str) -> list[Any]:
        """One value per leaf from a tree that may end early: what stands there holds for all leaves below."""
        if prefix is None or isinstance(prefix, int) or self.keys is None:
            return [prefix] * self.count
        keys, values = _parts(prefix, literal=False) or (None, ())
        if keys is None or set(keys) != set(self.keys):
            raise TypeError(
                f"{what} must be an integer, None, or a container like the argument's: "
                f"{type(self.node).__name__} of {list(self.keys)}, not {prefix!r}"
            )
        by_key = dict(zip(keys, values, strict=True))
        return [
            value
            for key, child in zip(self.keys, self.children, strict=True)
            for value in child.spread(by_key[key], what)
        ]

    @property
    def count(self) -> int:
        """The number of leaves."""
        return 1 if self.keys is None else sum(child.count for child in self.children)

    def _is_mapping(self) -> bool:
        return isinstance(self.node, dict) or is_module(self.node)


class Swap(NamedTuple):
    """What the parameters of a module are to be for a while, by name."""

    module: Any
    values: dict[str, Any]


def flatten(tree: Any) -> tuple[list[Any], Tree]:
    """The leaves of a tree, from left to right, and its structure."""
    leaves: list[Any] = []
    return leaves, _flatten(tree, leaves)


def _flatten(tree: Any, leaves: list[Any]) -> Tree:
    found = _parts(tree)
    if found is None:
        leaves.append(tree)
        return Tree(None, None, ())
    keys, values = found
    return Tree(tree, keys, tuple(_flatten(value, leaves) for value in values))


def is_module(value: Any) -> bool:
    """Whether a value has parameters by name, and parts that hold them."""
    return hasattr(value, "named_parameters") and hasattr(value, "get_submodule")


def _parts(tree: Any, literal: bool = True) -> tuple[tuple[Any, ...], Sequence[Any]] | None:
    """The keys and values of a container; None for a leaf, as a list of numbers is if it may be literal."""
    if tree is None:
        return (), ()
    if isinstance(tree, dict):
        return tuple(tree), list(tree.values())
    if isinstance(tree, tuple) or (isinstance(tree, list) and not (literal and _is_numbers(tree))):
        return tuple(getattr(tree, "_fields", range(len(tree)))), tree
    if is_module(tree):
        named = {name: value for name, value in tree.named_parameters() if value.requires_grad}
        return tuple(named), list(named.values())
    if dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        names = tuple(field.name for field in dataclasses.fields(tree))
        return names, [getattr(tree, name) for name in names]
    return None


def _is_numbers(items: list[Any]) -> bool:
    return bool(items) and all(
        isinstance(item, NUMBERS) or (isinstance(item, list) and _is_numbers(item)) for item in items
    )


def _rebuilt(node: Any, keys: tuple[Any, ...], values: list[Any]) -> Any:
    """A container like `node` around other values; those of a module come as a dict."""
    if node is None:
        return None
    if isinstance(node, dict):
        made = copy.copy(node)
        made.update(zip(keys, values, strict=True))
        return made
    if isinstance(node, tuple):
        return type(node)(*values) if hasattr(node, "_fields") else tuple(values)
    if isinstance(node, list):
        return values
    if is_module(node):
        return dict(zip(keys, values, strict=True))
    made = copy.copy(node)
    for name, value in zip(keys, values, strict=True):
        object.__setattr__(made, name, value)  # frozen dataclasses, too
    return made


@contextlib.contextmanager
def swapped(swaps: Sequence[Swap], dress: Callable[[Any, type], Any]) -> Iterator[None]:
    """Let modules have other parameters for a while; `dress` makes a tensor one of the parameter's class.

    A parameter that is shared under several names is replaced under all of them.
    """
    before: list[tuple[dict[str, Any], str, Any]] = []
    for i, swap in enumerate(swaps):
        if any(swap.module is other.module for other in swaps[:i]):
            raise ValueError(
                f"the same {type(swap.module).__name__} is given twice among the arguments to differentiate, "
                "and its parameters can have one value at a time only; give it once"
            )
    try:
        for module, values in swaps:
            own = dict(module.named_parameters(remove_duplicate=False))
            new = {id(own[name]): dress(value, type(own[name])) for name, value in values.items()}
            for path, original in own.items():
                if id(original) in new:
                    owner, _, name = path.rpartition(".")
                    place = vars(module.get_submodule(owner))
                    before.append((place, name, original))
                    place[name] = new[id(original)]
        yield
    finally:
        for place, name, original in reversed(before):
            place[name] = original
