"""Decompositions of matrices, over any leading batch axes: Cholesky, eigenvalues, singular values, QR.

Hermitian matrices are taken as (x + xᴴ)/2, so that their gradients are Hermitian, too. Where singular values or
eigenvalues are equal the singular and eigenvectors have no derivative, and a gradient through them is infinite
or nan; one through the values alone is right. What is fixed up to a phase only (complex singular and
eigenvectors) has a gradient if the final value does not depend on the phase, and an error says so otherwise.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np

from ..batched import all_values
from ..family import Family
from ..gate import MIXER
from ..op import op
from ..samples import matrices, of_family
from ..tensor import Tensor
from .inverse import solve
from .matrix import (
    adjoint,
    check_square,
    diagonal_of,
    hermitian,
    lower_triangle,
    on_diagonal,
    transposed,
)


class EighResult(NamedTuple):
    """What `eigh` gives."""

    eigenvalues: Tensor
    eigenvectors: Tensor


class QRResult(NamedTuple):
    """What `qr` gives."""

    Q: Tensor
    R: Tensor


class SVDResult(NamedTuple):
    """What `svd` gives."""

    U: Tensor
    S: Tensor
    Vh: Tensor


def _halved_lower(x: Any) -> Any:
    """The lower triangle with half the diagonal."""
    return (lower_triangle(x) + lower_triangle(x, -1)) / 2


def _unused(g: Any) -> bool:
    """Whether nothing depends on an output, so that its part of the rule must not divide 0 by 0."""
    return not (isinstance(g, Tensor) and g.requires_grad) and not np.any(all_values(g))


def _over_gaps(x: Any, values: Any) -> Any:
    """x_ij / (v_j − v_i), and 0 on the diagonal."""
    gaps = values[..., None, :] - values[..., :, None]
    diagonal = np.eye(values.shape[-1], dtype=bool)
    return np.where(diagonal, 0, x / np.where(diagonal, 1, gaps))


def _check_phase(turn: Any, scale: Any, what: str) -> None:
    """Refuse a final value that depends on the phase of the vectors, which is nobody's choice."""
    turn, scale = np.abs(all_values(turn)), np.max(np.abs(all_values(scale)), initial=0)
    if np.any(turn > 1e-3 * scale):
        raise RuntimeError(
            f"the gradient comes into {what} in a way that depends on the phase of complex vectors, which the "
            "decomposition leaves open; differentiate something that does not, such as abs(vectors) or a projection"
        )


def _cholesky_slope(g: Any, out: Any, upper: bool) -> Any:
    lower, g = (adjoint(out), adjoint(g)) if upper else (out, g)
    middle = _halved_lower(adjoint(lower) @ g)
    return hermitian(adjoint(solve.raw(adjoint(lower), adjoint(solve.raw(adjoint(lower), middle)))))


@op(
    "x",
    x=_cholesky_slope,
    gate=MIXER,
    complex="written",
    symbol="LLᵀ",
    numpy=(np.linalg.cholesky,),
    samples=of_family(
        lambda rng: (
            sample._replace(parameters={"upper": upper})
            for upper in (False, True)
            for sample in matrices("positive")(rng)
        ),
        Family.LEADING,
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
    check_square("cholesky", x)
    return np.linalg.cholesky(hermitian(x), upper=upper)


def _eigh_slope(g: Any, out: Any) -> Any:
    (g_values, g_vectors), (values, vectors) = g, out
    inside = on_diagonal(g_values)
    if not _unused(g_vectors):
        turns = adjoint(vectors) @ g_vectors
        if vectors.dtype.kind == "c":
            _check_phase(np.imag(diagonal_of(turns)), g_vectors, "eigh")
        inside = inside + _over_gaps(turns, values)
    return hermitian(vectors @ inside @ adjoint(vectors))


@op(
    "x",
    x=_eigh_slope,
    gate=MIXER,
    complex="written",
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
    check_square("eigh", x)
    return tuple(np.linalg.eigh(hermitian(x)))


def _eigvalsh_slope(g: Any, x: Any) -> Any:
    _, vectors = eigh.raw(x)
    return (vectors * g[..., None, :]) @ adjoint(vectors)


@op(
    "x",
    x=_eigvalsh_slope,
    gate=MIXER,
    complex="written",
    samples=matrices("hermitian"),
    reference=lambda x: np.linalg.eigvalsh((x + np.conj(np.swapaxes(x, -1, -2))) / 2),
)
def eigvalsh(x: Any, /) -> Any:
    """The eigenvalues, ascending, of Hermitian matrices, taken as (x + xᴴ)/2. The gradient is V·diag(g)·Vᴴ.

    >>> import pullback as pb
    >>> pb.linalg.eigvalsh(pb.tensor([[2.0, 0.0], [0.0, 1.0]]))
    tensor([1., 2.], dtype=float32)
    """
    check_square("eigvalsh", x)
    return np.linalg.eigvalsh(hermitian(x))


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
    inside = on_diagonal(g_s)
    if _unused(g_u) and _unused(g_vh):
        return u @ inside @ vh
    v, g_v = adjoint(vh), adjoint(g_vh)
    turn_u, turn_v = adjoint(u) @ g_u, adjoint(v) @ g_v
    squares = s * s
    inside = inside + _over_gaps(turn_u - adjoint(turn_u), squares) * s[..., None, :]
    inside = inside + s[..., :, None] * _over_gaps(turn_v - adjoint(turn_v), squares)
    if u.dtype.kind == "c":
        phase_u, phase_v = np.imag(diagonal_of(turn_u)), np.imag(diagonal_of(turn_v))
        scale = np.maximum(
            np.max(np.abs(all_values(g_u)), initial=0), np.max(np.abs(all_values(g_vh)), initial=0)
        )
        _check_phase(phase_u + phase_v, scale, "svd")
        inside = inside + on_diagonal(1j * (phase_u - phase_v) / (2 * s))
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
    samples=of_family(
        lambda rng: (
            sample._replace(parameters={"full_matrices": full})
            for full in (False, True)
            for sample in matrices("square" if full else "any")(rng)
        ),
        Family.LEADING,
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
    sizes = np.abs(np.diagonal(all_values(r), axis1=-2, axis2=-1))
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
    samples=of_family(
        lambda rng: (
            sample._replace(parameters={"mode": mode})
            for mode in ("reduced", "complete")
            for sample in matrices("any")(rng)
            if mode == "reduced" or sample.inputs[0].shape[-2] <= sample.inputs[0].shape[-1]
        ),
        Family.LEADING,
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
