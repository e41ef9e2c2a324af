"""What holds for the whole program, which a user may see and set: `config`; and the one device."""

from __future__ import annotations

import importlib.util
import os
from typing import Any

import numpy as np

from .memory import keep_memory, keeps_memory


class Config:
    """The settings of the whole program; printing it shows them.

    >>> import pullback as pb
    >>> pb.config.default_dtype
    dtype('float32')
    >>> pb.config.threads >= 1
    True
    """

    __slots__ = ("_default_dtype", "_fast", "_threads")

    def __init__(self) -> None:
        self._default_dtype: np.dtype[Any] = np.dtype(np.float32)
        self._fast = os.environ.get("PULLBACK_FAST") != "0" and not _why_not_fast()
        self._threads = _threads_wanted()
        keep_memory(os.environ.get("PULLBACK_KEEP_MEMORY") != "0")

    @property
    def default_dtype(self) -> np.dtype[Any]:
        """Of Python floats, floating creation functions and parameters: float32 or float64."""
        return self._default_dtype

    @default_dtype.setter
    def default_dtype(self, dtype: Any) -> None:
        chosen = np.dtype(dtype)
        if chosen not in (np.dtype(np.float32), np.dtype(np.float64)):
            raise ValueError(f"the default dtype must be float32 or float64, not {chosen}")
        self._default_dtype = chosen

    @property
    def fast(self) -> bool:
        """Whether large arrays go to the compiled kernels of the extra `fast` (Numba) instead of to NumPy.

        So it is where Numba is installed, unless the environment has PULLBACK_FAST=0, or NUMBA_DISABLE_JIT, with which
        nothing is compiled. Results differ by rounding only.
        """
        return self._fast

    @fast.setter
    def fast(self, wanted: bool) -> None:
        reason = _why_not_fast()
        if wanted and reason:
            raise ImportError(f"the compiled kernels need Numba's compiler; {reason}")
        self._fast = bool(wanted)

    @property
    def threads(self) -> int:
        """How many threads a compiled kernel uses at most.

        As many as there are processors, or what the environment says in PULLBACK_THREADS or OMP_NUM_THREADS.
        """
        return self._threads

    @threads.setter
    def threads(self, count: int) -> None:
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise ValueError(f"threads is a whole number from 1 on, not {count!r}")
        self._threads = count

    @property
    def keep_memory(self) -> bool:
        """Whether freed arrays stay with the process for the next ones, which spares the cost of fresh pages.

        True where the C library is glibc, unless the environment has PULLBACK_KEEP_MEMORY=0 or limits of glibc's
        own. The process then keeps what it has once needed; False gives glibc's usual limits back.
        """
        return keeps_memory()

    @keep_memory.setter
    def keep_memory(self, wanted: bool) -> None:
        if keep_memory(wanted) != bool(wanted):
            raise RuntimeError("only glibc can be told to keep freed memory, and this C library is another")

    def __repr__(self) -> str:
        reason = _why_not_fast()
        fast = f"False ({reason})" if reason else self.fast
        return (
            f"<config: default_dtype={self.default_dtype}, fast={fast}, threads={self.threads}, "
            f"keep_memory={self.keep_memory}>"
        )


def _why_not_fast() -> str:
    """Why nothing can be compiled, and what to do; nothing where it can."""
    if importlib.util.find_spec("numba") is None:
        return "Numba is not installed: pip install 'pullback[fast]'"
    if os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"):
        return "it is switched off by NUMBA_DISABLE_JIT in the environment"
    return ""


def _threads_wanted() -> int:
    for variable in ("PULLBACK_THREADS", "OMP_NUM_THREADS"):
        text = os.environ.get(variable, "")
        if text.isdecimal() and int(text) > 0:
            return int(text)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


config = Config()


def get_default_dtype() -> np.dtype[Any]:
    """The dtype of Python floats, floating creation functions and parameters (float32 unless set)."""
    return config._default_dtype


def set_default_dtype(dtype: Any) -> None:
    """Set the dtype of Python floats, floating creation functions and parameters.

    >>> import pullback as pb
    >>> pb.set_default_dtype(pb.float64)
    >>> pb.tensor(0.1).dtype
    dtype('float64')
    >>> pb.set_default_dtype(pb.float32)
    """
    config.default_dtype = dtype


def default_complex_dtype() -> np.dtype[Any]:
    """The complex dtype of the default precision."""
    return np.dtype(np.complex64 if config._default_dtype == np.float32 else np.complex128)


def check_device(device: Any) -> None:
    """Refuse any device but "cpu", where all tensors live; None means the same."""
    if device not in (None, "cpu"):
        raise ValueError(f'all tensors live on the device "cpu", and {device!r} was asked for')
