"""Inverses, determinants and decompositions of matrices, over any leading batch axes.

The rules are those of M. Giles, "An extended collection of matrix derivative results for forward and reverse
mode algorithmic differentiation" (2008), where nothing else is said. Hermitian matrices are taken as
(x + xᴴ)/2, so that their gradients are Hermitian, too. Where singular values or eigenvalues are equal the
singular and eigenvectors have no derivative, and a gradient through them is infinite or nan; one through the
values alone is exact. What is fixed up to a phase only (complex singular and eigenvectors) has a gradient if
the final value does not depend on the phase, and an error says so otherwise.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np

from ..gate import BLOCK, MIXER
from ..op import op
from ..samples import given, matrices
from ..tensor import Tensor


class EighResult(NamedTuple):
    """What `eigh` gives."""

    eigenvalues: Tensor
    eigenvectors: Tensor


class QRResult(NamedTuple):
    """What `qr` gives."""

    Q: Tensor
    R: Tensor


class SlogdetResult(NamedTuple):
    """What `slogdet` gives."""

    sign: Tensor
    logabsdet: Tensor


class SVDResult(NamedTuple):
    """What `svd` gives."""

    U: Tensor
    S: Tensor
    Vh: Tensor


# small helpers, for arrays and Tensors


def transposed(x: Any) -> Any:
    """xᵀ of each matrix."""
    return np.swapaxes(x, -1, -2)


def adjoint(x: Any) -> Any:
    """xᴴ of each matrix."""
    x = np.swapaxes(x, -1, -2)
    return np.conjugate(x) if x.dtype.kind == "c" else x


def _hermitian(x: Any) -> Any:
    """(x + xᴴ)/2."""
    return (x + adjoint(x)) / 2


def _lower(x: Any, k: int = 0) -> Any:
    """The lower triangle, up to the k-th diagonal."""
    return np.where(np.tri(*x.shape[-2:], k, dtype=bool), x, 0)


def _halved_lower(x: Any) -> Any:
    """The lower triangle with half the diagonal."""
    return (_lower(x) + _lower(x, -1)) / 2


def _on_diagonal(values: Any) -> Any:
    """Matrices with the values on their diagonal."""
    return np.where(np.eye(values.shape[-1], dtype=bool), values[..., None, :], 0)


def _diagonal_of(x: Any) -> Any:
    """The diagonal of square matrices."""
    return np.sum(np.where(np.eye(x.shape[-1], dtype=bool), x, 0), axis=-1)


def _plain(x: Any) -> Any:
    return x._data if isinstance(x, Tensor) else x


def _unused(g: Any) -> bool:
    """Whether nothing depends on an output, so that its part of the rule must not divide 0 by 0."""
    return not (isinstance(g, Tensor) and g.requires_grad) and not np.any(_plain(g))


def _inverse(x: Any, what: str) -> Any:
    try:
        return inv.raw(x)
    except np.linalg.LinAlgError:
        raise np.linalg.LinAlgError(
            f"{what} has no derivative at a singular matrix; add a multiple of the identity, or leave it out"
        ) from None


def _over_gaps(x: Any, values: Any) -> Any:
    """x_ij / (v_j − v_i), and 0 on the diagonal."""
    gaps = values[..., None, :] - values[..., :, None]
    diagonal = np.eye(values.shape[-1], dtype=bool)
    return np.where(diagonal, 0, x / np.where(diagonal, 1, gaps))


def _check_phase(turn: Any, scale: Any, what: str) -> None:
    """Refuse a final value that depends on the phase of the vectors, which is nobody's choice."""
    turn, scale = np.abs(_plain(turn)), np.max(np.abs(_plain(scale)), initial=0)
    if np.any(turn > 1e-3 * scale):
        raise RuntimeError(
            f"the gradient comes into {what} in a way that depends on the phase of complex vectors, which the "
            "decomposition leaves open; differentiate something that does not, such as abs(vectors) or a projection"
        )


# inverses and determinants


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


