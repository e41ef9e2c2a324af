"""Inverses, determinants, powers and ranks of matrices, over any leading batch axes.

The rules are those of M. Giles, "An extended collection of matrix derivative results for forward and reverse
mode algorithmic differentiation" (2008), where nothing else is said.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..family import Family, padded
from ..gate import BLOCK, MIXER
from ..op import op
from ..samples import given, matrices, of_family
from ..tensor import Tensor
from .matrix import adjoint, check_square, diagonal_of, on_diagonal, transposed


class SlogdetResult(NamedTuple):
    """What `slogdet` gives."""

    sign: Tensor
    logabsdet: Tensor


def _inverse(x: Any, what: str) -> Any:
    try:
        return inv.raw(x)
    except np.linalg.LinAlgError:
        raise np.linalg.LinAlgError(
            f"{what} has no derivative at a singular matrix; add a multiple of the identity, or leave it out"
        ) from None


@op(
    "x",
    x=lambda g, out: -(transposed(out) @ g @ transposed(out)),
    gate=MIXER,
    complex="holomorphic",
    symbol="X⁻¹",
    numpy=(np.linalg.inv,),
    samples=matrices("regular"),
    reference=np.linalg.inv,
)
def inv(x: Any, /) -> Any:
    """The inverse X⁻¹ of square matrices (..., M, M). The gradient is −X⁻ᵀ·g·X⁻ᵀ.

    Raises:
        numpy.linalg.LinAlgError: if a matrix is singular.

    >>> import pullback as pb
    >>> pb.linalg.inv(pb.tensor([[2.0, 0.0], [0.0, 4.0]]))
    tensor([[0.5 , 0.  ],
            [0.  , 0.25]], dtype=float32)
    """
    check_square("inv", x)
    return np.linalg.inv(x)


def _as_columns(g: Any, is_vector: bool) -> Any:
    return g[..., None] if is_vector else g


def _solve_left(g: Any, x1: Any, x2_shape: tuple[int, ...], out: Any) -> Any:
    vector = len(x2_shape) == 1
    pulled = solve.raw(transposed(x1), _as_columns(g, vector))
    return -(pulled @ transposed(_as_columns(out, vector)))


def _solve_right(g: Any, x1: Any, x2_shape: tuple[int, ...]) -> Any:
    vector = len(x2_shape) == 1
    pulled = solve.raw(transposed(x1), _as_columns(g, vector))
    return pulled[..., 0] if vector else pulled


def _batch_solve(call: Any, batched: tuple[bool, ...], x1: Any, x2: Any) -> Any:
    """A vector for each example is a column, so that it is not taken for a row of a matrix."""
    ndims = [np.ndim(x) - b for x, b in zip((x1, x2), batched, strict=True)]
    if ndims[0] < 2 or not ndims[1]:
        return NotImplemented  # refused there, for the shapes of one example
    vector = ndims[1] == 1
    x2, ndims[1] = _as_columns(x2, vector), ndims[1] + vector
    given = zip((x1, x2), batched, strict=True)
    found = call(*(padded(x, max(ndims)) if b else x for x, b in given))
    return found[..., 0] if vector else found


@op(
    "x1 x2",
    x1=_solve_left,
    x2=_solve_right,
    gate=MIXER,
    complex="holomorphic",
    symbol="A⁻¹b",
    numpy=(np.linalg.solve,),
    batch=_batch_solve,
    samples=matrices("regular", (3,), (3, 2), (2, 3, 1), (3, 0), batches=((), (2,))),
    reference=np.linalg.solve,
)
def solve(x1: Any, x2: Any, /) -> Any:
    """The solution X of x1·X = x2, for x1 (..., M, M) and x2 of shape (M,) or (..., M, K).

    The gradients are x1⁻ᵀ·g for x2, and −(x1⁻ᵀ·g)·Xᵀ for x1; batch axes broadcast.

    Raises:
        numpy.linalg.LinAlgError: if a matrix is singular.

    >>> import pullback as pb
    >>> pb.linalg.solve(pb.tensor([[2.0, 0.0], [0.0, 4.0]]), pb.tensor([2.0, 2.0]))
    tensor([1. , 0.5], dtype=float32)
    """
    check_square("solve", x1)
    if np.shape(x2)[-2:][:1] != np.shape(x1)[-1:]:
        raise ValueError(f"solve: x2 of shape {np.shape(x2)} does not fit x1 of shape {np.shape(x1)}")
    return np.linalg.solve(x1, x2)


@op(
    "x",
    x=lambda g, x: g[..., None, None] * cofactor.raw(x),
    gate=MIXER,
    complex="holomorphic",
    numpy=(np.linalg.det,),
    samples=matrices("square"),
    reference=np.linalg.det,
)
def det(x: Any, /) -> Any:
    """The determinant of square matrices (..., M, M). The gradient is g times the cofactors, also where X is singular.

    >>> import pullback as pb
    >>> x = pb.tensor([[1.0, 2.0], [3.0, 6.0]], requires_grad=True)
    >>> pb.linalg.det(x).backward()
    >>> x.grad.numpy().round(4).tolist()
    [[6.0, -3.0], [-2.0, 1.0]]
    """
    check_square("det", x)
    return np.linalg.det(x)


def _rotated(x: Any) -> tuple[Any, Any, Any, Any]:
    """U, S, Vᴴ and det U·det Vᴴ."""
    u, s, vh = np.linalg.svd(x)
    return u, s, vh, np.linalg.det(u) * np.linalg.det(vh)


def _products_without(s: Any, masks: Any) -> Any:
    """The products of the values that a mask keeps, for each mask."""
    shape = (*s.shape[:-1], *(1,) * (masks.ndim - 1), s.shape[-1])
    return np.prod(np.where(masks, s.reshape(shape), 1), axis=-1)


@op(
    "x",
    x=lambda g, x: cofactor_slope.raw(g, x),
    gate=MIXER,
    complex="holomorphic",
    samples=of_family(
        lambda rng: (s for s in matrices("regular")(rng) if s.inputs[0].shape[-1] > 1),  # of one it is 1
        Family.LEADING,
    ),
    reference=lambda x: np.linalg.det(x)[..., None, None] * np.swapaxes(np.linalg.inv(x), -1, -2),
)
def cofactor(x: Any, /) -> Any:
    """The cofactors ∂det X/∂X of square matrices, which exist also where X is singular.

    With X = U·S·Vᴴ they are det U·det Vᴴ·conj(U)·C·conj(Vᴴ), where C is diagonal and C_ii the product of the
    other singular values.
    """
    u, s, vh, turn = _rotated(x)
    others = _products_without(s, ~np.eye(s.shape[-1], dtype=bool))
    return turn[..., None, None] * ((np.conjugate(u) * others[..., None, :]) @ np.conjugate(vh))


def _third_order(g: Any, h: Any, x: Any) -> Any:
    """The gradient of ⟨g, cofactor_slope(h, x)⟩ for x, for regular x."""
    b = transposed(_inverse(x, "the third derivative of det"))
    bg, bh = b @ transposed(g), b @ transposed(h)
    trace_g, trace_h = diagonal_of(bg).sum(-1), diagonal_of(bh).sum(-1)
    mixed = diagonal_of(bg @ bh).sum(-1)
    whole = (trace_g * trace_h - mixed)[..., None, None] * b
    whole = whole - trace_g[..., None, None] * (bh @ b) - trace_h[..., None, None] * (bg @ b)
    return det.raw(x)[..., None, None] * (whole + bg @ bh @ b + bh @ bg @ b)


@op(
    "h x",
    h=lambda g, x: cofactor_slope.raw(g, x),
    x=lambda g, h, x: _third_order(g, h, x),
    gate=MIXER,
    complex="holomorphic",
    samples=given((((3, 3), (3, 3)), {}), (((2, 2, 2), (2, 2, 2)), {}), family=Family.LEADING),
)
def cofactor_slope(h: Any, x: Any, /) -> Any:
    """The derivative of the cofactors of x along h, which is its own transpose, without any division.

    In the basis of the singular vectors it takes h_ij to −h_ji·P_ij off the diagonal, and to Σ_k h_kk·P_ik on it,
    where P_ij is the product of the singular values other than the i-th and the j-th.
    """
    u, s, vh, turn = _rotated(x)
    count = s.shape[-1]
    i = np.arange(count)
    keep = (i != i[:, None, None]) & (i != i[None, :, None])
    products = np.where(np.eye(count, dtype=bool), 0, _products_without(s, keep))
    inside = adjoint(u) @ h @ adjoint(vh)
    on = (products @ np.diagonal(inside, axis1=-2, axis2=-1)[..., None])[..., 0]
    moved = on_diagonal(on) - np.swapaxes(inside, -1, -2) * products
    return turn[..., None, None] * (np.conjugate(u) @ moved @ np.conjugate(vh))


def _slogdet_slope(g: Any, x: Any, out: Any) -> Any:
    """(g_log + i·Im(g_sign·conj(sign)))·X⁻ᴴ: the sign turns by the imaginary part of tr X⁻¹dX."""
    (g_sign, g_log), (sign, _) = g, out
    if sign.dtype.kind == "c":
        g_log = g_log + 1j * np.imag(g_sign * np.conjugate(sign))
    return g_log[..., None, None] * adjoint(_inverse(x, "slogdet"))


@op(
    "x",
    x=_slogdet_slope,
    gate=MIXER,
    complex="written",
    symbol="log|det|",
    numpy=(np.linalg.slogdet,),
    samples=matrices("regular"),
    reference=np.linalg.slogdet,
    outputs=SlogdetResult,
)
def slogdet(x: Any, /) -> Any:
    """The sign (of complex matrices the phase) and the logarithm of the size of the determinant.

    The gradient of the logarithm is g·X⁻ᴴ; a real sign has none.

    Raises:
        numpy.linalg.LinAlgError: in backward, if a matrix is singular.

    >>> import pullback as pb
    >>> sign, logabsdet = pb.linalg.slogdet(pb.tensor([[0.0, 1.0], [1.0, 0.0]]))
    >>> sign.item(), logabsdet.item()
    (-1.0, 0.0)
    """
    check_square("slogdet", x)
    return tuple(np.linalg.slogdet(x))


def _power_slope(g: Any, x: Any, n: int) -> Any:
    """Σ (Xᵀ)ᵏ·g·(Xᵀ)ⁿ⁻¹⁻ᵏ, and through the inverse where n is negative."""
    if n == 0:
        return np.zeros_like(g)
    base = transposed(x if n > 0 else inv.raw(x))
    total, power = g, base
    for k in range(1, abs(n)):
        total = base @ total + g @ power
        if k + 1 < abs(n):
            power = power @ base
    return total if n > 0 else -(base @ total @ base)


@op(
    "x",
    x=_power_slope,
    gate=MIXER,
    complex="holomorphic",
    symbol="Xⁿ",
    numpy=(np.linalg.matrix_power,),
    samples=of_family(
        lambda rng: (
            sample._replace(parameters={"n": n})
            for n in (0, 1, 2, 3, 5, -1, -3)
            for sample in matrices("regular")(rng)
        ),
        Family.LEADING,
    ),
    reference=np.linalg.matrix_power,
)
def matrix_power(x: Any, /, n: int) -> Any:
    """Square matrices (..., M, M) to an integer power, of the inverse for negative n.

    The gradient is Σₖ (Xᵀ)ᵏ·g·(Xᵀ)ⁿ⁻¹⁻ᵏ.

    >>> import pullback as pb
    >>> pb.linalg.matrix_power(pb.tensor([[1.0, 1.0], [0.0, 1.0]]), 3)
    tensor([[1., 3.],
            [0., 1.]], dtype=float32)
    """
    check_square("matrix_power", x)
    return np.linalg.matrix_power(x, n)


def _pinv_slope(g: Any, x: Any, out: Any) -> Any:
    p, ph, gh = out, adjoint(out), adjoint(g)
    return -(ph @ g @ ph) + (gh - x @ (p @ gh)) @ p @ ph + ph @ p @ (gh - (gh @ p) @ x)


@op(
    "x",
    x=_pinv_slope,
    gate=MIXER,
    complex="written",
    symbol="X⁺",
    samples=matrices("any"),
    reference=lambda x: np.linalg.pinv(x, rtol=None),
)
def pinv(x: Any, /, *, rtol: Any = None) -> Any:
    """The Moore–Penrose pseudo-inverse of (..., M, N); singular values below rtol times the largest count as 0.

    The gradient (G. Golub and V. Pereyra, 1973) holds where the rank does not change; rtol is by default the
    machine epsilon times the longer side.

    >>> import pullback as pb
    >>> pb.linalg.pinv(pb.tensor([[2.0], [0.0]]))
    tensor([[0.5, 0. ]], dtype=float32)
    """
    return np.linalg.pinv(x, rtol=rtol)


@op(
    "x",
    gate=BLOCK,
    numpy=(np.linalg.matrix_rank,),
    samples=matrices("any"),
    reference=np.linalg.matrix_rank,
)
def matrix_rank(x: Any, /, *, rtol: Any = None) -> Any:
    """The rank of (..., M, N): how many singular values exceed rtol times the largest."""
    return np.linalg.matrix_rank(x, rtol=rtol)
