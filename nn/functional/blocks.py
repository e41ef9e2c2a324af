"""How the normalising kernels walk through memory: in blocks that stay in the cache from one step to the next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

BLOCK_BYTES = 1 << 19  # a few of them fit into a core's own cache


def blocks(rows: int, row_bytes: int) -> Iterator[slice]:
    """Slices of consecutive rows, each about as large as the cache likes."""
    step = max(1, BLOCK_BYTES // max(row_bytes, 1))
    for start in range(0, rows, step):
        yield slice(start, min(start + step, rows))


def row_sums(x: np.ndarray[Any, Any], y: np.ndarray[Any, Any] | None = None) -> np.ndarray[Any, Any]:
    """The sum of each row of x, or of x·y: products with BLAS, which are faster than sums."""
    if x.shape[-1] == 1:
        return x[..., 0] if y is None else x[..., 0] * y[..., 0]
    result: np.ndarray[Any, Any] = np.vecdot(x, np.ones(x.shape[-1], x.dtype) if y is None else y)
    return result
