"""Beside the reference in NumPy: which compiled kernel does the same, and from which size on it is used."""

from __future__ import annotations

import functools
import importlib
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, TypeVar

import numpy as np

from ..settings import config

F = TypeVar("F", bound=Callable[..., Any])

_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
_smallest = 0  # what `every_size` sets to 1: take the kernel for any array that has elements


class Kernel:
    """A reference and its twin.

    Attributes:
        name: `file.function` of the twin, in this folder.
        reference: the NumPy function.
        over: how many elements the leading array must have for the twin to pay.
        by: which argument the leading array is.
        least: how many it must have at the moment; less within `every_size`.
    """

    def __init__(self, name: str, reference: Callable[..., Any], over: int, by: int) -> None:
        self.name = name
        self.reference = reference
        self.over = over
        self.by = by
        self.least = _smallest or over

    @functools.cached_property
    def twin(self) -> Callable[..., Any]:
        """The compiled function, which takes and returns what the reference does, or NotImplemented for inputs
        that are not its own."""
        file, _, function = self.name.rpartition(".")
        room = _loaded(file)
        if room is None:
            return lambda *args, **kwargs: NotImplemented
        found: Callable[..., Any] = getattr(room, function)
        return found


KERNELS: dict[str, Kernel] = {}
"""All kernels by name."""


def kernel(name: str, over: int, by: int = 0) -> Callable[[F], F]:
    """Say of a NumPy function that `kernels/FILE.py` has a compiled twin, `name` being "FILE.FUNCTION".

    The twin is called with the same arguments, and returns the same, in place of the function below it, if the
    switch `pb.config.fast` is on, and the leading array is of float32 or float64 and large enough. A declaration that
    is given the function as its forward or as a rule finds the kernel in its attribute `kernel`.

    Args:
        name: file and function of the twin.
        over: how many elements the leading array must have.
        by: which argument is the leading array.
    """

    def beside(reference: F) -> F:
        declared = KERNELS[name] = Kernel(name, reference, over, by)

        @functools.wraps(reference)
        def chosen(*args: Any, **kwargs: Any) -> Any:
            if config.fast:
                array = args[by]
                # what is no plain array is a Tensor in a rule that records itself, or a scalar
                if type(array) is np.ndarray and array.size >= declared.least and array.dtype in _FLOATS:
                    result = declared.twin(*args, **kwargs)
                    if result is not NotImplemented:
                        return result
            return reference(*args, **kwargs)

        chosen.kernel = declared  # type: ignore[attr-defined]  # functions take attributes
        return chosen  # type: ignore[return-value]  # it takes the same arguments

    return beside


def compiled_source(name: str, text: str) -> Callable[..., Any] | None:
    """The function `name` of a source, compiled as `jit.jit_text` does; None if Numba cannot be loaded."""
    room = _loaded("jit")
    made: Callable[..., Any] | None = None if room is None else room.jit_text(name, text)
    return made


def _loaded(file: str) -> ModuleType | None:
    """A file of this folder that needs Numba; None, and the switch is off, if Numba does not fit, say, this NumPy."""
    try:
        return importlib.import_module(f"{__package__}.{file}")
    except ImportError as error:
        config.fast = False
        warnings.warn(
            f"the compiled kernels are switched off (pb.config.fast), because Numba cannot be loaded: {error}",
            RuntimeWarning,
            stacklevel=4,
        )
        return None


def pays(size: int, over: int) -> bool:
    """Whether something compiled is to be used for so many elements, if it pays over so many."""
    return config.fast and size >= (_smallest or over)


@contextmanager
def every_size() -> Iterator[None]:
    """Use the compiled kernels for small arrays, too; for tests, which compare many small ones."""
    global _smallest
    before, _smallest = _smallest, 1
    try:
        _measure_anew()
        yield
    finally:
        _smallest = before
        _measure_anew()


def _measure_anew() -> None:
    for declared in KERNELS.values():
        declared.least = _smallest or declared.over