@op(
    "x1 x2",
    x1=_solve_left,
    x2=_solve_right,
    gate=MIXER,
    complex="holomorphic",
    symbol="A⁻¹b",
    numpy=(np.linalg.solve,),
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
    samples=matrices("regular"),
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
    trace_g, trace_h = _diagonal_of(bg).sum(-1), _diagonal_of(bh).sum(-1)
    mixed = _diagonal_of(bg @ bh).sum(-1)
    whole = (trace_g * trace_h - mixed)[..., None, None] * b
    whole = whole - trace_g[..., None, None] * (bh @ b) - trace_h[..., None, None] * (bg @ b)
    return det.raw(x)[..., None, None] * (whole + bg @ bh @ b + bh @ bg @ b)


@op(
    "h x",
    h=lambda g, x: cofactor_slope.raw(g, x),
    x=lambda g, h, x: _third_order(g, h, x),
    gate=MIXER,
    complex="holomorphic",
    samples=given((((3, 3), (3, 3)), {}), (((2, 2, 2), (2, 2, 2)), {})),
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
    moved = _on_diagonal(on) - np.swapaxes(inside, -1, -2) * products
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
    samples=lambda rng: (
        sample._replace(parameters={"n": n})
        for n in (0, 1, 2, 3, 5, -1, -3)
        for sample in matrices("regular")(rng)
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
    numpy=(np.linalg.pinv,),
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


# decompositions


def _cholesky_slope(g: Any, out: Any, upper: bool) -> Any:
    lower, g = (adjoint(out), adjoint(g)) if upper else (out, g)
    middle = _halved_lower(adjoint(lower) @ g)
    return _hermitian(adjoint(solve.raw(adjoint(lower), adjoint(solve.raw(adjoint(lower), middle)))))


@op(
    "x",
    x=_cholesky_slope,
    gate=MIXER,
    complex="written",
    symbol="LLᵀ",
    numpy=(np.linalg.cholesky,),
    samples=lambda rng: (
        sample._replace(parameters={"upper": upper})
        for upper in (False, True)
        for sample in matrices("positive")(rng)
    ),
    reference=lambda x, upper: np.linalg.cholesky((x + np.conj(np.swapaxes(x, -1, -2))) / 2, upper=upper),
)
def cholesky(x: Any, /, *, upper: bool = False) -> Any:
    """The lower triangular L with L·Lᴴ = x, for Hermitian positive definite (..., M, M); Lᴴ if `upper`.

    x is taken as (x + xᴴ)/2. The gradient (I. Murray, "Differentiation of the Cholesky decomposition", 2016) is
    the Hermitian part of L⁻ᴴ·Φ(Lᴴ·g)·L⁻¹, where Φ keeps the lower triangle with half the diagonal.

    Raises:
        numpy.linalg.LinAlgError: if a matrix is not positive definite.

    >>> import pullback as pb
    >>> pb.linalg.cholesky(pb.tensor([[4.0, 2.0], [2.0, 5.0]]))
    tensor([[2., 0.],
            [1., 2.]], dtype=float32)
    """
    return np.linalg.cholesky(_hermitian(x), upper=upper)


def _eigh_slope(g: Any, out: Any) -> Any:
    (g_values, g_vectors), (values, vectors) = g, out
    inside = _on_diagonal(g_values)
    if not _unused(g_vectors):
        turns = adjoint(vectors) @ g_vectors
        if vectors.dtype.kind == "c":
            _check_phase(np.imag(_diagonal_of(turns)), g_vectors, "eigh")
        inside = inside + _over_gaps(turns, values)
    return _hermitian(vectors @ inside @ adjoint(vectors))


@op(
    "x",
    x=_eigh_slope,
    gate=MIXER,
    complex="written",
    numpy=(np.linalg.eigh,),
    samples=matrices("hermitian"),
    reference=lambda x: np.linalg.eigh((x + np.conj(np.swapaxes(x, -1, -2))) / 2),
    outputs=EighResult,
    observable=lambda values, vectors: (values, vectors * vectors[..., :1, :].conj()),
)
def eigh(x: Any, /) -> Any:
    """The eigenvalues (..., M), ascending, and eigenvectors (..., M, M) as columns of Hermitian matrices.

    x is taken as (x + xᴴ)/2. The gradient is V·(diag(g_λ) + Vᴴg_V / (λ_j − λ_i))·Vᴴ. Where eigenvalues are equal
    a gradient through the eigenvectors is infinite or nan.

    Raises:
        RuntimeError: in backward, if the final value depends on the phase of complex eigenvectors.

    >>> import pullback as pb
    >>> values, vectors = pb.linalg.eigh(pb.tensor([[2.0, 0.0], [0.0, 1.0]]))
    >>> values
    tensor([1., 2.], dtype=float32)
    """
    return tuple(np.linalg.eigh(_hermitian(x)))


def _eigvalsh_slope(g: Any, x: Any) -> Any:
    _, vectors = eigh.raw(x)
    return (vectors * g[..., None, :]) @ adjoint(vectors)


@op(
    "x",
    x=_eigvalsh_slope,
    gate=MIXER,
    complex="written",
    numpy=(np.linalg.eigvalsh,),
    samples=matrices("hermitian"),
    reference=lambda x: np.linalg.eigvalsh((x + np.conj(np.swapaxes(x, -1, -2))) / 2),
)
def eigvalsh(x: Any, /) -> Any:
    """The eigenvalues, ascending, of Hermitian matrices, taken as (x + xᴴ)/2. The gradient is V·diag(g)·Vᴴ.

    >>> import pullback as pb
    >>> pb.linalg.eigvalsh(pb.tensor([[2.0, 0.0], [0.0, 1.0]]))
    tensor([1., 2.], dtype=float32)
    """
    return np.linalg.eigvalsh(_hermitian(x))


def _svd_slope(g: Any, out: Any) -> Any:
    (g_u, g_s, g_vh), (u, s, vh) = g, out
    rank, rows, columns = s.shape[-1], u.shape[-2], vh.shape[-1]
    if u.shape[-1] > rank or vh.shape[-2] > rank:  # full_matrices
        if not (_unused(_rest(g_u, rank)) and _unused(_rest(transposed(g_vh), rank))):
            raise RuntimeError(
                "the gradient comes into columns of U or rows of Vh of svd(full_matrices=True) that belong to no "
                "singular value, which the matrix leaves open; use full_matrices=False"
            )
        u, g_u, vh, g_vh = u[..., :rank], g_u[..., :rank], vh[..., :rank, :], g_vh[..., :rank, :]
    inside = _on_diagonal(g_s)
    if _unused(g_u) and _unused(g_vh):
        return u @ inside @ vh
    v, g_v = adjoint(vh), adjoint(g_vh)
    turn_u, turn_v = adjoint(u) @ g_u, adjoint(v) @ g_v
    squares = s * s
    inside = inside + _over_gaps(turn_u - adjoint(turn_u), squares) * s[..., None, :]
    inside = inside + s[..., :, None] * _over_gaps(turn_v - adjoint(turn_v), squares)
    if u.dtype.kind == "c":
        phase_u, phase_v = np.imag(_diagonal_of(turn_u)), np.imag(_diagonal_of(turn_v))
        scale = np.maximum(np.max(np.abs(_plain(g_u)), initial=0), np.max(np.abs(_plain(g_vh)), initial=0))
        _check_phase(phase_u + phase_v, scale, "svd")
        inside = inside + _on_diagonal(1j * (phase_u - phase_v) / (2 * s))
    gradient = u @ inside @ vh
    if rows > rank:
        left = g_u / s[..., None, :]
        gradient = gradient + (left - u @ (adjoint(u) @ left)) @ vh
    if columns > rank:
        right = adjoint(g_v / s[..., None, :])
        gradient = gradient + u @ (right - (right @ v) @ vh)
    return gradient


def _rest(g: Any, rank: int) -> Any:
    return g[..., rank:]


def _svd_observable(u: Any, s: Any, vh: Any) -> Any:
    """U up to the phase, S, and Vᴴ with the phase of U; only what the singular values determine."""
    rank = s.shape[-1]
    u, vh = u[..., :rank], vh[..., :rank, :]
    return u * u[..., :1, :].conj(), s, vh * transposed(u[..., :1, :])


@op(
    "x",
    x=_svd_slope,
    gate=MIXER,
    complex="written",
    symbol="USVᴴ",
    numpy=(np.linalg.svd,),
    samples=lambda rng: (
        sample._replace(parameters={"full_matrices": full})
        for full in (False, True)
        for sample in matrices("square" if full else "any")(rng)
    ),
    reference=np.linalg.svd,
    outputs=SVDResult,
    observable=_svd_observable,
)
def svd(x: Any, /, *, full_matrices: bool = True) -> Any:
    """The singular value decomposition x = U·diag(S)·Vh of (..., M, N), S descending, K = min(M, N).

    U is (..., M, K) and Vh (..., K, N), or with `full_matrices` both square. The gradient is that of J. Townsend,
    "Differentiating the singular value decomposition" (2016), for complex matrices of Z.-Q. Wan and S.-X. Zhang,
    "Automatic differentiation for complex valued SVD" (2019). Where singular values are equal, or 0, a gradient
    through U or Vh is infinite or nan; for S alone `svdvals` is cheaper.

    Raises:
        RuntimeError: in backward, if the final value depends on the phase of complex vectors, or on the columns
            of U and rows of Vh beyond K.

    >>> import pullback as pb
    >>> pb.linalg.svd(pb.tensor([[0.0, 2.0], [1.0, 0.0]])).S
    tensor([2., 1.], dtype=float32)
    """
    return tuple(np.linalg.svd(x, full_matrices=full_matrices))


def _svdvals_slope(g: Any, x: Any) -> Any:
    u, _, vh = svd.raw(x, full_matrices=False)
    return (u * g[..., None, :]) @ vh


@op(
    "x",
    x=_svdvals_slope,
    gate=MIXER,
    complex="written",
    numpy=(np.linalg.svdvals,),
    samples=matrices("any"),
    reference=np.linalg.svdvals,
)
def svdvals(x: Any, /) -> Any:
    """The singular values, descending, of (..., M, N). The gradient is U·diag(g)·Vᴴ.

    >>> import pullback as pb
    >>> pb.linalg.svdvals(pb.tensor([[0.0, 2.0], [1.0, 0.0]]))
    tensor([2., 1.], dtype=float32)
    """
    return np.linalg.svdvals(x)


def _qr_slope(g: Any, out: Any) -> Any:
    (g_q, g_r), (q, r) = g, out
    rows, columns = q.shape[-2], r.shape[-1]
    if q.shape[-1] > columns:
        raise RuntimeError(
            f"qr(mode='complete') of {rows}×{columns} matrices has no derivative: the last {rows - columns} columns "
            "of Q are left open by the matrix; use mode='reduced'"
        )
    _check_rank(r)
    if rows < columns:  # x = [X Y], R = [U V]: Q and U come from X, and V = Qᴴ·Y
        g_v, v = g_r[..., rows:], r[..., rows:]
        g_q, g_r, r = g_q + q @ (v @ adjoint(g_v)), g_r[..., :rows], r[..., :rows]
    upper = adjoint(_halved_lower(adjoint(g_r @ adjoint(r) - adjoint(q) @ g_q)))
    left = g_q + q @ (upper + adjoint(upper))
    gradient = adjoint(solve.raw(r, adjoint(left)))
    return np.concatenate([gradient, q @ g_v], axis=-1) if rows < columns else gradient


def _check_rank(r: Any) -> None:
    sizes = np.abs(np.diagonal(_plain(r), axis1=-2, axis2=-1))
    if sizes.size and np.any(
        np.min(sizes, axis=-1) <= np.finfo(sizes.dtype).eps * max(r.shape[-2:]) * np.max(sizes, axis=-1)
    ):
        raise np.linalg.LinAlgError(
            "qr has no derivative where the first min(M, N) columns are linearly dependent (R has a zero on its "
            "diagonal)"
        )


@op(
    "x",
    x=_qr_slope,
    gate=MIXER,
    complex="written",
    symbol="QR",
    numpy=(np.linalg.qr,),
    samples=lambda rng: (
        sample._replace(parameters={"mode": mode})
        for mode in ("reduced", "complete")
        for sample in matrices("any")(rng)
        if mode == "reduced" or sample.inputs[0].shape[-2] <= sample.inputs[0].shape[-1]
    ),
    reference=np.linalg.qr,
    outputs=QRResult,
)
def qr(x: Any, /, *, mode: Literal["reduced", "complete"] = "reduced") -> Any:
    """x = Q·R with orthonormal columns in Q and an upper triangular R, for (..., M, N), K = min(M, N).

    Q is (..., M, K) and R (..., K, N), or in mode "complete" (..., M, M) and (..., M, N). The gradient is that of
    S. Walter and L. Lehmann, "Algorithmic differentiation of linear algebra functions" (2010), and of H.-J. Liao
    and others, "Differentiable programming tensor networks" (2019).

    Raises:
        numpy.linalg.LinAlgError: in backward, if the first K columns are linearly dependent.
        RuntimeError: in backward, for mode "complete" with M > N.

    >>> import pullback as pb
    >>> q, r = pb.linalg.qr(pb.tensor([[2.0, 1.0], [0.0, 3.0]]))
    >>> (q @ r).numpy().round(4).tolist()
    [[2.0, 1.0], [0.0, 3.0]]
    """
    if mode not in ("reduced", "complete"):
        raise ValueError(f"qr: mode must be 'reduced' or 'complete', not {mode!r}")
    return tuple(np.linalg.qr(x, mode=mode))
