"""Comparisons with a tolerance, membership, and where something holds; no gradient passes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..convert import asarray, to_array
from ..gate import BLOCK
from ..op import op
from ..samples import elementwise, given
from ..tensor import Tensor, wrap
from ..vectorise import shape_depends_on_values


@op(
    "x y",
    gate=BLOCK,
    symbol="≈",
    numpy=(np.isclose,),
    samples=elementwise(2),
    reference=np.isclose,
)
def isclose(x: Any, y: Any, /, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """Where |x − y| ≤ atol + rtol·|y|; a nan is close to a nan only if `equal_nan`."""
    return np.isclose(x, y, rtol, atol, equal_nan)


def _batch_isin(call: Any, batched: tuple[bool, ...], x: Any, y: Any, *, invert: bool) -> Any:
    """In one go where all examples look into the same elements."""
    return NotImplemented if batched[1] else call(x, y, invert=invert)


@op(
    "x y",
    gate=BLOCK,
    symbol="∈",
    batch=_batch_isin,
    numpy=(np.isin,),
    samples=given(
        ((np.array([[1, 2], [3, 4]]), np.array([2, 9, 4])), {}),
        ((np.array([1, 2, 3]), np.array(2)), {"invert": True}),
        ((np.zeros((0, 2), int), np.array([1])), {}),
    ),
    reference=np.isin,
)
def isin(x: Any, y: Any, /, *, invert: bool = False) -> Any:
    """Where an element of x is among the elements of y, or is not if `invert`."""
    return np.isin(x, y, invert=invert)


def _array(x: Any) -> np.ndarray:
    """The values of a tensor or of what becomes one, without their graph."""
    return x.detach().numpy() if isinstance(x, Tensor) else to_array(x)


def allclose(x: Any, y: Any, /, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Whether all elements are close, as `isclose` says.

    >>> import pullback as pb
    >>> pb.allclose(pb.tensor([1.0, 2.0]), [1.0, 2.0000001])
    True
    """
    return bool(np.allclose(_array(x), _array(y), rtol, atol, equal_nan))


def array_equal(x: Any, y: Any, /, equal_nan: bool = False) -> bool:
    """Whether two arrays have the same shape and the same elements.

    >>> import pullback as pb
    >>> pb.array_equal(pb.tensor([1.0, 2.0]), [1.0])
    False
    """
    return bool(np.array_equal(_array(x), _array(y), equal_nan))


@shape_depends_on_values
def argwhere(x: Any, /) -> Tensor:
    """The indices of the elements that are not zero, a row for each.

    >>> import pullback as pb
    >>> pb.argwhere(pb.tensor([0.0, 5.0, 7.0])).tolist()
    [[1], [2]]
    """
    return wrap(np.argwhere(_array(asarray(x))), None)
