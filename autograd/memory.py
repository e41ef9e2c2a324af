"""Memory that has been freed stays with the process, where the C library can be told so.

glibc gives large arrays fresh pages and returns them when they are freed, so that a training step pays for the same
pages again and again: 1.5 µs for each 4 KB, which is more than the arithmetic of most operations costs. Above two
limits of `mallopt(3)` it does not; here they are raised.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable

# from malloc.h
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_KEPT = {_MMAP_THRESHOLD: 1 << 30, _TRIM_THRESHOLD: (1 << 31) - 1}
_USUAL = {_MMAP_THRESHOLD: 128 << 10, _TRIM_THRESHOLD: 128 << 10}

_keeps = False


def keep_memory(wanted: bool) -> bool:
    """Whether freed memory is kept from now on: as wanted where this is glibc, else False.

    What a user has set in the environment (MALLOC_MMAP_THRESHOLD_, MALLOC_TRIM_THRESHOLD_, GLIBC_TUNABLES) is left.
    """
    global _keeps
    if wanted != _keeps:
        mallopt = _mallopt()
        if mallopt is not None and all(
            mallopt(name, size) for name, size in (_KEPT if wanted else _USUAL).items()
        ):
            _keeps = wanted
    return _keeps


def keeps_memory() -> bool:
    """Whether freed memory is kept."""
    return _keeps


def _mallopt() -> Callable[[int, int], int] | None:
    """glibc's function, or None where the C library is another or the user has settings of their own."""
    if not sys.platform.startswith("linux"):
        return None
    settings = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES")
    if any(name in os.environ for name in settings):
        return None
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        return None
    mallopt: Callable[[int, int], int] = library.mallopt
    return mallopt
