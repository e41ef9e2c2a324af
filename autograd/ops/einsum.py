"""Sums of products in Einstein's notation, and what is made of them."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..convert import both
from ..gate import SWITCHER
from ..op import op
from ..samples import given
from ..tensor import Tensor
from .elementwise import multiply

LETTERS = string.ascii_letters


def _einsum_slope(g: Any, operands: Any, operands_shape: Any, i: int, subscripts: str) -> Any:
    """g with the other operands, contracted to the letters of the i-th.

    A letter whose whole length only this operand has was summed: ones bring it back. One that it has twice is a
    diagonal: an identity matrix with a letter of its own puts it there.
    """
    terms, output = subscripts.split("->")
    *others, term = [t for j, t in enumerate(terms.split(",")) if j != i] + [terms.split(",")[i]]
    shapes = [g.shape, *(shape for j, shape in enumerate(operands_shape) if j != i)]
    known = {
        pair
        for text, shape in zip([output, *others], shapes, strict=True)
        for pair in zip(text, shape, strict=True)
    }
    free = (letter for letter in LETTERS if letter not in subscripts)
    placed: list[str] = []
    extra: list[Any] = []
    for letter, length in zip(term, operands_shape[i], strict=True):
        if letter in placed:
            twin = next(free)
            others.append(letter + twin)
            extra.append(np.eye(length, dtype=g.dtype))
            letter = twin
        elif (letter, length) not in known:
            others.append(letter)
            extra.append(np.ones(length, g.dtype))
        placed.append(letter)
    rest = [x for j, x in enumerate(operands) if j != i]
    return product_sum.raw([g, *rest, *extra], subscripts=f"{','.join([output, *others])}->{''.join(placed)}")


def _batch_einsum(call: Any, batched: tuple[bool, ...], operands: Any, *, subscripts: str) -> Any:
    """The batch axis gets a letter of its own."""
    letter = next((letter for letter in LETTERS if letter not in subscripts), None)
    if letter is None:
        return NotImplemented  # all are taken
    terms, output = subscripts.split("->")
    own = [letter + term if b else term for term, b in zip(terms.split(","), batched, strict=True)]
    return call(operands, subscripts=f"{','.join(own)}->{letter}{output}")


@op(
    "*operands",
    operands=_einsum_slope,
    gate=SWITCHER,
    complex="holomorphic",
    name="einsum",
    batch=_batch_einsum,
    symbol="Σ×",
    samples=given(
        (([(2, 3), (3, 4)],), {"subscripts": "ij,jk->ik"}),
        (([(5, 2, 3), (5, 3, 4)],), {"subscripts": "bij,bjk->bik"}),
        (([(3,), (4,)],), {"subscripts": "i,j->ij"}),
        (([(3, 3)],), {"subscripts": "ii->"}),
        (([(3, 3, 2)],), {"subscripts": "iij->ij"}),
        (([(2, 3)],), {"subscripts": "ij->ji"}),
        (([(2, 3), (4,)],), {"subscripts": "ij,k->k"}),
        (([(2, 3), (3, 4), (4, 2)],), {"subscripts": "ij,jk,ki->"}),
        (([(1, 3), (4, 3)],), {"subscripts": "ij,ij->i"}),
        (([(4, 3), (4, 1)],), {"subscripts": "ij,ij->i"}),
        (([(1, 3), (2, 1), (2, 3)],), {"subscripts": "ij,ij,ij->"}),
        (([(), (2,)],), {"subscripts": ",i->i"}),
        (([(0, 3), (3, 2)],), {"subscripts": "ij,jk->ik"}),
    ),
    reference=lambda operands, subscripts: np.einsum(subscripts, *operands),
)
def product_sum(operands: Any, /, subscripts: str) -> Any:
    """What `einsum` computes, once its subscripts are written out: products, summed over letters.

    The gradient of each operand is the same kind of sum, of g and the other operands.
    """
    if len(operands) == 1:
        return np.array(np.einsum(subscripts, *operands))[()]  # NumPy may give a view
    return np.einsum(subscripts, *operands, optimize="greedy")


def einsum(subscripts: str, /, *operands: Any) -> Tensor:
    """Sums of products in Einstein's notation.

    Args:
        subscripts: a letter for each axis of each operand, with commas between operands, then optionally "->" and
            the letters of the result; "..." stands for axes that broadcast. Letters that the result lacks are
            summed over. Without "->" the result has the letters that occur once, in alphabetical order.
        operands: the arrays.

    Raises:
        ValueError: if the subscripts do not fit the operands.

    >>> import pullback as pb
    >>> x = pb.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> pb.einsum("ij,ij->i", x, x)
    tensor([ 5., 25.], dtype=float32)
    >>> pb.einsum("ii", x)
    tensor(5., dtype=float32)
    """
    if not isinstance(subscripts, str):
        raise TypeError(
            f"einsum takes its subscripts first, as text such as 'ij,jk->ik', not {type(subscripts).__name__}"
        )
    result: Tensor = product_sum(
        operands, subscripts=_written_out(subscripts, [np.ndim(x) for x in operands])
    )
    return result


def _written_out(subscripts: str, ndims: Sequence[int]) -> str:
    """The subscripts with letters for "..." and with the letters of the result."""
    text = subscripts.replace(" ", "")
    terms, arrow, output = text.partition("->")
    parts = terms.split(",")
    if len(parts) != len(ndims):
        raise ValueError(f"einsum: {subscripts!r} is for {len(parts)} operands, and {len(ndims)} were given")
    for part in (*parts, output):
        if part.count("...") > 1 or not set(part.replace("...", "", 1)) <= set(LETTERS):
            raise ValueError(
                f"einsum: {part!r} in {subscripts!r} must consist of letters and at most one '...'"
            )
    counts = [n - len(part.replace("...", "")) for part, n in zip(parts, ndims, strict=True)]
    for part, n, count in zip(parts, ndims, counts, strict=True):
        if count < 0 or (count and "..." not in part):
            raise ValueError(f"einsum: {part!r} in {subscripts!r} does not fit an operand of {n} axes")
    most = max(counts, default=0)
    dots = "".join([letter for letter in LETTERS if letter not in text][:most])
    if arrow and dots and "..." not in output:
        raise ValueError(
            f"einsum: the axes of '...' in {subscripts!r} have no place in the result; write '...' there"
        )
    written = [part.replace("...", dots[most - count :]) for part, count in zip(parts, counts, strict=True)]
    if arrow:
        output = output.replace("...", dots)
        if len(set(output)) < len(output) or not set(output) <= set("".join(written)):
            raise ValueError(
                f"einsum: the result of {subscripts!r} repeats a letter, or has one that no operand has"
            )
    else:
        together = "".join(written)
        output = dots + "".join(sorted(x for x in set(together) - set(dots) if together.count(x) == 1))
    return f"{','.join(written)}->{output}"


def tensordot(x1: Any, x2: Any, /, *, axes: int | tuple[Sequence[int], Sequence[int]] = 2) -> Tensor:
    """The sum of products over chosen axes of both arrays; the result has the other axes of x1, then those of x2.

    Args:
        x1: an array.
        x2: an array.
        axes: how many of the last axes of x1 meet the first of x2; or the axes of x1 and those of x2, in pairs.

    Raises:
        ValueError: if the axes are not as many on both sides, or differ in length.

    >>> import pullback as pb
    >>> pb.tensordot(pb.ones((2, 3, 4)), pb.ones((3, 4, 5))).shape
    (2, 5)
    """
    x1, x2 = both(x1, x2)
    if isinstance(axes, (int, np.integer)):
        count = int(axes)
        if not 0 <= count <= min(x1.ndim, x2.ndim):
            raise ValueError(f"tensordot: axes={count} is not possible for shapes {x1.shape} and {x2.shape}")
        first, second = list(range(x1.ndim - count, x1.ndim)), list(range(count))
    else:
        first, second = (
            [a % x.ndim if -x.ndim <= a < x.ndim else a for a in np.atleast_1d(part).tolist()]
            for part, x in zip(axes, (x1, x2), strict=True)
        )
    fits = len(first) == len(second) and all(
        a < x1.ndim and b < x2.ndim and x1.shape[a] == x2.shape[b]
        for a, b in zip(first, second, strict=False)
    )
    if not fits or len(set(first)) < len(first) or len(set(second)) < len(second):
        raise ValueError(
            f"tensordot: axes {axes} do not pair axes of equal length of {x1.shape} and {x2.shape}"
        )
    left = LETTERS[: x1.ndim]
    right = list(LETTERS[x1.ndim : x1.ndim + x2.ndim])
    for a, b in zip(first, second, strict=True):
        right[b] = left[a]
    output = [x for i, x in enumerate(left) if i not in first] + [
        x for i, x in enumerate(right) if i not in second
    ]
    return einsum(f"{left},{''.join(right)}->{''.join(output)}", x1, x2)


def inner(x1: Any, x2: Any, /) -> Tensor:
    """The sums of products over the last axis of both, without conjugation; a product if one is a number.

    >>> import pullback as pb
    >>> pb.inner(pb.tensor([1.0, 2.0]), pb.tensor([3.0, 4.0]))
    tensor(11., dtype=float32)
    """
    x1, x2 = both(x1, x2)
    return multiply(x1, x2) if not x1.ndim or not x2.ndim else tensordot(x1, x2, axes=((-1,), (-1,)))


def dot(x1: Any, x2: Any, /) -> Tensor:
    """NumPy's dot: the sums of products over the last axis of x1 and the last but one (or only one) of x2.

    >>> import pullback as pb
    >>> pb.dot(pb.tensor([[1.0, 2.0]]), pb.tensor([3.0, 4.0]))
    tensor([11.], dtype=float32)
    """
    x1, x2 = both(x1, x2)
    if not x1.ndim or not x2.ndim:
        return multiply(x1, x2)
    return tensordot(x1, x2, axes=((-1,), (-min(2, x2.ndim),)))
