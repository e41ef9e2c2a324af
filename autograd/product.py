"""The product of matrices, for rules and forwards: BLAS, or a compiled kernel where that is faster."""

from __future__ import annotations

from typing import Any

import numpy as np

from .kernels import kernel


@kernel("matrices.matrix_product", over=1 << 7)
def matrix_product(x: Any, y: Any, added: Any = None, out: Any = None, rectified: bool = False) -> Any:
    """x·y of two matrices or stacks of them, and a row `added` to each row of it; of Tensors, too.

    Args:
        x: shape (..., m, k).
        y: shape (..., k, n).
        added: shape (n,), or None.
        out: an array of shape (..., m, n) in C order, to write the result to.
        rectified: put 0 in the place of what is negative; of arrays only.

    >>> import numpy as np
    >>> matrix_product(np.ones((2, 3)), np.ones((3, 2)), np.array([0.0, 1.0]))
    array([[3., 4.],
           [3., 4.]])
    """
    product = x @ y if out is None else np.matmul(x, y, out=out)
    if added is not None and type(product) is np.ndarray and product.dtype == added.dtype:
        product += added  # in its own memory, which is as large as all else that is read
    elif added is not None:
        product = product + added
    return np.maximum(product, 0, out=product) if rectified else product
