"""What holds for the whole program: the default floating dtype, which a user may set, and the one device."""

from __future__ import annotations

from typing import Any

import numpy as np

_default_dtype: np.dtype[Any] = np.dtype(np.float32)


def get_default_dtype() -> np.dtype[Any]:
    """The dtype of Python floats, floating creation functions and parameters (float32 unless set)."""
    return _default_dtype


def set_default_dtype(dtype: Any) -> None:
    """Set the dtype of Python floats, floating creation functions and parameters.

    >>> import pullback as pb
    >>> pb.set_default_dtype(pb.float64)
    >>> pb.tensor(0.1).dtype
    dtype('float64')
    >>> pb.set_default_dtype(pb.float32)
    """
    global _default_dtype
    chosen = np.dtype(dtype)
    if chosen not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise ValueError(f"the default dtype must be float32 or float64, not {chosen}")
    _default_dtype = chosen


def default_complex_dtype() -> np.dtype[Any]:
    """The complex dtype of the default precision."""
    return np.dtype(np.complex64 if _default_dtype == np.float32 else np.complex128)


def check_device(device: Any) -> None:
    """Refuse any device but "cpu", where all tensors live; None means the same."""
    if device not in (None, "cpu"):
        raise ValueError(f'all tensors live on the device "cpu", and {device!r} was asked for')
