"""Linear algebra, the array API's `linalg` extension and a little more, as `pullback.linalg`.

Everything works on the last two axes, over any leading batch axes, for real and complex numbers, and has
gradients of every order where they exist. The operations live in `ops/linalg.py`, `ops/inverse.py`,
`ops/decompose.py` and `ops/norm.py`.

>>> import pullback as pb
>>> a = pb.tensor([[2.0, 0.0], [0.0, 4.0]], requires_grad=True)
>>> pb.linalg.slogdet(a).logabsdet.backward()
>>> a.grad
tensor([[0.5 , 0.  ],
        [0.  , 0.25]], dtype=float32)
"""

from .ops.decompose import cholesky, eigh, eigvalsh, qr, svd, svdvals
from .ops.einsum import tensordot
from .ops.inverse import det, inv, matrix_power, matrix_rank, pinv, slogdet, solve
from .ops.linalg import cross, diagonal, matmul, matrix_transpose, outer, trace, vecdot
from .ops.norm import matrix_norm, norm, vector_norm

__all__ = [
    "cholesky",
    "cross",
    "det",
    "diagonal",
    "eigh",
    "eigvalsh",
    "inv",
    "matmul",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "matrix_transpose",
    "norm",
    "outer",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "svd",
    "svdvals",
    "tensordot",
    "trace",
    "vecdot",
    "vector_norm",
]
