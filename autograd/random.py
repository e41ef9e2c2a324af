"""Random state: one `numpy.random.Generator` for the program, and tensors drawn from it or another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from .creation import Shape, lengths
from .settings import get_default_dtype
from .tensor import Tensor, wrap

_generator = np.random.default_rng()
_instead: ContextVar[np.random.Generator | None] = ContextVar("pullback_generator", default=None)


def manual_seed(seed: int) -> np.random.Generator:
    """Start the program's generator anew from a seed, and return it.

    >>> import pullback as pb
    >>> _ = pb.manual_seed(0)
    >>> first = pb.rand(3).tolist()
    >>> _ = pb.manual_seed(0)
    >>> pb.rand(3).tolist() == first
    True
    """
    global _generator
    _generator = np.random.default_rng(seed)
    return _generator


def default_generator() -> np.random.Generator:
    """The program's generator, which random functions use when they get no `rng`."""
    return _instead.get() or _generator


def check_generator(rng: Any) -> np.random.Generator | None:
    """A generator or None; anything else, such as a seed, is refused."""
    if rng is not None and not isinstance(rng, np.random.Generator):
        raise TypeError(
            f"rng is a numpy.random.Generator, not {type(rng).__name__}; use np.random.default_rng(seed)"
        )
    return rng


def generator_of(rng: Any) -> np.random.Generator:
    """The generator that is given, checked, or the program's one for None."""
    return check_generator(rng) or default_generator()


@contextmanager
def drawing_from(generator: np.random.Generator) -> Iterator[None]:
    """Let another generator be the program's for a while, in this thread and task only."""
    token = _instead.set(generator)
    try:
        yield
    finally:
        _instead.reset(token)


def rand(
    *shape: Shape,
    dtype: Any = None,
    requires_grad: bool = False,
    rng: np.random.Generator | None = None,
) -> Tensor:
    """Uniform random numbers in [0, 1); the shape is given as lengths or as a tuple."""
    return _drawn(generator_of(rng).random(lengths("rand", *shape)), dtype, requires_grad)


def randn(
    *shape: Shape,
    dtype: Any = None,
    requires_grad: bool = False,
    rng: np.random.Generator | None = None,
) -> Tensor:
    """Normal random numbers of mean 0 and variance 1; the shape is given as lengths or as a tuple."""
    return _drawn(generator_of(rng).standard_normal(lengths("randn", *shape)), dtype, requires_grad)


def _drawn(values: Any, dtype: Any, requires_grad: bool) -> Tensor:
    result = wrap(np.asarray(values).astype(dtype or get_default_dtype()), None)
    return result.requires_grad_() if requires_grad else result
